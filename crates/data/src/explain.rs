//! How a request would run: its statement, the engine's own plan, and advice on full scans.

use std::collections::BTreeMap;

use transom_query::{
    Catalog, DataRequest, Expr, Plan, Query,
    catalog::ColumnId,
    plan::{Comparison, Source, Step},
};
use transom_sql::{Statement, bind::bind};
use transom_types::{Principal, Problem};

use crate::{Context, Data};

/// What [`Data::explain`] finds, per statement.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The SQL text.
    pub statement: String,
    /// The engine's plan, a line each.
    pub plan: Vec<String>,
    /// What would be dear on a large table.
    pub warnings: Vec<Warning>,
}

/// A table that would be read from end to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Which.
    pub table: String,
    /// The columns of an index that would serve, if the request names any.
    pub index: Vec<String>,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "full scan of {}", self.table)?;
        match self.index.is_empty() {
            true => write!(f, ": no filter or order that an index could serve"),
            false => {
                let (table, columns) = (&self.table, &self.index);
                write!(f, ": CREATE INDEX {table}_{} ON {table} ({})", columns.join("_"), columns.join(", "))
            }
        }
    }
}

impl Data {
    /// Explains a request without running it.
    pub async fn explain(
        &self,
        request: &DataRequest,
        principal: &Principal,
        context: &Context,
    ) -> Result<Vec<Explained>, Problem> {
        let model = self.model.load();
        let schema = context.schema.as_deref();
        let grant = model.policies_of(schema)?.authorize(principal)?;
        let planned = self.planned(&model, (&grant, schema), &request.shape, &request.values)?;
        let none = |_: &_| Ok(transom_sql::Bound::Value(transom_types::Value::Null));
        let params = bind(self.database.dialect(), planned.plan(), &request.values, principal, &none, 0)?;
        let mut explained = Vec::new();
        for prepared in &planned.rendered.steps {
            let statement =
                Statement { prepared: prepared.clone(), params: params.clone(), timeout: context.timeout };
            let plan = self.database.explain(statement).await.map_err(|error| error.into_problem())?;
            let warnings = warnings(&plan, planned.plan(), grant.catalog());
            explained.push(Explained { statement: prepared.text.to_string(), plan, warnings });
        }
        Ok(explained)
    }
}

/// A line `SCAN tN …` without an index reads the table of query N from end to end.
fn warnings(lines: &[String], plan: &Plan, catalog: &Catalog) -> Vec<Warning> {
    let mut uses = BTreeMap::new();
    for step in &plan.steps {
        if let Step::Read(read) = step {
            collect(&read.query, catalog, &mut uses);
        }
    }
    let scanned = |line: &String| {
        let inner = line.trim_start();
        let (id, rest) =
            inner.strip_prefix("SCAN t").map(|rest| rest.split_once(' ').unwrap_or((rest, "")))?;
        // The rows that a subquery of the same name has chosen already.
        let indent = &line[..line.len() - inner.len()];
        let derived = ["CO-ROUTINE", "MATERIALIZE"].map(|word| format!("{indent}{word} t{id}"));
        let (warning, filtered) = uses.get(&id.parse().ok()?)?;
        // To walk an index for its order is what it is for; to walk it for a filter is to scan the table.
        let ordered = rest.contains("USING") && !filtered;
        (!ordered && !lines.iter().any(|line| derived.contains(line))).then(|| warning.clone())
    };
    let mut warnings: Vec<Warning> = lines.iter().filter_map(scanned).collect();
    warnings.dedup();
    warnings
}

/// For each query: its table, and the columns an index should have: equalities first, then one range or the order.
fn collect(query: &Query, catalog: &Catalog, uses: &mut BTreeMap<u16, (Warning, bool)>) {
    if let Source::Table(table) = query.source {
        let (mut equal, mut range) = (Vec::new(), Vec::new());
        for predicate in [&query.on, &query.filter, &query.guard].into_iter().flatten() {
            compared(predicate, query, &mut equal, &mut range);
        }
        for term in &query.order {
            if let Expr::Column(id, column) = &term.expr
                && *id == query.id
            {
                range.push(*column);
            }
        }
        equal.extend(range.into_iter().take(1));
        let mut names: Vec<String> = Vec::new();
        // No index over columns holds what a function computes of them.
        for column in equal.into_iter().filter(|column| !catalog[table][*column].computed) {
            let name = catalog[table][column].name.to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let warning = Warning { table: catalog[table].name.to_string(), index: names };
        uses.insert(
            query.id.0,
            (warning, query.on.is_some() || query.filter.is_some() || query.guard.is_some()),
        );
    }
    let exprs = query.outputs.iter().map(|output| &output.expr);
    for expr in exprs.chain(query.filter.iter()).chain(query.guard.iter()) {
        nested(expr, catalog, uses);
    }
}

fn nested(expr: &Expr, catalog: &Catalog, uses: &mut BTreeMap<u16, (Warning, bool)>) {
    match expr {
        Expr::Object(query)
        | Expr::Objects(query)
        | Expr::Array(query)
        | Expr::Scalar(query)
        | Expr::Exists(query) => {
            collect(query, catalog, uses);
        }
        Expr::InQuery(_, query) => collect(query, catalog, uses),
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| nested(part, catalog, uses)),
        Expr::Not(part) => nested(part, catalog, uses),
        _ => {}
    }
}

fn compared(predicate: &Expr, query: &Query, equal: &mut Vec<ColumnId>, range: &mut Vec<ColumnId>) {
    let own = |expr: &Expr| match expr {
        Expr::Column(id, column) if *id == query.id => Some(*column),
        _ => None,
    };
    match predicate {
        Expr::And(parts) => parts.iter().for_each(|part| compared(part, query, equal, range)),
        Expr::Compare(Comparison::Eq, left, right) => equal.extend(own(left).or_else(|| own(right))),
        Expr::Compare(_, left, _) => range.extend(own(left)),
        Expr::InList(operand, _) => equal.extend(own(operand)),
        _ => {}
    }
}
