//! Embedded resources: from the related rows' cardinality follows the JSON they become.

use transom_types::{DataType, Problem};

use super::{Planner, relation::Relation};
use crate::{
    catalog::{Relationship, RelationshipKind},
    plan::{Expr, Output, Query, QueryId, Source},
    request::{Aggregate, Embed, Field, Item, Path, Select},
};

impl Planner<'_> {
    /// What an embedded resource adds to its parent's outputs.
    pub(super) fn embed(
        &mut self,
        parent: QueryId,
        relation: Relation,
        embed: &Embed,
    ) -> Result<Vec<Output>, Problem> {
        if embed.empty {
            // Names are checked even where nothing is returned.
            self.relationship(relation, embed)?;
            return Ok(Vec::new());
        }
        let way = self.relationship(relation, embed)?;
        if embed.spread {
            return self.spread(parent, &way, embed);
        }
        let id = self.query_id();
        let mut query = self.query(id, Relation::Table(way.to), &embed.select)?;
        query.on = Some(self.join(parent, id, &way));
        let query = Box::new(query);
        let expr = if way.kind.to_one() { Expr::Object(query) } else { Expr::Objects(query) };
        let key = embed.alias.as_ref().unwrap_or(&embed.resource).clone();
        Ok(vec![Output { key, expr, data_type: DataType::Json }])
    }

    /// `...resource(…)`: a to-one's columns stand in the parent, a to-many's become arrays.
    fn spread(&mut self, parent: QueryId, way: &Relationship, embed: &Embed) -> Result<Vec<Output>, Problem> {
        let mut outputs = Vec::new();
        for item in self.atoms(way, &embed.select) {
            let aggregate = match &item {
                Item::Field(field) if way.kind.to_one() => field.aggregate,
                _ => None,
            };
            match aggregate {
                Some(aggregate) => outputs.push(self.hoisted(parent, way, embed, &item, aggregate)?),
                None => outputs.extend(self.spread_item(parent, way, embed, item)?),
            }
        }
        Ok(outputs)
    }

    /// One item, which a nested spread may make several outputs of; each gets a query of its own.
    fn spread_item(
        &mut self,
        parent: QueryId,
        way: &Relationship,
        embed: &Embed,
        item: Item,
    ) -> Result<Vec<Output>, Problem> {
        let select = Select { items: vec![item], ..embed.select.clone() };
        let mut outputs: Vec<Output> = Vec::new();
        loop {
            let id = self.query_id();
            let mut query = self.query(id, Relation::Table(way.to), &select)?;
            query.on = Some(self.join(parent, id, way));
            let Some(output) = query.outputs.get(outputs.len()).cloned() else { return Ok(outputs) };
            let last = query.outputs.len() == outputs.len() + 1;
            query.outputs = vec![output.clone()];
            let (key, query) = (output.key, Box::new(query));
            outputs.push(match way.kind.to_one() {
                true => Output { key, expr: Expr::Scalar(query), data_type: output.data_type },
                false => Output { key, expr: Expr::Array(query), data_type: DataType::Json },
            });
            if last {
                return Ok(outputs);
            }
        }
    }

    /// An aggregate inside a to-one spread is over the parent's groups, of the related column.
    fn hoisted(
        &mut self,
        parent: QueryId,
        way: &Relationship,
        embed: &Embed,
        item: &Item,
        aggregate: Aggregate,
    ) -> Result<Output, Problem> {
        let Item::Field(field) = item else { return self.hoisted_count(aggregate, None) };
        let Some(path) = &field.path else { return self.hoisted_count(aggregate, field.alias.as_deref()) };
        let mut query = self.joined(parent, way, embed)?;
        let (expr, data_type) = self.path(query.id, Relation::Table(way.to), path)?;
        let (expr, data_type) = super::select::cast(expr, data_type, field.cast.as_deref())?;
        query.outputs = vec![Output { key: path.column.clone(), expr, data_type }];
        let over = (Expr::Scalar(Box::new(query)), data_type);
        let (expr, data_type) = self.aggregate(aggregate, Some(over))?;
        let (expr, data_type) = super::select::cast(expr, data_type, field.aggregate_cast.as_deref())?;
        let name = super::select::aggregate_name(aggregate);
        Ok(Output { key: field.alias.clone().unwrap_or_else(|| name.into()), expr, data_type })
    }

    fn hoisted_count(&mut self, aggregate: Aggregate, alias: Option<&str>) -> Result<Output, Problem> {
        let (expr, data_type) = self.aggregate(aggregate, None)?;
        let key = alias.unwrap_or(super::select::aggregate_name(aggregate)).into();
        Ok(Output { key, expr, data_type })
    }

    /// The items of a spread with `*` written out.
    fn atoms(&self, way: &Relationship, select: &Select) -> Vec<Item> {
        let every_column = || {
            Relation::Table(way.to).readable(self.catalog).map(|(_, column)| {
                let path = Some(Path { column: column.name.clone(), json: Vec::new() });
                Item::Field(Field { alias: None, path, cast: None, aggregate: None, aggregate_cast: None })
            })
        };
        if select.items.is_empty() {
            return every_column().collect();
        }
        let mut atoms = Vec::new();
        for item in &select.items {
            match item {
                Item::All => atoms.extend(every_column()),
                item => atoms.push(item.clone()),
            }
        }
        atoms
    }

    /// Conditions that `!inner` embeds put on their parent.
    pub(super) fn inner_embeds(
        &mut self,
        parent: QueryId,
        relation: Relation,
        select: &Select,
    ) -> Result<Vec<Option<Expr>>, Problem> {
        let mut conditions = Vec::new();
        for item in &select.items {
            if let Item::Embed(embed) = item
                && embed.inner
            {
                conditions.push(Some(self.embed_exists(parent, relation, embed)?));
            }
        }
        Ok(conditions)
    }

    /// Whether an embedded resource has a row for the parent's row.
    pub(super) fn embed_exists(
        &mut self,
        parent: QueryId,
        relation: Relation,
        embed: &Embed,
    ) -> Result<Expr, Problem> {
        let way = self.relationship(relation, embed)?;
        Ok(Expr::Exists(Box::new(self.joined(parent, &way, embed)?)))
    }

    /// The related rows with their filters, and nothing returned of them yet.
    pub(super) fn joined(
        &mut self,
        parent: QueryId,
        way: &Relationship,
        embed: &Embed,
    ) -> Result<Query, Problem> {
        let id = self.query_id();
        let relation = Relation::Table(way.to);
        let mut query = self.empty_query(id, relation);
        query.on = Some(self.join(parent, id, way));
        self.restrict(&mut query, relation, &embed.select)?;
        Ok(query)
    }

    fn join(&mut self, parent: QueryId, child: QueryId, way: &Relationship) -> Expr {
        match &way.kind {
            RelationshipKind::ToOne(pairs)
            | RelationshipKind::ToMany(pairs)
            | RelationshipKind::OneToOne(pairs) => {
                let equal = pairs.iter().map(|(near, far)| {
                    Some(Expr::eq(Expr::Column(child, *far), Expr::Column(parent, *near)))
                });
                Expr::all(equal).unwrap_or(Expr::And(Vec::new()))
            }
            RelationshipKind::ManyToMany { junction, near, far } => {
                let id = self.query_id();
                let mut between = Query::table(id, *junction);
                between.source = Source::Table(*junction);
                between.on = Expr::all(near.iter().map(|(from, through)| {
                    Some(Expr::eq(Expr::Column(id, *through), Expr::Column(parent, *from)))
                }));
                between.outputs = far
                    .iter()
                    .map(|(through, _)| Output {
                        key: self.catalog[*junction][*through].name.clone(),
                        expr: Expr::Column(id, *through),
                        data_type: self.catalog[*junction][*through].data_type,
                    })
                    .collect();
                let ends = far.iter().map(|(_, to)| Expr::Column(child, *to)).collect();
                Expr::InQuery(ends, Box::new(between))
            }
        }
    }
}
