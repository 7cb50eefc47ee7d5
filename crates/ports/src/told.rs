//! Which of several reasons a caller is told.

use transom_sql::{Prepared, Statement, Step, Unit};

use crate::{Committed, Database, DbError, Fault};

/// Runs a unit as [`Database::write`] does, but where a constraint has refused new rows, policy is asked first: what it
/// refuses is told as that, for whoever may not make a row is not to learn that one like it exists. Engines find out what
/// breaks a constraint before they come to what policy says, so a second unit asks: one that makes no row.
pub async fn write(database: &dyn Database, unit: Unit) -> Result<Committed, DbError> {
    let checked = unit.steps.iter().any(|step| step.statement.prepared.layout.check);
    let Some(steps) = checked.then(|| unit.steps.clone()) else { return database.write(unit).await };
    let (timeout, cause) = (unit.timeout, unit.cause.clone());
    let error = match database.write(unit).await {
        Ok(committed) => return Ok(committed),
        Err(error) => error,
    };
    let Some(steps) = question(database, steps, &error)? else { return Err(error) };
    // What stands before the write has to be there for its question, and is taken back.
    let rollback = steps.len() > 1;
    let unit = Unit { steps, timeout, cause, idempotency: None, rollback, session: None };
    database.write(unit).await.map_or_else(Err, |_| Err(error))
}

/// The steps up to the one that failed, with a question in its place; `None` where no constraint has refused new rows that
/// policy has a say in.
fn question(
    database: &dyn Database,
    mut steps: Vec<Step>,
    error: &DbError,
) -> Result<Option<Vec<Step>>, DbError> {
    if !is_of_constraint(&error.fault) {
        return Ok(None);
    }
    let at = usize::from(error.step.unwrap_or(0));
    let Some(failed) = steps.get(at).map(|step| step.statement.clone()) else { return Ok(None) };
    let unmade = |problem: transom_types::Problem| DbError::new(Fault::Internal, format!("{problem:?}"));
    let Some(prepared) = Prepared::check(&failed.prepared, database.dialect()).map_err(unmade)? else {
        return Ok(None);
    };
    steps.truncate(at);
    steps.push(Step::any(Statement { prepared, ..failed }));
    Ok(Some(steps))
}

fn is_of_constraint(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Unique(_) | Fault::ForeignKey | Fault::NotNull(_) | Fault::Check(_) | Fault::Raised
    )
}
