//! Runs the steps of one unit.

use rusqlite::{Connection, types::ValueRef};
use transom_ports::{Committed, DbError, Fault, Outcome};
use transom_query::plan::{Expect, Step as PlanStep};
use transom_sql::{Step, Unit};
use transom_types::Value;

use crate::{
    changes, errors, idempotency,
    rows::{self, Captures},
    writer::Context,
};

/// Whether a failure of the unit is a failure of its one statement, which the engine undoes by itself.
pub(crate) fn is_one_statement(unit: &Unit) -> bool {
    let [step] = unit.steps.as_slice() else { return false };
    unit.idempotency.is_none()
        && !unit.rollback
        && step.expect == Expect::Any
        && step.precondition.is_none()
        && !step.statement.prepared.layout.check
}

/// Runs every step; the caller undoes them when one fails.
pub(crate) fn run(context: &mut Context, unit: &Unit) -> Result<Committed, DbError> {
    if let Some(key) = &unit.idempotency
        && let Some(outcomes) = idempotency::earlier(context, key)?
    {
        return Ok(Committed { outcomes, replayed: true, session: Default::default() });
    }
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(unit.steps.len());
    for (at, step) in (0u16..).zip(&unit.steps) {
        let outcome = one(context, step, &outcomes).map_err(|error| DbError { step: Some(at), ..error })?;
        outcomes.push(outcome);
    }
    if let Some(key) = &unit.idempotency {
        idempotency::remember(context, key, &outcomes)?;
    }
    Ok(Committed { outcomes, replayed: false, session: Default::default() })
}

fn one(context: &mut Context, step: &Step, outcomes: &[Outcome]) -> Result<Outcome, DbError> {
    let merges = merges_into(step);
    if let Some(table) = merges {
        changes::count_inserts(context, table)?;
    }
    context.clock.count_inserts(merges);
    let bytes_max = context.options.reply_bytes_max;
    let mut outcome = run_step(&context.connection, step, outcomes, bytes_max)?;
    outcome.inserted =
        match (merges, &step.statement.prepared.plan.plan().steps[step.statement.prepared.step]) {
            (Some(_), _) => context.clock.inserts().min(outcome.rows),
            (None, PlanStep::Insert(_)) => outcome.rows,
            _ => 0,
        };
    outcome.meets(step).map(|()| outcome)
}

/// The table of an insert that may change rows instead: its inserted rows are counted apart.
fn merges_into(step: &Step) -> Option<&str> {
    let prepared = &step.statement.prepared;
    match &prepared.plan.plan().steps[prepared.step] {
        PlanStep::Insert(insert) if insert.conflict.as_ref().is_some_and(|on| on.merge.is_some()) => {
            Some(&prepared.plan.catalog()[insert.table].name)
        }
        _ => None,
    }
}

fn run_step(
    connection: &Connection,
    step: &Step,
    outcomes: &[Outcome],
    bytes_max: usize,
) -> Result<Outcome, DbError> {
    let prepared = &step.statement.prepared;
    let mut engine = connection.prepare_cached(&prepared.text).map_err(db)?;
    rows::bind(&mut engine, prepared, &step.statement.params, &Earlier(outcomes)).map_err(db)?;
    let layout = &prepared.layout;
    let mut outcome = Outcome::default();
    if engine.column_count() == 0 {
        outcome.rows = engine.raw_execute().map_err(db)? as u64;
        return Ok(outcome);
    }
    let returns = layout.body || !layout.columns.is_empty();
    let mut json = bytes::BytesMut::with_capacity(if returns { 512 } else { 0 });
    let mut found = engine.raw_query();
    while let Some(row) = found.next().map_err(db)? {
        outcome.rows += 1;
        let mut column = 0;
        if !layout.columns.is_empty() {
            json.extend_from_slice(if outcome.rows > 1 { b"," } else { b"[" });
            rows::object(&mut json, row, layout).map_err(db)?;
        }
        if layout.body {
            json.extend_from_slice(if outcome.rows > 1 { b"," } else { b"[" });
            if let ValueRef::Text(object) = row.get_ref(column).map_err(db)? {
                json.extend_from_slice(object);
            }
            column += 1;
        }
        if layout.check {
            if row.get_ref(column).map_err(db)? != ValueRef::Integer(1) {
                return Err(DbError::new(Fault::Policy, "the new row does not satisfy the policies"));
            }
            column += 1;
        }
        if layout.capture
            && let ValueRef::Text(captured) = row.get_ref(column).map_err(db)?
        {
            outcome.captured.push(String::from_utf8_lossy(captured).into_owned());
        }
        if json.len() > bytes_max {
            return Err(DbError::new(
                Fault::TooLarge,
                format!("the result is larger than {bytes_max} bytes"),
            ));
        }
    }
    if returns {
        json.extend_from_slice(if outcome.rows == 0 { b"[]" } else { b"]" });
        outcome.json = rows::valid(json.into());
    }
    Ok(outcome)
}

fn db(error: rusqlite::Error) -> DbError {
    errors::db_error(&error)
}

/// What the steps before have captured.
struct Earlier<'o>(&'o [Outcome]);

impl Captures for Earlier<'_> {
    fn value(&self, step: u16, column: u16) -> Value {
        self.0.get(usize::from(step)).map_or(Value::Null, |outcome| outcome.captured_value(column))
    }

    fn rows(&self, step: u16) -> String {
        self.0.get(usize::from(step)).map_or_else(|| "[]".to_owned(), Outcome::captured_rows)
    }
}
