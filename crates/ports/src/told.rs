//! Which of several reasons a caller is told.

use transom_query::plan::{Insert, OnConflict, Step as PlanStep};
use transom_sql::{Statement, Step, Unit};
use transom_types::Problem;

use crate::{Committed, Database, DbError, Fault};

/// Runs a unit as [`Database::write`] does, but where a constraint has refused new rows, policy is asked first: what it
/// refuses is told as that, for whoever may not make a row is not to learn that one like it exists. Engines find out what
/// breaks a constraint before they come to what policy says, so a second unit asks: one that makes no row.
///
/// The same is asked where an insert has passed over a row that was there ([`Step::expect`] says how many rows are given). If
/// nothing is refused, the unit runs once more, with what its statements themselves expect.
pub async fn write(database: &dyn Database, mut unit: Unit) -> Result<Committed, DbError> {
    let checked = unit.steps.iter().any(|step| step.statement.prepared.layout.check);
    loop {
        let Some(mut again) = checked.then(|| unit.clone()) else { return database.write(unit).await };
        let error = match database.write(unit).await {
            Ok(committed) => return Ok(committed),
            Err(error) => error,
        };
        let Some(question) = question(database, &again, &error)? else { return Err(error) };
        database.write(question).await?;
        // A second time nothing is left to be relaxed.
        if !relaxed(&mut again, &error) {
            return Err(error);
        }
        unit = again;
    }
}

/// The unit's steps up to the one that failed, with a question in its place; `None` where it did not fail because of rows
/// that are there, or policy has no say in the new ones.
fn question(database: &dyn Database, unit: &Unit, error: &DbError) -> Result<Option<Unit>, DbError> {
    let at = usize::from(error.step.unwrap_or(0));
    let asks =
        |step: &&Step| is_of_constraint(&error.fault) || (is_of_number(&error.fault) && passes_over(step));
    let Some(failed) = unit.steps.get(at).filter(asks).map(|step| step.statement.clone()) else {
        return Ok(None);
    };
    let unmade = |problem: Problem| DbError::new(Fault::Internal, format!("{problem:?}"));
    let Some(prepared) = failed.prepared.check(database.dialect()).map_err(unmade)? else { return Ok(None) };
    let mut steps = unit.steps[..at].to_vec();
    steps.push(Step::any(Statement { prepared, ..failed }));
    // What stands before the write has to be there for its question, and is taken back.
    let rollback = unit.rollback || at > 0;
    Ok(Some(Unit { steps, rollback, idempotency: None, ..unit.clone() }))
}

/// Takes back what is expected of inserts that pass over rows, but what their statements expect; whether anything was.
fn relaxed(unit: &mut Unit, error: &DbError) -> bool {
    let strict = |step: &&mut Step| passes_over(step) && step.expect != step.statement.prepared.expect;
    let mut any = false;
    for step in unit.steps.iter_mut().filter(strict).filter(|_| is_of_number(&error.fault)) {
        step.expect = step.statement.prepared.expect;
        any = true;
    }
    any
}

/// Whether a step is an insert that leaves the rows as they are that it meets.
fn passes_over(step: &Step) -> bool {
    let prepared = &step.statement.prepared;
    matches!(
        prepared.plan.plan().steps.get(prepared.step),
        Some(PlanStep::Insert(Insert { conflict: Some(OnConflict { merge: None, .. }), .. }))
    )
}

fn is_of_number(fault: &Fault) -> bool {
    matches!(fault, Fault::Expectation { .. })
}

fn is_of_constraint(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Unique(_) | Fault::ForeignKey | Fault::NotNull(_) | Fault::Check(_) | Fault::Raised
    )
}
