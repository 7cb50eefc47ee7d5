//! Values as JSON and back: how a column is shown, and how bound lists and rows are read.

use serde_json::Value as Json;
use transom_types::{DataType, Value};

use super::EvaluateError;
use crate::plan::Output;

/// A value as JSON text, shown as its type is.
pub fn show(value: &Value, data_type: DataType) -> String {
    let mut text = String::new();
    write(&mut text, value, data_type);
    text
}

/// A row of outputs as a JSON object.
pub fn object(outputs: &[Output], values: &[Value]) -> String {
    let mut text = String::from("{");
    for (place, (output, value)) in outputs.iter().zip(values).enumerate() {
        if place > 0 {
            text.push(',');
        }
        write_string(&mut text, &output.key);
        text.push(':');
        write(&mut text, value, output.data_type);
    }
    text.push('}');
    text
}

pub(super) fn write(out: &mut String, value: &Value, data_type: DataType) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Integer(integer) if data_type == DataType::Bool => {
            out.push_str(if *integer != 0 { "true" } else { "false" });
        }
        Value::Integer(integer) => out.push_str(&integer.to_string()),
        Value::Real(real) if !real.is_finite() => out.push_str("null"),
        Value::Real(real) => out.push_str(&self::real(*real)),
        Value::Numeric(text) => match serde_json::from_str::<serde_json::Number>(text) {
            Ok(_) => out.push_str(text),
            Err(_) => write_string(out, text),
        },
        Value::Json(text) if data_type != DataType::Text => out.push_str(text),
        Value::Text(text) if data_type == DataType::Json && is_json(text) => out.push_str(text),
        Value::Text(text) | Value::Json(text) => write_string(out, text),
        Value::Bytes(bytes) => {
            out.push_str("\"\\\\x");
            for byte in bytes.iter() {
                out.push_str(&format!("{byte:02x}"));
            }
            out.push('"');
        }
    }
}

/// The shortest text that reads back as the same number, always with a point or exponent.
pub(super) fn real(real: f64) -> String {
    serde_json::Number::from_f64(real).map_or_else(|| real.to_string(), |number| number.to_string())
}

fn write_string(out: &mut String, text: &str) {
    out.push_str(&Json::from(text).to_string());
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

/// One element of a bound list or one cell of a bound row, read as a type. JSON documents and bytes come as text.
pub fn read_cell(cell: &Json, data_type: DataType) -> Value {
    match (cell, data_type) {
        (Json::Null, _) => Value::Null,
        (Json::String(text), DataType::Json) => Value::Json(text.as_str().into()),
        (cell, DataType::Json) => Value::Json(cell.to_string().into()),
        (Json::String(text), DataType::Text | DataType::Any) => Value::text(text.as_str()),
        (Json::String(text), _) => data_type.parse(text).unwrap_or_else(|| Value::text(text.as_str())),
        (Json::Bool(truth), _) => Value::Bool(*truth),
        (Json::Number(number), DataType::Bool) => Value::Bool(number.as_f64() != Some(0.0)),
        (Json::Number(number), _) => read_number(number, data_type),
        (nested, _) => Value::Json(nested.to_string().into()),
    }
}

fn read_number(number: &serde_json::Number, data_type: DataType) -> Value {
    match (number.as_i64(), data_type) {
        (Some(integer), DataType::Real) => Value::Real(integer as f64),
        (Some(integer), _) => Value::Integer(integer),
        (None, DataType::Numeric) => Value::Numeric(number.as_str().into()),
        (None, _) => Value::Real(super::json::double(number)),
    }
}

/// The elements of a list bound as a JSON array.
pub(super) fn read_list(text: &str, data_type: DataType) -> Result<Vec<Value>, EvaluateError> {
    match serde_json::from_str(text) {
        Ok(Json::Array(elements)) => {
            Ok(elements.iter().map(|element| read_cell(element, data_type)).collect())
        }
        _ => Err(EvaluateError::Value("a list parameter is not a JSON array".into())),
    }
}
