//! A small schema, plans over it, and a printer that shows an expression with its names.

use std::sync::Arc;

use transom_policy::{Grant, GuardedPlan, Policies, guard};
use transom_query::{
    Catalog, ColumnId, Expr, Plan, Query, QueryId, TableId,
    catalog::{Access, Column, Function, Returns, Table, TableKind},
    plan::{
        Call, Comparison, Cost, Delete, Expect, Insert, InsertColumn, InsertValue, Judge, OnConflict, Output,
        ParamId, ParamKind, ParamSource, Parameter, Read, Returning, Source, Step, Update,
    },
    request::{JsonKey, Slot},
};
use transom_types::{DataType, Principal, Problem, Value};

fn column(name: &str, data_type: DataType) -> Column {
    Column {
        name: name.into(),
        data_type,
        nullable: true,
        default: None,
        generated: false,
        identity: false,
        engine_type: None,
        collation: None,
        vector: false,
        computed: false,
        representation: None,
        access: Access::ALL,
        comment: None,
    }
}

fn table(name: &str, columns: &[(&str, DataType)]) -> Table {
    Table {
        name: name.into(),
        kind: TableKind::Table,
        columns: columns.iter().map(|(name, data_type)| column(name, *data_type)).collect(),
        primary_key: vec![ColumnId(0)],
        unique_keys: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        full_text: None,
        schema: None,
        access: Access::ALL,
        comment: None,
    }
}

/// notes, teams, members, audit; and the function `report`.
pub fn catalog() -> Arc<Catalog> {
    use DataType::{Bool, Date, Integer, Json, Numeric, Text, Timestamp, Uuid};
    let tables = vec![
        table(
            "notes",
            &[
                ("id", Integer),
                ("owner", Uuid),
                ("team_id", Integer),
                ("title", Text),
                ("public", Bool),
                ("price", Numeric),
                ("due", Date),
                ("made_at", Timestamp),
                ("meta", Json),
            ],
        ),
        table("teams", &[("id", Integer), ("name", Text), ("plan", Text), ("open", Bool)]),
        table("members", &[("team_id", Integer), ("user_id", Uuid), ("role", Text), ("since", Date)]),
        table("audit", &[("id", Integer), ("what", Text)]),
    ];
    let report = Function {
        name: "report".into(),
        params: Vec::new(),
        columns: vec![column("total", Integer)],
        read_only: true,
        returns: Returns::Rows,
        body: Vec::new(),
        executable: true,
        engine: None,
        comment: None,
    };
    Arc::new(Catalog::new(tables, vec![report]))
}

/// Loads, or shows the faults.
pub fn load(text: &str) -> Policies {
    match Policies::load("policies.sql", text, catalog()) {
        Ok(policies) => policies,
        Err(problems) => panic!("{}", faults_of(&problems)),
    }
}

/// The faults of a file that has some, as the report prints them.
pub fn faults(text: &str) -> String {
    match Policies::load("policies.sql", text, catalog()) {
        Ok(_) => "no fault".into(),
        Err(problems) => faults_of(&problems),
    }
}

fn faults_of(problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| match problem.hint() {
        Some(hint) => format!("{}\n    {hint}", problem.message()),
        None => problem.message().to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

pub fn grant(policies: &Policies, role: &str) -> Grant {
    policies.authorize(&Principal::anonymous(role)).unwrap()
}

pub fn id(name: &str) -> TableId {
    catalog().table(name).unwrap()
}

pub fn col(table: &str, name: &str) -> ColumnId {
    let catalog = catalog();
    catalog[id(table)].column(name).unwrap()
}

pub fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        steps,
        reply: Some(0),
        params: Vec::new(),
        cost: Cost::Scan,
        cacheable: true,
        query_ids: 8,
        form: Default::default(),
    }
}

pub fn out(query: u16, table: &str, name: &str) -> Output {
    Output {
        key: name.into(),
        expr: Expr::Column(QueryId(query), col(table, name)),
        data_type: DataType::Any,
    }
}

fn equals_slot(query: u16, table: &str, name: &str) -> Option<Expr> {
    Some(Expr::eq(Expr::Column(QueryId(query), col(table, name)), Expr::Param(ParamId(0))))
}

fn with_slot(mut plan: Plan) -> Plan {
    plan.params.push(Parameter {
        source: ParamSource::Literal(Slot(0)),
        kind: ParamKind::Scalar(DataType::Integer),
        name: "id".into(),
    });
    plan
}

/// `SELECT columns FROM table`
pub fn read(table: &str, columns: &[&str]) -> Plan {
    let mut query = Query::table(QueryId(0), id(table));
    query.outputs = columns.iter().map(|name| out(0, table, name)).collect();
    plan(vec![Step::Read(Read { query, count: None, count_max: None, cursor: false, expect: Expect::Any })])
}

pub fn insert(table: &str, columns: &[&str], returning: &[&str]) -> Plan {
    let value = |name: &&str| InsertColumn {
        column: col(table, name),
        value: InsertValue::Cell { cell: 0, data_type: DataType::Text, missing_default: true },
    };
    plan(vec![Step::Insert(Insert {
        id: QueryId(0),
        table: id(table),
        columns: columns.iter().map(value).collect(),
        given: None,
        rows: Some(ParamId(0)),
        conflict: None,
        check: None,
        merge_guard: None,
        returning: self::returning(table, returning),
        expect: Expect::Any,
    })])
}

/// `INSERT … ON CONFLICT (id) DO UPDATE` (or `DO NOTHING`)
pub fn upsert(table: &str, columns: &[&str], merge: bool) -> Plan {
    let mut plan = insert(table, columns, &[]);
    if let Some(Step::Insert(insert)) = plan.steps.first_mut() {
        let merged = columns.iter().map(|name| col(table, name)).collect();
        insert.conflict = Some(OnConflict { columns: vec![ColumnId(0)], merge: merge.then_some(merged) });
    }
    plan
}

pub fn update(table: &str, columns: &[&str], filter: Option<&str>, returning: &[&str]) -> Plan {
    with_slot(plan(vec![Step::Update(Update {
        id: QueryId(0),
        table: id(table),
        given: None,
        set: columns.iter().map(|name| (col(table, name), Expr::Value(Value::text("x")))).collect(),
        filter: filter.and_then(|name| equals_slot(0, table, name)),
        guard: None,
        check: None,
        returning: self::returning(table, returning),
        expect: Expect::Any,
    })]))
}

pub fn delete(table: &str, filter: Option<&str>, returning: &[&str]) -> Plan {
    with_slot(plan(vec![Step::Delete(Delete {
        id: QueryId(0),
        table: id(table),
        filter: filter.and_then(|name| equals_slot(0, table, name)),
        guard: None,
        returning: self::returning(table, returning),
        expect: Expect::Any,
    })]))
}

pub fn judge(table: &str) -> Plan {
    let judge = Judge { id: QueryId(0), table: id(table), rows: ParamId(0), guard: None };
    plan(vec![Step::Judge(judge)])
}

pub fn call() -> Plan {
    let function = catalog().function("report").unwrap();
    plan(vec![Step::Call(Call { function, arguments: Vec::new(), expect: Expect::Any })])
}

fn returning(table: &str, columns: &[&str]) -> Returning {
    let outputs = columns.iter().map(|name| out(0, table, name)).collect();
    Returning { outputs, capture: vec![ColumnId(0)], rows: None }
}

/// Every guard and check of the guarded plan, or the refusal.
pub fn show(policies: &Policies, role: &str, plan: Plan) -> String {
    match guard(plan, &grant(policies, role)) {
        Ok(guarded) => guards(&guarded),
        Err(problem) => format!("{problem:?}"),
    }
}

fn guards(guarded: &GuardedPlan) -> String {
    let printer = Printer::new(guarded);
    let mut lines = Vec::new();
    let mut line = |what: &str, condition: &Option<Expr>| {
        if let Some(condition) = condition {
            lines.push(format!("{what}: {}", printer.expr(condition)));
        }
    };
    for step in &guarded.plan().steps {
        match step {
            Step::Read(read) => {
                line("guard", &read.query.guard);
                for output in &read.query.outputs {
                    if !matches!(output.expr, Expr::Column(..)) {
                        line(&output.key, &Some(output.expr.clone()));
                    }
                }
                line("filter", &read.query.filter);
            }
            Step::Insert(insert) => {
                line("check", &insert.check);
                line("merge_guard", &insert.merge_guard);
            }
            Step::Update(update) => {
                line("guard", &update.guard);
                line("check", &update.check);
            }
            Step::Delete(delete) => line("guard", &delete.guard),
            Step::Judge(judge) => line("guard", &judge.guard),
            Step::Call(_) | Step::Check(_) => {}
        }
    }
    if lines.is_empty() { "unguarded".into() } else { lines.join("\n") }
}

/// Prints expressions with names: a compact SQL.
struct Printer<'a> {
    guarded: &'a GuardedPlan,
    rows: std::cell::RefCell<std::collections::BTreeMap<QueryId, TableId>>,
}

impl<'a> Printer<'a> {
    fn new(guarded: &'a GuardedPlan) -> Self {
        let rows = guarded.plan().steps.iter().filter_map(|step| match step {
            Step::Read(read) => match read.query.source {
                Source::Table(table) => Some((read.query.id, table)),
                _ => None,
            },
            Step::Insert(insert) => Some((insert.id, insert.table)),
            Step::Update(update) => Some((update.id, update.table)),
            Step::Delete(delete) => Some((delete.id, delete.table)),
            Step::Judge(judge) => Some((judge.id, judge.table)),
            Step::Call(_) | Step::Check(_) => None,
        });
        Self { guarded, rows: std::cell::RefCell::new(rows.collect()) }
    }

    fn list(&self, exprs: &[Expr], between: &str) -> String {
        exprs.iter().map(|expr| self.expr(expr)).collect::<Vec<_>>().join(between)
    }

    fn param(&self, id: ParamId) -> String {
        let param = &self.guarded.plan().params[usize::from(id.0)];
        let kind = match &param.kind {
            ParamKind::Scalar(data_type) => data_type.name().to_owned(),
            ParamKind::List(data_type) => format!("{}[]", data_type.name()),
            other => format!("{other:?}"),
        };
        match &param.source {
            ParamSource::Claim(path) => format!("${}:{kind}", path.join(".")),
            ParamSource::Role => "$role".into(),
            ParamSource::Constant(value) => format!("{value:?}"),
            other => format!("{other:?}"),
        }
    }

    fn value(value: &Value) -> String {
        match value {
            Value::Text(text) => format!("'{text}'"),
            Value::Bool(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Numeric(value) => value.to_string(),
            Value::Null => "NULL".into(),
            other => format!("{other:?}"),
        }
    }

    fn expr(&self, expr: &Expr) -> String {
        match expr {
            Expr::Value(value) => Self::value(value),
            Expr::Param(id) => self.param(*id),
            Expr::Column(row, column) => match self.rows.borrow().get(row) {
                Some(table) => {
                    let table = &self.guarded.catalog()[*table];
                    format!("{}{}.{}", table.name, row.0, table[*column].name)
                }
                None => format!("UNKNOWN ROW {row:?}"),
            },
            Expr::Json(operand, steps) => {
                let steps = steps.iter().map(|step| {
                    let arrow = if step.as_text { "->>" } else { "->" };
                    match &step.key {
                        JsonKey::Member(member) => format!("{arrow}'{member}'"),
                        JsonKey::Index(index) => format!("{arrow}{index}"),
                    }
                });
                format!("{}{}", self.expr(operand), steps.collect::<String>())
            }
            Expr::Cast(operand, to) => format!("{}::{}", self.expr(operand), to.name()),
            Expr::Not(operand) => format!("NOT ({})", self.expr(operand)),
            Expr::And(parts) => format!("({})", self.list(parts, " AND ")),
            Expr::Or(parts) => format!("({})", self.list(parts, " OR ")),
            Expr::Compare(op, left, right) => {
                let op = match op {
                    Comparison::Eq => "=",
                    Comparison::Neq => "<>",
                    Comparison::Gt => ">",
                    Comparison::Gte => ">=",
                    Comparison::Lt => "<",
                    Comparison::Lte => "<=",
                    Comparison::Distinct => "IS DISTINCT FROM",
                    Comparison::NotDistinct => "IS NOT DISTINCT FROM",
                };
                format!("{} {op} {}", self.expr(left), self.expr(right))
            }
            Expr::Is(operand, value) => format!("{} IS {value:?}", self.expr(operand)),
            Expr::Match(kind, left, right) => format!("{} {kind:?} {}", self.expr(left), self.expr(right)),
            Expr::InList(operand, list) => format!("{} IN {}", self.expr(operand), self.param(*list)),
            Expr::InExprs(operand, list) => format!("{} IN ({})", self.expr(operand), self.list(list, ", ")),
            Expr::JsonContains(left, right) => format!("{} @> {}", self.expr(left), self.expr(right)),
            Expr::Exists(query) => format!("EXISTS ({})", self.query(query)),
            Expr::InQuery(operands, query) => {
                format!("{} IN ({})", self.list(operands, ", "), self.query(query))
            }
            Expr::Scalar(query) => format!("({})", self.query(query)),
            Expr::Aggregate(aggregate, operand) => {
                let operand = operand.as_ref().map_or_else(|| "*".into(), |operand| self.expr(operand));
                format!("{aggregate:?}({operand})")
            }
            Expr::Binary(op, left, right) => format!("({} {op:?} {})", self.expr(left), self.expr(right)),
            Expr::Call(function, arguments) => format!("{function:?}({})", self.list(arguments, ", ")),
            Expr::Case(branches, otherwise) => {
                let branches = branches
                    .iter()
                    .map(|(when, then)| format!("WHEN {} THEN {} ", self.expr(when), self.expr(then)));
                let otherwise = otherwise.as_ref().map(|expr| format!("ELSE {} ", self.expr(expr)));
                format!("CASE {}{}END", branches.collect::<String>(), otherwise.unwrap_or_default())
            }
            other => format!("{other:?}"),
        }
    }

    fn query(&self, query: &Query) -> String {
        let Source::Table(table) = query.source else { return format!("{query:?}") };
        self.rows.borrow_mut().insert(query.id, table);
        let outputs: Vec<String> = query.outputs.iter().map(|output| self.expr(&output.expr)).collect();
        let mut text = match outputs.len() {
            0 => "FROM ".to_owned(),
            _ => format!("SELECT {} FROM ", outputs.join(", ")),
        };
        text += &format!("{}{}", self.guarded.catalog()[table].name, query.id.0);
        if let Some(filter) = &query.filter {
            text += &format!(" WHERE {}", self.expr(filter));
        }
        if let Some(guard) = &query.guard {
            text += &format!(" GUARD {}", self.expr(guard));
        }
        for term in &query.order {
            text += &format!(" ORDER BY {} desc={}", self.expr(&term.expr), term.descending);
        }
        if let Some(limit) = query.limit {
            text += &format!(" LIMIT {}", self.param(limit));
        }
        text
    }
}
