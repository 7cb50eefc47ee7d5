//! Renders a guarded plan: one walk over its steps, with the engine's habits behind [`Dialect`].

mod called;
mod check;
mod dialect;
mod engine;
mod expr;
mod given;
mod limited;
mod output;
mod quantified;
mod query;
mod read;
mod records;
mod whole;
mod write;

use std::sync::{Arc, OnceLock};

use ahash::AHashMap;
use transom_policy::GuardedPlan;
use transom_query::request::Count;
use transom_query::{
    Catalog, ColumnId, Expr, Plan, Query, QueryId, TableId,
    plan::{Body, Cost, Expect, ParamId, ParamKind, ParamSource, Source, Step},
};
use transom_types::Problem;

use crate::{Layout, Prepared, Rendered};
pub use dialect::{Dialect, ENGINES, GivenMember, GivenRows, Made, Search};

/// Renders every step of a plan in an engine's SQL.
/// Errors: [`transom_types::Code::Unsupported`] where the engine cannot express a part, naming it.
pub fn render(dialect: &dyn Dialect, plan: Arc<GuardedPlan>) -> Result<Rendered, Problem> {
    let mut steps = Vec::with_capacity(plan.plan().steps.len());
    for (at, step) in plan.plan().steps.iter().enumerate() {
        let mut writer = Writer::new(dialect, plan.plan(), plan.catalog());
        let form = &plan.plan().form;
        writer.body = form.body.as_ref().filter(|_| plan.plan().reply == Some(at as u16));
        let (mut layout, expect) = writer.step(step)?;
        let mut estimated = estimate(dialect, &plan, at)?;
        if let Some(account) = &form.account {
            let statement = std::mem::take(&mut writer.text);
            dialect.accounted(&mut writer.text, &statement, account)?;
            (layout, estimated) = (Layout { lines: true, ..Layout::default() }, None);
        }
        let calls = matches!(step, Step::Read(read) if writer.calls(&read.query));
        steps.push(Arc::new(Prepared {
            text: writer.text.into(),
            params: writer.params,
            estimate: estimated,
            layout,
            writes: !matches!(step, Step::Read(_) | Step::Judge(_) | Step::Check(_)),
            calls,
            cost: if plan.plan().steps.len() == 1 { plan.plan().cost } else { Cost::Scan },
            expect,
            plan: plan.clone(),
            step: at,
            check: OnceLock::new(),
        }));
    }
    Ok(Rendered { plan, steps })
}

/// The statement that asks how many rows a read is expected to have, where that is its count.
fn estimate(
    dialect: &dyn Dialect,
    plan: &Arc<GuardedPlan>,
    at: usize,
) -> Result<Option<Arc<Prepared>>, Problem> {
    let Step::Read(read) = &plan.plan().steps[at] else { return Ok(None) };
    if !dialect.expects_rows() || !matches!(read.count, Some(Count::Planned | Count::Estimated)) {
        return Ok(None);
    }
    let mut writer = Writer::new(dialect, plan.plan(), plan.catalog());
    writer.estimate(read)?;
    Ok(Some(Arc::new(Prepared {
        text: writer.text.into(),
        params: writer.params,
        estimate: None,
        layout: Layout::default(),
        writes: false,
        calls: false,
        cost: Cost::Key,
        expect: Expect::Any,
        plan: plan.clone(),
        step: at,
        check: OnceLock::new(),
    })))
}

/// One statement on its way to becoming text.
struct Writer<'a> {
    dialect: &'a dyn Dialect,
    plan: &'a Plan,
    catalog: &'a Catalog,
    text: String,
    params: Vec<ParamId>,
    /// Where the rows of each query met so far come from.
    sources: AHashMap<QueryId, Source>,
    /// The row that a write step changes: it goes by its table's name, for a returned row has no alias.
    changed: Option<(QueryId, TableId)>,
    /// What every other alias begins with, so that none is the changed table's name.
    prefix: &'static str,
    /// The columns that were written of queries whose columns are being gathered, innermost last.
    gathering: Vec<(QueryId, Vec<ColumnId>)>,
    /// The query whose single related rows are to be joined where its source is written.
    joining: Option<QueryId>,
    /// How many subqueries were written.
    subqueries: usize,
    /// How many aggregates were written.
    aggregates: usize,
    /// Whether the statement calls its function once, before all else, and reads what it returned by a name.
    called_before: bool,
    /// What the engine makes of all rows of the reply.
    body: Option<&'a Body>,
    /// Rows that go by a name of their own.
    named: Option<(QueryId, &'a str)>,
}

impl<'a> Writer<'a> {
    fn new(dialect: &'a dyn Dialect, plan: &'a Plan, catalog: &'a Catalog) -> Self {
        Self {
            dialect,
            plan,
            catalog,
            text: String::with_capacity(512),
            params: Vec::new(),
            sources: AHashMap::new(),
            changed: None,
            prefix: "",
            gathering: Vec::new(),
            joining: None,
            subqueries: 0,
            aggregates: 0,
            called_before: false,
            body: None,
            named: None,
        }
    }

    fn step(&mut self, step: &Step) -> Result<(Layout, Expect), Problem> {
        match step {
            Step::Read(read) => Ok((self.read(read)?, read.expect)),
            Step::Judge(judge) => Ok((self.judge(judge)?, Expect::Any)),
            Step::Check(write) => Ok((self.check(write)?, Expect::Any)),
            Step::Insert(insert) => Ok((self.insert(insert)?, insert.expect)),
            Step::Update(update) => Ok((self.update(update)?, update.expect)),
            Step::Delete(delete) => Ok((self.delete(delete)?, delete.expect)),
            Step::Call(call) => Ok((self.call(call)?, call.expect)),
        }
    }

    /// Makes a query's rows known before anything of it is written.
    fn enter(&mut self, query: &Query) {
        self.sources.insert(query.id, query.source.clone());
        if let Some((id, junction)) = query.beside {
            self.sources.insert(id, Source::Table(junction));
        }
    }

    /// Makes the row of a write step known, by its table's name.
    fn change(&mut self, id: QueryId, table: TableId) {
        self.sources.insert(id, Source::Table(table));
        self.changed = Some((id, table));
        let catalog: &'a Catalog = self.catalog;
        self.apart_from(&catalog[table].name);
    }

    /// Makes a query's rows known by this name.
    fn called_by(&mut self, id: QueryId, name: &'a str) {
        self.named = Some((id, name));
        self.apart_from(name);
    }

    /// No other rows are to go by this name.
    fn apart_from(&mut self, name: &str) {
        let taken = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("a_"));
        self.prefix = if taken { "b_" } else { "a_" };
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn name(&mut self, name: &str) {
        self.dialect.identifier(&mut self.text, name);
    }

    fn param(&mut self, id: ParamId) {
        let shared = self.dialect.shares_parameters();
        let known = self.params.iter().position(|known| shared && *known == id);
        let at = known.unwrap_or_else(|| {
            self.params.push(id);
            self.params.len() - 1
        });
        let parameter = &self.plan.params[usize::from(id.0)];
        let typed = match (&parameter.kind, &parameter.source) {
            // A caller's value has the type of what it is compared with or written to; the others have one of their own.
            (
                ParamKind::Scalar(data_type),
                ParamSource::Claim(_) | ParamSource::Role | ParamSource::Constant(_),
            ) => Some(*data_type),
            _ => None,
        };
        match typed {
            Some(data_type) => {
                let mut placeholder = String::new();
                self.dialect.placeholder(&mut placeholder, at + 1);
                self.dialect.typed(&mut self.text, &placeholder, data_type);
            }
            None => self.dialect.placeholder(&mut self.text, at + 1),
        }
    }

    fn table(&mut self, table: TableId) {
        let catalog = self.catalog;
        self.dialect.table(&mut self.text, &catalog[table]);
    }

    /// The alias of a query's rows.
    fn alias(&mut self, id: QueryId) {
        match self.changed {
            Some((changed, table)) if changed == id => {
                let catalog = self.catalog;
                self.name(&catalog[table].name);
            }
            _ if self.named.is_some_and(|(named, _)| named == id) => {
                if let Some((_, name)) = self.named {
                    self.name(name);
                }
            }
            _ => {
                self.push(self.prefix);
                self.push("t");
                self.push(&id.0.to_string());
            }
        }
    }

    /// Writes each part, with a separator between.
    fn list<T>(
        &mut self,
        parts: impl IntoIterator<Item = T>,
        separator: &str,
        mut each: impl FnMut(&mut Self, T) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                self.push(separator);
            }
            each(self, part)?;
        }
        Ok(())
    }

    /// ` WHERE a AND b`, if there is anything to say.
    fn conditions(&mut self, parts: &[&Option<Expr>]) -> Result<(), Problem> {
        let parts: Vec<&Expr> = parts.iter().filter_map(|part| part.as_ref()).collect();
        if parts.is_empty() {
            return Ok(());
        }
        self.push(" WHERE ");
        self.list(parts, " AND ", |writer, part| writer.expr(part))
    }

    /// Column names in parentheses.
    fn columns(
        &mut self,
        table: TableId,
        columns: impl IntoIterator<Item = ColumnId>,
    ) -> Result<(), Problem> {
        let catalog = self.catalog;
        self.push("(");
        self.list(columns, ", ", |writer, column| {
            writer.name(&catalog[table][column].name);
            Ok(())
        })?;
        self.push(")");
        Ok(())
    }
}
