//! What a table demands of its rows: types, required columns, unique keys and foreign keys.

use transom_query::{
    ColumnId, TableId,
    catalog::{Catalog, Column, ForeignKey, Table},
    evaluate::same,
};
use transom_types::{DataType, Value};

use super::{
    rows::Affected,
    state::{Row, State},
};
use crate::{DbError, Fault};

/// A value as its column stores it.
pub(super) fn stored(value: Value, column: &Column) -> Result<Value, DbError> {
    let fitting = match (&value, column.data_type) {
        (Value::Null, _) | (_, DataType::Any) => Some(value.clone()),
        (Value::Bool(_), DataType::Bool) => Some(value.clone()),
        (Value::Integer(integer), DataType::Bool) => Some(Value::Bool(*integer != 0)),
        (Value::Integer(_), DataType::Integer | DataType::Numeric) => Some(value.clone()),
        (Value::Bool(truth), DataType::Integer | DataType::Numeric) => Some(Value::Integer((*truth).into())),
        (Value::Real(real), DataType::Integer) => whole(*real).map(Value::Integer),
        (Value::Real(_), DataType::Real) => Some(value.clone()),
        (Value::Integer(integer), DataType::Real) => Some(Value::Real(*integer as f64)),
        (Value::Numeric(text), DataType::Integer | DataType::Real) => column.data_type.parse(text),
        (Value::Real(real), DataType::Numeric) => DataType::Numeric.parse(&real.to_string()),
        (Value::Numeric(_), DataType::Numeric) => Some(value.clone()),
        (Value::Bytes(_), DataType::Bytes) => Some(value.clone()),
        (Value::Json(_), DataType::Json) => Some(value.clone()),
        (Value::Text(text), data_type) => data_type.parse(text),
        (other, DataType::Text) => Some(transom_query::evaluate::cast(other.clone(), DataType::Text)),
        _ => None,
    };
    fitting.ok_or_else(|| {
        let message =
            format!("{value:?} does not fit column '{}' of type {}", column.name, column.data_type.name());
        DbError::new(Fault::Value, message)
    })
}

fn whole(real: f64) -> Option<i64> {
    (real.fract() == 0.0 && real.abs() < 9.0e18).then_some(real as i64)
}

/// Required columns have values.
pub(super) fn not_null(table: &Table, row: &[Value]) -> Result<(), DbError> {
    let missing = table.columns.iter().zip(row).find(|(column, value)| !column.nullable && value.is_null());
    match missing {
        Some((column, _)) => {
            let message = format!("NULL in {}.{}", table.name, column.name);
            Err(DbError::new(Fault::NotNull(column.name.to_string()), message))
        }
        None => Ok(()),
    }
}

/// The place of a row with the same values in these columns; a NULL among them equals nothing.
pub(super) fn find(rows: &[Row], columns: &[ColumnId], row: &[Value]) -> Option<usize> {
    let given: Vec<&Value> = columns.iter().filter_map(|column| row.get(column.0 as usize)).collect();
    if given.iter().any(|value| value.is_null()) {
        return None;
    }
    let matches = |known: &Row| {
        columns.iter().zip(&given).all(|(column, value)| same(&known[column.0 as usize], value))
    };
    rows.iter().position(matches)
}

/// The first unique key of which `rows` holds the row's values already.
pub(super) fn unique(table: &Table, rows: &[Row], row: &[Value]) -> Result<(), DbError> {
    let keys = std::iter::once(&table.primary_key).chain(&table.unique_keys).filter(|key| !key.is_empty());
    for key in keys {
        if find(rows, key, row).is_some() {
            let names: Vec<String> = key.iter().map(|column| table[*column].name.to_string()).collect();
            let message = format!("a row of {} has the same ({})", table.name, names.join(", "));
            return Err(DbError::new(Fault::Unique(names), message));
        }
    }
    Ok(())
}

/// Checked when a statement is done: new rows refer to rows that are there, and rows that went are not referred to.
pub(super) fn foreign_keys(
    catalog: &Catalog,
    state: &State,
    changed: TableId,
    affected: &Affected,
) -> Result<(), DbError> {
    for key in &catalog[changed].foreign_keys {
        for after in affected.rows.iter().filter_map(|(_, after)| after.as_ref()) {
            if !has_match(state, key, after) {
                return Err(broken(&catalog[changed], key));
            }
        }
    }
    let gone: Vec<&Row> = affected.rows.iter().filter_map(|(before, _)| before.as_ref()).collect();
    for (id, table) in catalog.tables() {
        for key in table.foreign_keys.iter().filter(|key| key.table == changed) {
            for row in &gone {
                if refers(state, id, key, row) && find(state.rows(changed), &key.referenced, row).is_none() {
                    return Err(broken(table, key));
                }
            }
        }
    }
    Ok(())
}

/// A NULL among the referring columns refers to nothing.
fn has_match(state: &State, key: &ForeignKey, row: &[Value]) -> bool {
    let values: Vec<&Value> = key.columns.iter().map(|column| &row[column.0 as usize]).collect();
    let referred = |candidate: &&Row| {
        key.referenced.iter().zip(&values).all(|(column, value)| same(&candidate[column.0 as usize], value))
    };
    values.iter().any(|value| value.is_null()) || state.rows(key.table).iter().any(|row| referred(&row))
}

fn refers(state: &State, from: TableId, key: &ForeignKey, row: &[Value]) -> bool {
    let pairs = || key.columns.iter().zip(&key.referenced);
    let same_key =
        |child: &Row| pairs().all(|(near, far)| same(&child[near.0 as usize], &row[far.0 as usize]));
    !pairs().any(|(_, far)| row[far.0 as usize].is_null()) && state.rows(from).iter().any(same_key)
}

fn broken(table: &Table, key: &ForeignKey) -> DbError {
    DbError::new(Fault::ForeignKey, format!("foreign key {} of {} is broken", key.name, table.name))
}
