//! Foreign keys. The engine knows their columns but not their names, which only the table's text has.

use rusqlite::Connection;
use transom_query::{
    ColumnId,
    catalog::{ForeignKey, Table},
};

use super::{Names, column, folded};
use crate::constraint_names::foreign_key_names;

/// Columns of both sides; the second may go without saying.
type Pairs = Vec<(String, Option<String>)>;

/// A foreign key without a name gets the one that other engines would give it.
pub(super) fn read(
    connection: &Connection,
    tables: &[Table],
    at: usize,
    sql: &str,
    names: &Names,
) -> rusqlite::Result<Vec<ForeignKey>> {
    let table = &tables[at];
    let declared = declared(connection, &table.name)?;
    let named = foreign_key_names(sql);
    let mut found = Vec::new();
    for (to, pairs) in declared {
        let Some(referenced_table) = names.get(&folded(&to)).copied() else { continue };
        let target = &tables[referenced_table.0 as usize];
        let columns: Option<Vec<ColumnId>> = pairs.iter().map(|(from, _)| column(table, from)).collect();
        let referenced: Option<Vec<ColumnId>> = match pairs.iter().all(|(_, to)| to.is_none()) {
            true => Some(target.primary_key.clone()),
            false => pairs.iter().map(|(_, to)| column(target, to.as_deref()?)).collect(),
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

/// Referenced table and columns of each, in the order of declaration.
fn declared(connection: &Connection, table: &str) -> rusqlite::Result<Vec<(String, Pairs)>> {
    let mut statement = connection.prepare(
        "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id DESC, seq",
    )?;
    let mut rows = statement.query([table])?;
    let mut last = None;
    let mut keys: Vec<(String, Pairs)> = Vec::new();
    // The engine numbers them from the last declared to the first.
    while let Some(row) = rows.next()? {
        let (id, pair): (i64, _) = (row.get(0)?, (row.get(2)?, row.get(3)?));
        match keys.last_mut() {
            Some((_, pairs)) if last == Some(id) => pairs.push(pair),
            _ => keys.push((row.get(1)?, vec![pair])),
        }
        last = Some(id);
    }
    Ok(keys)
}
