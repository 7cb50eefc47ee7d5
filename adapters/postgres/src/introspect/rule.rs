//! What a view's stored rule says of its columns and rows.

use super::tree::{field, items, kind, number};

/// A column of a table or view, by its number.
pub(super) type Origin = (u32, i16);

/// Joins within joins that are followed.
const DEPTH_MAX: u32 = 100;

/// The engine's kinds of entries in a query's list of sources: a relation, a join of two that are listed too, and the
/// terms that rows are grouped by.
const RELATION: u8 = 0;
const JOIN: u8 = 2;
const GROUP: u8 = 9;

/// The outermost query of a view.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rule {
    /// Columns that plainly show another's: the view's number, and what it shows.
    pub(super) columns: Vec<(i16, Origin)>,
    /// What it reads and how; `None` where nothing is known of how often a row is shown.
    pub(super) rows: Option<Rows>,
}

/// Which rows a view shows.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rows {
    /// The relations that are joined, from the left.
    pub(super) sources: Vec<u32>,
    /// Whether a join shows NULL where all but the first have no row.
    pub(super) left_joined: bool,
    /// The columns that rows are grouped by.
    pub(super) grouped_by: Vec<Origin>,
}

/// Reads the action of a rule, a list of one query.
pub(super) fn read(action: &str) -> Rule {
    let Some(query) = items(action).next() else { return Rule::default() };
    let entries = || items(field(query, "targetList").unwrap_or_default());
    let shown = |entry| {
        let is_shown = field(entry, "resjunk") == Some("false");
        is_shown.then(|| Some((number(entry, "resno")?, origin(entry)?))).flatten()
    };
    Rule { columns: entries().filter_map(shown).collect(), rows: rows(query) }
}

/// Which table's column an entry shows, if it is one.
fn origin(entry: &str) -> Option<Origin> {
    let (table, column) = (number(entry, "resorigtbl")?, number(entry, "resorigcol")?);
    // Columns of the engine's own have numbers below.
    (table > 0 && column > 0).then_some((table, column))
}

fn rows(query: &str) -> Option<Rows> {
    let absent = |name| field(query, name) == Some("<>");
    let one_each = field(query, "hasTargetSRFs") == Some("false");
    if !(one_each && absent("setOperations") && absent("groupingSets")) {
        return None;
    }
    let listed: Vec<&str> = items(field(query, "rtable")?).collect();
    let mut rows = Rows { grouped_by: grouped_by(query)?, ..Rows::default() };
    for from in items(field(field(query, "jointree")?, "fromlist")?) {
        join(from, &listed, &mut rows, DEPTH_MAX)?;
    }
    let known = |entry: &&str| matches!(number(entry, "rtekind"), Some(RELATION | JOIN | GROUP));
    listed.iter().all(known).then_some(rows)
}

/// The terms of GROUP BY; `None` where one is not a column.
fn grouped_by(query: &str) -> Option<Vec<Origin>> {
    let entries = || items(field(query, "targetList").unwrap_or_default());
    let term = |clause| {
        let reference = field(clause, "tleSortGroupRef")?;
        origin(entries().find(|entry| field(entry, "ressortgroupref") == Some(reference))?)
    };
    items(field(query, "groupClause")?).map(term).collect()
}

/// Follows one term of FROM. `None`: it is not of plain relations, or joined so that the first may be missing.
fn join(from: &str, listed: &[&str], rows: &mut Rows, depth: u32) -> Option<()> {
    if kind(from) == "RANGETBLREF" {
        let place: usize = number(from, "rtindex")?;
        let entry = listed.get(place.checked_sub(1)?)?;
        (number(entry, "rtekind") == Some(RELATION) && field(entry, "tablesample") == Some("<>"))
            .then(|| number(entry, "relid"))?
            .map(|relation| rows.sources.push(relation))
    } else {
        match field(from, "jointype")? {
            "0" => {}
            "1" => rows.left_joined = true,
            _ => return None,
        }
        let depth = depth.checked_sub(1)?;
        join(field(from, "larg")?, listed, rows, depth)?;
        join(field(from, "rarg")?, listed, rows, depth)
    }
}
