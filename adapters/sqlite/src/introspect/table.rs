//! Columns and keys of one table or view.

use rusqlite::Connection;
use transom_query::{
    ColumnId,
    catalog::{Access, Column, Table, TableKind},
};
use transom_types::DataType;

use super::{Object, types};

pub(super) fn read(connection: &Connection, object: &Object) -> rusqlite::Result<Table> {
    let mut statement = connection.prepare(
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid",
    )?;
    let mut keyed = Vec::new();
    let mut columns = Vec::new();
    let mut whole_number = false;
    let mut rows = statement.query([&object.name])?;
    while let Some(row) = rows.next()? {
        let (declared, key, hidden): (String, i64, i64) = (row.get(1)?, row.get(4)?, row.get(5)?);
        if hidden == 1 {
            continue;
        }
        if key > 0 {
            keyed.push((key, ColumnId(columns.len() as u32)));
            whole_number = declared.eq_ignore_ascii_case("INTEGER");
        }
        let not_null: bool = row.get(2)?;
        let name: String = row.get(0)?;
        columns.push(Column {
            data_type: types::data_type(&declared),
            nullable: !not_null && key == 0,
            default: row.get::<_, Option<String>>(3)?.map(Into::into),
            generated: hidden > 1,
            identity: false,
            engine_type: None,
            collation: collation(connection, &object.name, &name),
            vector: false,
            computed: false,
            representation: None,
            name: name.into(),
            access: Access::ALL,
            comment: None,
        });
    }
    keyed.sort_unstable();
    let primary_key: Vec<ColumnId> = keyed.into_iter().map(|(_, column)| column).collect();
    let keys = keys(connection, &object.name, &columns)?;
    if let [only] = primary_key.as_slice() {
        // The engine gives out row ids; a key that has an index of its own is none.
        columns[only.0 as usize].identity = whole_number && !keys.primary_has_index;
    }
    let mut indexes = keys.indexes;
    if !primary_key.is_empty() && !indexes.contains(&primary_key) {
        indexes.push(primary_key.clone());
    }
    Ok(Table {
        name: object.name.as_str().into(),
        kind: match object.view {
            true => TableKind::View { writable: object.triggers },
            false => TableKind::Table,
        },
        columns,
        primary_key,
        unique_keys: keys.unique,
        foreign_keys: Vec::new(),
        indexes,
        full_text: None,
        schema: None,
        access: Access::ALL,
        comment: None,
    })
}

/// How a column's text compares, unless it is by its bytes. A view's columns do not tell.
fn collation(connection: &Connection, table: &str, column: &str) -> Option<Box<str>> {
    let (_, collation, ..) = connection.column_metadata(None, table, column).ok()?;
    let name = collation?.to_str().ok()?;
    (!name.eq_ignore_ascii_case("BINARY")).then(|| name.into())
}

/// A row id as a column.
pub(super) fn row_id() -> Column {
    Column {
        name: "rowid".into(),
        data_type: DataType::Integer,
        nullable: false,
        default: None,
        generated: false,
        identity: true,
        engine_type: None,
        collation: None,
        vector: false,
        computed: false,
        representation: None,
        access: Access::ALL,
        comment: None,
    }
}

struct Keys {
    /// Keys beside the primary one, that hold for every row.
    unique: Vec<Vec<ColumnId>>,
    /// The columns of every index, up to the first expression.
    indexes: Vec<Vec<ColumnId>>,
    primary_has_index: bool,
}

fn keys(connection: &Connection, table: &str, columns: &[Column]) -> rusqlite::Result<Keys> {
    let mut statement = connection
        .prepare("SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1) ORDER BY seq")?;
    let list = statement.query_map([table], |row| {
        let (name, unique, origin, partial) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok::<(String, bool, String, bool), rusqlite::Error>((name, unique, origin, partial))
    })?;
    let mut keys = Keys { unique: Vec::new(), indexes: Vec::new(), primary_has_index: false };
    for index in list.collect::<rusqlite::Result<Vec<_>>>()? {
        let (name, unique, origin, partial) = index;
        keys.primary_has_index |= origin == "pk";
        let mut members = connection.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
        let names = members.query_map([&name], |row| row.get::<_, Option<String>>(0))?;
        let names: Vec<Option<String>> = names.collect::<rusqlite::Result<_>>()?;
        let found = |name: &Option<String>| {
            let name = name.as_ref()?;
            columns.iter().position(|column| &*column.name == name).map(|at| ColumnId(at as u32))
        };
        let members: Vec<ColumnId> = names.iter().map_while(found).collect();
        let whole = members.len() == names.len();
        if unique && whole && !partial && origin != "pk" && !keys.unique.contains(&members) {
            keys.unique.push(members.clone());
        }
        if !partial && !members.is_empty() {
            keys.indexes.push(members);
        }
    }
    Ok(keys)
}
