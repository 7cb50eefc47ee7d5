//! Compiles a role's policies into a plan.

mod checked;
mod instance;
mod privilege;
mod steps;

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use transom_query::{
    Catalog, Expr, Plan, Query, QueryId, TableId,
    plan::{ParamId, ParamSource, Parameter, Source, Step},
};
use transom_types::{Code, Problem};

use crate::{Grant, rights::Rights, tree};

/// A plan with the policies of one role in it: the only thing that can be rendered.
#[derive(Clone, Debug)]
pub struct GuardedPlan {
    plan: Plan,
    catalog: Arc<Catalog>,
}

/// Fills every guard and check of `plan` with the role's policies.
/// Errors: [`transom_types::Code::Privilege`] where the role lacks a privilege that the plan needs.
pub fn guard(mut plan: Plan, grant: &Grant) -> Result<GuardedPlan, Problem> {
    let captured_rows = plan.params.iter().filter_map(|param| match param.source {
        ParamSource::CapturedRows { step } => Some(step),
        _ => None,
    });
    let read_back: AHashSet<u16> = captured_rows.collect();
    let mut guarder = Guarder {
        rights: &grant.rights,
        role: grant.role(),
        params: &mut plan.params,
        bound: AHashMap::new(),
        ids_of_plan: plan.query_ids,
        next_id: plan.query_ids,
        rows: AHashMap::new(),
        read: AHashSet::new(),
        guarding: None,
        subqueries: 0,
    };
    let read_ahead: Vec<bool> = plan.steps.windows(2).map(steps::reads_what_goes).collect();
    for (place, step) in (0u16..).zip(&mut plan.steps) {
        let at = usize::from(place);
        let reads_ahead = read_ahead.get(at).copied().unwrap_or(false);
        let read_before = at > 0 && read_ahead[at - 1];
        guarder.step(step, read_before || read_back.contains(&place))?;
        if let (true, Step::Read(read)) = (reads_ahead, step) {
            guarder.rows_that_go(&mut read.query)?;
        }
    }
    plan.query_ids = guarder.next_id;
    Ok(GuardedPlan { plan, catalog: grant.catalog().clone() })
}

impl GuardedPlan {
    /// The plan, guards in place.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The catalog whose ids the plan uses.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }
}

/// One walk over one plan. Privileges are looked at again here, whatever the planner saw: this is the boundary.
struct Guarder<'a> {
    rights: &'a Rights,
    role: &'a str,
    params: &'a mut Vec<Parameter>,
    /// The plan's parameter for each of the pool's that was used.
    bound: AHashMap<ParamId, ParamId>,
    ids_of_plan: u16,
    next_id: u16,
    /// The table behind each row in sight; `None` for a function's rows.
    rows: AHashMap<QueryId, Option<TableId>>,
    /// The rows of which the plan itself read a column.
    read: AHashSet<QueryId>,
    /// The plan's own table whose policies are being filled in.
    guarding: Option<TableId>,
    subqueries: u32,
}

impl Guarder<'_> {
    /// Takes note of a row of the plan, before anything that mentions it is walked.
    fn enter(&mut self, id: QueryId, table: Option<TableId>) -> Result<(), Problem> {
        if id.0 < self.ids_of_plan && self.rows.insert(id, table).is_none() {
            return Ok(());
        }
        // Two rows of one name could lend each other their privileges.
        Err(malformed(format!("query id {id:?} is not free")))
    }

    fn query(&mut self, query: &mut Query) -> Result<(), Problem> {
        let table = match &query.source {
            Source::Table(table) | Source::Written(table) => Some(*table),
            Source::Function(function, _) => {
                self.need_execute(*function)?;
                None
            }
            Source::Computed(computed) => Some(computed.table),
            Source::One => None,
        };
        self.enter(query.id, table)?;
        if let Some(table) = table {
            self.need_select(table)?;
        }
        if let Some((id, junction)) = query.beside {
            self.enter(id, Some(junction))?;
            self.need_select(junction)?;
        }
        tree::try_query_children(query, &mut |child| self.child(child))?;
        let rows = table.map(|table| (query.id, table));
        let mut guards = Vec::new();
        for (id, table) in rows.into_iter().chain(query.beside) {
            guards.push(self.rule(table, id, &[|rules| &rules.select])?);
        }
        query.guard = Expr::all(guards);
        Ok(())
    }

    fn child(&mut self, child: tree::Child) -> Result<(), Problem> {
        match child {
            tree::Child::Expr(expr) => self.expr(expr),
            tree::Child::Query(query) => self.query(query),
            tree::Child::Param(_) | tree::Child::Row(_) => Ok(()),
        }
    }

    fn expr(&mut self, expr: &mut Expr) -> Result<(), Problem> {
        match expr {
            Expr::Column(query, column) => self.reads(*query, &[*column])?,
            Expr::FullText { query, table, columns, .. } if columns.is_empty() => {
                let index = self.rights.catalog[*table].full_text.as_ref();
                let columns = index.map(|index| index.columns.clone()).unwrap_or_default();
                self.reads(*query, &columns)?;
            }
            Expr::FullText { query, columns, .. } => self.reads(*query, columns)?,
            _ => {}
        }
        tree::try_children(expr, &mut |child| self.child(child))
    }

    fn condition(&mut self, condition: &mut Option<Expr>) -> Result<(), Problem> {
        condition.as_mut().map_or(Ok(()), |condition| self.expr(condition))
    }
}

fn malformed(cause: impl Into<String>) -> Problem {
    Problem::new(Code::Internal, "The plan is not well formed").caused_by(cause.into())
}
