//! Handwritten statements.

use rusqlite::Connection;
use transom_ports::database::Described;
use transom_types::DataType;

use super::types;

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
            declared.map_or(DataType::Any, |declared| types::data_type(&declared)),
        ));
    }
    Ok(Described { columns, read_only: statement.readonly() })
}
