//! Related rows that are both shown and asked for: joined, so that the engine looks for them once.

use transom_types::{DataType, Problem};

use super::{Planner, embed::shows_nothing, relation::Relation};
use crate::{
    plan::{Expr, Found, Join, Output, Query, QueryId},
    request::{Condition, Embed, Filter, IsValue, Item, Select, Test},
};

/// The column of a join that tells whether it has a row.
const THERE: &str = "there";

/// An embedded resource that is joined to its parent's rows.
pub(super) struct Joined {
    parent: QueryId,
    embed: Embed,
    /// What it adds to the parent's outputs.
    pub(super) outputs: Vec<Output>,
    /// Whether it has a row.
    pub(super) there: Expr,
}

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
        // Rows that are sorted before they are bounded would all get their lists first.
        let bounded = select.limit.is_some() || select.offset.is_some() || self.options.rows_max.is_some();
        let sorted_first = bounded && !select.order.is_empty();
        for item in &select.items {
            let Item::Embed(embed) = item else { continue };
            let way = self.relationship(relation, embed)?;
            let (spread, many) = (embed.spread && !embed.empty, !way.kind.to_one());
            let tested = embed.inner || select.filter.as_ref().is_some_and(|filter| tests(filter, embed));
            if !(if spread { !many || !sorted_first } else { tested }) {
                continue;
            }
            let joined = self.related_rows(query.id, &way, embed)?;
            let outputs = match () {
                () if shows_nothing(embed) => Some(Vec::new()),
                () if spread => spread_outputs(&joined, many),
                () => {
                    let key = embed.alias.as_ref().unwrap_or(&embed.resource).clone();
                    let found = if many { Found::List } else { Found::Object };
                    let expr = Expr::Joined(joined.id, found);
                    Some(vec![Output { key, expr, data_type: DataType::Json }])
                }
            };
            let Some(outputs) = outputs else { continue };
            let there = Expr::Joined(joined.id, Found::There { many });
            self.joins.push(Joined { parent: query.id, embed: embed.clone(), outputs, there });
            query.joins.push(Join { query: joined, many, spread, required: embed.inner });
        }
        Ok(())
    }

    fn related_rows(
        &mut self,
        parent: QueryId,
        way: &crate::catalog::Relationship,
        embed: &Embed,
    ) -> Result<Query, Problem> {
        if shows_nothing(embed) {
            let mut query = self.joined(parent, way, embed)?;
            query.outputs = vec![Output {
                key: THERE.into(),
                expr: Expr::Value(transom_types::Value::Integer(1)),
                data_type: DataType::Integer,
            }];
            return Ok(query);
        }
        let id = self.query_id();
        let mut query = self.embedded(id, way.to, &embed.select)?;
        self.join(&mut query, parent, way);
        if !way.kind.to_one() {
            self.cap_rows(&mut query);
        }
        Ok(query)
    }

    /// What became of an embedded resource of this query, where it was joined.
    pub(super) fn joined_as(&self, id: QueryId, embed: &Embed) -> Option<&Joined> {
        self.joins.iter().find(|joined| joined.parent == id && joined.embed == *embed)
    }
}

/// What of related rows stands in their parent: a list of each output where they may be many. `None` where two outputs
/// go by one name, or one by the join's own.
fn spread_outputs(joined: &Query, many: bool) -> Option<Vec<Output>> {
    let keys = || joined.outputs.iter().map(|output| &output.key);
    let twice = keys().enumerate().any(|(at, key)| keys().take(at).any(|other| other == key))
        || keys().any(|key| many && &**key == THERE);
    let output = |Output { key, data_type, .. }: &Output| {
        let (found, data_type) = match many {
            true => (Found::ListOf(key.clone()), DataType::Json),
            false => (Found::Output(key.clone()), *data_type),
        };
        Output { key: key.clone(), expr: Expr::Joined(joined.id, found), data_type }
    };
    (!twice).then(|| joined.outputs.iter().map(output).collect())
}

/// Whether rows may be grouped, so that what is joined to each is not there.
fn grouped(select: &Select) -> bool {
    let may = |item: &Item| match item {
        Item::Field(field) => {
            field.aggregate.is_some() || field.path.as_ref().is_some_and(|path| &*path.column == "count")
        }
        Item::Embed(embed) => embed.spread && grouped(&embed.select),
        Item::All => false,
    };
    select.having.is_some()
        || select.order.iter().any(|order| order.aggregate.is_some())
        || select.items.iter().any(may)
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
