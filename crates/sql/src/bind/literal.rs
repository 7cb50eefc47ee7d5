//! Literals of the query string.

use serde_json::{Number, Value as Json};
use transom_query::{plan::ParamKind, request::Literal};
use transom_types::{Code, DataType, Problem, Value};

use super::json;
use crate::Dialect;

/// A literal as what its parameter is read as.
pub(super) fn value(
    dialect: &dyn Dialect,
    literal: &Literal,
    kind: &ParamKind,
    name: &str,
) -> Result<Value, Problem> {
    match (literal, kind) {
        (Literal::Integer(integer), _) => Ok(Value::Integer(*integer)),
        (Literal::Text(text), ParamKind::Scalar(DataType::Any)) if dialect.reads_text() => {
            Ok(Value::text(&**text))
        }
        (Literal::Listed { written, .. }, ParamKind::Scalar(DataType::Any)) if dialect.reads_text() => {
            Ok(Value::text(&**written))
        }
        (Literal::Listed { json, .. }, ParamKind::Scalar(data_type)) => parsed(json, *data_type, name),
        (Literal::Text(text), ParamKind::Scalar(data_type)) => {
            read(text, (*data_type, dialect.reads_text()), name)
        }
        (Literal::Text(text), ParamKind::FullText(kind, columns)) => {
            Ok(Value::text(dialect.search_words(text, *kind, columns)?))
        }
        (Literal::Text(text), ParamKind::CursorValue) => cursor_value(text),
        (Literal::List(elements), ParamKind::List(DataType::Any)) if dialect.reads_text() => {
            Ok(json::array(elements.iter().map(|text| Value::text(&**text))))
        }
        (Literal::List(elements), ParamKind::List(data_type)) => {
            let element =
                |text: &str| json::finite(read(text, (*data_type, dialect.reads_text()), name)?, name);
            let elements = elements.iter().map(|text| element(text)).collect::<Result<Vec<_>, _>>()?;
            Ok(json::array(elements.into_iter()))
        }
        _ => Err(super::lost(name)),
    }
}

/// A text as a value of a type; where the engine reads text itself (`raw`), also one that only engines of its kind have.
fn read(text: &str, (data_type, raw): (DataType, bool), name: &str) -> Result<Value, Problem> {
    match raw && is_beyond(text, data_type) {
        true => Ok(Value::text(text)),
        false => parsed(text, data_type, name),
    }
}

/// Whether a text can be a value that types of an engine have beyond ours: no number, the end of time, a year before the
/// first or after 9999, bytes as text. The engine judges it.
pub(super) fn is_beyond(text: &str, data_type: DataType) -> bool {
    let text = text.trim();
    let word = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is = |other: &str| word.eq_ignore_ascii_case(other);
    match data_type {
        DataType::Real | DataType::Numeric => is("nan") || is("infinity") || is("inf"),
        DataType::Date | DataType::Timestamp => is("infinity") || has_far_year(text),
        DataType::Bytes => !text.starts_with("\\x"),
        _ => false,
    }
}

fn has_far_year(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let before = text.len().checked_sub(3).and_then(|at| text.get(at..));
    digits > 0
        && text.as_bytes().get(digits) == Some(&b'-')
        && (digits > 4 || before.is_some_and(|era| era.eq_ignore_ascii_case(" bc")))
}

pub(super) fn parsed(text: &str, data_type: DataType, name: &str) -> Result<Value, Problem> {
    if let Some(value) = data_type.parse(text) {
        return Ok(value);
    }
    let whole = |text: &str| text.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit());
    if data_type == DataType::Integer && !text.is_empty() && whole(text) {
        let message = format!("value \"{text}\" is out of range for type {}", data_type.name());
        return Err(Problem::new(Code::NumberOutOfRange, message)
            .with_details(format!("'{name}' holds 64-bit integers")));
    }
    // A list literal is a JSON array to those that compare documents.
    if data_type == DataType::Json
        && let Some(array) = list_literal(text)
    {
        return Ok(Value::Json(array.into()));
    }
    Err(not_of_type(text, data_type, name))
}

/// `{a,b}` as a JSON array: numbers as numbers, the rest as strings.
fn list_literal(text: &str) -> Option<String> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let element = |text: &str| {
        let text = text.trim();
        match serde_json::from_str::<Json>(text) {
            Ok(json) if !json.is_object() && !json.is_array() => json,
            _ => Json::String(text.to_owned()),
        }
    };
    let elements = if inner.trim().is_empty() { Vec::new() } else { inner.split(',').map(element).collect() };
    Some(Json::Array(elements).to_string())
}

pub(super) fn not_of_type(text: &str, data_type: DataType, name: &str) -> Problem {
    let shown: String = text.chars().take(100).collect();
    Problem::new(
        Code::ValueInvalid,
        format!("invalid input syntax for type {}: \"{shown}\"", data_type.name()),
    )
    .with_details(format!("'{name}' is of type {}", data_type.name()))
}

fn cursor_value(text: &str) -> Result<Value, Problem> {
    match serde_json::from_str::<Json>(text) {
        Ok(Json::Null) => Ok(Value::Null),
        Ok(Json::Bool(truth)) => Ok(Value::Bool(truth)),
        Ok(Json::String(text)) => Ok(Value::text(text)),
        Ok(Json::Number(number)) => Ok(match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            (None, Some(real)) if Number::from_f64(real).as_ref() == Some(&number) => Value::Real(real),
            // With all of its digits: the page begins behind one row and not behind its neighbour.
            (None, _) => Value::Numeric(number.as_str().into()),
        }),
        _ => Err(Problem::new(Code::CursorInvalid, "The cursor is not valid")
            .with_hint("Start again with cursor=start")),
    }
}
