//! Several units in one transaction: each in a savepoint, one commit, one wait for the disk.

use std::time::Instant;

use transom_ports::{Committed, DbError, Fault};
use transom_types::ChangePosition;

use crate::{
    changes, errors, unit,
    writer::{Context, Waiting},
};

/// Runs and commits a group, and answers every unit in it.
pub(crate) fn commit(context: &mut Context, group: Vec<Waiting>) {
    // Nobody waits for these any more, and nothing of them was begun.
    let group: Vec<Waiting> = group.into_iter().filter(|waiting| !waiting.reply.is_closed()).collect();
    if group.is_empty() {
        return;
    }
    context.clock.begin();
    if let Err(error) = execute(context, "BEGIN IMMEDIATE") {
        return fail(group, &error);
    }
    let mut answers = Vec::with_capacity(group.len());
    for waiting in &group {
        answers.push(one(context, waiting));
        if context.connection.is_autocommit() {
            // The engine gave the whole transaction up (no space, say): whatever came before is gone too.
            let error = answers.pop().and_then(Result::err).unwrap_or_else(lost);
            return fail(group, &error);
        }
    }
    let position = position(context);
    context.watch.until(None);
    match context.connection.execute_batch("COMMIT") {
        Ok(()) => {
            context.commits.advance();
            publish(context, position);
            for (waiting, answer) in group.into_iter().zip(answers) {
                let answer = answer.map(|committed| Committed { position, ..committed });
                let _ = waiting.reply.send(answer);
            }
        }
        Err(error) => {
            let constraint = errors::is_constraint(&error);
            let _ = execute(context, "ROLLBACK");
            match constraint && group.len() > 1 {
                // One unit's deferred constraint refuses the commit of all: each is tried alone.
                true => group.into_iter().for_each(|waiting| commit(context, vec![waiting])),
                false => fail(group, &errors::db_error(&error)),
            }
        }
    }
}

/// One unit in its savepoint.
fn one(context: &mut Context, waiting: &Waiting) -> Result<Committed, DbError> {
    if Instant::now() >= waiting.deadline {
        return Err(DbError::new(Fault::Deadline, "the unit waited too long"));
    }
    context.watch.until(Some(waiting.deadline));
    context.clock.cause(&waiting.unit.cause.0);
    if unit::is_one_statement(&waiting.unit) {
        // The engine undoes a statement that fails; a savepoint would add nothing.
        return unit::run(context, &waiting.unit);
    }
    execute(context, "SAVEPOINT unit")?;
    let outcome = unit::run(context, &waiting.unit);
    context.watch.until(None);
    if context.connection.is_autocommit() {
        return outcome;
    }
    if outcome.is_err() || waiting.unit.rollback {
        execute(context, "ROLLBACK TO unit")?;
    }
    execute(context, "RELEASE unit")?;
    outcome
}

fn execute(context: &Context, sql: &str) -> Result<(), DbError> {
    let run = || context.connection.prepare_cached(sql)?.raw_execute();
    run().map(|_| ()).map_err(|error| errors::db_error(&error))
}

fn position(context: &Context) -> ChangePosition {
    match context.tracking {
        true => changes::newest(&context.connection).unwrap_or_default(),
        false => ChangePosition::default(),
    }
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

fn fail(group: Vec<Waiting>, error: &DbError) {
    for waiting in group {
        let error = DbError { fault: error.fault.clone(), message: error.message.clone(), step: None };
        let _ = waiting.reply.send(Err(error));
    }
}

fn lost() -> DbError {
    DbError::new(Fault::Internal, "the transaction ended by itself")
}
