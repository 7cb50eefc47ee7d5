//! Gives a plan's parameters their values: the caller's text becomes a value of the type that the plan says, or is refused by name.

use std::sync::Arc;

use serde_json::Value as Json;
use transom_query::{
    Plan,
    plan::{MISSING_CELL, ParamKind, ParamSource, Parameter},
    request::{Cell, Earlier, Literal, Values},
};
use transom_types::{Code, DataType, Principal, Problem, Value};

use crate::{Bound, words};

/// Finds what an earlier operation of a batch returns.
pub type Resolve<'a> = dyn Fn(&Earlier) -> Result<Bound, Problem> + 'a;

/// Binds every parameter of a plan, by [`transom_query::plan::ParamId`]. `base` is the place in the unit of the plan's first step.
/// Errors: values that are not of their column's type, each named.
pub fn bind(
    plan: &Plan,
    values: &Values,
    principal: &Principal,
    earlier: &Resolve,
    base: u16,
) -> Result<Arc<[Bound]>, Problem> {
    plan.params.iter().map(|parameter| one(parameter, values, principal, earlier, base)).collect()
}

fn one(
    parameter: &Parameter,
    values: &Values,
    principal: &Principal,
    earlier: &Resolve,
    base: u16,
) -> Result<Bound, Problem> {
    let name = &*parameter.name;
    let value = match &parameter.source {
        ParamSource::Literal(slot) => match values.literals.get(usize::from(slot.0)) {
            Some(Literal::Earlier(reference)) => return earlier(reference),
            Some(literal) => literal_value(literal, &parameter.kind, name)?,
            None => return Err(lost(name)),
        },
        ParamSource::Claim(path) => claim(principal, path, &parameter.kind),
        ParamSource::Role => Value::text(&*principal.role),
        ParamSource::Cell(at) => {
            match values.payload.rows.first().and_then(|row| row.get(usize::from(*at))) {
                Some(Cell::Earlier(reference)) => return earlier(reference),
                Some(Cell::Json(json)) => cell_value(json, scalar_type(&parameter.kind), name)?,
                Some(Cell::Missing) | None => Value::Null,
            }
        }
        ParamSource::Payload => rows(&values.payload.rows, &parameter.kind, name)?,
        ParamSource::ConstantRows(constant) => rows(constant, &parameter.kind, name)?,
        ParamSource::Constant(value) => value.clone(),
        ParamSource::Captured { step, column } => {
            return Ok(Bound::Captured { step: base + step, column: *column });
        }
        ParamSource::CapturedRows { step } => return Ok(Bound::CapturedRows { step: base + step }),
    };
    Ok(Bound::Value(value))
}

fn scalar_type(kind: &ParamKind) -> DataType {
    match kind {
        ParamKind::Scalar(data_type) => *data_type,
        _ => DataType::Any,
    }
}

fn literal_value(literal: &Literal, kind: &ParamKind, name: &str) -> Result<Value, Problem> {
    match (literal, kind) {
        (Literal::Integer(integer), _) => Ok(Value::Integer(*integer)),
        (Literal::Text(text), ParamKind::Scalar(data_type)) => parsed(text, *data_type, name),
        (Literal::Text(text), ParamKind::FullText(kind, columns)) => {
            Ok(Value::text(words::full_text(text, *kind, columns)?))
        }
        (Literal::Text(text), ParamKind::CursorValue) => cursor_value(text),
        (Literal::List(elements), ParamKind::List(data_type)) => {
            let elements = elements
                .iter()
                .map(|element| Ok(json_of(parsed(element, *data_type, name)?)))
                .collect::<Result<Vec<_>, Problem>>()?;
            Ok(Value::Json(Json::Array(elements).to_string().into()))
        }
        _ => Err(lost(name)),
    }
}

fn parsed(text: &str, data_type: DataType, name: &str) -> Result<Value, Problem> {
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

fn not_of_type(text: &str, data_type: DataType, name: &str) -> Problem {
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
        Ok(Json::Number(number)) => Ok(match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Real(number.as_f64().unwrap_or(f64::NAN)),
        }),
        _ => Err(Problem::new(Code::CursorInvalid, "The cursor is not valid")
            .with_hint("Start again with cursor=start")),
    }
}

/// A claim as the type of what it is compared with: an engine that compares a number with text would call them different.
/// What is not of that type is NULL, so that it matches nothing.
fn claim(principal: &Principal, path: &[Box<str>], kind: &ParamKind) -> Value {
    if path.is_empty() {
        return Value::Json(principal.claims.to_string().into());
    }
    let Some(claim) = principal.claim(path) else { return Value::Null };
    if let ParamKind::List(data_type) = kind {
        return claim_elements(claim, *data_type);
    }
    let text = match claim {
        Json::String(text) => text.clone(),
        // As `->>` shows them: text.
        other => other.to_string(),
    };
    match scalar_type(kind) {
        DataType::Any | DataType::Text => Value::text(text),
        DataType::Json => Value::Json(claim.to_string().into()),
        data_type => data_type.parse(&text).unwrap_or(Value::Null),
    }
}

/// The elements of a claim that is an array (of any other claim, itself), each as the type it is compared with.
fn claim_elements(claim: &Json, data_type: DataType) -> Value {
    let whole = std::slice::from_ref(claim);
    let elements = claim.as_array().map_or(whole, Vec::as_slice).iter().filter_map(|element| {
        let text = element.as_str().map_or_else(|| element.to_string(), str::to_owned);
        (!element.is_null()).then(|| data_type.parse(&text)).flatten().map(json_of)
    });
    Value::Json(Json::Array(elements.collect()).to_string().into())
}

/// A JSON value of a body as a value of its column.
fn cell_value(json: &Json, data_type: DataType, name: &str) -> Result<Value, Problem> {
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

fn number_value(number: &serde_json::Number, data_type: DataType, name: &str) -> Result<Value, Problem> {
    match (number.as_i64(), data_type) {
        (Some(integer), DataType::Real) => Ok(Value::Real(integer as f64)),
        (Some(integer), _) => Ok(Value::Integer(integer)),
        (None, DataType::Integer) => match number.as_f64() {
            Some(real) if real.fract() == 0.0 && real.abs() < 9.0e15 => Ok(Value::Integer(real as i64)),
            Some(real) if real.fract() != 0.0 => Err(not_of_type(&number.to_string(), data_type, name)),
            _ => parsed(&number.to_string(), data_type, name),
        },
        (None, DataType::Numeric) => Ok(Value::Numeric(number.to_string().into())),
        (None, _) => Ok(Value::Real(number.as_f64().unwrap_or(f64::NAN))),
    }
}

/// Rows as one JSON array of arrays, each cell checked against its column.
fn rows(rows: &[Vec<Cell>], kind: &ParamKind, name: &str) -> Result<Value, Problem> {
    let ParamKind::Rows(types) = kind else { return Err(lost(name)) };
    let mut text = String::with_capacity(rows.len() * types.len() * 8 + 2);
    text.push('[');
    for (number, row) in rows.iter().enumerate() {
        text.push_str(if number > 0 { ",[" } else { "[" });
        for (at, data_type) in types.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            match row.get(at) {
                Some(Cell::Json(json)) => {
                    let value =
                        cell_value(json, *data_type, name).map_err(|problem| in_row(problem, number))?;
                    text.push_str(&json_of(value).to_string());
                }
                Some(Cell::Missing) | None => text.push_str(MISSING_CELL),
                Some(Cell::Earlier(_)) => {
                    return Err(Problem::new(
                        Code::BatchInvalid,
                        "references work only in the body of a single row",
                    )
                    .with_details(format!("Row {} of the body has one", number + 1)));
                }
            }
        }
        text.push(']');
    }
    text.push(']');
    Ok(Value::Json(text.into()))
}

fn in_row(problem: Problem, number: usize) -> Problem {
    let details = format!("Row {} of the body", number + 1);
    problem.with_details(details)
}

/// A value as it stands inside a bound JSON array. Documents are text there, so that no cell is an object.
fn json_of(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(truth),
        Value::Integer(integer) => integer.into(),
        Value::Real(real) => serde_json::Number::from_f64(real).map_or(Json::Null, Json::Number),
        Value::Numeric(text) | Value::Text(text) | Value::Json(text) => Json::String(text.into()),
        Value::Bytes(bytes) => Json::String(hexadecimal(&bytes)),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2 + 2);
    text.push_str("\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn lost(name: &str) -> Problem {
    Problem::new(Code::Internal, format!("no value was found for '{name}'"))
}

#[cfg(test)]
mod claim_lists {
    use super::*;

    fn check(claim: Json, data_type: DataType, expected: &str) {
        let value = claim_elements(&claim, data_type);
        assert_eq!(value, Value::Json(expected.into()), "{claim}");
    }

    #[test]
    fn elements_of_another_type_are_left_out() {
        check(serde_json::json!(["admin", 7, null]), DataType::Text, r#"["admin","7"]"#);
        check(serde_json::json!(["7", 8, "x", {}]), DataType::Integer, "[7,8]");
        check(serde_json::json!("admin"), DataType::Text, r#"["admin"]"#);
        check(serde_json::json!([]), DataType::Uuid, "[]");
    }
}
