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
        (Json::Number(left), Json::Number(right)) => {
            left == right || left.as_f64().is_some_and(|left| right.as_f64() == Some(left))
        }
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

/// A text that orders as documents do: NULL, then strings, numbers by value, truth, arrays and objects by size and then
/// by their parts. Equal documents have equal keys, however they are written.
pub fn key(document: &Json) -> String {
    let mut key = String::new();
    write_key(&mut key, document);
    key
}

/// The key of a document's text; what is no JSON counts as a string.
pub fn key_of_text(text: &str) -> String {
    key(&serde_json::from_str(text).unwrap_or_else(|_| Json::from(text)))
}

fn write_key(key: &mut String, document: &Json) {
    match document {
        Json::Null => key.push('0'),
        Json::String(text) => {
            key.push('1');
            write_text_key(key, text);
        }
        Json::Number(number) => {
            key.push('2');
            write_number_key(key, number);
        }
        Json::Bool(truth) => key.push(if *truth { '4' } else { '3' }),
        Json::Array(elements) => {
            key.push_str(&format!("5{:08x}", elements.len()));
            elements.iter().for_each(|element| write_key(key, element));
        }
        Json::Object(members) => {
            key.push_str(&format!("6{:08x}", members.len()));
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            for (name, value) in members {
                write_text_key(key, name);
                write_key(key, value);
            }
        }
    }
}

/// Text with an end that stands before whatever could follow; characters that could be taken for the end are shifted.
fn write_text_key(key: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\0' => key.push_str("\u{1}\u{2}"),
            '\u{1}' => key.push_str("\u{1}\u{3}"),
            character => key.push(character),
        }
    }
    key.push_str("\u{1}\u{1}");
}

/// A number as a double; one that is larger than those is infinite.
pub(super) fn double(number: &serde_json::Number) -> f64 {
    let infinite = if number.as_str().starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
    number.as_f64().unwrap_or(infinite)
}

/// A double's bits in order, then what a large integer has beyond it.
fn write_number_key(key: &mut String, number: &serde_json::Number) {
    // Not two zeros.
    let double = double(number) + 0.0;
    let bits = double.to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    let beyond = whole.map_or(0, |whole| whole - double as i128);
    key.push_str(&format!("{ordered:016x}{:04x}", beyond + 0x4000));
}

#[cfg(test)]
mod keys {
    use super::*;

    #[test]
    fn order_as_documents_do() {
        let ordered = [
            "null",
            r#""""#,
            r#""\u0000""#,
            r#""\u0001""#,
            r#""10""#,
            r#""9""#,
            r#""9a""#,
            "-1e400",
            "-1e300",
            "-2",
            "-1.5",
            "0",
            "0.5",
            "9",
            "10",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "1e300",
            "1e400",
            "false",
            "true",
            "[]",
            "[9]",
            "[10]",
            r#"["a","b"]"#,
            r#"["ab","a"]"#,
            "{}",
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"b":0}"#,
        ];
        for pair in ordered.windows(2) {
            assert!(key_of_text(pair[0]) < key_of_text(pair[1]), "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn equal_documents_have_equal_keys() {
        for (left, right) in [
            ("10", "10.0"),
            ("-0.0", "0"),
            (r#"{"a":1,"b":[1, 2]}"#, r#"{"b":[1.0,2],"a":1e0}"#),
            ("no json", r#""no json""#),
        ] {
            assert_eq!(key_of_text(left), key_of_text(right), "{left} = {right}");
        }
    }
}
