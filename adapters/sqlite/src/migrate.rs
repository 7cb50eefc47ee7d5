//! Migrations and scripts: trusted SQL, each in one transaction that it cannot leave.

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{
    Connection, OptionalExtension,
    hooks::{AuthAction, Authorization},
    params,
};
use transom_ports::{DbError, Migration};

use crate::{errors, writer::Context};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS _transom_migrations (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL)";

/// What was applied, in order.
pub(crate) fn applied(connection: &Connection) -> Result<Vec<Migration>, DbError> {
    let read = || -> rusqlite::Result<Vec<Migration>> {
        let there = "SELECT 1 FROM sqlite_schema WHERE name = '_transom_migrations'";
        if connection.query_row(there, [], |_| Ok(())).optional()?.is_none() {
            return Ok(Vec::new());
        }
        let mut statement =
            connection.prepare("SELECT number, name, checksum FROM _transom_migrations ORDER BY number")?;
        let rows = statement.query_map([], |row| {
            Ok(Migration {
                number: row.get(0)?,
                name: row.get::<_, String>(1)?.into(),
                checksum: row.get::<_, String>(2)?.into(),
            })
        })?;
        rows.collect()
    };
    read().map_err(|error| errors::db_error(&error))
}

/// Applies one migration, unless another server was first.
pub(crate) fn apply(
    context: &mut Context,
    migration: &Migration,
    sql: &str,
    expected_count: u32,
) -> Result<bool, DbError> {
    transaction(context, |context| {
        let db = |error: rusqlite::Error| errors::db_error(&error);
        context.connection.execute(TABLE, []).map_err(db)?;
        if applied(&context.connection)?.len() != expected_count as usize {
            return Ok(false);
        }
        confined(context, sql)?;
        context
            .connection
            .execute(
                "INSERT INTO _transom_migrations VALUES (?1, ?2, ?3, transom_now())",
                params![migration.number, &*migration.name, &*migration.checksum],
            )
            .map_err(db)?;
        Ok(true)
    })
}

/// Runs a script, such as a seed.
pub(crate) fn script(context: &mut Context, sql: &str) -> Result<(), DbError> {
    transaction(context, |context| confined(context, sql))
}

fn transaction<T>(
    context: &mut Context,
    work: impl FnOnce(&mut Context) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let execute = |context: &Context, sql: &str| {
        context.connection.execute_batch(sql).map_err(|error| errors::db_error(&error))
    };
    context.clock.begin();
    context.clock.cause("migration");
    execute(context, "BEGIN IMMEDIATE")?;
    let outcome = work(context).and_then(|done| execute(context, "COMMIT").map(|()| done));
    if outcome.is_err() && !context.connection.is_autocommit() {
        execute(context, "ROLLBACK")?;
    }
    outcome
}

/// Runs statements that may do anything but end the transaction, attach files or touch Transom's own tables.
fn confined(context: &mut Context, sql: &str) -> Result<(), DbError> {
    let refuse = |auth: rusqlite::hooks::AuthContext<'_>| match auth.action {
        AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Attach { .. }
        | AuthAction::Detach { .. } => Authorization::Deny,
        AuthAction::DropTable { table_name } | AuthAction::AlterTable { table_name, .. }
            if table_name.starts_with("_transom_") =>
        {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    };
    let db = |error: rusqlite::Error| errors::db_error(&error);
    context.connection.authorizer(Some(refuse)).map_err(db)?;
    let outcome = batch(&context.connection, sql);
    let none: Option<fn(rusqlite::hooks::AuthContext<'_>) -> Authorization> = None;
    context.connection.authorizer(none).map_err(db)?;
    context.connection.flush_prepared_statement_cache();
    outcome
}

/// Statement after statement, so that a failure has its line.
fn batch(connection: &Connection, sql: &str) -> Result<(), DbError> {
    let mut statements = rusqlite::Batch::new(connection, sql);
    loop {
        let Some(mut statement) = statements.next().map_err(|error| failed(sql, None, &error))? else {
            return Ok(());
        };
        let text = statement.expanded_sql();
        let mut rows = statement.raw_query();
        while rows.next().map_err(|error| failed(sql, text.as_deref(), &error))?.is_some() {}
    }
}

/// Where a statement that cannot be prepared stands is in the error; one that fails as it runs is looked up by its text.
fn failed(sql: &str, statement: Option<&str>, error: &rusqlite::Error) -> DbError {
    let start = match error {
        rusqlite::Error::SqlInputError { sql: rest, offset, .. } => {
            sql.len().saturating_sub(rest.len()) + usize::try_from(*offset).unwrap_or(0)
        }
        _ => statement.and_then(|text| sql.find(text)).unwrap_or(0),
    };
    let line = sql.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
    let mut error = errors::db_error(error);
    if error.message.contains("not authorized") {
        error.message =
            "it runs in a transaction of its own: BEGIN, COMMIT, SAVEPOINT and ATTACH are not for it"
                .to_owned();
    }
    DbError { message: format!("line {line}: {}", error.message), ..error }
}
