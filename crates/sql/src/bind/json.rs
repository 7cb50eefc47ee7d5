//! Values inside a bound JSON array. Documents are text there, so that no cell is an object, and bytes hexadecimal.

use std::{fmt::Display, io::Write};

use transom_types::{Code, Problem, Value};

/// An array of these values.
pub(super) fn array(values: impl Iterator<Item = Value>) -> Value {
    let mut text = vec![b'['];
    for (at, value) in values.enumerate() {
        if at > 0 {
            text.push(b',');
        }
        push(&mut text, &value);
    }
    text.push(b']');
    Value::Json(String::from_utf8_lossy(&text).into())
}

/// What was written so far, as a value.
pub(super) fn document(text: Vec<u8>) -> Result<Value, Problem> {
    let text = String::from_utf8(text)
        .map_err(|error| Problem::new(Code::Internal, "the body could not be passed on").caused_by(error))?;
    Ok(Value::Json(text.into()))
}

/// Appends one value.
pub(super) fn push(text: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => text.extend_from_slice(b"null"),
        Value::Bool(truth) => push_shown(text, truth),
        Value::Integer(integer) => push_shown(text, integer),
        Value::Real(real) => match serde_json::Number::from_f64(*real) {
            Some(number) => push_shown(text, &number),
            None => text.extend_from_slice(b"null"),
        },
        Value::Numeric(string) | Value::Text(string) | Value::Json(string) => push_string(text, string),
        Value::Bytes(bytes) => {
            text.extend_from_slice(b"\"\\\\x");
            for byte in bytes {
                push_shown(text, &format_args!("{byte:02x}"));
            }
            text.push(b'"');
        }
    }
}

/// Appends what is shown as JSON shows it.
pub(super) fn push_shown(text: &mut Vec<u8>, shown: &impl Display) {
    // Memory does not fail.
    let _ = write!(text, "{shown}");
}

/// Appends a string.
pub(super) fn push_string(text: &mut Vec<u8>, string: &str) {
    let _ = serde_json::to_writer(text, string);
}

/// Whether JSON has no number for it.
pub(super) fn is_infinite(value: &Value) -> bool {
    matches!(value, Value::Real(real) if !real.is_finite())
}

/// Lists and rows travel as JSON, which has no infinity: it is refused rather than lost.
pub(super) fn finite(value: Value, name: &str) -> Result<Value, Problem> {
    if !is_infinite(&value) {
        return Ok(value);
    }
    Err(Problem::new(
        Code::NumberOutOfRange,
        "an infinite number cannot stand in a list or in one of many rows",
    )
    .with_details(format!("'{name}' has one")))
}
