//! The real engine, with stand-ins for the functions that the adapter registers, and a plan's way through it.

use std::sync::Arc;

use rusqlite::{Connection, functions::FunctionFlags, types::ValueRef};
use serde_json::Value as Json;
use transom_policy::{Grant, Policies};
use transom_query::{
    Catalog,
    plan::{Cost, ParamId, ParamKind, ParamSource, Parameter, Plan, Step},
    request::{Cell, Literal, Payload, Slot, Values},
};
use transom_sql::{Bound, Prepared, bind, render, sqlite::Sqlite};
use transom_types::{DataType, Principal, Problem, Value};

use crate::fixture;

/// The engine with the fixture in it.
pub struct Engine {
    pub connection: Connection,
    grant: Grant,
    catalog: Arc<Catalog>,
}

/// A plan under construction: its parameters and the values that they get.
#[derive(Default)]
pub struct Draft {
    pub params: Vec<Parameter>,
    pub values: Values,
}

impl Draft {
    pub fn param(&mut self, source: ParamSource, kind: ParamKind) -> ParamId {
        self.params.push(Parameter { source, kind, name: "x".into() });
        ParamId((self.params.len() - 1) as u16)
    }

    pub fn literal(&mut self, literal: Literal, kind: ParamKind) -> ParamId {
        self.values.literals.push(literal);
        self.param(ParamSource::Literal(Slot((self.values.literals.len() - 1) as u16)), kind)
    }

    pub fn text(&mut self, text: &str, data_type: DataType) -> ParamId {
        self.literal(Literal::Text(text.into()), ParamKind::Scalar(data_type))
    }

    pub fn integer(&mut self, integer: i64) -> ParamId {
        self.literal(Literal::Integer(integer), ParamKind::Scalar(DataType::Integer))
    }

    pub fn list(&mut self, elements: &[&str], data_type: DataType) -> ParamId {
        let elements = elements.iter().map(|element| (*element).into()).collect();
        self.literal(Literal::List(elements), ParamKind::List(data_type))
    }

    /// The body: JSON arrays of cells, in which `{}` stands for a cell that is not there.
    pub fn rows(&mut self, rows: Json, types: &[DataType]) -> ParamId {
        let cell = |json: &Json| match json.as_object().is_some_and(serde_json::Map::is_empty) {
            true => Cell::Missing,
            false => Cell::Json(json.clone()),
        };
        let row = |row: &Json| row.as_array().expect("a row").iter().map(cell).collect();
        let rows = rows.as_array().expect("rows").iter().map(row).collect();
        let columns = (0..types.len()).map(|at| format!("c{at}").into()).collect();
        self.values.payload = Payload { columns, rows, ..Default::default() };
        self.param(ParamSource::Payload, ParamKind::Rows(types.to_vec()))
    }

    pub fn plan(&self, steps: Vec<Step>) -> Plan {
        Plan {
            steps,
            reply: Some(0),
            params: self.params.clone(),
            cost: Cost::Scan,
            cacheable: true,
            query_ids: 100,
            form: Default::default(),
        }
    }
}

/// A statement's text, and its rows as text.
pub struct Run {
    pub sql: String,
    pub rows: Vec<Vec<String>>,
}

impl Run {
    /// The text, then the rows, one a line.
    pub fn shown(&self) -> String {
        let rows: Vec<String> = self.rows.iter().map(|row| row.join(" | ")).collect();
        format!("{}\n{}", self.sql, rows.join("\n"))
    }

    /// The first column of every row, read as JSON: whatever is no JSON fails here.
    pub fn bodies(&self) -> Vec<Json> {
        let read = |row: &Vec<String>| serde_json::from_str(&row[0]).expect("the body is JSON");
        self.rows.iter().map(read).collect()
    }
}

impl Engine {
    pub fn new() -> Self {
        let connection = Connection::open_in_memory().expect("opens");
        functions(&connection).expect("functions are registered");
        connection.execute_batch(fixture::SCHEMA).expect("the schema is made");
        connection.execute_batch(&fixture::wide_schema()).expect("the wide table is made");
        let catalog = Arc::new(fixture::catalog());
        let grant = granted("", catalog.clone(), "service_role");
        Self { connection, grant, catalog }
    }

    /// The same, where a role is held to these policies.
    pub fn held_to(policies: &str) -> Self {
        let engine = Self::new();
        let grant = granted(policies, engine.catalog.clone(), "authenticated");
        Self { grant, ..engine }
    }

    /// The same with another catalog.
    pub fn with_catalog(self, catalog: Catalog) -> Self {
        let catalog = Arc::new(catalog);
        Self { grant: granted("", catalog.clone(), "service_role"), catalog, ..self }
    }

    pub fn prepared(&self, plan: Plan) -> Result<Arc<Prepared>, Problem> {
        let guarded = transom_policy::guard(plan, &self.grant)?;
        Ok(render(&Sqlite, Arc::new(guarded))?.steps[0].clone())
    }

    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Renders, binds and runs one step.
    pub fn run(&self, draft: &Draft, step: Step) -> Run {
        self.run_as(draft, step, &Principal::anonymous("anon"))
    }

    pub fn run_as(&self, draft: &Draft, step: Step, principal: &Principal) -> Run {
        let prepared = self.prepared(draft.plan(vec![step])).expect("renders");
        let none = |_: &_| Ok(Bound::Value(Value::Null));
        let plan = prepared.plan.plan();
        let bound = bind(&Sqlite, plan, &draft.values, principal, &none, 0).expect("binds");
        self.execute(&prepared, &bound)
    }

    pub fn execute(&self, prepared: &Prepared, bound: &[Bound]) -> Run {
        let text = &prepared.text;
        let mut statement = self.connection.prepare(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(statement.parameter_count(), prepared.params.len(), "{}", prepared.text);
        for (at, id) in prepared.params.iter().enumerate() {
            let Bound::Value(value) = &bound[usize::from(id.0)] else { panic!("only values are bound here") };
            statement.raw_bind_parameter(at + 1, sql(value)).expect("binds");
        }
        let (width, mut rows) = (statement.column_count(), Vec::new());
        let mut found = statement.raw_query();
        while let Some(row) = found.next().unwrap_or_else(|error| panic!("{error}\n{text}")) {
            rows.push((0..width).map(|at| shown(row.get_ref(at).expect("is there"))).collect());
        }
        Run { sql: prepared.text.to_string(), rows }
    }

    /// What a query of the test's own finds.
    pub fn query(&self, sql: &str) -> String {
        let mut statement = self.connection.prepare(sql).expect("prepares");
        let (width, mut lines) = (statement.column_count(), Vec::new());
        let mut found = statement.query([]).expect("runs");
        while let Some(row) = found.next().expect("steps") {
            let line: Vec<String> = (0..width).map(|at| shown(row.get_ref(at).expect("is there"))).collect();
            lines.push(line.join(" | "));
        }
        lines.join("\n")
    }
}

fn granted(policies: &str, catalog: Arc<Catalog>, role: &str) -> Grant {
    let policies = Policies::load("policies.sql", policies, catalog).expect("the policies are well formed");
    policies.authorize(&Principal::anonymous(role)).expect("the role may try")
}

fn sql(value: &Value) -> rusqlite::types::Value {
    use rusqlite::types::Value as Sql;
    match value {
        Value::Null => Sql::Null,
        Value::Bool(truth) => Sql::Integer(i64::from(*truth)),
        Value::Integer(integer) => Sql::Integer(*integer),
        Value::Real(real) => Sql::Real(*real),
        Value::Numeric(text) => Sql::Real(text.parse().expect("a number")),
        Value::Text(text) | Value::Json(text) => Sql::Text(text.to_string()),
        Value::Bytes(bytes) => Sql::Blob(bytes.to_vec()),
    }
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => format!("{real:?}"),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{bytes:02x?}"),
    }
}

fn functions(connection: &Connection) -> rusqlite::Result<()> {
    let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let text = |context: &rusqlite::functions::Context<'_>, at| context.get::<Option<String>>(at);
    for (name, arguments) in [("transom_like", 2), ("transom_ilike", 2), ("transom_regexp", 3)] {
        connection.create_scalar_function(name, arguments, pure, move |context| {
            // Only `%` at the ends: enough to see which argument is the pattern.
            Ok(text(context, 0)?.zip(text(context, 1)?).map(|(pattern, text)| {
                let inner = pattern.trim_matches('%');
                if name == "transom_ilike" {
                    text.to_lowercase().contains(&inner.to_lowercase())
                } else {
                    text.contains(inner)
                }
            }))
        })?;
    }
    for name in ["transom_json_contains", "transom_json_overlaps"] {
        connection.create_scalar_function(name, 2, pure, move |context| {
            Ok(text(context, 0)?.zip(text(context, 1)?).map(|(left, right)| left == right))
        })?;
    }
    connection.create_scalar_function("transom_json_key", 1, pure, move |context| text(context, 0))?;
    connection.create_scalar_function("transom_now", 0, FunctionFlags::SQLITE_UTF8, |_| {
        Ok("2026-01-02T03:04:05.678Z")
    })?;
    connection.create_scalar_function("transom_lower", 1, pure, move |context| {
        Ok(text(context, 0)?.map(|text| text.to_lowercase()))
    })?;
    connection.create_scalar_function("transom_upper", 1, pure, move |context| {
        Ok(text(context, 0)?.map(|text| text.to_uppercase()))
    })
}
