//! Columns and their types.

use tokio_postgres::Row;
use transom_query::{
    ColumnId,
    catalog::{Access, Column, FullTextIndex},
};
use transom_types::DataType;

use super::Found;

/// A domain is as its base type; `format_type` writes every type as SQL, with its schema where that is needed.
pub(super) const COLUMNS: &str = "
WITH RECURSIVE base (type, root) AS (
  SELECT oid, oid FROM pg_type WHERE typtype <> 'd'
  UNION ALL SELECT t.oid, b.root FROM pg_type t JOIN base b ON t.typbasetype = b.type WHERE t.typtype = 'd')
SELECT a.attrelid, a.attnum, a.attname::text, format_type(a.atttypid, a.atttypmod), r.typname::text,
       a.attnotnull OR t.typnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity <> '', a.attgenerated <> '',
       quote_ident(sn.nspname) || '.' || quote_ident(s.relname), col_description(a.attrelid, a.attnum),
       a.attidentity = 'a', rn.nspname = 'pg_catalog'
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid JOIN base b ON b.type = t.oid
JOIN pg_type r ON r.oid = b.root JOIN pg_namespace rn ON rn.oid = r.typnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_depend p ON p.refclassid = 'pg_class'::regclass AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum
  AND p.classid = 'pg_class'::regclass AND p.deptype = 'i' AND a.attidentity <> ''
LEFT JOIN pg_class s ON s.oid = p.objid AND s.relkind = 'S' LEFT JOIN pg_namespace sn ON sn.oid = s.relnamespace
WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum";

pub(super) fn add(found: &mut Found, row: &Row) {
    let (oid, number): (u32, i16) = (row.get(0), row.get(1));
    let Some(table) = found.of(oid) else { return };
    let at = ColumnId(table.columns.len() as u32);
    let (identity, generated, always): (bool, bool, bool) = (row.get(7), row.get(8), row.get(11));
    let default: Option<&str> = row.get(6);
    let sequence: Option<&str> = row.get(9);
    let next = sequence.map(|sequence| format!("nextval('{}')", sequence.replace('\'', "''")));
    let counted = identity || default.is_some_and(|default| default.starts_with("nextval("));
    let data_type = if row.get(12) { data_type(row.get(4)) } else { extension_type(row.get(4)) };
    table.columns.push(Column {
        name: row.get::<_, &str>(2).into(),
        data_type,
        engine_type: Some(row.get::<_, &str>(3).into()),
        nullable: !row.get::<_, bool>(5),
        default: next
            .filter(|_| identity)
            .or(default.filter(|_| !generated).map(str::to_owned))
            .map(Into::into),
        generated: generated || always,
        identity: counted,
        collation: None,
        access: Access::ALL,
        comment: row.get::<_, Option<&str>>(10).map(Into::into),
    });
    found.columns.insert((oid, number), at);
}

/// Any column of text can be searched.
pub(super) fn searched(found: &mut Found) {
    for table in &mut found.tables {
        let text = |column: &Column| {
            column.data_type == DataType::Text || column.engine_type.as_deref() == Some("tsvector")
        };
        let columns: Vec<ColumnId> = (0..)
            .map(ColumnId)
            .zip(&table.columns)
            .filter(|(_, column)| text(column))
            .map(|(id, _)| id)
            .collect();
        if !columns.is_empty() {
            table.full_text = Some(FullTextIndex { name: "".into(), columns, row_id: ColumnId(0) });
        }
    }
}

fn data_type(name: &str) -> DataType {
    match name {
        "bool" => DataType::Bool,
        "int2" | "int4" | "int8" => DataType::Integer,
        "float4" | "float8" => DataType::Real,
        "numeric" => DataType::Numeric,
        "text" | "varchar" | "bpchar" | "name" => DataType::Text,
        "bytea" => DataType::Bytes,
        "json" | "jsonb" => DataType::Json,
        "uuid" => DataType::Uuid,
        "date" => DataType::Date,
        "time" => DataType::Time,
        "timestamp" | "timestamptz" => DataType::Timestamp,
        _ => DataType::Any,
    }
}

fn extension_type(name: &str) -> DataType {
    if name == "citext" { DataType::Text } else { DataType::Any }
}
