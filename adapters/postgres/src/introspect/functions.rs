//! The engine's own functions.

use ahash::AHashMap;
use tokio_postgres::Row;
use transom_query::{
    TableId,
    catalog::{Access, Column, EngineFunction, EngineParam, Function, FunctionParam, Returns},
};
use transom_types::DataType;

use super::Found;

/// The one column of a function that returns values and not rows.
const VALUE: &str = "pgrst_scalar";

/// The setting that is the transaction's to begin with.
pub(super) const ISOLATION: &str = "default_transaction_isolation";

/// One question for all. A domain is as its base type. The types that a cast would cut to a length are without one. What a
/// parameter or column without a name is called follows from its place; only a single parameter may be without, and only
/// where a whole body can be one. Settings that bound a statement are of no use inside of it.
pub(super) const FUNCTIONS: &str = "
WITH RECURSIVE base (type, root) AS (
  SELECT oid, oid FROM pg_type WHERE typtype <> 'd'
  UNION ALL SELECT t.oid, b.root FROM pg_type t JOIN base b ON t.typbasetype = b.type WHERE t.typtype = 'd'),
functions AS (
  SELECT p.*, n.nspname, t.typname, b.root FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_type t ON t.oid = p.prorettype JOIN base b ON b.type = t.oid
  WHERE n.nspname = ANY ($1) AND p.prokind = 'f' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)),
arguments (function, type, name, mode, place) AS (
  SELECT f.oid, a.* FROM functions f, unnest(coalesce(f.proallargtypes, f.proargtypes::oid[]), f.proargnames, f.proargmodes::text[])
    WITH ORDINALITY AS a),
types (type, shown, plain, whole, structured, document) AS (
  SELECT u.type, format_type(u.type, NULL),
         CASE format_type(u.type, NULL) WHEN 'character' THEN 'character varying' WHEN 'character[]' THEN 'character varying[]'
           WHEN 'bit' THEN 'bit varying' WHEN 'bit[]' THEN 'bit varying[]' ELSE format_type(u.type, NULL) END,
         u.type IN ('json'::regtype, 'jsonb'::regtype, 'text'::regtype, 'xml'::regtype, 'bytea'::regtype),
         r.oid IN ('json'::regtype, 'jsonb'::regtype) OR r.typcategory = 'A' OR r.typtype = 'c',
         r.oid IN ('json'::regtype, 'jsonb'::regtype)
  FROM (SELECT type FROM arguments UNION SELECT prorettype FROM functions UNION
        SELECT a.atttypid FROM functions f JOIN pg_type t ON t.oid = f.root
        JOIN pg_attribute a ON a.attrelid = t.typrelid WHERE t.typtype = 'c') u
  JOIN base b ON b.type = u.type JOIN pg_type r ON r.oid = b.root),
given AS (
  SELECT a.function, array_agg(coalesce(a.name, '') ORDER BY a.place) AS names,
         array_agg(y.shown ORDER BY a.place) AS shown, array_agg(y.plain ORDER BY a.place) AS casts,
         array_agg(y.structured ORDER BY a.place) AS structured,
         bool_or(coalesce(a.name, '') = '') AS nameless, bool_and(y.whole) AND count(*) = 1 AS whole
  FROM arguments a JOIN types y ON y.type = a.type WHERE coalesce(a.mode, 'i') IN ('i', 'b', 'v') GROUP BY a.function),
returned AS (
  SELECT a.function, array_agg(coalesce(nullif(a.name, ''), 'column' || a.nth) ORDER BY a.place) AS names,
         array_agg(y.shown ORDER BY a.place) AS shown, array_agg(y.document ORDER BY a.place) AS document
  FROM (SELECT *, row_number() OVER (PARTITION BY function ORDER BY place) AS nth FROM arguments WHERE mode IN ('o', 'b', 't')) a
  JOIN types y ON y.type = a.type GROUP BY a.function),
composites AS (
  SELECT f.function, array_agg(a.attname::text ORDER BY a.attnum) AS names,
         array_agg(y.shown ORDER BY a.attnum) AS shown, array_agg(y.document ORDER BY a.attnum) AS document
  FROM (SELECT f.oid AS function, t.typrelid FROM functions f JOIN pg_type t ON t.oid = f.root WHERE t.typtype = 'c') f
  JOIN pg_attribute a ON a.attrelid = f.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN types y ON y.type = a.atttypid GROUP BY f.function)
SELECT f.nspname::text, f.proname::text, obj_description(f.oid, 'pg_proc'), f.provolatile = 'v', f.proretset,
       f.prorettype = 'void'::regtype, r.typrelid, f.typname::text,
       coalesce(g.names, '{}'), coalesce(g.shown, '{}'), coalesce(g.casts, '{}'), coalesce(g.structured, '{}'),
       f.pronargs - f.pronargdefaults, f.provariadic <> 0,
       coalesce(o.names, c.names, '{}'), coalesce(o.shown, c.shown, '{}'), coalesce(o.document, c.document, '{}'),
       y.shown, y.document, coalesce(f.proconfig, '{}'),
       r.typsubscript = 'array_subscript_handler'::regproc OR r.typtype = 'c' OR r.oid = 'record'::regtype,
       EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e'),
       (SELECT c.oid FROM pg_class c WHERE f.pronargs = 1 AND NOT f.proretset AND c.reltype = f.proargtypes[0]
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f')),
       f.oid
FROM functions f JOIN pg_type r ON r.oid = f.root JOIN types y ON y.type = f.prorettype
LEFT JOIN given g ON g.function = f.oid LEFT JOIN returned o ON o.function = f.oid
LEFT JOIN composites c ON c.function = f.oid
WHERE g.nameless IS NOT TRUE OR g.whole
   OR f.pronargs = 1 AND NOT f.proretset AND EXISTS (
     SELECT FROM pg_class c WHERE c.reltype = f.proargtypes[0] AND c.relkind IN ('r', 'p', 'v', 'm', 'f'))
ORDER BY array_position($1, f.nspname::text), f.proname, f.oid";

/// Settings of a function that hold for its transaction, where nobody says which.
const HOISTED: [&str; 2] = ["statement_timeout", ISOLATION];

/// Those that can be called, or granted. Where the engine does not decide by whom, those of extensions are nobody's, and of
/// several schemas with one name the first has it.
pub(super) fn served(rows: &[Row], native: bool) -> Vec<&Row> {
    if native {
        // A row without a name is nothing that can be given.
        return rows.iter().filter(|row| !takes_nameless_row(row)).collect();
    }
    let mut schema_of: AHashMap<&str, &str> = AHashMap::new();
    let mut own = Vec::new();
    // The schemas come in their order.
    for row in rows.iter().filter(|row| !row.get::<_, bool>(21)) {
        let schema: &str = row.get(0);
        if *schema_of.entry(row.get(1)).or_insert(schema) == schema {
            own.push(row);
        }
    }
    own
}

fn takes_nameless_row(row: &Row) -> bool {
    row.get::<_, Option<u32>>(22).is_some() && row.get::<_, Vec<&str>>(8).iter().any(|name| name.is_empty())
}

/// The served table of whose row it is a function.
fn of_row(found: &Found, row: &Row) -> Option<TableId> {
    let relation: Option<u32> = row.get(22);
    let table = found.ids.get(&relation.filter(|_| !found.native)?).copied()?;
    ((table.0 as usize) < found.served_count).then_some(table)
}

/// Whether it is the function of this schema and name of a row of this relation.
pub(super) fn is_of_row(row: &Row, relation: u32, (schema, name): (&str, &str)) -> bool {
    row.get::<_, Option<u32>>(22) == Some(relation)
        && (row.get::<_, &str>(0), row.get::<_, &str>(1)) == (schema, name)
}

/// Whether it can be named: a row without a name is given as one of a served table, or not at all.
pub(super) fn is_known(found: &Found, row: &Row) -> bool {
    !takes_nameless_row(row) || of_row(found, row).is_some()
}

/// The functions, with the rows of served tables as those tables have them.
pub(super) fn functions(found: &Found, rows: &[&Row], hoisted: Option<&[String]>) -> Vec<Function> {
    let own = HOISTED.map(str::to_owned);
    let hoisted = hoisted.unwrap_or(&own);
    rows.iter().filter(|row| is_known(found, row)).map(|row| function(found, row, hoisted)).collect()
}

fn function(found: &Found, row: &Row, hoisted: &[String]) -> Function {
    let (volatile, set, nothing): (bool, bool, bool) = (row.get(3), row.get(4), row.get(5));
    let relation: u32 = row.get(6);
    let is_served = |id: &TableId| (id.0 as usize) < found.served_count;
    let named: Vec<&str> = row.get(14);
    let rows_of = found.ids.get(&relation).copied().filter(is_served).filter(|id| {
        // The rows' own columns come first; what is computed of a row may follow.
        let columns = found.tables[id.0 as usize].columns.iter().map(|column| &*column.name);
        columns.take(named.len()).eq(named.iter().copied())
    });
    let scalar = named.is_empty();
    let columns = match rows_of {
        Some(table) => found.tables[table.0 as usize].columns.clone(),
        None if scalar => vec![column(VALUE, row.get(17), row.get(18))],
        None => columns(&named, row),
    };
    let returns = match (nothing, set, scalar) {
        (true, _, _) => Returns::Nothing,
        (_, true, true) => Returns::Scalars { parts: row.get(20) },
        (_, true, false) => Returns::Rows,
        (_, false, true) => Returns::Scalar,
        (_, false, false) => Returns::Row,
    };
    let mut engine = EngineFunction {
        schema: row.get::<_, &str>(0).into(),
        rows_of,
        of_row: of_row(found, row),
        scalar,
        result: row.get::<_, &str>(7).into(),
        ..EngineFunction::default()
    };
    let settings: Vec<&str> = row.get(19);
    for (name, value) in settings.iter().filter_map(|setting| setting.split_once('=')) {
        match hoisted.iter().any(|hoisted| hoisted.eq_ignore_ascii_case(name)) {
            true if name == ISOLATION => engine.isolation = isolation(value).map(Into::into),
            true => engine.settings.push((name.into(), value.into())),
            false => {}
        }
    }
    Function {
        name: row.get::<_, &str>(1).into(),
        params: params(row),
        columns,
        read_only: !volatile,
        returns,
        body: Vec::new(),
        executable: true,
        comment: row.get::<_, Option<&str>>(2).map(Into::into),
        engine: Some(Box::new(engine)),
    }
}

/// The level as SQL has it.
pub(super) fn isolation(level: &str) -> Option<&'static str> {
    let known = ["SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED", "READ UNCOMMITTED"];
    known.into_iter().find(|known| known.eq_ignore_ascii_case(level.trim()))
}

fn params(row: &Row) -> Vec<FunctionParam> {
    let (names, shown): (Vec<&str>, Vec<&str>) = (row.get(8), row.get(9));
    let (casts, structured): (Vec<&str>, Vec<bool>) = (row.get(10), row.get(11));
    let required = usize::try_from(row.get::<_, i16>(12)).unwrap_or(0);
    let (variadic, count): (bool, usize) = (row.get(13), names.len());
    let types = shown.into_iter().zip(casts).zip(structured);
    let mut params = Vec::with_capacity(count);
    for (at, (name, ((shown, cast), structured))) in names.into_iter().zip(types).enumerate() {
        let engine = EngineParam {
            shown: shown.into(),
            cast: cast.into(),
            structured,
            variadic: variadic && at + 1 == count,
        };
        params.push(FunctionParam {
            name: name.into(),
            data_type: DataType::Any,
            default: (at >= required).then_some(None),
            engine: Some(Box::new(engine)),
        });
    }
    params
}

fn columns(named: &[&str], row: &Row) -> Vec<Column> {
    let (shown, document): (Vec<&str>, Vec<bool>) = (row.get(15), row.get(16));
    let types = shown.into_iter().zip(document);
    named.iter().zip(types).map(|(name, (shown, document))| column(name, shown, document)).collect()
}

fn column(name: &str, shown: &str, document: bool) -> Column {
    Column {
        name: name.into(),
        data_type: if document { DataType::Json } else { DataType::Any },
        engine_type: Some(shown.into()),
        vector: shown == "tsvector",
        computed: false,
        representation: None,
        nullable: true,
        default: None,
        generated: false,
        identity: false,
        collation: None,
        access: Access::ALL,
        comment: None,
    }
}
