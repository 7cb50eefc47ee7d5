//! Cells of a body.

use serde_json::Value as Json;
use transom_query::{
    plan::{MISSING_CELL, MISSING_CELL_OF_ENGINE, ParamKind},
    request::{Cell, Payload},
};
use transom_types::{Code, DataType, Problem, Value};

use super::{
    json,
    literal::{self, not_of_type, parsed},
    lost,
};

/// A JSON value of a body as a value of its column.
pub(super) fn value(json: &Json, data_type: DataType, name: &str) -> Result<Value, Problem> {
    match (json, data_type) {
        (Json::Null, _) => Ok(Value::Null),
        (Json::String(text), DataType::Json) => match DataType::Json.parse(text) {
            // Text that is a document is one; other text is a JSON string.
            Some(document) => Ok(document),
            None => Ok(Value::Json(json.to_string().into())),
        },
        (json, DataType::Json) => Ok(Value::Json(json.to_string().into())),
        (Json::String(text), data_type) => parsed(text, data_type, name),
        (Json::Bool(truth), DataType::Bool | DataType::Any) => Ok(Value::Bool(*truth)),
        (Json::Number(number), DataType::Integer | DataType::Any | DataType::Real | DataType::Numeric) => {
            number_value(number, data_type, name)
        }
        (Json::Bool(_) | Json::Number(_), DataType::Text) => Ok(Value::text(json.to_string())),
        (Json::Array(_) | Json::Object(_), DataType::Text | DataType::Any) => {
            Ok(Value::text(json.to_string()))
        }
        (other, data_type) => parsed(&other.to_string(), data_type, name),
    }
}

/// Whether it is for the engine to read, which reads text.
pub(super) fn is_beyond(json: &Json, data_type: DataType) -> bool {
    matches!(json, Json::String(text) if literal::is_beyond(text, data_type))
}

/// A JSON value as the text that an engine reads one of its own values from: NULL for `null`.
pub(super) fn as_text(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::String(text) => Value::text(&**text),
        other => Value::text(other.to_string()),
    }
}

/// The last of the texts that were given under one name.
pub(super) fn last_text(json: &Json) -> Value {
    match json {
        Json::Array(texts) => texts.last().map_or(Value::Null, as_text),
        text => as_text(text),
    }
}

/// Every text that was given under one name, as a list.
pub(super) fn every_text(json: &Json) -> Value {
    match json {
        Json::Array(_) => Value::Json(json.to_string().into()),
        text => Value::Json(Json::Array(vec![text.clone()]).to_string().into()),
    }
}

fn number_value(number: &serde_json::Number, data_type: DataType, name: &str) -> Result<Value, Problem> {
    match (number.as_i64(), data_type) {
        (Some(integer), DataType::Real) => Ok(Value::Real(integer as f64)),
        (Some(integer), _) => Ok(Value::Integer(integer)),
        (None, DataType::Integer) => match number.as_f64() {
            Some(real) if real.fract() == 0.0 && real.abs() < 9.0e15 => Ok(Value::Integer(real as i64)),
            Some(real) if real.fract() != 0.0 => Err(not_of_type(number.as_str(), data_type, name)),
            _ => parsed(number.as_str(), data_type, name),
        },
        (None, DataType::Numeric) => parsed(number.as_str(), data_type, name),
        (None, _) => match number.as_f64() {
            Some(real) => Ok(Value::Real(real)),
            None => Err(not_of_type(number.as_str(), data_type, name)),
        },
    }
}

/// Rows as one JSON array of arrays, each cell checked against its column. `columns` names them in messages; `of` the
/// table whose rows they are, where they are not those of the body itself. `raw`: the engine reads values of its own
/// types from JSON.
pub(super) fn rows(
    rows: &[Vec<Cell>],
    (kind, raw): (&ParamKind, bool),
    columns: &[Box<str>],
    of: Option<&str>,
) -> Result<Value, Problem> {
    let ParamKind::Rows(types) = kind else { return Err(lost("body")) };
    let missing: &[u8] = if raw { MISSING_CELL_OF_ENGINE.as_bytes() } else { MISSING_CELL.as_bytes() };
    let mut text = Vec::with_capacity(rows.len() * types.len() * 8 + 2);
    text.push(b'[');
    for (number, row) in rows.iter().enumerate() {
        text.extend_from_slice(if number > 0 { b",[" } else { b"[" });
        for (at, data_type) in types.iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            let named = || columns.get(at).map_or_else(|| format!("value {}", at + 1), ToString::to_string);
            match row.get(at) {
                Some(Cell::Json(json))
                    if raw && (*data_type == DataType::Any || is_beyond(json, *data_type)) =>
                {
                    json::push_shown(&mut text, json)
                }
                Some(Cell::Json(json)) => {
                    push(&mut text, json, *data_type, named)
                        .map_err(|problem| in_row(problem, number, of))?;
                }
                Some(Cell::Missing) | None => text.extend_from_slice(missing),
                Some(Cell::Earlier(_)) => return Err(reference(&named(), number)),
            }
        }
        text.push(b']');
    }
    text.push(b']');
    json::document(text)
}

/// Rows as a list of objects, or the one row as an object.
pub(super) fn document(payload: &Payload, list: bool) -> Result<Value, Problem> {
    let mut text = Vec::new();
    text.extend_from_slice(if list { b"[" } else { b"" });
    let rows = if list { &payload.rows[..] } else { payload.rows.get(..1).unwrap_or_default() };
    for (number, row) in rows.iter().enumerate() {
        text.extend_from_slice(if number > 0 { b",{" } else { b"{" });
        let mut first = true;
        for (name, cell) in payload.columns.iter().zip(row) {
            let json = match cell {
                Cell::Json(json) => json,
                Cell::Missing => continue,
                Cell::Earlier(_) => return Err(reference(name, number)),
            };
            text.extend_from_slice(if first { b"" } else { b"," });
            first = false;
            json::push_string(&mut text, name);
            text.push(b':');
            json::push_shown(&mut text, json);
        }
        text.push(b'}');
    }
    text.extend_from_slice(if list { b"]" } else { b"" });
    json::document(text)
}

fn push(
    text: &mut Vec<u8>,
    json: &Json,
    data_type: DataType,
    named: impl Fn() -> String,
) -> Result<(), Problem> {
    match (json, data_type) {
        // As they are: most cells.
        (Json::String(string), DataType::Text) => json::push_string(text, string),
        (Json::Number(number), DataType::Integer) if number.is_i64() => json::push_shown(text, number),
        _ => json::push(text, &json::finite(value(json, data_type, &named())?, &named())?),
    }
    Ok(())
}

fn in_row(problem: Problem, number: usize, of: Option<&str>) -> Problem {
    let row = match of {
        Some(table) => format!("A row of '{table}'"),
        None => format!("Row {} of the body", number + 1),
    };
    let details = match problem.details() {
        Some(details) => format!("{row}: {details}"),
        None => row,
    };
    problem.with_details(details)
}

fn reference(name: &str, number: usize) -> Problem {
    Problem::new(Code::BatchInvalid, "references work only in the body of a single row")
        .with_details(format!("Row {} of the body has one as '{name}'", number + 1))
        .with_hint("Send the row as an object in an operation of its own")
}

#[cfg(test)]
mod texts {
    use serde_json::json;

    use super::*;

    #[test]
    fn are_as_an_engine_reads_them() {
        for (json, text) in
            [(json!("a b"), "a b"), (json!(3.10), "3.1"), (json!(true), "true"), (json!([1]), "[1]")]
        {
            assert_eq!(as_text(&json), Value::text(text));
        }
        assert_eq!(as_text(&Json::Null), Value::Null);
    }

    #[test]
    fn may_be_given_more_than_once() {
        assert_eq!(last_text(&json!(["a", "b"])), Value::text("b"));
        assert_eq!(last_text(&json!("a")), Value::text("a"));
        assert_eq!(every_text(&json!(["a", "b"])), Value::Json(r#"["a","b"]"#.into()));
        assert_eq!(every_text(&json!("a")), Value::Json(r#"["a"]"#.into()));
    }
}
