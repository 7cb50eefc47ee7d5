//! Migrations and scripts: trusted SQL, each in one transaction that it cannot leave.

mod script;
#[cfg(test)]
mod tests;

use futures_util::{TryStreamExt, pin_mut};
use tokio_postgres::{
    Client, Error, SimpleQueryMessage,
    error::{ErrorPosition, SqlState},
    types::Type,
};
use transom_ports::{DbError, Fault, Migration};

use crate::{
    changes::{self, Locked, install, present},
    errors::{During, db_error, lost},
};

const APPLIED: &str = "SELECT number, name, checksum FROM _transom.migrations ORDER BY number";

/// Taken before and after a script: the same where it has not left its transaction.
const TRANSACTION: &str = "SELECT pg_current_xact_id()::text";

/// Ends what a script may have begun to be.
const ITSELF: &str = "RESET SESSION AUTHORIZATION; RESET ROLE";

/// What was applied, in order.
pub(crate) async fn applied(client: &Client) -> Result<Vec<Migration>, DbError> {
    let rows = present(client.query_typed(APPLIED, &[]).await)?;
    let migration = |row: &tokio_postgres::Row| Migration {
        number: u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX),
        name: row.get::<_, String>(1).into(),
        checksum: row.get::<_, String>(2).into(),
    };
    Ok(rows.iter().map(migration).collect())
}

/// Applies one migration, unless another server was first. What it does to the rows of followed tables is in the change log.
/// The connection is of no use afterwards: a script may set what it likes.
pub(crate) async fn apply(
    client: &Client,
    migration: &Migration,
    sql: &str,
    expected_count: u32,
) -> Result<bool, DbError> {
    refuse(sql)?;
    install(client).await?;
    let work = async {
        begin(client).await?;
        if applied(client).await?.len() != expected_count as usize {
            execute(client, "ROLLBACK").await?;
            return Ok(false);
        }
        confined(client, sql).await?;
        changes::refresh(client).await?;
        let (number, name, checksum) = (i64::from(migration.number), &*migration.name, &*migration.checksum);
        client
            .execute_typed(
                "INSERT INTO _transom.migrations (number, name, checksum) VALUES ($1, $2, $3)",
                &[(&number, Type::INT8), (&name, Type::TEXT), (&checksum, Type::TEXT)],
            )
            .await
            .map_err(failed)?;
        commit(client).await?;
        Ok(true)
    };
    undone(client, work.await).await
}

/// Runs a script, such as a seed. What it does to followed tables is in the change log.
pub(crate) async fn run_script(client: &Client, sql: &str) -> Result<(), DbError> {
    refuse(sql)?;
    let work = async {
        begin(client).await?;
        confined(client, sql).await?;
        commit(client).await
    };
    undone(client, work.await).await
}

/// Errors: a statement that must not be in a script, with its line.
fn refuse(sql: &str) -> Result<(), DbError> {
    let refused = script::statements(sql).into_iter().find_map(|statement| {
        let why = statement.refusal(sql)?;
        Some(DbError::new(Fault::Internal, format!("line {}: {why}", script::line(sql, statement.start))))
    });
    refused.map_or(Ok(()), Err)
}

/// One at a time in this database, whichever server it is. The engine waits without end: the other one is at work.
async fn begin(client: &Client) -> Result<(), DbError> {
    let lock = Locked::Migrate.statement();
    let begin = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL transom.cause = 'migration'; {lock}"
    );
    execute(client, &begin).await
}

async fn commit(client: &Client) -> Result<(), DbError> {
    // A script may have set what it likes for its session, which another may be given next.
    client.batch_execute("COMMIT; RESET ALL").await.map_err(|error| db_error(&error, During::Write))
}

/// The outcome; after a failure nothing of the transaction stays.
async fn undone<T>(client: &Client, outcome: Result<T, DbError>) -> Result<T, DbError> {
    if outcome.is_err() {
        // A connection that is lost has nothing to roll back.
        let _ = client.batch_execute("ROLLBACK").await;
    }
    outcome
}

/// Runs a script, and makes sure that it is still in the transaction that was begun for it.
async fn confined(client: &Client, sql: &str) -> Result<(), DbError> {
    let before = transaction(client).await?;
    let mut done = 0;
    if let Err(error) = batch(client, sql, &mut done).await {
        return Err(told(sql, &error, done));
    }
    execute(client, ITSELF).await?;
    if transaction(client).await? != before {
        let message = "the script has ended its transaction: what came before that is applied, and not recorded; \
                       put the database in order by hand, and leave COMMIT and ROLLBACK away";
        return Err(DbError::new(Fault::Internal, message));
    }
    Ok(())
}

/// Sends the script as it is; `done` counts the statements that were through.
async fn batch(client: &Client, sql: &str, done: &mut usize) -> Result<(), Error> {
    let messages = client.simple_query_raw(sql).await?;
    pin_mut!(messages);
    while let Some(message) = messages.try_next().await? {
        if matches!(message, SimpleQueryMessage::CommandComplete(_)) {
            *done += 1;
        }
    }
    Ok(())
}

async fn transaction(client: &Client) -> Result<String, DbError> {
    let rows = client.query_typed(TRANSACTION, &[]).await.map_err(failed)?;
    Ok(rows.first().map(|row| row.get(0)).unwrap_or_default())
}

/// A script's failure, with its line and what can be done about it.
fn told(sql: &str, error: &Error, done: usize) -> DbError {
    let found = db_error(error, During::Read);
    if lost(error) {
        return found;
    }
    let reported = error.as_db_error();
    let at = match reported.and_then(|reported| reported.position()) {
        Some(ErrorPosition::Original(position)) => {
            let characters = (*position as usize).saturating_sub(1);
            Some(sql.char_indices().nth(characters).map_or(sql.len(), |(at, _)| at))
        }
        // The engine tells no place where a statement is right, and its work is not: it is the one after those that were through.
        _ => script::statements(sql).get(done).map(|statement| statement.start),
    };
    let line = at.map(|at| format!("line {}: ", script::line(sql, at))).unwrap_or_default();
    let mut message = format!("{line}{}", found.message);
    if let Some(hint) = reported.and_then(|reported| reported.hint()) {
        message.push_str(&format!(" ({hint})"));
    }
    let outside = error.code() == Some(&SqlState::ACTIVE_SQL_TRANSACTION);
    if outside {
        message.push_str(
            "; leave CONCURRENTLY away, or run the statement by hand with psql, outside of migrations",
        );
    }
    // The server is well: it is the script that is not.
    let fault = if outside { Fault::Internal } else { found.fault };
    DbError { message, fault, ..found }
}

async fn execute(client: &Client, sql: &str) -> Result<(), DbError> {
    client.batch_execute(sql).await.map_err(failed)
}

fn failed(error: Error) -> DbError {
    db_error(&error, During::Read)
}
