//! Counted keys, after rows came with keys of their own.

use transom_ports::{Database, DbError};
use transom_query::{Catalog, catalog::TableKind};

/// Makes every table's counters go on behind the keys that are there.
pub async fn go_on(database: &dyn Database, catalog: &Catalog) -> Result<(), DbError> {
    let mut script = String::new();
    for (_, table) in catalog.tables().filter(|(_, table)| table.kind == TableKind::Table) {
        database.dialect().go_on(&mut script, table);
    }
    if script.is_empty() { Ok(()) } else { database.run_script(&script).await }
}
