//! Functions of a table's row, which can be named as its columns, or as a relationship where they make other rows.

use tokio_postgres::Row;
use transom_query::catalog::{Access, Column, Relationship, RelationshipKind};

use super::{Found, columns, functions, of_relations};

/// Functions of one row that return one value. Which of them a name means is the engine's matter: it looks in the path.
pub(super) const COMPUTED: &str = of_relations!(
    ", base (type, root) AS (
  SELECT oid, oid FROM pg_type WHERE typtype <> 'd'
  UNION ALL SELECT t.oid, b.root FROM pg_type t JOIN base b ON t.typbasetype = b.type WHERE t.typtype = 'd')
SELECT DISTINCT ON (c.oid, p.proname) c.oid, p.proname::text, format_type(p.prorettype, NULL), r.typname::text,
       rn.nspname = 'pg_catalog', obj_description(p.oid, 'pg_proc'), n.nspname::text, array_position($2, n.nspname::text) IS NOT NULL
FROM relations o JOIN pg_class c ON c.oid = o.oid JOIN pg_proc p ON p.proargtypes[0] = c.reltype
JOIN pg_namespace n ON n.oid = p.pronamespace JOIN base b ON b.type = p.prorettype
JOIN pg_type r ON r.oid = b.root JOIN pg_namespace rn ON rn.oid = r.typnamespace
WHERE o.served AND p.pronargs = 1 AND p.prokind = 'f' AND NOT p.proretset AND r.typtype <> 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY c.oid, p.proname, array_position($2, n.nspname::text), p.oid"
);

/// The schemas in which the engine looks for a function that goes by a column's name.
pub(super) const PATH: &str = "SELECT current_schemas(true)::text[]";

/// Whether the name means one of these functions, as whoever grants it will think.
pub(super) fn is_of(row: &Row, functions: &[&Row]) -> bool {
    let found: bool = row.get(7);
    found
        && functions
            .iter()
            .any(|function| functions::is_of_row(function, row.get(0), (row.get(6), row.get(1))))
}

/// Puts each behind its table's own columns, unless one of them has the name.
pub(super) fn add(found: &mut Found, row: &Row) {
    let data_type = columns::type_of(found.native, row.get(3), row.get(4));
    let Some(table) = found.of(row.get(0)) else { return };
    let name: &str = row.get(1);
    if table.column(name).is_some() {
        return;
    }
    table.columns.push(Column {
        name: name.into(),
        data_type,
        engine_type: Some(row.get::<_, &str>(2).into()),
        nullable: true,
        default: None,
        generated: true,
        identity: false,
        collation: None,
        representation: None,
        vector: row.get::<_, &str>(3) == "tsvector",
        computed: true,
        access: Access { select: true, ..Access::NONE },
        comment: row.get::<_, Option<&str>>(5).map(Into::into),
    });
}

/// Functions of one row that return rows of a relation: one at most where they say so.
pub(super) const RELATED: &str = of_relations!(
    "
SELECT c.oid, r.oid, n.nspname::text, p.proname::text, NOT p.proretset OR p.prorows = 1
FROM relations o JOIN pg_class c ON c.oid = o.oid JOIN pg_proc p ON p.proargtypes[0] = c.reltype
JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_class r ON r.reltype = p.prorettype
WHERE o.served AND p.pronargs = 1 AND p.prokind = 'f' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY n.nspname <> ALL ($1), c.oid, p.proname, p.oid"
);

/// The ways that such functions are.
pub(super) fn related(found: &Found, rows: &[Row]) -> Vec<Relationship> {
    let served = |oid: u32| found.ids.get(&oid).copied().filter(|id| (id.0 as usize) < found.served_count);
    let way = |row: &Row| {
        let kind = RelationshipKind::Computed { schema: row.get::<_, &str>(2).into(), single: row.get(4) };
        Some(Relationship {
            name: row.get::<_, &str>(3).into(),
            from: served(row.get(0))?,
            to: served(row.get(1))?,
            kind,
        })
    };
    rows.iter().filter_map(way).collect()
}
