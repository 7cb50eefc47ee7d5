//! The change log: it is appended to in the transaction that makes the change, and read in commit order.
//!
//! A position is the log's row id. One writer at a time, and a unit that is undone takes its rows back, so positions follow
//! commit order without gaps; the newest row is never removed, so none comes twice.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value as Json};
use transom_ports::{Change, ChangeKind, DbError, Fault};
use transom_types::ChangePosition;

use crate::{errors, functions::system_ms, group, rows, triggers, writer::Context};

pub(crate) const TABLE: &str = "CREATE TABLE IF NOT EXISTS _transom_changes (
  position INTEGER PRIMARY KEY, table_name TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
  before TEXT, after TEXT, cause TEXT NOT NULL, at_ms INTEGER NOT NULL)";

/// Most old changes that one cleaning removes, so that no write waits long for it.
const CLEANED_MAX: u32 = 1_000;

/// Follows these tables from now on, in addition to those followed already.
pub(crate) fn track(context: &mut Context, tables: &[Box<str>]) -> Result<(), DbError> {
    let before = context.tracked.clone();
    for table in tables {
        if !context.tracked.contains(table) {
            context.tracked.push(table.clone());
        }
    }
    let execute = |context: &Context, sql: &str| {
        context.connection.execute_batch(sql).map_err(|error| errors::db_error(&error))
    };
    let follow = |context: &mut Context| {
        execute(context, "BEGIN IMMEDIATE")?;
        execute(context, TABLE)?;
        triggers::make(context, triggers::Missing::IsAnError)?;
        execute(context, "COMMIT")
    };
    if let Err(error) = follow(context) {
        context.tracked = before;
        group::rollback(context);
        return Err(error);
    }
    context.tracking = true;
    context.positions.send_replace(newest(&context.connection).unwrap_or_default());
    Ok(())
}

/// Makes the triggers anew when the schema is another one: a migration, or another program, changed it.
pub(crate) fn refresh(context: &mut Context) -> Result<(), DbError> {
    let version = || -> rusqlite::Result<i64> {
        context.connection.prepare_cached("PRAGMA schema_version")?.query_row([], |row| row.get(0))
    };
    let version = version().map_err(|error| errors::db_error(&error))?;
    if context.schema_version != Some(version) {
        context.counted.clear();
        if !context.tracked.is_empty() {
            triggers::make(context, triggers::Missing::IsLeftOut)?;
        }
        context.schema_version = Some(version);
    }
    Ok(())
}

/// The engine tells of inserts into tables with row ids; for the others a trigger does.
pub(crate) fn count_inserts(context: &mut Context, table: &str) -> Result<(), DbError> {
    if !context.counted.contains(table) {
        triggers::make_counter(&context.connection, table).map_err(|error| errors::db_error(&error))?;
        context.counted.insert(table.into());
    }
    Ok(())
}

/// The newest position; `None` where there is no log.
pub(crate) fn newest(connection: &Connection) -> Option<ChangePosition> {
    let newest = connection.prepare_cached("SELECT coalesce(max(position), 0) FROM _transom_changes");
    let newest = newest.and_then(|mut found| found.query_row([], |row| row.get::<_, i64>(0)));
    newest.ok().map(|position| ChangePosition(position.max(0) as u64))
}

/// The newest position that is in the log no more.
pub(crate) fn removed(context: &Context) -> u64 {
    let oldest = || -> rusqlite::Result<Option<i64>> {
        context
            .connection
            .prepare_cached("SELECT min(position) FROM _transom_changes")?
            .query_row([], |row| row.get(0))
    };
    match context.tracking {
        true => oldest().ok().flatten().map_or(0, |oldest| oldest.saturating_sub(1).max(0) as u64),
        false => 0,
    }
}

/// Committed changes after a position, in commit order. One statement, so that a cleaning cannot come between.
pub(crate) fn after(
    connection: &Connection,
    position: ChangePosition,
    count_max: u32,
) -> Result<Vec<Change>, DbError> {
    let read = || -> rusqlite::Result<Vec<Change>> {
        let there = "SELECT 1 FROM sqlite_schema WHERE name = '_transom_changes'";
        if connection.prepare_cached(there)?.query_row([], |_| Ok(())).optional()?.is_none() {
            return Ok(Vec::new());
        }
        let mut statement = connection.prepare_cached(
            "SELECT position, table_name, kind, key, before, after, cause, at_ms FROM _transom_changes
             WHERE position > ?1 ORDER BY position LIMIT ?2",
        )?;
        let after = i64::try_from(position.0).unwrap_or(i64::MAX);
        statement.query_map(params![after, count_max], change)?.collect()
    };
    let changes = read().map_err(|error| errors::db_error(&error))?;
    match changes.first() {
        // Positions have no gaps: what is missing was removed.
        Some(first) if first.position.0 != position.0.saturating_add(1) => {
            let message = format!("the log begins at {}", first.position.0);
            Err(DbError::new(Fault::ChangesExpired, message))
        }
        _ => Ok(changes),
    }
}

fn change(row: &rusqlite::Row<'_>) -> rusqlite::Result<Change> {
    // Not every text of the engine is one: what is not must not stop the log for ever.
    let text = |at: usize| -> rusqlite::Result<Option<String>> {
        Ok(row.get_ref(at)?.as_bytes().ok().map(|bytes| rows::valid(bytes.to_vec())))
    };
    let object = |at: usize| -> rusqlite::Result<Option<Map<String, Json>>> {
        Ok(text(at)?.and_then(|text| serde_json::from_str(&text).ok()))
    };
    Ok(Change {
        position: ChangePosition(row.get::<_, i64>(0)?.max(0) as u64),
        table: text(1)?.unwrap_or_default().into(),
        kind: match text(2)?.as_deref() {
            Some("INSERT") => ChangeKind::Insert,
            Some("DELETE") => ChangeKind::Delete,
            _ => ChangeKind::Update,
        },
        key: object(3)?.unwrap_or_default(),
        before: object(4)?,
        after: object(5)?,
        cause: text(6)?.unwrap_or_default().into(),
        at_ms: row.get(7)?,
    })
}

/// Removes some of the changes that are too old or too many; whether there may be more. The newest stays.
pub(crate) fn clean(context: &Context) -> rusqlite::Result<bool> {
    let Some(newest) = context.tracking.then(|| newest(&context.connection)).flatten() else {
        return Ok(false);
    };
    let options = &context.options;
    let too_many = newest.0.saturating_sub(options.change_count_max);
    let too_old_ms = system_ms().saturating_sub(options.change_age_max.as_millis() as i64);
    // Only the oldest are looked at: the log is long.
    let last: Option<i64> = context
        .connection
        .prepare_cached(
            "SELECT max(position) FROM (SELECT position, at_ms FROM _transom_changes ORDER BY position LIMIT ?1)
             WHERE (position <= ?2 OR at_ms < ?3) AND position < ?4",
        )?
        .query_row(params![CLEANED_MAX, too_many as i64, too_old_ms, newest.0 as i64], |row| row.get(0))?;
    let Some(last) = last else { return Ok(false) };
    let mut delete =
        context.connection.prepare_cached("DELETE FROM _transom_changes WHERE position <= ?1")?;
    Ok(delete.execute([last])? >= CLEANED_MAX as usize)
}
