//! Related rows that are both shown and asked for: joined, so that the engine looks for them once.

use transom_types::{DataType, Problem};

use super::{Planner, embed::shows_nothing, relation::Relation};
use crate::{
    plan::{Expr, Join, Output, Query, QueryId},
    request::{Condition, Embed, Filter, IsValue, Item, Select, Test},
};

impl Planner<'_> {
    /// Joins the embedded resources that rows of this level must have, or are chosen by having or not having.
    pub(super) fn join_tested(
        &mut self,
        query: &mut Query,
        relation: Relation,
        select: &Select,
    ) -> Result<(), Problem> {
        if !self.options.native || grouped(select) {
            return Ok(());
        }
        for item in &select.items {
            let Item::Embed(embed) = item else { continue };
            if !embed.inner && !select.filter.as_ref().is_some_and(|filter| tests(filter, embed)) {
                continue;
            }
            let way = self.relationship(relation, embed)?;
            let joined = self.related_rows(query.id, &way, embed)?;
            let many = !way.kind.to_one();
            self.joins.push((query.id, embed.clone(), Expr::Joined(joined.id, many)));
            query.joins.push(Join { query: joined, many, required: embed.inner });
        }
        Ok(())
    }

    fn related_rows(
        &mut self,
        parent: QueryId,
        way: &crate::catalog::Relationship,
        embed: &Embed,
    ) -> Result<Query, Problem> {
        if embed.empty || shows_nothing(&embed.select) {
            let mut query = self.joined(parent, way, embed)?;
            query.outputs = vec![Output {
                key: "there".into(),
                expr: Expr::Value(transom_types::Value::Integer(1)),
                data_type: DataType::Integer,
            }];
            return Ok(query);
        }
        let id = self.query_id();
        let mut query = self.query(id, Relation::Table(way.to), &embed.select)?;
        self.join(&mut query, parent, way);
        if !way.kind.to_one() {
            self.cap_rows(&mut query);
        }
        Ok(query)
    }

    /// The joined rows of an embedded resource of this query, where it was joined.
    pub(super) fn joined_rows(&self, id: QueryId, embed: &Embed) -> Option<&Expr> {
        let found = self.joins.iter().find(|(parent, joined, _)| *parent == id && joined == embed);
        found.map(|(_, _, rows)| rows)
    }
}

/// Whether rows may be grouped, so that what is joined to each is not there.
fn grouped(select: &Select) -> bool {
    let may = |item: &Item| match item {
        Item::Field(field) => {
            field.aggregate.is_some() || field.path.as_ref().is_some_and(|path| &*path.column == "count")
        }
        Item::Embed(embed) => embed.spread,
        Item::All => false,
    };
    select.having.is_some() || select.items.iter().any(may)
}

/// Whether a filter asks for the rows of an embedded resource being there or not.
fn tests(filter: &Filter, embed: &Embed) -> bool {
    let name = embed.alias.as_ref().unwrap_or(&embed.resource);
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(|part| tests(part, embed)),
        Filter::Not(part) => tests(part, embed),
        Filter::Condition(Condition { path: Some(path), test, .. }) => {
            let for_null = matches!(test, Test::Is(IsValue::Null | IsValue::NotNull));
            for_null && path.json.is_empty() && path.column == *name
        }
        Filter::Condition(_) => false,
    }
}
