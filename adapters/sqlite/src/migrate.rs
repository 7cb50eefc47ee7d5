//! Migrations and scripts: trusted SQL, each in one transaction that it cannot leave.
//!
//! A script that rebuilds a table may begin with `PRAGMA foreign_keys = OFF`, which the engine ignores within a transaction:
//! it is then heeded before, and every foreign key is checked before the commit.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{
    Connection, OptionalExtension,
    fallible_iterator::FallibleIterator,
    hooks::{AuthAction, AuthContext, Authorization},
    params,
};
use transom_ports::{DbError, Fault, Migration};

use crate::{changes, errors, group, triggers, writer::Context};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS _transom_migrations (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL)";

/// What a script may set; anything else would outlast it, or weaken what Transom promises.
const PRAGMAS_SET: [&str; 5] =
    ["foreign_keys", "defer_foreign_keys", "legacy_alter_table", "user_version", "application_id"];
/// What a script may ask, with an argument.
const PRAGMAS_ASKED: [&str; 11] = [
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "optimize",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

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
    read().map_err(db)
}

/// Applies one migration, unless another server was first. What it does to followed tables is not in the change log:
/// the triggers that write it would stand in the way of changes to their tables.
pub(crate) fn apply(
    context: &mut Context,
    migration: &Migration,
    sql: &str,
    expected_count: u32,
) -> Result<bool, DbError> {
    transaction(context, sql, |context| {
        context.connection.execute(TABLE, []).map_err(db)?;
        if applied(&context.connection)?.len() != expected_count as usize {
            return Ok(false);
        }
        triggers::drop_all(context).map_err(db)?;
        confined(context, sql)?;
        context
            .connection
            .execute(
                "INSERT INTO _transom_migrations VALUES (?1, ?2, ?3, transom_now())",
                params![migration.number, &*migration.name, &*migration.checksum],
            )
            .map_err(db)?;
        context.schema_version = None;
        changes::refresh(context)?;
        Ok(true)
    })
}

/// Runs a script, such as a seed. What it does to followed tables is in the change log.
pub(crate) fn script(context: &mut Context, sql: &str) -> Result<(), DbError> {
    transaction(context, sql, |context| {
        changes::refresh(context)?;
        confined(context, sql)
    })
}

fn transaction<T>(
    context: &mut Context,
    sql: &str,
    work: impl FnOnce(&mut Context) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let execute = |context: &Context, sql: &str| context.connection.execute_batch(sql).map_err(db);
    let unchecked = wants_no_foreign_keys(sql);
    context.clock.begin();
    context.clock.cause("migration");
    if unchecked {
        execute(context, "PRAGMA foreign_keys = OFF")?;
    }
    let run = || {
        execute(context, "BEGIN IMMEDIATE")?;
        let done = work(context)?;
        if unchecked {
            dangling(&context.connection)?;
        }
        context.connection.execute_batch("COMMIT").map_err(|error| errors::commit_error(&error))?;
        Ok(done)
    };
    let outcome = run();
    if outcome.is_err() {
        group::rollback(context);
    }
    execute(context, "PRAGMA foreign_keys = ON; PRAGMA legacy_alter_table = OFF")?;
    context.schema_version = None;
    let position = changes::newest(&context.connection).filter(|_| context.tracking);
    if let Some(position) = position {
        context.positions.send_if_modified(|newest| std::mem::replace(newest, position) != position);
    }
    outcome
}

/// Whether the script turns foreign keys off, in a line of its own.
fn wants_no_foreign_keys(sql: &str) -> bool {
    sql.lines().any(|line| {
        let line: String = line.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        let value =
            line.strip_prefix("pragma foreign_keys").map(|rest| rest.trim_start_matches([' ', '=', '(']));
        value.is_some_and(|value| ["off", "0", "false", "no"].iter().any(|no| value.starts_with(no)))
    })
}

/// Errors: a row that refers to one that is not there.
fn dangling(connection: &Connection) -> Result<(), DbError> {
    let found = connection.query_row("PRAGMA foreign_key_check", [], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(2)?))
    });
    match found.optional().map_err(db)? {
        Some((table, referenced)) => {
            let message = format!("rows of '{table}' refer to rows of '{referenced}' that are not there");
            Err(DbError::new(Fault::ForeignKey, message))
        }
        None => Ok(()),
    }
}

/// Runs statements that may do anything but end the transaction, attach files, change what holds for the connection, or touch
/// Transom's own tables.
fn confined(context: &mut Context, sql: &str) -> Result<(), DbError> {
    let refused: Arc<Mutex<Option<String>>> = Arc::default();
    let noted = refused.clone();
    let judge = move |asked: AuthContext<'_>| match refusal(&asked) {
        None => Authorization::Allow,
        Some(why) => {
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
            Authorization::Deny
        }
    };
    context.connection.authorizer(Some(judge)).map_err(db)?;
    let outcome = batch(&context.connection, sql, &refused);
    let none: Option<fn(AuthContext<'_>) -> Authorization> = None;
    context.connection.authorizer(none).map_err(db)?;
    context.connection.flush_prepared_statement_cache();
    outcome
}

/// Why a script may not do this, if it may not.
fn refusal(asked: &AuthContext<'_>) -> Option<String> {
    let own = |name: &str| name.to_ascii_lowercase().starts_with("_transom_");
    match asked.action {
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => {
            Some("it runs in a transaction of its own: BEGIN, COMMIT, ROLLBACK and SAVEPOINT are not for it".to_owned())
        }
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => {
            Some("it works on one database: ATTACH, DETACH and VACUUM are not for it".to_owned())
        }
        AuthAction::Pragma { pragma_name, pragma_value } => {
            let named = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(pragma_name));
            let may = pragma_value.is_none() || named(&PRAGMAS_SET) || named(&PRAGMAS_ASKED);
            (!may).then(|| format!("PRAGMA {pragma_name} is Transom's to set"))
        }
        AuthAction::CreateTable { table_name }
        | AuthAction::CreateTempTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::CreateTempTrigger { table_name, .. }
        | AuthAction::CreateIndex { table_name, .. }
        | AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::Read { table_name, .. }
            // The change log's own triggers write on behalf of what the script does.
            if own(table_name) && !asked.accessor.is_some_and(own) =>
        {
            Some(format!("{table_name} is Transom's own: names that begin with _transom_ are not for it"))
        }
        _ => None,
    }
}

/// Statement after statement, so that a failure has its line.
fn batch(connection: &Connection, sql: &str, refused: &Mutex<Option<String>>) -> Result<(), DbError> {
    let mut statements = rusqlite::Batch::new(connection, sql);
    let mut at = 0;
    let failed = |at: usize, error: &rusqlite::Error| {
        let mut found = errors::db_error(error);
        if let Some(why) = refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
            found.message = why;
        }
        DbError { message: format!("line {}: {}", line(sql, at), found.message), ..found }
    };
    loop {
        let next = statements.next().map_err(|error| match &error {
            // The engine says where in what is left of the script it stopped.
            rusqlite::Error::SqlInputError { sql: rest, offset, .. } => {
                let start = sql.len().saturating_sub(rest.len());
                match usize::try_from(*offset) {
                    Ok(offset) => failed(start + offset, &error),
                    Err(_) => failed(begin_of(sql, start), &error),
                }
            }
            _ => failed(begin_of(sql, at), &error),
        })?;
        let Some(mut statement) = next else { return Ok(()) };
        let text = statement.expanded_sql().unwrap_or_default();
        let start = sql[at..].find(&text).map_or(at, |found| at + found);
        let mut rows = statement.raw_query();
        while rows.next().map_err(|error| failed(begin_of(sql, start), &error))?.is_some() {}
        at = (start + text.len()).min(sql.len());
    }
}

/// Where the statement begins that has white space and comments before it.
fn begin_of(sql: &str, mut at: usize) -> usize {
    loop {
        let rest = &sql[at..];
        let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
        at += rest.len() - trimmed.len();
        let comment = match (trimmed.strip_prefix("--"), trimmed.strip_prefix("/*")) {
            (Some(line), _) => line.find('\n').map(|end| end + 3),
            (_, Some(block)) => block.find("*/").map(|end| end + 4),
            _ => None,
        };
        match comment {
            Some(length) => at += length,
            None => return at,
        }
    }
}

fn line(sql: &str, at: usize) -> usize {
    sql.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn db(error: rusqlite::Error) -> DbError {
    errors::db_error(&error)
}
