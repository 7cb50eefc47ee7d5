//! Keys through views: a column that a view plainly shows of a table carries the table's keys.

use ahash::{AHashMap, AHashSet};
use tokio_postgres::Row;
use transom_query::{ColumnId, TableId, catalog::ForeignKey};

use super::{
    Found, of_relations,
    rule::{self, Origin, Rows, Rule},
};

/// Views over views that are followed.
const DEPTH_MAX: u32 = 32;

/// The rule's action as text, and whether rows are inserted into the view's one table without a trigger's or rule's doing.
pub(super) const DEFINITIONS: &str = of_relations!(
    "
SELECT c.oid, r.ev_action::text, c.relkind = 'v' AND pg_relation_is_updatable(c.oid, false) & 8 <> 0
  AND NOT EXISTS (SELECT FROM pg_rewrite o WHERE o.ev_class = c.oid AND o.ev_type <> '1')
  AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgtype & 68 = 68)
FROM relations o JOIN pg_class c ON c.oid = o.oid JOIN pg_rewrite r ON r.ev_class = c.oid
WHERE c.relkind IN ('v', 'm') AND r.rulename = '_RETURN' AND r.ev_type = '1'
ORDER BY c.oid"
);

/// Most ways in which one view shows the columns of one key.
const SHOWN_MAX: usize = 64;

/// For a view: which of its columns show which column of which relation.
type Origins = AHashMap<(TableId, ColumnId), Vec<ColumnId>>;

struct View {
    id: TableId,
    oid: u32,
    rule: Rule,
    /// Inserts go to its table as they are.
    inserts: bool,
}

pub(super) fn add(found: &mut Found, rows: &[Row]) {
    let views: Vec<View> = rows
        .iter()
        .filter_map(|row| {
            let oid = row.get(0);
            Some(View { id: *found.ids.get(&oid)?, oid, rule: rule::read(row.get(1)), inserts: row.get(2) })
        })
        .collect();
    foreign_keys(found, &views);
    let places: AHashMap<u32, usize> = views.iter().enumerate().map(|(at, view)| (view.oid, at)).collect();
    let mut done = AHashSet::new();
    for at in 0..views.len() {
        follow(found, &views, &places, &mut done, (at, DEPTH_MAX));
    }
}

/// What of these relations' columns the view shows.
fn origins(found: &Found, view: &View, of: impl Fn(Origin) -> Option<Origin>) -> Origins {
    let mut shown = Origins::default();
    for (number, origin) in &view.rule.columns {
        let Some(origin) = of(*origin) else { continue };
        let (Some(table), Some(there)) = (found.ids.get(&origin.0), found.columns.get(&origin)) else {
            continue;
        };
        if let Some(here) = found.columns.get(&(view.oid, *number)) {
            shown.entry((*table, *there)).or_default().push(*here);
        }
    }
    shown
}

fn through(origins: &Origins, table: TableId, columns: &[ColumnId]) -> Option<Vec<ColumnId>> {
    columns.iter().map(|column| origins.get(&(table, *column))?.first().copied()).collect()
}

/// Every way in which a view shows these columns: one may be there more than once.
fn every_way(origins: &Origins, table: TableId, columns: &[ColumnId]) -> Vec<Vec<ColumnId>> {
    let mut ways = vec![Vec::new()];
    for column in columns {
        let Some(shown) = origins.get(&(table, *column)) else { return Vec::new() };
        let further = |way: Vec<ColumnId>| shown.iter().map(move |column| [&way[..], &[*column]].concat());
        ways = ways.into_iter().flat_map(further).take(SHOWN_MAX).collect();
    }
    ways
}

/// A foreign key leads from every view that shows its columns, and to every view that shows those it refers to.
fn foreign_keys(found: &mut Found, views: &[View]) {
    // A view over a view names the view; one step further each time, until a table is there.
    let direct: AHashMap<Origin, Origin> = views
        .iter()
        .flat_map(|view| view.rule.columns.iter().map(|(number, origin)| ((view.oid, *number), *origin)))
        .collect();
    let root = |mut at: Origin| {
        for _ in 0..DEPTH_MAX {
            match direct.get(&at) {
                Some(next) => at = *next,
                None => return Some(at),
            }
        }
        None
    };
    // Only views that show something of a table can show its keys.
    let mut shown: AHashMap<TableId, Vec<(TableId, Origins)>> = AHashMap::new();
    for view in views {
        let origins = origins(found, view, root);
        let tables: AHashSet<TableId> = origins.keys().map(|(table, _)| *table).collect();
        for table in tables {
            shown.entry(table).or_default().push((view.id, origins.clone()));
        }
    }
    let ways_max = if found.native { SHOWN_MAX } else { 1 };
    let sides = |table: TableId, columns: &[ColumnId]| -> Vec<(TableId, Vec<ColumnId>)> {
        let views = shown.get(&table).into_iter().flatten();
        let views = views.flat_map(|(view, origins)| {
            every_way(origins, table, columns).into_iter().take(ways_max).map(|way| (*view, way))
        });
        std::iter::once((table, columns.to_vec())).chain(views).collect()
    };
    let mut added: Vec<(TableId, ForeignKey)> = Vec::new();
    let mut unique: Vec<(TableId, Vec<ColumnId>)> = Vec::new();
    let tables = (0..).map(TableId).zip(&found.tables);
    for (from, key) in tables.flat_map(|(id, table)| table.foreign_keys.iter().map(move |key| (id, key))) {
        let targets = sides(key.table, &key.referenced);
        let is_unique = found.native && found.tables[from.0 as usize].fixes_one_row(&key.columns);
        for (source, columns) in sides(from, &key.columns) {
            if is_unique && source != from {
                unique.push((source, columns.clone()));
            }
            for (target, referenced) in &targets {
                if (source, *target) != (from, key.table) {
                    let (columns, referenced) = (columns.clone(), referenced.clone());
                    let key = ForeignKey { name: key.name.clone(), columns, table: *target, referenced };
                    added.push((source, key));
                }
            }
        }
    }
    for (table, key) in added {
        found.tables[table.0 as usize].foreign_keys.push(key);
    }
    // One to one is one to one through a view, as PostgREST sees it.
    for (view, columns) in unique {
        found.tables[view.0 as usize].unique_keys.push(columns);
    }
}

/// Gives a view what its sources have, those that are views themselves first.
fn follow(
    found: &mut Found,
    views: &[View],
    places: &AHashMap<u32, usize>,
    done: &mut AHashSet<usize>,
    (at, depth): (usize, u32),
) {
    if !done.insert(at) {
        return;
    }
    let view = &views[at];
    let Some(rows) = &view.rule.rows else { return };
    let Some(depth) = depth.checked_sub(1) else { return };
    for source in &rows.sources {
        if let Some(place) = places.get(source) {
            follow(found, views, places, done, (*place, depth));
        }
    }
    // A source that is not served, or is there twice: its rows cannot be told apart.
    let Some(sources) =
        rows.sources.iter().map(|oid| found.ids.get(oid).copied()).collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let origins = origins(found, view, Some);
    if found.native {
        found.tables[view.id.0 as usize].primary_key = shown_keys(found, &sources, &origins);
        return columns(found, view, rows, &origins);
    }
    let keys: Vec<Vec<ColumnId>> =
        sources.iter().filter_map(|base| key(found, rows, &sources, &origins, *base)).collect();
    // Two tables' keys in one view mean that neither was meant.
    if let [key] = keys.as_slice() {
        found.tables[view.id.0 as usize].primary_key = key.clone();
    }
    columns(found, view, rows, &origins);
}

/// The primary keys of all sources that the view shows whole, as PostgREST takes them together.
fn shown_keys(found: &Found, sources: &[TableId], origins: &Origins) -> Vec<ColumnId> {
    let mut shown = Vec::new();
    for base in sources {
        let key = through(origins, *base, &found.tables[base.0 as usize].primary_key);
        for column in key.unwrap_or_default() {
            if !shown.contains(&column) {
                shown.push(column);
            }
        }
    }
    shown
}

/// The primary key of a source, where the view shows all of it and still names one row by it.
fn key(
    found: &Found,
    rows: &Rows,
    sources: &[TableId],
    origins: &Origins,
    base: TableId,
) -> Option<Vec<ColumnId>> {
    let of = &found.tables[base.0 as usize].primary_key;
    let key = through(origins, base, of).filter(|key| !key.is_empty())?;
    let once = sources.iter().filter(|source| **source == base).count() == 1;
    // Where a left join has no row to show, the key is NULL, and not only once.
    let whole = !rows.left_joined || sources.first() == Some(&base);
    let kept = match rows.grouped_by.as_slice() {
        [] => joined_once(found, sources, base),
        terms => grouped(found, terms, base, of),
    };
    (once && whole && kept).then_some(key)
}

/// Whether rows are grouped by the key, and by nothing that it does not decide.
fn grouped(found: &Found, terms: &[Origin], base: TableId, key: &[ColumnId]) -> bool {
    let of_base = terms.iter().all(|term| found.ids.get(&term.0) == Some(&base));
    let columns: Vec<_> = terms.iter().filter_map(|term| found.columns.get(term).copied()).collect();
    of_base && key.iter().all(|column| columns.contains(column))
}

/// Whether each row of `base` meets at most one of every other source: all are referred to from it, and none refers to it.
fn joined_once(found: &Found, sources: &[TableId], base: TableId) -> bool {
    let table = |id: TableId| &found.tables[id.0 as usize];
    let refers = |from: TableId, to: TableId| {
        let keys = || table(from).foreign_keys.iter().filter(|key| key.table == to);
        keys().next().is_some() && keys().all(|key| table(to).fixes_one_row(&key.referenced))
    };
    let mut reached = vec![base];
    let mut next = 0;
    while let Some(from) = reached.get(next).copied() {
        let new = sources.iter().filter(|to| refers(from, **to) && !reached.contains(to));
        let new: Vec<TableId> = new.copied().collect();
        reached.extend(new);
        next += 1;
    }
    let others = || sources.iter().filter(|other| **other != base);
    let points_back = |other: &TableId| table(*other).foreign_keys.iter().any(|key| key.table == base);
    others().all(|other| reached.contains(other) && !points_back(other))
}

/// A column shown of another is as that one: never NULL, and, where inserts go to the table, given and computed by it.
fn columns(found: &mut Found, view: &View, rows: &Rows, origins: &Origins) {
    if view.inserts {
        // Until one is found to be a table's, a column is computed.
        found.tables[view.id.0 as usize].columns.iter_mut().for_each(|column| column.generated = true);
    }
    for (number, origin) in &view.rule.columns {
        let (Some(table), Some(there)) = (found.ids.get(&origin.0), found.columns.get(origin)) else {
            continue;
        };
        let Some(here) = found.columns.get(&(view.oid, *number)).copied() else { continue };
        let first = origins.get(&(*table, *there)).and_then(|shown| shown.first()) == Some(&here);
        let of = found.tables[table.0 as usize][*there].clone();
        let column = &mut found.tables[view.id.0 as usize].columns[here.0 as usize];
        column.nullable = column.nullable && (of.nullable || rows.left_joined);
        if view.inserts {
            // Where it is shown twice, what is left out is given once.
            column.generated = of.generated;
            column.identity = of.identity && first;
            column.default = column.default.take().or(of.default.filter(|_| first));
        }
    }
}
