//! A unit's steps, one after the other on a copy of the state: the caller keeps the copy only when all succeed.

use transom_query::{
    Catalog, Expr, QueryId, TableId,
    catalog::TableKind,
    plan::{Returning, Step},
};
use transom_sql::{Statement, Unit};

use super::{
    bind, constraints, insert, needs_sql, read,
    rows::{self, Affected},
    scope::Environment,
    state::State,
};
use crate::{DbError, Outcome};

/// Runs every step on `state`.
pub(super) fn run(
    unit: &Unit,
    catalog: &Catalog,
    state: &mut State,
    at_ms: i64,
) -> Result<Vec<Outcome>, DbError> {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(unit.steps.len());
    let now = rows::time_text(at_ms);
    for (place, step) in unit.steps.iter().enumerate() {
        let done = Running { unit, catalog, now: &now, at_ms }.step(&step.statement, state, &outcomes);
        let done = done.and_then(|outcome| outcome.meets(step).map(|()| outcome));
        match done {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => return Err(DbError { step: u16::try_from(place).ok(), ..error }),
        }
    }
    Ok(outcomes)
}

struct Running<'a> {
    unit: &'a Unit,
    catalog: &'a Catalog,
    now: &'a str,
    at_ms: i64,
}

/// What is alike in every step that writes.
struct Written<'a> {
    id: QueryId,
    table: TableId,
    check: Option<&'a Expr>,
    returning: &'a Returning,
}

impl Running<'_> {
    fn step(
        &self,
        statement: &Statement,
        state: &mut State,
        outcomes: &[Outcome],
    ) -> Result<Outcome, DbError> {
        let params = bind::resolve(statement, outcomes)?;
        let before = state.clone();
        let environment = Environment::new(self.catalog, &before, statement, &params, self.now);
        let (written, affected) = match statement.prepared.plan.plan().steps.get(statement.prepared.step) {
            Some(Step::Insert(step)) => {
                self.writable(step.table)?;
                let written = Written {
                    id: step.id,
                    table: step.table,
                    check: step.check.as_ref(),
                    returning: &step.returning,
                };
                (written, insert::insert(step, &environment, state)?)
            }
            Some(Step::Update(step)) => {
                self.writable(step.table)?;
                let written = Written {
                    id: step.id,
                    table: step.table,
                    check: step.check.as_ref(),
                    returning: &step.returning,
                };
                (written, rows::update(step, &environment, state)?)
            }
            Some(Step::Delete(step)) => {
                self.writable(step.table)?;
                let written =
                    Written { id: step.id, table: step.table, check: None, returning: &step.returning };
                (written, rows::delete(step, &environment, state)?)
            }
            Some(Step::Check(write)) => return check(write, &environment),
            _ => {
                let body = read::run(statement, &environment)?;
                let json = body.json.into_bytes().unwrap_or_default();
                let json = String::from_utf8_lossy(&json).into_owned();
                return Ok(Outcome { json, rows: body.rows, ..Outcome::default() });
            }
        };
        self.finish(&written, &affected, statement, state, &params)
    }

    fn finish(
        &self,
        written: &Written<'_>,
        affected: &Affected,
        statement: &Statement,
        state: &mut State,
        params: &[transom_types::Value],
    ) -> Result<Outcome, DbError> {
        constraints::foreign_keys(self.catalog, state, written.table, affected)?;
        let environment = Environment::new(self.catalog, state, statement, params, self.now);
        let after = affected.rows.iter().filter_map(|(_, after)| after.as_ref());
        rows::check(written.id, written.check, after, &environment)?;
        let outcome = rows::returned(written.id, written.returning, affected, &environment)?;
        let table = &self.catalog[written.table];
        state.changes.append(written.table, table, affected, &self.unit.cause.0, self.at_ms);
        Ok(outcome)
    }

    fn writable(&self, table: TableId) -> Result<(), DbError> {
        match self.catalog[table].kind {
            TableKind::Table => Ok(()),
            TableKind::View { .. } => needs_sql("write through a view"),
        }
    }
}

/// Holds the rows that a write would make against its check.
fn check(write: &Step, environment: &Environment<'_>) -> Result<Outcome, DbError> {
    let (id, check, rows) = match write {
        Step::Insert(step) => {
            let rows = insert::new_rows(step, environment)?.ok_or_else(rows::refused)?;
            (step.id, step.check.as_ref(), rows)
        }
        Step::Update(step) => (step.id, step.check.as_ref(), rows::new_rows(step, environment)?),
        _ => return Ok(Outcome::default()),
    };
    rows::check(id, check, &rows, environment)?;
    Ok(Outcome::default())
}
