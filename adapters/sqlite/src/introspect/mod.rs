//! Reads the schema into a catalog.

mod describe;
mod foreign_key;
mod full_text;
mod table;
mod tokens;
mod types;
mod view;

use ahash::AHashMap;
use rusqlite::Connection;
use transom_query::{Catalog, ColumnId, TableId, catalog::Table};

pub(crate) use describe::describe;

/// The tables and views of a database, but for the engine's and Transom's own, in one snapshot.
pub(crate) fn catalog(connection: &Connection) -> rusqlite::Result<Catalog> {
    if !connection.is_autocommit() {
        return read(connection);
    }
    connection.execute_batch("BEGIN")?;
    let catalog = read(connection);
    connection.execute_batch("COMMIT")?;
    catalog
}

fn read(connection: &Connection) -> rusqlite::Result<Catalog> {
    let mut objects = objects(connection)?;
    let indexes = full_text::take_indexes(connection, &mut objects)?;
    let mut tables = Vec::with_capacity(objects.len());
    let mut there = Vec::with_capacity(objects.len());
    for object in objects {
        match table::read(connection, &object) {
            Ok(table) => {
                tables.push(table);
                there.push(object);
            }
            // A view over what is gone has no columns any more: it is as good as gone itself.
            Err(_) if object.view => {}
            Err(error) => return Err(error),
        }
    }
    let names: Names = (0u32..).zip(&tables).map(|(id, table)| (folded(&table.name), TableId(id))).collect();
    for (at, object) in there.iter().enumerate().filter(|(_, object)| !object.view) {
        tables[at].foreign_keys = foreign_key::read(connection, &tables, at, &object.sql, &names)?;
    }
    for (at, object) in there.iter().enumerate().filter(|(_, object)| object.view) {
        view::follow(connection, &mut tables, at, &object.sql, &names)?;
    }
    full_text::attach(&mut tables, &there, &indexes, &names);
    Ok(Catalog::new(tables, Vec::new()))
}

/// Tables by name, which the engine compares without regard to ASCII case.
type Names = AHashMap<String, TableId>;

fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn column(table: &Table, name: &str) -> Option<ColumnId> {
    let found = table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    found.map(|at| ColumnId(at as u32))
}

/// A table or view as the schema has it.
struct Object {
    name: String,
    view: bool,
    sql: String,
    /// Whether there is a trigger; on a view that is one instead of a write.
    triggers: bool,
}

fn objects(connection: &Connection) -> rusqlite::Result<Vec<Object>> {
    // Virtual tables keep their content in shadow tables, which are nobody's business.
    let mut statement = connection.prepare(
        "SELECT s.name, s.type = 'view', coalesce(s.sql, ''),
           EXISTS (SELECT 1 FROM sqlite_schema t WHERE t.type = 'trigger' AND t.tbl_name = s.name)
         FROM sqlite_schema s JOIN pragma_table_list l ON l.name = s.name AND l.schema = 'main'
         WHERE s.type IN ('table', 'view') AND l.type <> 'shadow'
           AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND s.name NOT LIKE '\\_transom\\_%' ESCAPE '\\'
         ORDER BY s.name",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Object { name: row.get(0)?, view: row.get(1)?, sql: row.get(2)?, triggers: row.get(3)? })
    })?;
    rows.collect()
}
