//! Ways into JSON documents, and containment as PostgreSQL's `@>` defines it.

use serde_json::Value as Json;
use transom_types::Value;

use super::EvaluateError;
use crate::request::{JsonKey, JsonStep};

/// `->` and `->>` steps into a document.
pub(super) fn path(document: Value, steps: &[JsonStep]) -> Result<Value, EvaluateError> {
    let mut at = document;
    for step in steps {
        let Some(document) = parse(&at)? else { return Ok(Value::Null) };
        let Some(found) = child(&document, &step.key) else { return Ok(Value::Null) };
        at = match (step.as_text, found) {
            (true, Json::Null) => Value::Null,
            (true, Json::String(text)) => Value::text(text.as_str()),
            (true, other) => Value::text(other.to_string()),
            (false, other) => Value::Json(other.to_string().into()),
        };
    }
    Ok(at)
}

/// The document in a value; `None` for NULL.
pub(super) fn parse(value: &Value) -> Result<Option<Json>, EvaluateError> {
    match value {
        Value::Null => Ok(None),
        Value::Json(text) | Value::Text(text) => {
            serde_json::from_str(text).map(Some).map_err(|_| EvaluateError::Value("malformed JSON".into()))
        }
        Value::Bool(truth) => Ok(Some(Json::Bool(*truth))),
        Value::Integer(integer) => Ok(Some(Json::from(*integer))),
        Value::Real(real) => Ok(Some(Json::from(*real))),
        Value::Numeric(text) => Ok(serde_json::from_str(text).ok()),
        Value::Bytes(_) => Err(EvaluateError::Value("malformed JSON".into())),
    }
}

fn child<'j>(document: &'j Json, key: &JsonKey) -> Option<&'j Json> {
    match (document, key) {
        (Json::Object(members), JsonKey::Member(name)) => members.get(&**name),
        (Json::Array(elements), JsonKey::Index(index)) => {
            let place = if *index < 0 { index.checked_add(elements.len() as i64)? } else { *index };
            elements.get(usize::try_from(place).ok()?)
        }
        _ => None,
    }
}

/// Whether `whole @> part`: structure and content of `part` are within `whole`. A top-level array also contains a bare scalar.
pub fn contains(whole: &Json, part: &Json) -> bool {
    match (whole, part) {
        (Json::Array(elements), scalar) if !scalar.is_array() && !scalar.is_object() => {
            elements.iter().any(|element| equal(element, scalar))
        }
        _ => within(whole, part),
    }
}

fn within(whole: &Json, part: &Json) -> bool {
    match (whole, part) {
        (Json::Object(whole), Json::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|found| within(found, value)))
        }
        (Json::Array(whole), Json::Array(part)) => {
            part.iter().all(|value| whole.iter().any(|element| within(element, value)))
        }
        _ => equal(whole, part),
    }
}

/// Whether two arrays have an element in common.
pub fn overlaps(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Array(left), Json::Array(right)) => {
            left.iter().any(|value| right.iter().any(|other| equal(value, other)))
        }
        _ => false,
    }
}

/// Numbers by value, so that 1 equals 1.0.
fn equal(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => left == right,
    }
}
