//! Reads the schema: a few questions about all tables at once, in one snapshot, whatever their number.

mod columns;
mod keys;
#[cfg(test)]
mod tests;
mod views;

use ahash::AHashMap;
use tokio_postgres::{Client, Row};
use transom_ports::DbError;
use transom_query::{
    Catalog, ColumnId, TableId,
    catalog::{Access, Table, TableKind},
};

use crate::errors::{During, db_error};

/// Tables, partitioned tables (their partitions are theirs), views, materialised views, foreign tables.
const TABLES: &str = "
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, pg_relation_is_updatable(c.oid, true) & 8 <> 0,
       obj_description(c.oid, 'pg_class')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
ORDER BY array_position($1, n.nspname::text), c.relname";

/// The tables found so far, and where each and its columns stand.
#[derive(Default)]
struct Found {
    tables: Vec<Table>,
    ids: AHashMap<u32, TableId>,
    columns: AHashMap<(u32, i16), ColumnId>,
}

/// The tables of these schemas. Of two with one name the first schema's is served.
pub(crate) async fn introspect(client: &Client, schemas: &[String]) -> Result<Catalog, DbError> {
    let failed = |error| db_error(&error, During::Read);
    // With no schema in the path every name is written with its own.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''";
    client.batch_execute(begin).await.map_err(failed)?;
    // All are on their way before the first is answered.
    let of: &[&(dyn tokio_postgres::types::ToSql + Sync)] = &[&schemas];
    let (tables, columns, keys, indexes, views) = tokio::try_join!(
        client.query(TABLES, of),
        client.query(columns::COLUMNS, of),
        client.query(keys::CONSTRAINTS, of),
        client.query(keys::INDEXES, of),
        client.query(views::DEFINITIONS, of),
    )
    .map_err(failed)?;
    client.batch_execute("COMMIT").await.map_err(failed)?;
    let mut found = Found::default();
    tables.iter().for_each(|row| found.table(row));
    columns.iter().for_each(|row| columns::add(&mut found, row));
    columns::searched(&mut found);
    keys.iter().for_each(|row| keys::constraint(&mut found, row));
    indexes.iter().for_each(|row| keys::index(&mut found, row));
    views::add(&mut found, &views);
    Ok(Catalog::new(found.tables, Vec::new()))
}

impl Found {
    fn table(&mut self, row: &Row) {
        let name: &str = row.get(2);
        if self.tables.iter().any(|table| &*table.name == name) {
            return;
        }
        let writable: bool = row.get(4);
        let kind = match row.get::<_, &str>(3) {
            "v" => TableKind::View { writable },
            "m" => TableKind::View { writable: false },
            _ => TableKind::Table,
        };
        self.ids.insert(row.get(0), TableId(self.tables.len() as u32));
        self.tables.push(Table {
            name: name.into(),
            schema: Some(row.get::<_, &str>(1).into()),
            kind,
            columns: Vec::new(),
            primary_key: Vec::new(),
            unique_keys: Vec::new(),
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
            full_text: None,
            access: Access::ALL,
            comment: row.get::<_, Option<&str>>(5).map(Into::into),
        });
    }

    fn of(&mut self, oid: u32) -> Option<&mut Table> {
        let id = self.ids.get(&oid)?;
        self.tables.get_mut(id.0 as usize)
    }

    /// Columns by their numbers; `None` when one is not served.
    fn numbered(&self, oid: u32, numbers: &[i16]) -> Option<Vec<ColumnId>> {
        numbers.iter().map(|number| self.columns.get(&(oid, *number)).copied()).collect()
    }
}
