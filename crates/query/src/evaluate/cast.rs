//! `CAST`. What cannot be converted becomes what SQLite makes of it: numbers from a text's leading digits, and NULL of what is no truth value.

use transom_types::{DataType, Value};

use super::{compare, show};

/// A value as another type.
pub fn cast(value: Value, data_type: DataType) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    match data_type {
        DataType::Bool => match &value {
            Value::Bool(_) => value,
            other => match text_of(other).to_ascii_lowercase().as_str() {
                "1" | "true" | "t" => Value::Bool(true),
                "0" | "false" | "f" => Value::Bool(false),
                _ => Value::Null,
            },
        },
        DataType::Integer => Value::Integer(to_integer(&value)),
        DataType::Real => Value::Real(to_real(&value)),
        DataType::Numeric => match value {
            Value::Integer(_) | Value::Numeric(_) | Value::Real(_) => value,
            Value::Bool(truth) => Value::Integer(truth.into()),
            other => to_numeric(&text_of(&other)),
        },
        DataType::Json => match value {
            Value::Text(text) => Value::Json(text),
            Value::Json(_) => value,
            other => {
                let mut text = String::new();
                show::write(&mut text, &other, DataType::Any);
                Value::Json(text.into())
            }
        },
        DataType::Bytes => match value {
            Value::Bytes(_) => value,
            other => Value::Bytes(text_of(&other).into_bytes().into()),
        },
        DataType::Any => value,
        DataType::Text | DataType::Uuid | DataType::Date | DataType::Time | DataType::Timestamp => {
            Value::text(text_of(&value))
        }
    }
}

/// A value as text.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(truth) => truth.to_string(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => show::real(*real),
        Value::Numeric(text) | Value::Text(text) | Value::Json(text) => text.to_string(),
        Value::Bytes(bytes) => {
            let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\\x{hexadecimal}")
        }
    }
}

fn to_integer(value: &Value) -> i64 {
    match value {
        Value::Bool(truth) => (*truth).into(),
        Value::Integer(integer) => *integer,
        Value::Real(real) => real.round() as i64,
        Value::Numeric(text) => match text.parse() {
            Ok(integer) => integer,
            Err(_) => text.parse::<f64>().unwrap_or(0.0).round() as i64,
        },
        other => to_integer(&to_numeric(&text_of(other))),
    }
}

fn to_real(value: &Value) -> f64 {
    match value {
        Value::Text(_) | Value::Json(_) | Value::Bytes(_) => {
            let text = text_of(value);
            leading(&text, |part| part.parse::<f64>().is_ok_and(f64::is_finite)).parse().unwrap_or(0.0)
        }
        number => compare::real(number),
    }
}

fn to_numeric(text: &str) -> Value {
    let number = leading(text, |part| part.parse::<f64>().is_ok_and(f64::is_finite));
    DataType::Numeric.parse(number).unwrap_or(Value::Integer(0))
}

/// The longest beginning that is a number; at most what a number can need.
fn leading(text: &str, is_number: impl Fn(&str) -> bool) -> &str {
    let text = text.trim_start();
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    let end = text.find(|c| !numeric(c)).unwrap_or(text.len());
    (0..=end.min(64)).rev().map(|end| &text[..end]).find(|part| is_number(part)).unwrap_or("")
}
