//! What is told of the schema but not needed for plans.

use std::collections::BTreeSet;

use tokio_postgres::{
    Client, Error, Row,
    types::{ToSql, Type},
};
use transom_query::notes::{ColumnNotes, Notes, RoleNotes, TableNotes};

use super::{Found, columns, functions, of_relations};

/// What each relation takes: inserts (8), updates (4) and deletes (16), by itself or by triggers.
const TABLES: &str = of_relations!(
    "
SELECT c.oid, CASE WHEN c.relkind = 'm' THEN 0 ELSE pg_relation_is_updatable(c.oid, true) END
FROM relations o JOIN pg_class c ON c.oid = o.oid"
);

/// Types without lengths, lengths apart; a domain is as its base type, and has its default and its NOT NULL from any on the
/// way down. What a list holds is told only where it is declared with one dimension.
const COLUMNS: &str = of_relations!(
    ", base (type, root, modifier, required, given) AS (
  SELECT oid, oid, -1, false, NULL::text COLLATE \"C\" FROM pg_type WHERE typtype <> 'd'
  UNION ALL SELECT t.oid, b.root, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.modifier END,
    b.required OR t.typnotnull, coalesce(pg_get_expr(t.typdefaultbin, 0), b.given)
  FROM pg_type t JOIN base b ON t.typbasetype = b.type WHERE t.typtype = 'd')
SELECT a.attrelid, a.attnum, format_type(b.root, NULL), a.attnotnull OR b.required,
       CASE WHEN a.attgenerated = '' THEN coalesce(pg_get_expr(d.adbin, d.adrelid), b.given) END,
       CASE WHEN b.root IN ('varchar'::regtype, 'bpchar'::regtype) AND greatest(a.atttypmod, b.modifier) >= 4
         THEN greatest(a.atttypmod, b.modifier) - 4 END,
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = coalesce(h.oid, b.root) ORDER BY e.enumsortorder),
       r.typcategory = 'A', CASE WHEN a.attndims <= 1 AND h.typnamespace = 'pg_catalog'::regnamespace THEN h.typname::text END
FROM relations o JOIN pg_attribute a ON a.attrelid = o.oid JOIN base b ON b.type = a.atttypid JOIN pg_type r ON r.oid = b.root
LEFT JOIN base i ON i.type = r.typelem AND r.typcategory = 'A' LEFT JOIN pg_type h ON h.oid = i.root
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped"
);

const SCHEMAS: &str = "SELECT nspname::text, obj_description(oid, 'pg_namespace') FROM pg_namespace
WHERE nspname = ANY ($1) AND obj_description(oid, 'pg_namespace') IS NOT NULL";

/// Roles are taken on inside of transactions, where the engine does not look at their settings: those that anybody may set
/// are ours to set then.
const ROLES: &str = "
SELECT r.rolname::text, split_part(s, '=', 1), substr(s, strpos(s, '=') + 1)
FROM pg_db_role_setting d JOIN pg_roles r ON r.oid = d.setrole, unnest(d.setconfig) s
JOIN pg_settings p ON p.name = split_part(s, '=', 1) AND p.context = 'user'
WHERE d.setdatabase = 0 AND r.rolname <> current_user AND pg_has_role(current_user, r.oid, 'MEMBER')
ORDER BY r.rolname";

/// What a request may name beside the schema: types, and configurations of the text search.
const NAMES: &str = "
SELECT t.typname::text, false FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typcategory NOT IN ('A', 'P') AND (c.oid IS NULL OR c.relkind = 'c')
UNION ALL SELECT cfgname::text, true FROM pg_ts_config";

/// Those names, where requests are judged here; else the engine judges them.
async fn names(client: &Client, native: bool) -> Result<Vec<Row>, Error> {
    if native { Ok(Vec::new()) } else { client.query_typed(NAMES, &[]).await }
}

fn named(rows: &[Row], search: bool) -> BTreeSet<Box<str>> {
    rows.iter()
        .filter(|row| row.get::<_, bool>(1) == search)
        .map(|row| row.get::<_, &str>(0).into())
        .collect()
}

fn roles(rows: &[Row]) -> Vec<(Box<str>, RoleNotes)> {
    let mut roles: Vec<(Box<str>, RoleNotes)> = Vec::new();
    for row in rows {
        let (role, name, value): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
        if roles.last().is_none_or(|(last, _)| **last != *role) {
            roles.push((role.into(), RoleNotes::default()));
        }
        let Some((_, notes)) = roles.last_mut() else { continue };
        match name == functions::ISOLATION {
            true => notes.isolation = functions::isolation(value).map(Into::into),
            false => notes.settings.push((name.into(), value.into())),
        }
    }
    roles
}

/// The settings of roles, where those are the engine's.
async fn settings(client: &Client, native: bool) -> Result<Vec<Row>, Error> {
    if native { client.query_typed(ROLES, &[]).await } else { Ok(Vec::new()) }
}

/// Asks, in the transaction that is open.
pub(super) async fn notes(client: &Client, schemas: &[String], found: &Found) -> Result<Notes, Error> {
    let of: &[(&(dyn ToSql + Sync), Type)] = &[(&schemas, Type::TEXT_ARRAY)];
    let (tables, columns, comments, of_roles, names) = tokio::try_join!(
        client.query_typed(TABLES, of),
        client.query_typed(COLUMNS, of),
        client.query_typed(SCHEMAS, of),
        settings(client, found.native),
        names(client, found.native),
    )?;
    let mut notes = Notes {
        roles: roles(&of_roles),
        types: named(&names, false),
        searches: named(&names, true),
        schemas: comments
            .iter()
            .map(|row| (row.get::<_, &str>(0).into(), row.get::<_, &str>(1).into()))
            .collect(),
        tables: found
            .tables
            .iter()
            .take(found.served_count)
            .map(|table| TableNotes {
                columns: vec![ColumnNotes::default(); table.columns.len()],
                ..TableNotes::default()
            })
            .collect(),
    };
    for row in &tables {
        let takes: i32 = row.get(1);
        let Some(table) = place(found, &mut notes, row.get(0)) else { continue };
        table.insertable = takes & 8 != 0;
        table.updatable = takes & 4 != 0;
        table.deletable = takes & 16 != 0;
    }
    for row in &columns {
        let Some(column) = found.columns.get(&(row.get(0), row.get(1))) else { continue };
        let Some(table) = place(found, &mut notes, row.get(0)) else { continue };
        let Some(column) = table.columns.get_mut(column.0 as usize) else { continue };
        *column = ColumnNotes {
            type_name: row.get::<_, &str>(2).into(),
            required: row.get(3),
            default: row.get::<_, Option<&str>>(4).map(Into::into),
            length_max: row.get::<_, Option<i32>>(5).and_then(|length| u32::try_from(length).ok()),
            labels: row.get::<_, Vec<&str>>(6).into_iter().map(Into::into).collect(),
            list_of: row.get::<_, bool>(7).then(|| row.get::<_, Option<&str>>(8).map(columns::data_type)),
        };
    }
    Ok(notes)
}

fn place<'a>(found: &Found, notes: &'a mut Notes, oid: u32) -> Option<&'a mut TableNotes> {
    notes.tables.get_mut(found.ids.get(&oid)?.0 as usize)
}
