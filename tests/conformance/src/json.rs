//! JSON compared by value: 1 and 1.0 are the same number.

use serde_json::Value as Json;

/// Whether two documents say the same.
pub fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

/// Stops when two documents do not say the same.
#[track_caller]
pub fn assert_same(what: &str, actual: &Json, expected: &Json) {
    assert!(same(actual, expected), "{what}\n  got      {actual}\n  expected {expected}");
}
