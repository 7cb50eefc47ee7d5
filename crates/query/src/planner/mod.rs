//! Resolves a request's names against a catalog: `Shape` in names → `Plan` in ids.
//!
//! One module per part of a request. Everything is pure, and runs once per shape and role.

mod called;
mod candidates;
mod cursor;
mod embed;
mod filter;
mod form;
mod function;
mod joins;
mod mutation;
mod names;
mod nested;
mod order;
mod put;
mod relation;
mod relationship;
mod renumber;
mod select;
mod type_name;
mod ways;
mod write;

use transom_types::{Code, DataType, Problem, Value};

use crate::{
    Catalog, Plan,
    catalog::ColumnId,
    plan::{
        Comparison, Cost, Expect, Expr, Form, ParamId, ParamKind, ParamSource, Parameter, Query, QueryId,
        Read, Step,
    },
    request::{self, Action, Resource, Shape, Slot, Values},
};
pub use names::table_missing;
use relation::Relation;

/// Planned and estimated counts are exact up to here; beyond, statistics or a lower bound have to do: counting without end
/// is what the caller wanted to avoid.
const ESTIMATE_ROWS_MAX: u32 = 10_000;

/// What a deployment decides about plans.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The most rows a read returns; a larger or missing `limit` is lowered to it.
    pub rows_max: Option<u32>,
    /// Whether aggregate functions may be used.
    pub aggregates: bool,
    /// Whether the engine reads values of its types from text itself, and has arrays, ranges and types of its own.
    pub engine_types: bool,
    /// Whether the engine decides who may do what: then it also judges types, casts and operators.
    pub native: bool,
    /// Whether callers get accounts of how their requests would run.
    pub accounts: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { rows_max: None, aggregates: true, engine_types: false, native: false, accounts: false }
    }
}

/// Plans a request. The catalog is the caller's role's own, so that only names it may use are found or suggested.
/// `values` decide nothing unless the plan says it is not cacheable.
pub fn plan(catalog: &Catalog, shape: &Shape, values: &Values, options: &Options) -> Result<Plan, Problem> {
    let mut planner = Planner::new(catalog, values, options);
    match (&shape.resource, &shape.action) {
        (Resource::Function(name), action) => planner.function(name, action, shape)?,
        (Resource::Table(name), Action::Read) => planner.read(name, &[], shape)?,
        (Resource::Row(name, key), Action::Read) => planner.read(name, key, shape)?,
        (Resource::Table(name), action) => planner.write(name, &[], action, shape)?,
        (Resource::Row(name, key), action) => planner.write(name, key, action, shape)?,
    }
    if options.native {
        planner.choose_form(shape)?;
    }
    Ok(planner.finish())
}

/// Collects one plan's steps and parameters.
struct Planner<'a> {
    catalog: &'a Catalog,
    values: &'a Values,
    options: &'a Options,
    steps: Vec<Step>,
    reply: Option<u16>,
    params: Vec<Parameter>,
    cost: Cost,
    cacheable: bool,
    query_ids: u16,
    form: Form,
    /// What of a query's embedded resources is joined, and as what.
    joins: Vec<joins::Joined>,
    /// How many resources the query that is planned is embedded in.
    depth: usize,
}

impl<'a> Planner<'a> {
    fn new(catalog: &'a Catalog, values: &'a Values, options: &'a Options) -> Self {
        Self {
            catalog,
            values,
            options,
            steps: Vec::new(),
            reply: None,
            params: Vec::new(),
            cost: Cost::Scan,
            cacheable: true,
            query_ids: 0,
            form: Form::default(),
            joins: Vec::new(),
            depth: 0,
        }
    }

    fn finish(self) -> Plan {
        Plan {
            steps: self.steps,
            reply: self.reply,
            params: self.params,
            cost: self.cost,
            cacheable: self.cacheable,
            query_ids: self.query_ids,
            form: Form { documents: self.options.native, ..self.form },
        }
    }

    fn read(&mut self, name: &str, key: &[Slot], shape: &Shape) -> Result<(), Problem> {
        let table = self.table(name)?;
        if !self.catalog[table].access.select {
            return Err(names::no_privilege("SELECT", name));
        }
        let id = self.query_id();
        let mut query = self.query(id, Relation::Table(table), &shape.select)?;
        query.filter = Expr::all([self.key_filter(id, table, key)?, query.filter]);
        self.cost = self.cost_of(&query, Relation::Table(table));
        self.cap_rows(&mut query);
        self.push_read(query, shape);
        Ok(())
    }

    /// Adds the step that is the reply.
    fn push_read(&mut self, query: Query, shape: &Shape) {
        self.reply = Some(self.steps.len() as u16);
        let cursor = shape.select.cursor.is_some();
        let count_max = if self.options.native { self.options.rows_max } else { Some(ESTIMATE_ROWS_MAX) };
        self.steps.push(Step::Read(Read {
            query,
            count: shape.count,
            count_max,
            cursor,
            expect: expect(shape.expect),
        }));
    }

    fn query_id(&mut self) -> QueryId {
        let id = QueryId(self.query_ids);
        self.query_ids += 1;
        id
    }

    fn param(&mut self, source: ParamSource, kind: ParamKind, name: &str) -> ParamId {
        let parameter = Parameter { source, kind, name: name.into() };
        if let Some(at) = self.params.iter().position(|known| *known == parameter) {
            return ParamId(at as u16);
        }
        self.params.push(parameter);
        ParamId((self.params.len() - 1) as u16)
    }

    fn literal(&mut self, slot: Slot, data_type: DataType, name: &str) -> Expr {
        Expr::Param(self.param(ParamSource::Literal(slot), ParamKind::Scalar(data_type), name))
    }

    /// A read without a limit gets the deployment's; a larger one is lowered where values are bound.
    fn cap_rows(&mut self, query: &mut Query) {
        if let (None, Some(rows_max)) = (query.limit, self.options.rows_max) {
            query.limit = Some(self.rows_at_most(rows_max));
        }
    }

    fn rows_at_most(&mut self, rows_max: u32) -> ParamId {
        let source = ParamSource::Constant(Value::Integer(rows_max.into()));
        self.param(source, ParamKind::Scalar(DataType::Integer), "limit")
    }

    /// `TABLE/KEY`: the primary key's columns, in order.
    fn key_filter(
        &mut self,
        id: QueryId,
        table: crate::TableId,
        key: &[Slot],
    ) -> Result<Option<Expr>, Problem> {
        if key.is_empty() {
            return Ok(None);
        }
        let catalog = self.catalog;
        let columns = &catalog[table].primary_key;
        if columns.is_empty() {
            let message = format!("the rows of '{}' have no address", catalog[table].name);
            return Err(Problem::new(Code::ResourceKeyInvalid, message)
                .with_details(format!("'{}' has no primary key", catalog[table].name))
                .with_hint("Choose rows by a filter: ?column=eq.value"));
        }
        if columns.len() != key.len() {
            let names: Vec<_> = columns.iter().map(|column| &*catalog[table][*column].name).collect();
            let message = format!("'{}' is addressed by ({})", catalog[table].name, names.join(", "));
            return Err(Problem::new(Code::ResourceKeyInvalid, message)
                .with_details(format!("{} values were given, {} are needed", key.len(), columns.len()))
                .with_hint("Separate the values of a key of several columns by commas"));
        }
        let parts: Vec<_> = columns
            .iter()
            .zip(key)
            .map(|(column, slot)| {
                let of = &catalog[table][*column];
                Some(Expr::eq(Expr::Column(id, *column), self.literal(*slot, of.data_type, &of.name)))
            })
            .collect();
        Ok(Expr::all(parts))
    }

    fn cost_of(&self, query: &Query, relation: Relation) -> Cost {
        let Relation::Table(table) = relation else { return Cost::Scan };
        let mut fixed = Vec::new();
        if let Some(filter) = &query.filter {
            fixed_columns(filter, query.id, &mut fixed);
        }
        match query.group_by.is_none() && self.catalog[table].fixes_one_row(&fixed) {
            true => Cost::Key,
            false => Cost::Scan,
        }
    }
}

/// The columns of a query's row that a predicate fixes to one value.
fn fixed_columns(filter: &Expr, of: QueryId, fixed: &mut Vec<ColumnId>) {
    match filter {
        Expr::And(parts) => parts.iter().for_each(|part| fixed_columns(part, of, fixed)),
        Expr::Compare(Comparison::Eq, left, right) => {
            if let (Expr::Column(id, column), Expr::Param(_)) = (&**left, &**right)
                && *id == of
            {
                fixed.push(*column);
            }
        }
        _ => {}
    }
}

fn expect(expect: request::Expect) -> Expect {
    match expect {
        request::Expect::Any | request::Expect::Scalar => Expect::Any,
        request::Expect::One => Expect::Exactly(1),
        request::Expect::AtMost(rows) => Expect::AtMost(rows),
    }
}

#[cfg(test)]
mod tests;
