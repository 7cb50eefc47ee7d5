//! Replies kept by idempotency key, in the transaction of the unit they belong to.

use rusqlite::{Connection, OptionalExtension, params};
use transom_ports::{DbError, Fault, Outcome};
use transom_sql::statement::Idempotency;

use crate::{errors, writer::Context};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS _transom_idempotency (
  scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, outcomes TEXT NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (scope, key)) WITHOUT ROWID";

/// What the unit of this key did, if it was here before.
/// Errors: the key was used for another request.
pub(crate) fn earlier(connection: &Connection, key: &Idempotency) -> Result<Option<Vec<Outcome>>, DbError> {
    let found = || -> rusqlite::Result<Option<(String, String)>> {
        connection.prepare_cached(TABLE)?.raw_execute()?;
        connection
            .prepare_cached(
                "SELECT fingerprint, outcomes FROM _transom_idempotency WHERE scope = ?1 AND key = ?2",
            )?
            .query_row(params![&*key.scope, &*key.key], |row| Ok((row.get(0)?, row.get(1)?)))
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

/// Keeps what the unit of this key did.
pub(crate) fn remember(context: &Context, key: &Idempotency, outcomes: &[Outcome]) -> Result<(), DbError> {
    let outcomes =
        serde_json::to_string(outcomes).map_err(|error| DbError::new(Fault::Internal, error.to_string()))?;
    let insert = || {
        context
            .connection
            .prepare_cached("INSERT INTO _transom_idempotency VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![&*key.scope, &*key.key, &*key.fingerprint, outcomes, context.clock.now_ms()])
    };
    insert().map(|_| ()).map_err(|error| errors::db_error(&error))
}

/// Forgets replies older than this moment, if any were ever kept.
pub(crate) fn forget(connection: &Connection, before_ms: i64) -> rusqlite::Result<()> {
    let kept = "SELECT 1 FROM sqlite_schema WHERE name = '_transom_idempotency'";
    if connection.query_row(kept, [], |_| Ok(())).optional()?.is_some() {
        connection.execute("DELETE FROM _transom_idempotency WHERE at_ms < ?1", [before_ms])?;
    }
    Ok(())
}
