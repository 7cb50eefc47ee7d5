//! Aggregates over the values of a group.

use std::cmp::Ordering;

use transom_types::Value;

use super::{
    compare::{order, real},
    function::binary,
};
use crate::{plan::BinaryOp, request::Aggregate};

/// Folds values by an aggregate; NULLs are passed over, and nothing at all yields NULL (a count: 0).
pub fn fold(aggregate: Aggregate, values: impl IntoIterator<Item = Value>) -> Value {
    let given = values.into_iter().filter(|value| !value.is_null());
    let found = match aggregate {
        Aggregate::Count => Some(Value::Integer(given.count() as i64)),
        Aggregate::Sum => given.reduce(|sum, value| binary(BinaryOp::Add, &sum, &value)),
        Aggregate::Max => given.reduce(|best, value| better(best, value, Ordering::Greater)),
        Aggregate::Min => given.reduce(|best, value| better(best, value, Ordering::Less)),
        Aggregate::Avg => {
            let values: Vec<f64> = given.map(|value| real(&value)).collect();
            (!values.is_empty()).then(|| Value::Real(values.iter().sum::<f64>() / values.len() as f64))
        }
    };
    found.unwrap_or(Value::Null)
}

fn better(best: Value, value: Value, wanted: Ordering) -> Value {
    if order(&value, &best) == Some(wanted) { value } else { best }
}
