//! Keys through views: a column that a view plainly shows of a table carries the table's keys.
//!
//! A view's stored rule tells of each result column which table's column it is, if it is one (`resorigtbl`, `resorigcol`).

use ahash::AHashMap;
use tokio_postgres::Row;
use transom_query::{ColumnId, TableId, catalog::ForeignKey};

use super::Found;

/// The rule's action as text, in the engine's own notation of trees.
pub(super) const DEFINITIONS: &str = "
SELECT c.oid, r.ev_action::text
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND c.relkind IN ('v', 'm') AND r.rulename = '_RETURN' AND r.ev_type = '1'
ORDER BY c.oid";

/// For a view: which of its columns shows which column of which table.
type Origins = AHashMap<(TableId, ColumnId), ColumnId>;

/// The number of a view's column, and the table and number of the one it shows.
type Shown = (i16, u32, i16);

pub(super) fn add(found: &mut Found, rows: &[Row]) {
    let views: Vec<(u32, Vec<Shown>)> = rows.iter().map(|row| (row.get(0), origins(row.get(1)))).collect();
    // A view over a view names the view; one step further each time, until a table is there.
    let direct: AHashMap<(u32, i16), (u32, i16)> = views
        .iter()
        .flat_map(|(view, columns)| {
            columns.iter().map(|(column, table, of)| ((*view, *column), (*table, *of)))
        })
        .collect();
    let root = |mut at: (u32, i16)| {
        for _ in 0..32 {
            match direct.get(&at) {
                Some(next) => at = *next,
                None => return Some(at),
            }
        }
        None
    };
    let mut shown: Vec<(TableId, Origins)> = Vec::new();
    for (view, columns) in &views {
        let Some(id) = found.ids.get(view).copied() else { continue };
        let mut origins = Origins::default();
        for (column, _, _) in columns {
            let Some(of) = root((*view, *column)).filter(|of| of.0 != *view) else { continue };
            let (Some(table), Some(there)) = (found.ids.get(&of.0), found.columns.get(&of)) else { continue };
            if let Some(here) = found.columns.get(&(*view, *column)) {
                origins.entry((*table, *there)).or_insert(*here);
            }
        }
        shown.push((id, origins));
    }
    keys(found, &shown);
    foreign_keys(found, &shown);
}

fn through(origins: &Origins, table: TableId, columns: &[ColumnId]) -> Option<Vec<ColumnId>> {
    columns.iter().map(|column| origins.get(&(table, *column)).copied()).collect()
}

/// A view that shows a table's key can be addressed by it.
fn keys(found: &mut Found, shown: &[(TableId, Origins)]) {
    for (view, origins) in shown {
        let mut tables: Vec<TableId> = origins.keys().map(|(table, _)| *table).collect();
        tables.sort_unstable();
        tables.dedup();
        let key = tables.iter().find_map(|table| {
            let key = &found.tables[table.0 as usize].primary_key;
            (!key.is_empty()).then(|| through(origins, *table, key)).flatten()
        });
        if let Some(key) = key {
            found.tables[view.0 as usize].primary_key = key;
        }
    }
}

/// A foreign key leads from every view that shows its columns, and to every view that shows those it refers to.
fn foreign_keys(found: &mut Found, shown: &[(TableId, Origins)]) {
    let mut added: Vec<(TableId, ForeignKey)> = Vec::new();
    let tables = (0..).map(TableId).zip(&found.tables);
    for (from, key) in tables.flat_map(|(id, table)| table.foreign_keys.iter().map(move |key| (id, key))) {
        let sources: Vec<(TableId, Vec<ColumnId>)> = std::iter::once((from, key.columns.clone()))
            .chain(
                shown
                    .iter()
                    .filter_map(|(view, origins)| Some((*view, through(origins, from, &key.columns)?))),
            )
            .collect();
        let targets: Vec<(TableId, Vec<ColumnId>)> =
            std::iter::once((key.table, key.referenced.clone()))
                .chain(shown.iter().filter_map(|(view, origins)| {
                    Some((*view, through(origins, key.table, &key.referenced)?))
                }))
                .collect();
        for (source, columns) in &sources {
            for (target, referenced) in &targets {
                if (*source, *target) != (from, key.table) {
                    let (columns, referenced) = (columns.clone(), referenced.clone());
                    added.push((
                        *source,
                        ForeignKey { name: key.name.clone(), columns, table: *target, referenced },
                    ));
                }
            }
        }
    }
    for (table, key) in added {
        found.tables[table.0 as usize].foreign_keys.push(key);
    }
}

/// Each result column of the outermost query that is a table's.
fn origins(action: &str) -> Vec<Shown> {
    // The target list of the outermost query is the last one that stands no deeper than its own braces.
    let Some(list) = target_list(action) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in list.split("{TARGETENTRY").skip(1) {
        let number = |field: &str| -> Option<i64> {
            let start = entry.rfind(field)? + field.len();
            entry[start..].split([' ', '}', ')']).find(|word| !word.is_empty())?.parse().ok()
        };
        if entry.contains(":resjunk true") {
            continue;
        }
        if let (Some(column), Some(table), Some(of)) =
            (number(":resno"), number(":resorigtbl"), number(":resorigcol"))
            && table > 0
            && of > 0
        {
            found.push((column as i16, table as u32, of as i16));
        }
    }
    found
}

/// The text of the outermost query's target list.
fn target_list(action: &str) -> Option<&str> {
    let (mut depth, mut at) = (0_i32, 0);
    let bytes = action.as_bytes();
    // The action is a list of one query: `({QUERY … :targetList (…) …})`.
    while at < bytes.len() {
        match bytes[at] {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'\\' => at += 1,
            b':' if depth == 1 && action[at..].starts_with(":targetList (") => {
                let start = at + ":targetList ".len();
                return Some(&action[start..closing(bytes, start)?]);
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the list that begins here ends.
fn closing(bytes: &[u8], start: usize) -> Option<usize> {
    let (mut depth, mut at) = (0_i32, start);
    while at < bytes.len() {
        match bytes[at] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'\\' => at += 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
        at += 1;
    }
    None
}
