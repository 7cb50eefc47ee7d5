//! Rows first, what is shown of them second: where an order and bounds choose a few rows of many, dear outputs are
//! made for the chosen ones alone. The rows stand in a subquery under the query's own alias, so that nothing else changes.

use transom_query::{
    ColumnId, Expr, Query, QueryId,
    plan::{Comparison, Source},
};
use transom_types::Problem;

use super::Writer;

impl Writer<'_> {
    /// Takes note of a column, where columns of its query are being gathered.
    pub(super) fn note(&mut self, id: QueryId, column: ColumnId) {
        for (query, columns) in &mut self.gathering {
            if *query == id && !columns.contains(&column) {
                columns.push(column);
            }
        }
    }

    /// Writes apart what is made of a query's rows, with the columns that it needs of them.
    pub(super) fn gathered(
        &mut self,
        id: QueryId,
        write: impl FnOnce(&mut Self) -> Result<(), Problem>,
    ) -> Result<(String, Vec<ColumnId>), Problem> {
        self.gathering.push((id, Vec::new()));
        let written = self.apart(write);
        let columns = self.gathering.pop().map(|(_, columns)| columns).unwrap_or_default();
        Ok((written?, columns))
    }

    /// ` FROM (the bounded rows) AS alias`
    pub(super) fn limited(&mut self, query: &Query, columns: &[ColumnId]) -> Result<(), Problem> {
        self.push(" FROM (SELECT ");
        if columns.is_empty() {
            self.push("1");
        }
        self.list(columns, ", ", |writer, column| {
            let name = writer.column_name(query.id, *column)?;
            writer.alias(query.id);
            writer.push(".");
            writer.name(&name);
            writer.push(" AS ");
            writer.name(&name);
            Ok(())
        })?;
        self.rest(query)?;
        self.push(") AS ");
        self.alias(query.id);
        Ok(())
    }

    /// Whether an index is likely to yield the rows in their order: then the bounds stop the engine early, and rows
    /// through a subquery only cost.
    pub(super) fn in_order(&self, query: &Query) -> bool {
        let Source::Table(table) = query.source else { return false };
        let of = &self.catalog[table];
        let (mut fixed, mut ordered) = (Vec::new(), Vec::new());
        for part in [&query.on, &query.filter, &query.guard].into_iter().flatten() {
            fixed_columns(part, query.id, &mut fixed);
        }
        for term in &query.order {
            let Expr::Column(id, column) = &term.expr else { return false };
            let as_stored = !of[*column].nullable || term.nulls_first != term.descending;
            if *id != query.id || term.descending != query.order[0].descending || !as_stored {
                return false;
            }
            ordered.push(*column);
        }
        let serves = |index: &Vec<ColumnId>| {
            let rest = |columns: &[ColumnId]| -> Vec<ColumnId> {
                columns.iter().copied().filter(|column| !fixed.contains(column)).collect()
            };
            rest(index).starts_with(&rest(&ordered))
        };
        of.indexes.iter().any(serves)
    }
}

/// The columns of a query that one value fixes.
fn fixed_columns(expr: &Expr, id: QueryId, fixed: &mut Vec<ColumnId>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| fixed_columns(part, id, fixed)),
        Expr::Compare(Comparison::Eq, left, _) => {
            if let Expr::Column(query, column) = &**left
                && *query == id
            {
                fixed.push(*column);
            }
        }
        _ => {}
    }
}

/// Whether bounds choose some of a query's rows, each of them a row of its source.
pub(super) fn bounded(query: &Query) -> bool {
    (query.limit.is_some() || query.offset.is_some()) && query.group_by.is_none()
}
