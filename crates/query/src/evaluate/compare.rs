//! The order of values: numbers before text before bytes, as SQLite orders storage classes; text by its bytes, documents by value.

use std::cmp::Ordering;

use transom_types::Value;

use super::{decimal::Decimal, json};

/// The order of two values; `None` when one is NULL.
pub fn order(left: &Value, right: &Value) -> Option<Ordering> {
    if left.is_null() || right.is_null() {
        return None;
    }
    if let (Value::Json(_), other) | (other, Value::Json(_)) = (left, right)
        && let Value::Json(_) | Value::Text(_) = other
    {
        return Some(document(left).cmp(&document(right)));
    }
    let ordering = class(left).cmp(&class(right));
    if ordering != Ordering::Equal {
        return Some(ordering);
    }
    Some(match (left, right) {
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Bytes(left), Value::Bytes(right)) => left.cmp(right),
        _ => numbers(left, right),
    })
}

/// Whether two values are equal, NULL being equal to NULL.
pub fn same(left: &Value, right: &Value) -> bool {
    match order(left, right) {
        Some(ordering) => ordering == Ordering::Equal,
        None => left.is_null() && right.is_null(),
    }
}

/// What a document is ordered by.
fn document(value: &Value) -> String {
    match value {
        Value::Json(text) | Value::Text(text) => json::key_of_text(text),
        _ => String::new(),
    }
}

fn class(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) | Value::Integer(_) | Value::Real(_) | Value::Numeric(_) => 1,
        Value::Text(_) | Value::Json(_) => 2,
        Value::Bytes(_) => 3,
    }
}

/// Exact where both are decimal, or an integer and a real.
fn numbers(left: &Value, right: &Value) -> Ordering {
    if let (Some(left), Some(right)) = (decimal(left), decimal(right))
        && let Some(ordering) = left.compare(right)
    {
        return ordering;
    }
    match (left, right) {
        (Value::Integer(left), Value::Real(right)) => integer_and_real(*left, *right),
        (Value::Real(left), Value::Integer(right)) => integer_and_real(*right, *left).reverse(),
        _ => real(left).partial_cmp(&real(right)).unwrap_or(Ordering::Equal),
    }
}

/// As a double; what is no number is zero.
pub(super) fn real(value: &Value) -> f64 {
    match value {
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Integer(integer) => *integer as f64,
        Value::Real(real) => *real,
        Value::Numeric(text) | Value::Text(text) | Value::Json(text) => text.trim().parse().unwrap_or(0.0),
        Value::Null | Value::Bytes(_) => 0.0,
    }
}

/// As an exact decimal, unless it is a double.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Bool(truth) => Some(Decimal::from(i64::from(*truth))),
        Value::Integer(integer) => Some(Decimal::from(*integer)),
        Value::Numeric(text) => Decimal::parse(text),
        _ => None,
    }
}

/// Without rounding the integer to a double.
fn integer_and_real(integer: i64, real: f64) -> Ordering {
    if real >= 9_223_372_036_854_775_808.0 {
        return Ordering::Less;
    }
    if real < -9_223_372_036_854_775_808.0 {
        return Ordering::Greater;
    }
    let whole = integer.cmp(&(real.trunc() as i64));
    whole.then(0.0.partial_cmp(&real.fract()).unwrap_or(Ordering::Equal))
}
