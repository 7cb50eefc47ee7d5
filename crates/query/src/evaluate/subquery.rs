//! Rows of subqueries as values: one scalar, or JSON.

use transom_types::Value;

use super::{Context, EvaluateError, show};
use crate::plan::Query;

/// The first output of the first row, or NULL.
pub(super) fn scalar(query: &Query, context: &dyn Context) -> Result<Value, EvaluateError> {
    let first = context.query(query)?.into_iter().next();
    Ok(first.and_then(|row| row.into_iter().next()).unwrap_or(Value::Null))
}

/// The first row as a JSON object, or NULL.
pub(super) fn object(query: &Query, context: &dyn Context) -> Result<Value, EvaluateError> {
    let rows = context.query(query)?;
    Ok(rows.first().map_or(Value::Null, |row| Value::Json(show::object(&query.outputs, row).into())))
}

/// The rows as a JSON array of objects.
pub(super) fn objects(query: &Query, context: &dyn Context) -> Result<Value, EvaluateError> {
    let rows = context.query(query)?;
    Ok(joined(rows.iter().map(|row| show::object(&query.outputs, row))))
}

/// The first output of each row, as a JSON array.
pub(super) fn array(query: &Query, context: &dyn Context) -> Result<Value, EvaluateError> {
    let Some(output) = query.outputs.first() else {
        return Err(EvaluateError::Unsupported("an array needs one output".into()));
    };
    let rows = context.query(query)?;
    Ok(joined(rows.iter().filter_map(|row| row.first()).map(|value| show::show(value, output.data_type))))
}

fn joined(elements: impl Iterator<Item = String>) -> Value {
    let elements: Vec<String> = elements.collect();
    Value::Json(format!("[{}]", elements.join(",")).into())
}
