//! Replies kept by idempotency key, in the transaction of the unit they belong to.

use rusqlite::{Connection, OptionalExtension, params};
use transom_ports::{DbError, Fault, Outcome};
use transom_sql::statement::Idempotency;

use crate::{errors, functions::system_ms, writer::Context};

const TABLE: &str = "
CREATE TABLE IF NOT EXISTS _transom_idempotency (
  scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, outcomes TEXT NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (scope, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS _transom_idempotency_at ON _transom_idempotency (at_ms);";

/// Most keys that one cleaning removes.
const CLEANED_MAX: u32 = 1_000;

fn is_there(connection: &Connection) -> rusqlite::Result<bool> {
    let there = "SELECT 1 FROM sqlite_schema WHERE name = '_transom_idempotency'";
    Ok(connection.prepare_cached(there)?.query_row([], |_| Ok(())).optional()?.is_some())
}

/// The moment before which replies are forgotten.
fn oldest_ms(context: &Context, now_ms: i64) -> i64 {
    now_ms.saturating_sub(context.options.idempotency_age_max.as_millis() as i64)
}

/// What the unit of this key did, if it was here before.
/// Errors: the key was used for another request.
pub(crate) fn earlier(context: &Context, key: &Idempotency) -> Result<Option<Vec<Outcome>>, DbError> {
    let connection = &context.connection;
    let found = || -> rusqlite::Result<Option<(String, String)>> {
        if !is_there(connection)? {
            connection.execute_batch(TABLE)?;
        }
        connection
            .prepare_cached(
                "SELECT fingerprint, outcomes FROM _transom_idempotency
                 WHERE scope = ?1 AND key = ?2 AND at_ms >= ?3",
            )?
            .query_row(params![&*key.scope, &*key.key, oldest_ms(context, context.clock.now_ms())], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
    };
    let Some((fingerprint, outcomes)) = found().map_err(|error| errors::db_error(&error))? else {
        return Ok(None);
    };
    if fingerprint != *key.fingerprint {
        return Err(DbError::new(Fault::IdempotencyMismatch, "the key was used for another request"));
    }
    let outcomes = serde_json::from_str(&outcomes)
        .map_err(|error| DbError::new(Fault::Internal, format!("a stored reply cannot be read: {error}")))?;
    Ok(Some(outcomes))
}

/// Keeps what the unit of this key did; one that was kept too long makes room.
pub(crate) fn remember(context: &Context, key: &Idempotency, outcomes: &[Outcome]) -> Result<(), DbError> {
    let outcomes =
        serde_json::to_string(outcomes).map_err(|error| DbError::new(Fault::Internal, error.to_string()))?;
    let insert = || {
        context
            .connection
            .prepare_cached("INSERT OR REPLACE INTO _transom_idempotency VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![&*key.scope, &*key.key, &*key.fingerprint, outcomes, context.clock.now_ms()])
    };
    insert().map(|_| ()).map_err(|error| errors::db_error(&error))
}

/// Forgets some of the replies that were kept too long; whether there may be more.
pub(crate) fn clean(context: &Context) -> rusqlite::Result<bool> {
    if !is_there(&context.connection)? {
        return Ok(false);
    }
    let forgotten = context
        .connection
        .prepare_cached(
            "DELETE FROM _transom_idempotency WHERE (scope, key) IN (
               SELECT scope, key FROM _transom_idempotency WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
        )?
        .execute(params![oldest_ms(context, system_ms()), CLEANED_MAX])?;
    Ok(forgotten == CLEANED_MAX as usize)
}
