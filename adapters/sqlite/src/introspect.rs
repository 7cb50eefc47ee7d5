//! Reads the schema into a catalog.

use ahash::AHashMap;
use rusqlite::Connection;
use transom_ports::database::Described;
use transom_query::{
    Catalog, ColumnId, TableId,
    catalog::{Access, Column, ForeignKey, FullTextIndex, Table, TableKind},
};
use transom_types::DataType;

use crate::constraint_names::foreign_key_names;

/// The tables and views of a database, but for the engine's and Transom's own.
pub(crate) fn catalog(connection: &Connection) -> rusqlite::Result<Catalog> {
    let objects = objects(connection)?;
    let mut tables = Vec::with_capacity(objects.len());
    for object in &objects {
        tables.push(table(connection, object)?);
    }
    let names: AHashMap<Box<str>, TableId> =
        (0u32..).zip(&tables).map(|(id, table)| (table.name.clone(), TableId(id))).collect();
    for (at, object) in objects.iter().enumerate() {
        if !object.view {
            tables[at].foreign_keys = foreign_keys(connection, &tables, at, &names, &object.sql)?;
        }
    }
    for (at, object) in objects.iter().enumerate() {
        if object.view {
            through_view(connection, &mut tables, at, &names)?;
        }
    }
    full_text(&objects, &mut tables, &names);
    Ok(Catalog::new(tables, Vec::new()))
}

struct Object {
    name: String,
    view: bool,
    sql: String,
    writable: bool,
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
        Ok(Object { name: row.get(0)?, view: row.get(1)?, sql: row.get(2)?, writable: row.get(3)? })
    })?;
    rows.collect()
}

fn table(connection: &Connection, object: &Object) -> rusqlite::Result<Table> {
    let mut statement = connection.prepare(
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid",
    )?;
    let mut keyed = Vec::new();
    let mut columns = Vec::new();
    let mut rows = statement.query([&object.name])?;
    while let Some(row) = rows.next()? {
        let (declared, key, hidden): (String, i64, i64) = (row.get(1)?, row.get(4)?, row.get(5)?);
        if hidden == 1 {
            continue;
        }
        if key > 0 {
            keyed.push((key, ColumnId(columns.len() as u32)));
        }
        let not_null: bool = row.get(2)?;
        columns.push(Column {
            name: row.get::<_, String>(0)?.into(),
            data_type: data_type(&declared),
            nullable: !not_null && key == 0,
            default: row.get::<_, Option<String>>(3)?.map(Into::into),
            generated: hidden > 1,
            identity: false,
            access: Access::ALL,
            comment: None,
        });
    }
    keyed.sort_unstable();
    let primary_key: Vec<ColumnId> = keyed.into_iter().map(|(_, column)| column).collect();
    let without_rowid = object.sql.to_ascii_uppercase().contains("WITHOUT ROWID");
    if let [only] = primary_key.as_slice() {
        let column = &mut columns[only.0 as usize];
        column.identity = column.data_type == DataType::Integer && !without_rowid;
    }
    let (unique_keys, mut indexes) = keys(connection, &object.name, &columns)?;
    if !primary_key.is_empty() {
        indexes.push(primary_key.clone());
    }
    Ok(Table {
        name: object.name.as_str().into(),
        kind: match object.view {
            true => TableKind::View { writable: object.writable },
            false => TableKind::Table,
        },
        columns,
        primary_key,
        unique_keys,
        foreign_keys: Vec::new(),
        indexes,
        full_text: None,
        access: Access::ALL,
        comment: None,
    })
}

/// Full unique keys, and the columns of every index up to the first expression.
#[allow(clippy::type_complexity, reason = "two lists of column lists")]
fn keys(
    connection: &Connection,
    table: &str,
    columns: &[Column],
) -> rusqlite::Result<(Vec<Vec<ColumnId>>, Vec<Vec<ColumnId>>)> {
    let mut statement = connection
        .prepare("SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1) ORDER BY seq")?;
    let list = statement.query_map([table], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, bool>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, bool>(3)?,
        ))
    })?;
    let (mut unique_keys, mut indexes) = (Vec::new(), Vec::new());
    for index in list.collect::<rusqlite::Result<Vec<_>>>()? {
        let (name, unique, origin, partial) = index;
        let mut members = connection.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
        let names = members.query_map([&name], |row| row.get::<_, Option<String>>(0))?;
        let names: Vec<Option<String>> = names.collect::<rusqlite::Result<_>>()?;
        let found = |name: &Option<String>| {
            let name = name.as_ref()?;
            columns.iter().position(|column| &*column.name == name).map(|at| ColumnId(at as u32))
        };
        let members: Vec<ColumnId> = names.iter().map_while(found).collect();
        let whole = members.len() == names.len();
        if unique && whole && !partial && origin != "pk" {
            unique_keys.push(members.clone());
        }
        if !partial && !members.is_empty() {
            indexes.push(members);
        }
    }
    Ok((unique_keys, indexes))
}

/// A foreign key without a name gets the one that other engines would give it.
fn foreign_keys(
    connection: &Connection,
    tables: &[Table],
    at: usize,
    names: &AHashMap<Box<str>, TableId>,
    sql: &str,
) -> rusqlite::Result<Vec<ForeignKey>> {
    let named = foreign_key_names(sql);
    let table = &tables[at];
    let mut statement = connection.prepare(
        "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq",
    )?;
    let mut rows = statement.query([&table.name])?;
    /// Columns of both sides; the second may go without saying.
    type Pairs = Vec<(String, Option<String>)>;
    let mut keys: Vec<(i64, String, Pairs)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, to, pair): (i64, String, _) = (row.get(0)?, row.get(1)?, (row.get(2)?, row.get(3)?));
        match keys.last_mut() {
            Some((last, _, pairs)) if *last == id => pairs.push(pair),
            _ => keys.push((id, to, vec![pair])),
        }
    }
    // The engine lists them last declared first.
    keys.reverse();
    let mut found = Vec::new();
    for (_, to, pairs) in keys {
        let referenced_table =
            names.iter().find(|(name, _)| name.eq_ignore_ascii_case(&to)).map(|(_, id)| *id);
        let Some(referenced_table) = referenced_table else { continue };
        let target = &tables[referenced_table.0 as usize];
        let columns: Option<Vec<ColumnId>> = pairs.iter().map(|(from, _)| insensitive(table, from)).collect();
        let referenced: Option<Vec<ColumnId>> = match pairs.iter().all(|(_, to)| to.is_none()) {
            true => Some(target.primary_key.clone()),
            false => pairs.iter().map(|(_, to)| insensitive(target, to.as_deref()?)).collect(),
        };
        if let (Some(columns), Some(referenced)) = (columns, referenced)
            && columns.len() == referenced.len()
        {
            let from: Vec<&str> = columns.iter().map(|column| &*table[*column].name).collect();
            let given = named.iter().find(|(_, of)| {
                of.len() == from.len() && of.iter().zip(&from).all(|(of, from)| of.eq_ignore_ascii_case(from))
            });
            let name = match given {
                Some((name, _)) => name.as_str().into(),
                None => format!("{}_{}_fkey", table.name, from.join("_")).into(),
            };
            found.push(ForeignKey { name, columns, table: referenced_table, referenced });
        }
    }
    Ok(found)
}

fn insensitive(table: &Table, name: &str) -> Option<ColumnId> {
    let found = table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    found.map(|at| ColumnId(at as u32))
}

/// A view's columns show columns of tables: types, keys and foreign keys follow them through.
fn through_view(
    connection: &Connection,
    tables: &mut [Table],
    at: usize,
    names: &AHashMap<Box<str>, TableId>,
) -> rusqlite::Result<()> {
    let name = tables[at].name.replace('"', "\"\"");
    let Ok(statement) = connection.prepare(&format!("SELECT * FROM \"{name}\"")) else {
        // A view over what is gone stays visible; reading it says what is wrong.
        return Ok(());
    };
    let origin = |(at, column): (usize, rusqlite::ColumnMetadata<'_>)| {
        let table = *names.get(column.table_name()?)?;
        let of = tables[table.0 as usize].column(column.origin_name()?)?;
        Some((ColumnId(at as u32), table, of))
    };
    let origins: Vec<(ColumnId, TableId, ColumnId)> =
        statement.columns_with_metadata().enumerate().filter_map(origin).collect();
    let shown = |table: TableId, column: ColumnId| {
        origins.iter().find(|(_, of, origin)| *of == table && *origin == column).map(|(shown, _, _)| *shown)
    };
    let mut bases: Vec<TableId> = origins.iter().map(|(_, table, _)| *table).collect();
    bases.dedup();
    let mut primary_keys = Vec::new();
    let mut foreign_keys = Vec::new();
    for base in bases {
        let table = &tables[base.0 as usize];
        let key: Option<Vec<ColumnId>> =
            table.primary_key.iter().map(|column| shown(base, *column)).collect();
        primary_keys.extend(key.filter(|key| !key.is_empty()));
        for key in &table.foreign_keys {
            let columns: Option<Vec<ColumnId>> =
                key.columns.iter().map(|column| shown(base, *column)).collect();
            if let Some(columns) = columns {
                foreign_keys.push(ForeignKey { columns, ..key.clone() });
            }
        }
    }
    let types: Vec<(ColumnId, DataType)> =
        origins.iter().map(|(at, table, of)| (*at, tables[table.0 as usize][*of].data_type)).collect();
    drop(statement);
    let view = &mut tables[at];
    for (column, data_type) in types {
        view.columns[column.0 as usize].data_type = data_type;
    }
    primary_keys.dedup();
    // Two tables' keys in one view mean that neither alone names a row.
    if let [key] = primary_keys.as_slice() {
        view.primary_key = key.clone();
    }
    view.foreign_keys = foreign_keys;
    Ok(())
}

/// An FTS5 table whose content is another table is that table's index.
fn full_text(objects: &[Object], tables: &mut [Table], names: &AHashMap<Box<str>, TableId>) {
    for (at, object) in objects.iter().enumerate() {
        let lower = object.sql.to_ascii_lowercase();
        if !lower.starts_with("create virtual table") || !lower.contains("using fts5") {
            continue;
        }
        let content = option(&object.sql, "content");
        let Some(content) = content.and_then(|content| names.get(content).copied()) else { continue };
        let row_id = option(&object.sql, "content_rowid");
        let searched: Vec<Box<str>> = tables[at].columns.iter().map(|column| column.name.clone()).collect();
        let table = &mut tables[content.0 as usize];
        let row_id = match row_id {
            Some(name) => table.column(name),
            None => table.primary_key.first().copied().filter(|key| table[*key].identity),
        };
        let columns: Vec<ColumnId> = searched.iter().filter_map(|name| table.column(name)).collect();
        if let Some(row_id) = row_id {
            table.full_text = Some(FullTextIndex { name: object.name.as_str().into(), columns, row_id });
        }
    }
}

/// The value of an option of a virtual table's declaration: `content='products'`.
fn option<'s>(sql: &'s str, name: &str) -> Option<&'s str> {
    let lower = sql.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = lower[from..].find(name) {
        let start = from + found;
        from = start + name.len();
        let own = !lower[..start].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let Some(value) = sql[from..].trim_start().strip_prefix('=').filter(|_| own) else { continue };
        let value = value.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        return value[1..].split(quote).next();
    }
    None
}

/// The type behind a declared one, by the words that people write.
fn data_type(declared: &str) -> DataType {
    let declared = declared.to_ascii_uppercase();
    let named = |names: &[&str]| names.iter().any(|name| declared.contains(name));
    match declared.split('(').next().unwrap_or("").trim() {
        "" | "ANY" => DataType::Any,
        _ if named(&["BOOL"]) => DataType::Bool,
        _ if named(&["JSON"]) => DataType::Json,
        _ if named(&["UUID"]) => DataType::Uuid,
        _ if named(&["INT", "SERIAL"]) => DataType::Integer,
        _ if named(&["TIMESTAMP", "DATETIME"]) => DataType::Timestamp,
        "DATE" => DataType::Date,
        "TIME" => DataType::Time,
        _ if named(&["BLOB", "BYTEA", "BINARY"]) => DataType::Bytes,
        _ if named(&["CHAR", "CLOB", "TEXT"]) => DataType::Text,
        _ if named(&["REAL", "FLOA", "DOUB"]) => DataType::Real,
        _ if named(&["DEC", "NUM", "MONEY"]) => DataType::Numeric,
        _ => DataType::Any,
    }
}

/// What a handwritten statement returns, and whether it only reads.
pub(crate) fn describe(connection: &Connection, sql: &str) -> rusqlite::Result<Described> {
    let statement = connection.prepare(sql)?;
    let mut columns = Vec::new();
    for column in statement.columns_with_metadata() {
        let declared: Option<String> = match (column.table_name(), column.origin_name()) {
            (Some(table), Some(origin)) => {
                let found = "SELECT type FROM pragma_table_xinfo(?1) WHERE name = ?2";
                connection.query_row(found, [table, origin], |row| row.get(0)).ok()
            }
            _ => None,
        };
        columns.push((
            column.name().to_owned(),
            declared.map_or(DataType::Any, |declared| data_type(&declared)),
        ));
    }
    Ok(Described { columns, read_only: statement.readonly() })
}
