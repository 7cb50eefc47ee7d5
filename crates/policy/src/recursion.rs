//! Policies that would lead back to themselves, or to more subqueries than a statement should have: found at load, not at a request.

use std::collections::BTreeSet;

use ahash::AHashMap;
use transom_query::{Catalog, Expr, TableId, plan::Source};

use crate::{fault::Fault, model::Model, read::Command, rights::Rights, tree};

/// Most subqueries that reading one table may bring along.
pub(crate) const SUBQUERIES_MAX: u32 = 128;

/// Longest way from a table through the policies of those that its policies read.
const TABLES_DEEP_MAX: usize = 12;

/// The tables whose rows a condition reads, once per subquery.
fn read_by(condition: &Expr) -> Vec<TableId> {
    let mut tables = Vec::new();
    tree::queries(&mut condition.clone(), &mut |query| {
        if let Source::Table(table) = query.source {
            tables.push(table);
        }
    });
    tables
}

/// Checks what each role's SELECT policies lead to; each policy at fault is reported once.
pub(crate) fn check<'a>(
    rights: impl Iterator<Item = &'a Rights>,
    model: &Model,
    catalog: &Catalog,
    faults: &mut Vec<Fault>,
) {
    let mut reported = BTreeSet::new();
    for rights in rights {
        let reads: AHashMap<TableId, Vec<TableId>> = rights
            .rules
            .iter()
            .filter_map(|(table, rules)| Some((*table, read_by(rules.select.as_ref()?))))
            .collect();
        let mut walk =
            Walk { reads: &reads, sizes: AHashMap::new(), path: Vec::new(), cycle: None, too_deep: false };
        let mut tables: Vec<TableId> = reads.keys().copied().collect();
        tables.sort_unstable();
        for table in tables {
            let size = walk.size(table);
            if let Some((from, to)) = walk.cycle.take() {
                let fault = recursion(model, catalog, from, to);
                if reported.insert(fault.line) {
                    faults.push(fault);
                }
            } else if (size > SUBQUERIES_MAX || std::mem::take(&mut walk.too_deep))
                && reported.insert(u64::MAX - u64::from(table.0))
            {
                faults.push(too_many(model, catalog, table));
            }
        }
    }
}

struct Walk<'a> {
    reads: &'a AHashMap<TableId, Vec<TableId>>,
    sizes: AHashMap<TableId, u32>,
    path: Vec<TableId>,
    cycle: Option<(TableId, TableId)>,
    too_deep: bool,
}

impl Walk<'_> {
    /// How many subqueries reading this table brings along.
    fn size(&mut self, table: TableId) -> u32 {
        if let Some(size) = self.sizes.get(&table) {
            return *size;
        }
        if self.path.len() >= TABLES_DEEP_MAX {
            self.too_deep = true;
            return 0;
        }
        self.path.push(table);
        let mut size = 0u32;
        for next in self.reads.get(&table).map_or(&[][..], Vec::as_slice) {
            if self.path.contains(next) {
                self.cycle.get_or_insert((table, *next));
                continue;
            }
            size = size.saturating_add(1).saturating_add(self.size(*next));
        }
        self.path.pop();
        self.sizes.insert(table, size);
        size
    }
}

fn recursion(model: &Model, catalog: &Catalog, from: TableId, to: TableId) -> Fault {
    let relation = &catalog[to].name;
    let message = format!("infinite recursion detected in policy for relation \"{relation}\"");
    match culprit(model, from, |tables| tables.contains(&to)) {
        Some((name, line)) => Fault::at(line, message).within(&format!("policy \"{name}\"")).hint(format!(
            "Its subquery reads '{relation}', whose policies lead back here: \
             test a column or a claim instead, such as auth.jwt() ->> 'org_id'"
        )),
        None => Fault::at(1, message),
    }
}

fn too_many(model: &Model, catalog: &Catalog, table: TableId) -> Fault {
    let name = &catalog[table].name;
    let message = format!(
        "reading '{name}' needs more than {SUBQUERIES_MAX} subqueries of policies, or more than {TABLES_DEEP_MAX} inside each other"
    );
    let line = culprit(model, table, |tables| !tables.is_empty()).map_or(1, |(_, line)| line);
    Fault::at(line, message).hint("Let fewer policies read tables that have such policies themselves")
}

fn culprit(model: &Model, table: TableId, reads: impl Fn(&[TableId]) -> bool) -> Option<(&str, u64)> {
    let mut policies = model
        .policies
        .iter()
        .filter(|policy| policy.table == table && matches!(policy.command, Command::All | Command::Select));
    let policy = policies.find(|policy| policy.using.as_ref().is_some_and(|using| reads(&read_by(using))))?;
    Some((&policy.name, policy.line))
}
