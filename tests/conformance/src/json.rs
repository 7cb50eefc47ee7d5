//! JSON compared by value: 1 and 1.0 are the same number, and so are two spellings of one instant.

use serde_json::Value as Json;

/// Whether two documents say the same.
pub fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => {
            left == right || left.as_f64().is_some_and(|left| right.as_f64() == Some(left))
        }
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        (Json::String(left), Json::String(right)) => left == right || same_text(left, right),
        _ => left == right,
    }
}

/// An instant in UTC has two spellings, and a document as text has as many as there is room between its parts.
fn same_text(left: &str, right: &str) -> bool {
    let instant =
        |text: &str| text.strip_suffix("+00:00").or_else(|| text.strip_suffix('Z')).map(str::to_owned);
    let document = |text: &str| {
        let json: Option<Json> =
            text.starts_with(['[', '{']).then(|| serde_json::from_str(text).ok()).flatten();
        json
    };
    match (document(left), document(right)) {
        (Some(left), Some(right)) => same(&left, &right),
        _ => instant(left).is_some_and(|left| instant(right) == Some(left)),
    }
}

/// Stops when two documents do not say the same.
#[track_caller]
pub fn assert_same(what: &str, actual: &Json, expected: &Json) {
    assert!(same(actual, expected), "{what}\n  got      {actual}\n  expected {expected}");
}
