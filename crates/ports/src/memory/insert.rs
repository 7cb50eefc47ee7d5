//! Inserts, and merges with rows that exist already.

use serde_json::Value as Json;
use transom_query::{
    ColumnId,
    catalog::Table,
    evaluate::{evaluate, order, read_cell},
    plan::{Insert, InsertValue, OnConflict},
};
use transom_types::{DataType, Value};

use super::{
    constraints, defaults,
    read::holds,
    rows::{Affected, BeforeAfter},
    scope::Environment,
    state::{Row, State},
};
use crate::DbError;

/// One row after the other, as engines do: a later one meets what an earlier one left.
pub(super) fn insert(
    step: &Insert,
    environment: &Environment<'_>,
    next: &mut State,
) -> Result<Affected, DbError> {
    let table = &environment.catalog[step.table];
    let mut affected = Affected::default();
    for cells in &payload(step, environment)? {
        let mut row = proposed(step, table, cells, environment)?;
        let rows = next.rows_mut(step.table)?;
        assign_identity(table, rows, &mut row);
        constraints::not_null(table, &row)?;
        if let Some(conflict) = &step.conflict
            && let Some(place) = constraints::find(rows, &conflict.columns, &row)
        {
            if let Some(change) = merge(step, conflict, table, rows, place, &row, environment)? {
                affected.rows.push(change);
            }
            continue;
        }
        constraints::unique(table, rows, &row)?;
        let row = Row::from(row);
        rows.push(row.clone());
        affected.rows.push((None, Some(row)));
    }
    Ok(affected)
}

/// The rows that would be there behind it, whatever constraints say of them: those that policy lets be made at all.
/// `None` where it does not let a row be changed that is there.
pub(super) fn new_rows(step: &Insert, environment: &Environment<'_>) -> Result<Option<Vec<Row>>, DbError> {
    let table = &environment.catalog[step.table];
    let rows = environment.state.rows(step.table);
    let mut made = Vec::new();
    for cells in &payload(step, environment)? {
        let mut row = proposed(step, table, cells, environment)?;
        assign_identity(table, rows, &mut row);
        if let Some(OnConflict { columns, merge: Some(merge) }) = &step.conflict
            && let Some(place) = constraints::find(rows, columns, &row)
        {
            if !holds(step.merge_guard.as_ref(), &environment.outside().row(step.id, &rows[place]))? {
                return Ok(None);
            }
            row = merged(&rows[place], merge, &row);
        }
        made.push(Row::from(row));
    }
    Ok(Some(made))
}

fn payload(step: &Insert, environment: &Environment<'_>) -> Result<Vec<Vec<Json>>, DbError> {
    match step.rows {
        Some(rows) => Ok(environment.cells(rows)?.0),
        None => Ok(vec![Vec::new()]),
    }
}

/// The row as the payload, the expressions and the defaults make it.
fn proposed(
    step: &Insert,
    table: &Table,
    cells: &[Json],
    environment: &Environment<'_>,
) -> Result<Vec<Value>, DbError> {
    let mut row = Vec::with_capacity(table.columns.len());
    for (place, column) in table.columns.iter().enumerate() {
        let written = step.columns.iter().find(|written| written.column.0 as usize == place);
        let value = match written.map(|written| &written.value) {
            None => None,
            Some(InsertValue::Expr(expr)) => Some(evaluate(expr, &environment.outside())?),
            Some(InsertValue::Cell { cell, data_type, missing_default }) => {
                cell_value(cells.get(usize::from(*cell)), *data_type, *missing_default)
            }
        };
        row.push(match value {
            Some(value) => constraints::stored(value, column)?,
            None => defaults::default_of(column, environment.now)?,
        });
    }
    Ok(row)
}

/// `None` when the cell is missing and the default is wanted.
fn cell_value(cell: Option<&Json>, data_type: DataType, missing_default: bool) -> Option<Value> {
    match cell {
        // The marker of a missing cell: no cell can be an object, for JSON documents are bound as text.
        None | Some(Json::Object(_)) => (!missing_default).then_some(Value::Null),
        Some(cell) => Some(read_cell(cell, data_type)),
    }
}

/// An identity column without a value takes the next number.
fn assign_identity(table: &Table, rows: &[Row], row: &mut [Value]) {
    for (place, _) in table.columns.iter().enumerate().filter(|(_, column)| column.identity) {
        if row[place].is_null() {
            let given = rows.iter().map(|row| &row[place]).filter(|value| !value.is_null());
            let greatest =
                given.max_by(|left, right| order(left, right).unwrap_or(std::cmp::Ordering::Equal));
            row[place] = match greatest {
                Some(Value::Integer(greatest)) => Value::Integer(greatest.saturating_add(1)),
                _ => Value::Integer(1),
            };
        }
    }
}

/// Changes the row that is there already, or leaves it (`None`): when that was asked for, or policy hides it.
fn merge(
    step: &Insert,
    conflict: &OnConflict,
    table: &Table,
    rows: &mut [Row],
    place: usize,
    proposed: &[Value],
    environment: &Environment<'_>,
) -> Result<Option<BeforeAfter>, DbError> {
    let Some(columns) = &conflict.merge else { return Ok(None) };
    let before = rows[place].clone();
    if !holds(step.merge_guard.as_ref(), &environment.outside().row(step.id, &before))? {
        return Ok(None);
    }
    let after = merged(&before, columns, proposed);
    constraints::not_null(table, &after)?;
    let others: Vec<Row> =
        rows.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, row)| row.clone()).collect();
    constraints::unique(table, &others, &after)?;
    let after = Row::from(after);
    rows[place] = after.clone();
    Ok(Some((Some(before), Some(after))))
}

/// A row that takes these columns of another.
fn merged(before: &[Value], columns: &[ColumnId], proposed: &[Value]) -> Vec<Value> {
    let mut after = before.to_vec();
    for column in columns {
        after[column.0 as usize] = proposed[column.0 as usize].clone();
    }
    after
}
