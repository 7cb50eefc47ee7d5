//! In which order tables are copied, so that what a row refers to is there before it.

use transom_query::{
    Catalog, ColumnId, TableId,
    catalog::{Table, TableKind},
};
use transom_types::DataType;

/// One table's way over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The table.
    pub(super) table: Box<str>,
    /// What is written, in the source's order.
    pub(super) columns: Vec<Box<str>>,
    /// What can be read on both sides, in the source's order.
    pub(super) compared: Vec<Box<str>>,
    /// References that are left empty at first, for what they refer to comes later.
    pub(super) deferred: Vec<Box<str>>,
    /// Whether this is the second visit, which fills in what was deferred.
    pub(super) filling: bool,
    /// Whether all rows are copied in one transaction: there is no key to page by, or a row may refer to any other.
    pub(super) whole: bool,
    /// Whether there is a key to page by.
    pub(super) paged: bool,
}

impl Step {
    /// Its name in the bookkeeping.
    pub(super) fn name(&self) -> String {
        if self.filling { format!("{} (references)", self.table) } else { self.table.to_string() }
    }
}

/// A table that is not placed yet.
struct Waiting<'a> {
    id: TableId,
    table: &'a Table,
}

/// The steps in order. Both catalogs have been compared.
/// Errors: tables that refer to each other by columns that cannot be left empty.
pub(super) fn steps(source: &Catalog, target: &Catalog) -> anyhow::Result<Vec<Step>> {
    let stored = source.tables().filter(|(_, table)| table.kind == TableKind::Table);
    let mut waiting: Vec<Waiting<'_>> = stored
        .filter_map(|(_, table)| target.table(&table.name))
        .map(|id| Waiting { id, table: &target[id] })
        .collect();
    let mut steps = Vec::new();
    let mut second = Vec::new();
    while !waiting.is_empty() {
        let Some((at, deferred)) = next(&waiting) else {
            let names: Vec<&str> = waiting.iter().map(|waiting| &*waiting.table.name).collect();
            anyhow::bail!(
                "{} refer to each other by columns that must not be NULL: no order of copying holds\n    \
                 Let one of the references be NULL in the target's migration, and forbid it in a later one",
                names.join(", ")
            );
        };
        let Waiting { id, table } = waiting.remove(at);
        let Some(original) = source.table(&table.name).map(|id| &source[id]) else { continue };
        let step = step(original, (id, table), deferred);
        if !step.deferred.is_empty() {
            second.push(Step { filling: true, ..step.clone() });
        }
        steps.push(step);
    }
    steps.extend(second);
    Ok(steps)
}

/// A table that refers to none that waits, or else one that can do without at first; with what it leaves empty.
fn next(waiting: &[Waiting<'_>]) -> Option<(usize, Vec<ColumnId>)> {
    let free = waiting.iter().position(|one| blocking(one, waiting).next().is_none());
    if let Some(at) = free {
        return Some((at, Vec::new()));
    }
    let deferred = |one: &Waiting<'_>| -> Option<Vec<ColumnId>> {
        let mut columns = Vec::new();
        for key in blocking(one, waiting) {
            let nullable = nullable(one.table, key);
            if nullable.is_empty() || one.table.primary_key.is_empty() {
                return None;
            }
            columns.extend(nullable);
        }
        Some(columns)
    };
    waiting.iter().enumerate().find_map(|(at, one)| Some((at, deferred(one)?)))
}

/// The foreign keys to other tables that wait.
fn blocking<'a>(
    one: &Waiting<'a>,
    waiting: &'a [Waiting<'_>],
) -> impl Iterator<Item = &'a transom_query::catalog::ForeignKey> {
    let own = one.id;
    let keys = one.table.foreign_keys.iter();
    keys.filter(move |key| key.table != own && waiting.iter().any(|other| other.id == key.table))
}

fn nullable(table: &Table, key: &transom_query::catalog::ForeignKey) -> Vec<ColumnId> {
    let within_key = |column: &ColumnId| table.primary_key.contains(column);
    key.columns.iter().copied().filter(|id| table[*id].nullable && !within_key(id)).collect()
}

fn step(source: &Table, (id, target): (TableId, &Table), mut deferred: Vec<ColumnId>) -> Step {
    // A position cannot hold bytes.
    let bytes = |column: &ColumnId| source[*column].data_type == DataType::Bytes;
    let paged = !source.primary_key.is_empty() && !source.primary_key.iter().any(bytes);
    let mut whole = !paged;
    for key in target.foreign_keys.iter().filter(|key| key.table == id) {
        match nullable(target, key) {
            // One statement is checked at its end: whatever a row refers to is there.
            columns if columns.is_empty() || target.primary_key.is_empty() => whole = true,
            columns => deferred.extend(columns),
        }
    }
    deferred.sort_unstable();
    deferred.dedup();
    let written = |name: &str| target.column(name).is_some_and(|column| !target[column].generated);
    let names = || source.stored().map(|column| column.name.clone());
    Step {
        table: source.name.clone(),
        columns: names().filter(|name| written(name)).collect(),
        compared: names().collect(),
        deferred: deferred.iter().map(|column| target[*column].name.clone()).collect(),
        filling: false,
        whole,
        paged,
    }
}
