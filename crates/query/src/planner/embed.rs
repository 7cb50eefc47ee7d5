//! Embedded resources: from the related rows' cardinality follows the JSON they become.

use transom_types::{Code, DataType, Problem};

use super::{Planner, relation::Relation, renumber};
use crate::{
    TableId,
    catalog::{ColumnId, Relationship, RelationshipKind},
    plan::{Computed, Expr, Output, Query, QueryId, Source},
    request::{Aggregate, Embed, Field, Item, Path, Select},
};

/// An aggregate in a spread, and what it is over.
type Leaf = (Option<Item>, Field);

impl Planner<'_> {
    /// What an embedded resource adds to its parent's outputs.
    pub(super) fn embed(
        &mut self,
        parent: QueryId,
        relation: Relation,
        embed: &Embed,
    ) -> Result<Vec<Output>, Problem> {
        if embed.empty || (self.options.native && shows_nothing(embed)) {
            // Names are checked even where nothing is returned.
            self.relationship(relation, embed)?;
            return Ok(Vec::new());
        }
        if let Some(joined) = self.joined_as(parent, embed) {
            return Ok(joined.outputs.clone());
        }
        let way = self.relationship(relation, embed)?;
        if embed.spread {
            return self.spread(parent, &way, embed);
        }
        let id = self.query_id();
        let mut query = self.embedded(id, way.to, &embed.select)?;
        self.join(&mut query, parent, &way);
        if self.options.native && !way.kind.to_one() {
            self.cap_rows(&mut query);
        }
        let query = Box::new(query);
        let expr = if way.kind.to_one() { Expr::Object(query) } else { Expr::Objects(query) };
        let key = embed.alias.as_ref().unwrap_or(&embed.resource).clone();
        Ok(vec![Output { key, expr, data_type: DataType::Json }])
    }

    /// `...resource(…)`: a to-one's columns stand in the parent, a to-many's become arrays.
    fn spread(&mut self, parent: QueryId, way: &Relationship, embed: &Embed) -> Result<Vec<Output>, Problem> {
        let atoms = self.atoms(way.to, &embed.select)?;
        let mut leaves = Vec::with_capacity(atoms.len());
        for atom in &atoms {
            leaves.push(self.aggregated_leaf(way.to, atom)?);
        }
        if !way.kind.to_one() {
            let aggregated = leaves.iter().filter(|leaf| leaf.is_some()).count();
            if aggregated > 0 {
                // What is not allowed at all is refused before what is not possible here.
                self.check_aggregates()?;
            }
            if aggregated > 0 && self.options.native {
                return Err(Problem::of_engine("PGRST127", 400, "Feature not implemented").with_details(
                    "Aggregates are not implemented for one-to-many or many-to-many spreads.",
                ));
            }
            if aggregated > 0 && aggregated < leaves.len() {
                let message = format!("the spread of '{}' mixes columns and aggregates", embed.resource);
                return Err(Problem::new(Code::Unsupported, message)
                    .with_hint(format!("Embed its groups instead: {}(…)", embed.resource)));
            }
            leaves.fill(None);
        }
        let mut outputs = Vec::with_capacity(atoms.len());
        for (atom, leaf) in atoms.into_iter().zip(leaves) {
            match leaf {
                Some((plain, field)) => outputs.push(self.hoisted(parent, way, embed, plain, &field)?),
                None => outputs.extend(self.spread_item(parent, way, embed, atom)?),
            }
        }
        Ok(outputs)
    }

    /// One atom, in a query of its own.
    fn spread_item(
        &mut self,
        parent: QueryId,
        way: &Relationship,
        embed: &Embed,
        atom: Item,
    ) -> Result<Option<Output>, Problem> {
        let select = only(&embed.select, atom);
        let id = self.query_id();
        let mut query = self.embedded(id, way.to, &select)?;
        self.join(&mut query, parent, way);
        self.write_out_order(&mut query);
        let Some(Output { key, data_type, .. }) = query.outputs.first().cloned() else { return Ok(None) };
        let query = Box::new(query);
        Ok(Some(match way.kind.to_one() {
            true => Output { key, expr: Expr::Scalar(query), data_type },
            false => Output { key, expr: Expr::Array(query), data_type: DataType::Json },
        }))
    }

    /// In a list of one output no other has a place that an order could name.
    fn write_out_order(&mut self, query: &mut Query) {
        for term in &mut query.order {
            let Expr::Output(place) = term.expr else { continue };
            if let Some(output) = query.outputs.get(usize::from(place)) {
                term.expr = output.expr.clone();
                renumber::renumber(&mut term.expr, &mut self.query_ids);
            }
        }
    }

    /// An aggregate inside a to-one spread is over the parent's groups, of the related value.
    fn hoisted(
        &mut self,
        parent: QueryId,
        way: &Relationship,
        embed: &Embed,
        plain: Option<Item>,
        field: &Field,
    ) -> Result<Output, Problem> {
        let aggregate = field.aggregate.unwrap_or(Aggregate::Count);
        let over = match plain {
            Some(plain) => self.spread_item(parent, way, embed, plain)?,
            None => None,
        };
        let (expr, data_type) = self.aggregate(aggregate, over.map(|over| (over.expr, over.data_type)))?;
        let (expr, data_type) = super::select::cast(
            (self.options, &self.catalog.notes().types),
            expr,
            data_type,
            field.aggregate_cast.as_deref(),
        )?;
        let name = super::select::aggregate_name(aggregate);
        Ok(Output { key: field.alias.clone().unwrap_or_else(|| name.into()), expr, data_type })
    }

    /// The aggregate that an atom is, perhaps inside of to-one spreads; and the atom without it, if it is over a value.
    fn aggregated_leaf(&self, table: TableId, atom: &Item) -> Result<Option<Leaf>, Problem> {
        match atom {
            Item::Field(field) => {
                let field = self.counted(Relation::Table(table), field);
                let plain = (field.path.is_some() || self.options.native).then(|| {
                    // Of no column: that there is a row.
                    let (path, cast) = (field.path.clone(), field.cast.clone());
                    Item::Field(Field { alias: None, path, cast, aggregate: None, aggregate_cast: None })
                });
                Ok(field.aggregate.is_some().then(|| (plain, field.into_owned())))
            }
            Item::Embed(embed) if embed.spread && !embed.empty => {
                let way = self.relationship(Relation::Table(table), embed)?;
                let inner = embed.select.items.first().filter(|_| way.kind.to_one());
                let Some(inner) = inner else { return Ok(None) };
                let within = |plain| {
                    let select = only(&embed.select, plain);
                    Item::Embed(Embed { select, ..embed.clone() })
                };
                let leaf = self.aggregated_leaf(way.to, inner)?;
                Ok(leaf.map(|(plain, field)| (plain.map(within), field)))
            }
            _ => Ok(None),
        }
    }

    /// The items of a spread, each of one output: `*` and nested spreads are written out.
    fn atoms(&self, table: TableId, select: &Select) -> Result<Vec<Item>, Problem> {
        let every_column = || {
            Relation::Table(table).shown(self.catalog).map(|(_, column)| {
                let path = Some(Path { column: column.name.clone(), json: Vec::new() });
                Item::Field(Field { alias: None, path, cast: None, aggregate: None, aggregate_cast: None })
            })
        };
        if select.items.is_empty() {
            return Ok(every_column().collect());
        }
        let mut atoms = Vec::new();
        for item in &select.items {
            match item {
                Item::All => atoms.extend(every_column()),
                Item::Embed(embed) if embed.spread && !embed.empty => {
                    let way = self.relationship(Relation::Table(table), embed)?;
                    for atom in self.atoms(way.to, &embed.select)? {
                        atoms.push(Item::Embed(Embed { select: only(&embed.select, atom), ..embed.clone() }));
                    }
                }
                item => atoms.push(item.clone()),
            }
        }
        Ok(atoms)
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
                && self.joined_as(parent, embed).is_none()
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
        if let Some(joined) = self.joined_as(parent, embed) {
            return Ok(joined.there.clone());
        }
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
        self.join(&mut query, parent, way);
        self.restrict(&mut query, relation, &embed.select)?;
        Ok(query)
    }

    /// Makes a query's rows those that belong to the parent's row.
    pub(super) fn join(&mut self, query: &mut Query, parent: QueryId, way: &Relationship) {
        let child = query.id;
        match &way.kind {
            RelationshipKind::ToOne(pairs)
            | RelationshipKind::ToMany(pairs)
            | RelationshipKind::OneToOne(pairs) => {
                let equal = pairs.iter().map(|(near, far)| {
                    Some(Expr::eq(Expr::Column(child, *far), Expr::Column(parent, *near)))
                });
                query.on = Some(Expr::all(equal).unwrap_or(Expr::And(Vec::new())));
            }
            RelationshipKind::ManyToMany { junction, near, far } => {
                let id = self.query_id();
                let of_parent = |(from, through): &(ColumnId, ColumnId)| {
                    Some(Expr::eq(Expr::Column(id, *through), Expr::Column(parent, *from)))
                };
                if self.options.native {
                    let of_child = |(through, to): &(ColumnId, ColumnId)| {
                        Some(Expr::eq(Expr::Column(child, *to), Expr::Column(id, *through)))
                    };
                    query.beside = Some((id, *junction));
                    query.on = Expr::all(far.iter().map(of_child).chain(near.iter().map(of_parent)));
                    return;
                }
                let mut between = Query::table(id, *junction);
                between.on = Expr::all(near.iter().map(of_parent));
                between.outputs = far
                    .iter()
                    .map(|(through, _)| Output {
                        key: self.catalog[*junction][*through].name.clone(),
                        expr: Expr::Column(id, *through),
                        data_type: self.catalog[*junction][*through].data_type,
                    })
                    .collect();
                let ends = far.iter().map(|(_, to)| Expr::Column(child, *to)).collect();
                query.on = Some(Expr::InQuery(ends, Box::new(between)));
            }
            RelationshipKind::Computed { schema, single } => {
                query.source = Source::Computed(Box::new(Computed {
                    table: way.to,
                    schema: schema.clone(),
                    name: way.name.clone(),
                    of: parent,
                    from: way.from,
                }));
                if *single && query.limit.is_none() {
                    // It says so itself, and the engine does not hold it to that.
                    query.limit = Some(self.rows_at_most(1));
                }
            }
        }
    }
}

/// Whether nothing is left of an embedded resource to show: it has only resources that show nothing themselves.
pub(super) fn shows_nothing(embed: &Embed) -> bool {
    let items = &embed.select.items;
    let nothing = |item: &Item| matches!(item, Item::Embed(embed) if shows_nothing(embed));
    embed.empty || (!items.is_empty() && items.iter().all(nothing))
}

/// The same rows with one item. The other embedded resources return nothing but still restrict and order them.
fn only(select: &Select, item: Item) -> Select {
    let others = select.items.iter().filter_map(|other| match other {
        Item::Embed(embed) if !same_resource(embed, &item) => {
            Some(Item::Embed(Embed { empty: true, ..embed.clone() }))
        }
        _ => None,
    });
    let others: Vec<Item> = others.collect();
    Select { items: std::iter::once(item).chain(others).collect(), ..select.clone() }
}

/// Whether the item is (a part of) this embedded resource.
fn same_resource(embed: &Embed, item: &Item) -> bool {
    let named =
        |embed: &Embed| (embed.alias.clone(), embed.resource.clone(), embed.hint.clone(), embed.spread);
    matches!(item, Item::Embed(other) if named(other) == named(embed))
}
