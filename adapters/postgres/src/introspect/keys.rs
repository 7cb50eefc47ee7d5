//! Keys, foreign keys and indexes.

use tokio_postgres::Row;
use transom_query::catalog::ForeignKey;

use super::{Found, of_relations};

/// Those of a partitioned table's partitions are its own again. Foreign keys over periods join by more than equal columns;
/// the column that tells them is only there from version 18 on.
pub(super) const CONSTRAINTS: &str = of_relations!(
    "
SELECT k.conrelid, k.contype::text, k.conkey, k.confrelid, k.confkey, k.conname::text
FROM relations o JOIN pg_constraint k ON k.conrelid = o.oid
WHERE k.contype IN ('p', 'u', 'f') AND k.conparentid = 0
  AND (k.contype <> 'f' OR to_jsonb(k) ->> 'conperiod' IS DISTINCT FROM 'true')
ORDER BY k.conrelid, k.conname"
);

/// Indexes that hold every row in order; unique ones are keys too, where a row is found by them in any case.
pub(super) const INDEXES: &str = of_relations!(
    "
SELECT i.indrelid, i.indkey::int2[], i.indisunique AND i.indimmediate, i.indnkeyatts
FROM relations o JOIN pg_index i ON i.indrelid = o.oid
JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
WHERE i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'
ORDER BY i.indrelid, i.indexrelid"
);

pub(super) fn constraint(found: &mut Found, row: &Row) {
    let (oid, kind): (u32, &str) = (row.get(0), row.get(1));
    let Some(columns) = found.numbered(oid, row.get::<_, Vec<i16>>(2).as_slice()) else { return };
    if kind != "f" {
        let Some(table) = found.of(oid) else { return };
        match kind {
            "p" => table.primary_key = columns,
            _ => table.unique_keys.push(columns),
        }
        return;
    }
    let referred: u32 = row.get(3);
    // A table that is not served is as if it were not there.
    let Some(to) = found.ids.get(&referred).copied() else { return };
    let Some(referenced) = found.numbered(referred, row.get::<_, Vec<i16>>(4).as_slice()) else { return };
    let key = ForeignKey { name: row.get::<_, &str>(5).into(), columns, table: to, referenced };
    if let Some(table) = found.of(oid) {
        table.foreign_keys.push(key);
    }
}

pub(super) fn index(found: &mut Found, row: &Row) {
    let (oid, count): (u32, i16) = (row.get(0), row.get(3));
    let numbers: Vec<i16> = row.get(1);
    let numbers = &numbers[..numbers.len().min(usize::try_from(count).unwrap_or(0))];
    // An expression has the number 0: what stands before it still leads.
    let plain = numbers.iter().position(|number| *number == 0).unwrap_or(numbers.len());
    let Some(columns) = found.numbered(oid, &numbers[..plain]) else { return };
    let unique: bool = row.get(2);
    let Some(table) = found.of(oid) else { return };
    let is_key = table.primary_key == columns || table.unique_keys.contains(&columns);
    if unique && plain == numbers.len() && !is_key {
        table.unique_keys.push(columns.clone());
    }
    if !columns.is_empty() {
        table.indexes.push(columns);
    }
}
