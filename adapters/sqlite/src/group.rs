//! Several units in one transaction: each can be undone alone, one commit, one wait for the disk.

use std::time::{Duration, Instant};

use transom_ports::{Committed, DbError, Fault};
use transom_types::ChangePosition;

use crate::{
    changes, connection, errors, unit,
    writer::{Context, Waiting},
};

/// Runs and commits a group, and answers every unit in it.
pub(crate) fn commit(context: &mut Context, mut group: Vec<Waiting>) {
    let begun = Instant::now();
    // Each round answers at least one unit, or waits for another process for part of a bounded time.
    while !group.is_empty() {
        group = round(context, group, begun);
        context.clock.end();
    }
}

/// Runs a group once. What comes back is to be tried again: nothing of it was applied, and it is not at fault.
fn round(context: &mut Context, group: Vec<Waiting>, begun: Instant) -> Vec<Waiting> {
    let mut group = waiting_still(group);
    if group.is_empty() {
        return group;
    }
    context.clock.begin();
    context.watch.until(None);
    if let Err(error) = begin(context, &group, begun) {
        let tried_long_enough = begun.elapsed() >= context.options.busy_timeout;
        return match errors::is_busy(&error) && !tried_long_enough {
            true => group,
            false => fail(group, &errors::db_error(&error)),
        };
    }
    if let Err(error) = changes::refresh(context) {
        rollback(context);
        return fail(group, &error);
    }
    let mut answers = Vec::with_capacity(group.len());
    for at in 0..group.len() {
        match one(context, &group[at]) {
            Ok(answer) => answers.push(answer),
            Err(Lost(error)) => {
                rollback(context);
                // What is wrong with the database is wrong for all; what is wrong with a unit, for it alone.
                if is_everyones(&error.fault) {
                    return fail(group, &error);
                }
                let _ = group.remove(at).reply.send(Err(error));
                return group;
            }
        }
    }
    finish(context, group, answers)
}

/// Leaves out units that nobody waits for, and those whose time is up: nothing of them was begun.
fn waiting_still(group: Vec<Waiting>) -> Vec<Waiting> {
    let now = Instant::now();
    let mut still = Vec::with_capacity(group.len());
    for waiting in group {
        if waiting.reply.is_closed() {
            continue;
        }
        match now < waiting.deadline {
            true => still.push(waiting),
            false => {
                let _ = waiting.reply.send(Err(late()));
            }
        }
    }
    still
}

/// Begins the transaction. Another process that writes is waited for, but no longer than the most hurried unit would.
fn begin(context: &Context, group: &[Waiting], begun: Instant) -> rusqlite::Result<()> {
    let left = context.options.busy_timeout.saturating_sub(begun.elapsed());
    let nearest = group.iter().map(|waiting| waiting.deadline).min();
    let nearest = nearest.map_or(left, |at| at.saturating_duration_since(Instant::now()));
    context.connection.busy_timeout(left.min(nearest).max(Duration::from_millis(1)))?;
    context.connection.prepare_cached("BEGIN IMMEDIATE")?.raw_execute().map(|_| ())
}

/// The unit's failure cannot be undone but with the whole transaction.
struct Lost(DbError);

/// One unit, undone alone when it fails.
fn one(context: &mut Context, waiting: &Waiting) -> Result<Result<Committed, DbError>, Lost> {
    if Instant::now() >= waiting.deadline {
        return Ok(Err(late()));
    }
    context.clock.cause(&waiting.unit.cause.0);
    // A statement that fails undoes itself: for a single one a savepoint would add nothing.
    let savepoint = !unit::is_one_statement(&waiting.unit);
    let changes_before = context.connection.total_changes();
    if savepoint {
        execute(context, "SAVEPOINT unit").map_err(Lost)?;
    }
    context.watch.until(Some(waiting.deadline));
    let outcome = unit::run(context, &waiting.unit);
    context.watch.until(None);
    if context.connection.is_autocommit() {
        // An interrupted write, a full disk or a trigger's ROLLBACK gave the whole transaction up.
        return Err(Lost(outcome.err().unwrap_or_else(lost)));
    }
    let outcome = outcome.and_then(|committed| match waiting.unit.rollback {
        false if connection::violates_deferred(&context.connection) => Err(dangling()),
        _ => Ok(committed),
    });
    if outcome.is_err() {
        context.counted.clear();
    }
    if savepoint {
        if outcome.is_err() || waiting.unit.rollback {
            execute(context, "ROLLBACK TO unit").map_err(Lost)?;
        }
        execute(context, "RELEASE unit").map_err(Lost)?;
        return Ok(outcome);
    }
    match outcome {
        // It failed after the engine had done its part: a reply that is too large, a constraint checked at the end.
        Err(error) if context.connection.total_changes() != changes_before => Err(Lost(error)),
        outcome => Ok(outcome),
    }
}

/// Commits, and answers everyone.
fn finish(
    context: &mut Context,
    group: Vec<Waiting>,
    answers: Vec<Result<Committed, DbError>>,
) -> Vec<Waiting> {
    let position = match context.tracking {
        true => changes::newest(&context.connection).unwrap_or_default(),
        false => ChangePosition::default(),
    };
    let committed = context.connection.prepare_cached("COMMIT").and_then(|mut end| end.raw_execute());
    match committed {
        Ok(_) => {
            context.commits.advance();
            publish(context, position);
            for (waiting, answer) in group.into_iter().zip(answers) {
                let _ = waiting.reply.send(answer);
            }
            Vec::new()
        }
        Err(error) => {
            rollback(context);
            fail(group, &errors::commit_error(&error))
        }
    }
}

fn execute(context: &Context, sql: &str) -> Result<(), DbError> {
    let run = || context.connection.prepare_cached(sql)?.raw_execute();
    run().map(|_| ()).map_err(|error| errors::db_error(&error))
}

/// Ends the transaction, if the engine has not done so, and forgets what was only true within it.
pub(crate) fn rollback(context: &mut Context) {
    if !context.connection.is_autocommit() {
        // It can only fail when there is nothing to end.
        let _ = execute(context, "ROLLBACK");
    }
    context.schema_version = None;
    context.counted.clear();
}

fn publish(context: &Context, position: ChangePosition) {
    context.positions.send_if_modified(|newest| {
        let moved = position > *newest;
        if moved {
            *newest = position;
        }
        moved
    });
}

fn fail(group: Vec<Waiting>, error: &DbError) -> Vec<Waiting> {
    for waiting in group {
        let error = DbError {
            fault: error.fault.clone(),
            message: error.message.clone(),
            step: None,
            reported: None,
        };
        let _ = waiting.reply.send(Err(error));
    }
    Vec::new()
}

fn is_everyones(fault: &Fault) -> bool {
    matches!(fault, Fault::DiskFull | Fault::Unavailable | Fault::Unknown | Fault::Damaged)
}

fn late() -> DbError {
    DbError::new(Fault::Deadline, "the unit waited too long")
}

fn lost() -> DbError {
    DbError::new(Fault::Internal, "the transaction ended by itself")
}

fn dangling() -> DbError {
    DbError::new(Fault::ForeignKey, "FOREIGN KEY constraint failed at the end of the unit")
}
