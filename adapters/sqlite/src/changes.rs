//! The change log: triggers of the writer's connection append to it in the transaction that makes the change.
//!
//! The triggers are temporary: they catch cascades and the schema's own triggers, and leave nothing behind. A position
//! is the log's row id; a unit that is undone takes its positions back, so there are no gaps.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value as Json};
use transom_ports::{Change, ChangeKind, DbError, Fault};
use transom_query::catalog::{Table, TableKind};
use transom_types::{ChangePosition, DataType};

use crate::{errors, idempotency, introspect, writer::Context};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS _transom_changes (
  position INTEGER PRIMARY KEY, table_name TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
  before TEXT, after TEXT, cause TEXT NOT NULL, at_ms INTEGER NOT NULL)";

/// Most old changes that one cleaning removes, so that no write waits long for it.
const CLEANED_MAX: u32 = 10_000;

/// Follows these tables from now on.
pub(crate) fn track(context: &mut Context, tables: &[Box<str>]) -> Result<(), DbError> {
    let db = |error: rusqlite::Error| errors::db_error(&error);
    let catalog = introspect::catalog(&context.connection).map_err(db)?;
    let mut script = format!("{TABLE};\n");
    for name in tables {
        let table = catalog.table(name).map(|id| &catalog[id]);
        let Some(table) = table.filter(|table| table.kind == TableKind::Table) else {
            let message = format!("changes.tables: '{name}' is no table of this database");
            return Err(DbError::new(Fault::Internal, message));
        };
        script += &triggers(table);
    }
    context.connection.execute_batch(&script).map_err(db)?;
    context.tracking = true;
    let newest = newest(&context.connection).unwrap_or_default();
    context.positions.send_replace(newest);
    Ok(())
}

fn triggers(table: &Table) -> String {
    let name = quoted(&table.name);
    let mut script = String::new();
    for (event, kind) in [("insert", "INSERT"), ("update", "UPDATE"), ("delete", "DELETE")] {
        let before = if event == "insert" { "NULL".to_owned() } else { image(table, "OLD", false) };
        let after = if event == "delete" { "NULL".to_owned() } else { image(table, "NEW", false) };
        let key = image(table, if event == "delete" { "OLD" } else { "NEW" }, true);
        let trigger = quoted(&format!("_transom_{event}_{}", table.name));
        script += &format!(
            "DROP TRIGGER IF EXISTS temp.{trigger};
             CREATE TEMP TRIGGER {trigger} AFTER {kind} ON main.{name} BEGIN
               INSERT INTO _transom_changes (table_name, kind, key, before, after, cause, at_ms)
               VALUES ({}, '{kind}', {key}, {before}, {after}, transom_cause(), transom_now_ms());
             END;\n",
            literal(&table.name)
        );
    }
    script
}

/// The JSON object of a row, or of its key.
fn image(table: &Table, row: &str, key_only: bool) -> String {
    let mut members = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        let in_key = table.primary_key.iter().any(|key| key.0 as usize == at);
        if key_only && !in_key && !table.primary_key.is_empty() {
            continue;
        }
        let value = format!("{row}.{}", quoted(&column.name));
        let value = match column.data_type {
            DataType::Bytes | DataType::Any => {
                format!("iif(typeof({value}) = 'blob', '\\x' || lower(hex({value})), {value})")
            }
            _ => value,
        };
        members.push((literal(&column.name), value));
    }
    // More members than one call may have arguments are put together from several.
    let calls: Vec<String> = members
        .chunks(400)
        .map(|part| {
            let arguments: Vec<String> =
                part.iter().map(|(name, value)| format!("{name}, {value}")).collect();
            format!("json_object({})", arguments.join(", "))
        })
        .collect();
    calls
        .into_iter()
        .reduce(|whole, part| format!("json_patch({whole}, {part})"))
        .unwrap_or_else(|| "'{}'".to_owned())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The newest position; `None` where there is no log.
pub(crate) fn newest(connection: &Connection) -> Option<ChangePosition> {
    let newest = connection.prepare_cached("SELECT coalesce(max(position), 0) FROM _transom_changes");
    let newest = newest.and_then(|mut found| found.query_row([], |row| row.get::<_, i64>(0)));
    newest.ok().map(|position| ChangePosition(position.max(0) as u64))
}

/// Committed changes after a position, in commit order.
pub(crate) fn after(
    connection: &Connection,
    position: ChangePosition,
    count_max: u32,
    newest: ChangePosition,
) -> Result<Vec<Change>, DbError> {
    let read = || -> rusqlite::Result<Result<Vec<Change>, DbError>> {
        let there = "SELECT 1 FROM sqlite_schema WHERE name = '_transom_changes'";
        if connection.query_row(there, [], |_| Ok(())).optional()?.is_none() {
            return Ok(Ok(Vec::new()));
        }
        let oldest: Option<i64> = connection
            .prepare_cached("SELECT min(position) FROM _transom_changes")?
            .query_row([], |row| row.get(0))?;
        let oldest = oldest.map_or(newest.0 + 1, |oldest| oldest.max(0) as u64);
        if position.0 + 1 < oldest {
            let message = format!("the log begins at {oldest}");
            return Ok(Err(DbError::new(Fault::ChangesExpired, message)));
        }
        let mut statement = connection.prepare_cached(
            "SELECT position, table_name, kind, key, before, after, cause, at_ms FROM _transom_changes
             WHERE position > ?1 ORDER BY position LIMIT ?2",
        )?;
        let changes = statement.query_map(params![position.0 as i64, count_max], change)?;
        changes.collect::<rusqlite::Result<Vec<_>>>().map(Ok)
    };
    read().map_err(|error| errors::db_error(&error))?
}

fn change(row: &rusqlite::Row<'_>) -> rusqlite::Result<Change> {
    let object = |text: Option<String>| -> Option<Map<String, Json>> {
        text.and_then(|text| serde_json::from_str(&text).ok())
    };
    let kind: String = row.get(2)?;
    Ok(Change {
        position: ChangePosition(row.get::<_, i64>(0)?.max(0) as u64),
        table: row.get::<_, String>(1)?.into(),
        kind: match kind.as_str() {
            "INSERT" => ChangeKind::Insert,
            "DELETE" => ChangeKind::Delete,
            _ => ChangeKind::Update,
        },
        key: object(row.get(3)?).unwrap_or_default(),
        before: object(row.get(4)?),
        after: object(row.get(5)?),
        cause: row.get::<_, String>(6)?.into(),
        at_ms: row.get(7)?,
    })
}

/// Removes changes and idempotency keys that are too old or too many. The newest change stays: its position must not come again.
pub(crate) fn clean(context: &mut Context) {
    let options = &context.options;
    let now_ms = context.clock.now_ms();
    let age = |age: std::time::Duration| now_ms.saturating_sub(age.as_millis() as i64);
    let run = || -> rusqlite::Result<()> {
        if let Some(newest) = context.tracking.then(|| newest(&context.connection)).flatten() {
            let by_count = newest.0.saturating_sub(options.change_count_max) as i64;
            context.connection.execute(
                "DELETE FROM _transom_changes WHERE position IN (
                   SELECT position FROM _transom_changes
                   WHERE position < ?1 AND (position <= ?2 OR at_ms < ?3) ORDER BY position LIMIT ?4)",
                params![newest.0 as i64, by_count, age(options.change_age_max), CLEANED_MAX],
            )?;
        }
        idempotency::forget(&context.connection, age(options.idempotency_age_max))
    };
    // What cannot be cleaned now (no space, another process writes) is cleaned later.
    let _ = run();
}
