//! Columns and their types.

use tokio_postgres::Row;
use transom_query::{
    ColumnId,
    catalog::{Access, Column, FullTextIndex, Representation},
};
use transom_types::DataType;

use super::{Found, of_relations};

/// A domain is as its base type, and is not NULL or has a default if any on the way is or has. `format_type` writes every
/// type as SQL, with its schema where that is needed. A value is cast to that type before it is written: a cast to
/// `varchar(3)`, or to a domain over it, would cut the text where an assignment refuses it, so those are without a length.
pub(super) const COLUMNS: &str = of_relations!(
    ", base (type, root, required, given) AS (
  SELECT oid, oid, false, NULL::text COLLATE \"C\" FROM pg_type WHERE typtype <> 'd'
  UNION ALL SELECT t.oid, b.root, b.required OR t.typnotnull, coalesce(pg_get_expr(t.typdefaultbin, 0), b.given)
  FROM pg_type t JOIN base b ON t.typbasetype = b.type WHERE t.typtype = 'd')
SELECT a.attrelid, a.attnum, a.attname::text,
       CASE WHEN coalesce(nullif(r.typelem, 0), r.oid) IN ('varchar'::regtype, 'bpchar'::regtype, 'bit'::regtype, 'varbit'::regtype)
         THEN format_type(r.oid, -1) ELSE format_type(a.atttypid, a.atttypmod) END,
       r.typname::text, a.attnotnull OR b.required AND c.relkind NOT IN ('v', 'm'),
       coalesce(pg_get_expr(d.adbin, d.adrelid), b.given), a.attidentity <> '', a.attgenerated <> '',
       quote_ident(sn.nspname) || '.' || quote_ident(s.relname), col_description(a.attrelid, a.attnum),
       a.attidentity = 'a', rn.nspname = 'pg_catalog', shown.to_json, shown.from_json, shown.from_text
FROM relations o JOIN pg_class c ON c.oid = o.oid JOIN pg_attribute a ON a.attrelid = c.oid
JOIN base b ON b.type = a.atttypid
JOIN pg_type r ON r.oid = b.root JOIN pg_namespace rn ON rn.oid = r.typnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_depend p ON p.refclassid = 'pg_class'::regclass AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum
  AND p.classid = 'pg_class'::regclass AND p.deptype = 'i' AND a.attidentity <> ''
LEFT JOIN pg_class s ON s.oid = p.objid AND s.relkind = 'S' LEFT JOIN pg_namespace sn ON sn.oid = s.relnamespace
LEFT JOIN LATERAL (
  SELECT max(k.castfunc::regproc::text) FILTER (WHERE k.castsource = a.atttypid AND k.casttarget = 'json'::regtype),
         max(k.castfunc::regproc::text) FILTER (WHERE k.castsource = 'json'::regtype AND k.casttarget = a.atttypid),
         max(k.castfunc::regproc::text) FILTER (WHERE k.castsource = 'text'::regtype AND k.casttarget = a.atttypid)
  FROM pg_cast k WHERE a.atttypid IN (k.castsource, k.casttarget) AND k.castcontext = 'i' AND k.castfunc <> 0
) AS shown (to_json, from_json, from_text) ON r.oid <> a.atttypid
WHERE a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum"
);

pub(super) fn add(found: &mut Found, row: &Row) {
    let (oid, number): (u32, i16) = (row.get(0), row.get(1));
    let native = found.native;
    let data_type = type_of(native, row.get(4), row.get(12));
    let Some(table) = found.of(oid) else { return };
    let at = ColumnId(table.columns.len() as u32);
    let (identity, generated, always): (bool, bool, bool) = (row.get(7), row.get(8), row.get(11));
    let default: Option<&str> = row.get(6);
    let sequence: Option<&str> = row.get(9);
    let next = sequence.map(|sequence| format!("nextval('{}')", sequence.replace('\'', "''")));
    let counted = identity || default.is_some_and(|default| default.starts_with("nextval("));
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
        representation: representation(row).filter(|_| native),
        vector: row.get::<_, &str>(4) == "tsvector",
        computed: false,
        access: Access::ALL,
        comment: row.get::<_, Option<&str>>(10).map(Into::into),
    });
    found.columns.insert((oid, number), at);
}

/// What values of a type of this name are, of the engine or of somebody else.
pub(super) fn type_of(native: bool, name: &str, of_engine: bool) -> DataType {
    match (native, of_engine) {
        (true, _) => native_type(name, of_engine),
        (false, true) => data_type(name),
        (false, false) => extension_type(name),
    }
}

/// What casts of a domain say of how it is shown and read.
fn representation(row: &Row) -> Option<Box<Representation>> {
    let function = |at: usize| row.get::<_, Option<&str>>(at).map(Into::into);
    let found = Representation { to_json: function(13), from_json: function(14), from_text: function(15) };
    (found != Representation::default()).then(|| Box::new(found))
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

/// What values of this type of the engine are.
pub(super) fn data_type(name: &str) -> DataType {
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

/// Only documents are told apart: a path into anything else makes one of it first.
fn native_type(name: &str, of_engine: bool) -> DataType {
    if of_engine && matches!(name, "json" | "jsonb") { DataType::Json } else { DataType::Any }
}

fn extension_type(name: &str) -> DataType {
    if name == "citext" { DataType::Text } else { DataType::Any }
}
