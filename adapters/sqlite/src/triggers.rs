//! Temporary triggers on the writer's connection, which follow tables.
//!
//! They catch cascades and the schema's own triggers, are seen by no other program, and leave nothing behind.

use rusqlite::{Connection, OptionalExtension};
use transom_ports::{DbError, Fault};
use transom_query::catalog::{Column, Table, TableKind};

use crate::{errors, introspect, writer::Context};

/// More members than one call may have arguments are put together from several.
const MEMBERS_PER_CALL: usize = 400;

/// What a followed table that is not there means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    IsAnError,
    IsLeftOut,
}

/// Makes the triggers of every followed table, in place of those there are.
pub(crate) fn make(context: &Context, missing: Missing) -> Result<(), DbError> {
    let db = |error: rusqlite::Error| errors::db_error(&error);
    let catalog = introspect::catalog(&context.connection).map_err(db)?;
    let mut script = String::new();
    for name in &context.tracked {
        script += &dropped(name);
        let table = catalog.table(name).map(|id| &catalog[id]);
        match (table.filter(|table| table.kind == TableKind::Table), missing) {
            (Some(table), _) => script += &followed(table),
            (None, Missing::IsLeftOut) => {}
            (None, Missing::IsAnError) => {
                let message = format!("changes.tables: '{name}' is no table of this database");
                return Err(DbError::new(Fault::Internal, message));
            }
        }
    }
    context.connection.execute_batch(&script).map_err(db)
}

/// Drops every trigger: a migration may drop the columns that they name.
pub(crate) fn drop_all(context: &mut Context) -> rusqlite::Result<()> {
    let mut script: String = context.tracked.iter().map(|name| dropped(name)).collect();
    for table in std::mem::take(&mut context.counted) {
        script += &format!("DROP TRIGGER IF EXISTS temp.{};\n", quoted(&format!("_transom_count_{table}")));
    }
    context.connection.execute_batch(&script)
}

/// Counts what is inserted into a table without row ids, which the engine's own hook is silent about.
pub(crate) fn make_counter(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    let without = "SELECT wr FROM pragma_table_list(?1) WHERE schema = 'main' AND type = 'table'";
    let without: Option<bool> =
        connection.prepare_cached(without)?.query_row([table], |row| row.get(0)).optional()?;
    if without != Some(true) {
        return Ok(());
    }
    let trigger = quoted(&format!("_transom_count_{table}"));
    connection.execute_batch(&format!(
        "CREATE TEMP TRIGGER IF NOT EXISTS {trigger} AFTER INSERT ON main.{} BEGIN
           SELECT transom_inserted({});
         END",
        quoted(table),
        literal(table)
    ))
}

const EVENTS: [&str; 3] = ["insert", "update", "delete"];

fn dropped(table: &str) -> String {
    let drop = |event: &str| {
        format!("DROP TRIGGER IF EXISTS temp.{};\n", quoted(&format!("_transom_{event}_{table}")))
    };
    EVENTS.iter().map(|event| drop(event)).collect()
}

fn followed(table: &Table) -> String {
    let name = quoted(&table.name);
    let mut script = String::new();
    for event in EVENTS {
        let kind = event.to_ascii_uppercase();
        let (before, after) = match event {
            "insert" => ("NULL".to_owned(), image(table, "NEW", false)),
            "delete" => (image(table, "OLD", false), "NULL".to_owned()),
            _ => (image(table, "OLD", false), image(table, "NEW", false)),
        };
        let key = image(table, if event == "delete" { "OLD" } else { "NEW" }, true);
        let trigger = quoted(&format!("_transom_{event}_{}", table.name));
        script += &format!(
            "CREATE TEMP TRIGGER {trigger} AFTER {kind} ON main.{name} BEGIN
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
        members.push(format!("{}, {}", literal(&column.name), shown(row, column)));
    }
    let calls: Vec<String> =
        members.chunks(MEMBERS_PER_CALL).map(|part| format!("json_object({})", part.join(", "))).collect();
    match calls.as_slice() {
        [whole] => whole.clone(),
        // Each part loses its braces; all together get theirs.
        parts => {
            let parts: Vec<String> =
                parts.iter().map(|part| format!("substr({part}, 2, length({part}) - 2)")).collect();
            format!("'{{' || {} || '}}'", parts.join(" || ',' || "))
        }
    }
}

/// A column of any type may hold bytes or an infinity, of which JSON has none: a followed table must not refuse them.
fn shown(row: &str, column: &Column) -> String {
    let value = format!("{row}.{}", quoted(&column.name));
    if column.identity {
        return value;
    }
    format!(
        "CASE typeof({value}) WHEN 'blob' THEN '\\x' || lower(hex({value})) \
         WHEN 'real' THEN CASE {value} WHEN 9e999 THEN 'Infinity' WHEN -9e999 THEN '-Infinity' ELSE {value} END \
         ELSE {value} END"
    )
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
