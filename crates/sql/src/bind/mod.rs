//! Gives a plan's parameters their values: the caller's text becomes a value of the type that the plan says, or is refused by name.

use std::sync::Arc;

use serde_json::Value as Json;
use transom_query::{
    Plan,
    plan::{ParamKind, ParamSource, Parameter},
    request::{Cell, Earlier, Literal, Values},
};
use transom_types::{Code, DataType, Principal, Problem, Value};

use crate::{Bound, Dialect};

mod cell;
mod json;
mod literal;

/// Finds what an earlier operation of a batch returns.
pub type Resolve<'a> = dyn Fn(&Earlier) -> Result<Bound, Problem> + 'a;

/// Binds every parameter of a plan for an engine, by [`transom_query::plan::ParamId`]. `base` is the place in the unit of the plan's first step.
/// Errors: values that are not of their column's type, each named.
pub fn bind(
    dialect: &dyn Dialect,
    plan: &Plan,
    values: &Values,
    principal: &Principal,
    earlier: &Resolve,
    base: u16,
) -> Result<Arc<[Bound]>, Problem> {
    if let [only] = plan.params.as_slice() {
        // A read by its key: one allocation.
        return Ok(Arc::new([one(dialect, only, values, principal, earlier, base)?]));
    }
    plan.params.iter().map(|parameter| one(dialect, parameter, values, principal, earlier, base)).collect()
}

fn one(
    dialect: &dyn Dialect,
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
            Some(literal) => literal::value(dialect, literal, &parameter.kind, name)?,
            None => return Err(lost(name)),
        },
        ParamSource::Claim(path) => claim(principal, path, &parameter.kind),
        ParamSource::Role => Value::text(&*principal.role),
        ParamSource::Cell(at) => {
            match values.payload.rows.first().and_then(|row| row.get(usize::from(*at))) {
                Some(Cell::Earlier(reference)) => return earlier(reference),
                Some(Cell::Json(json)) if parameter.kind == ParamKind::Json => {
                    Value::Json(json.to_string().into())
                }
                Some(Cell::Json(json)) => match &parameter.kind {
                    ParamKind::LastText => cell::last_text(json),
                    ParamKind::List(_) => cell::every_text(json),
                    ParamKind::Scalar(DataType::Any) if dialect.reads_text() => cell::as_text(json),
                    kind if dialect.reads_text() && cell::is_beyond(json, scalar_type(kind)) => {
                        cell::as_text(json)
                    }
                    kind => cell::value(json, scalar_type(kind), name)?,
                },
                Some(Cell::Missing) | None => Value::Null,
            }
        }
        ParamSource::Payload => {
            let raw = dialect.reads_text();
            cell::rows(&values.payload.rows, (&parameter.kind, raw), &values.payload.columns, None)?
        }
        ParamSource::Document { list } => document(values, *list)?,
        ParamSource::ConstantRows { columns, rows } => {
            cell::rows(rows, (&parameter.kind, dialect.reads_text()), columns, Some(name))?
        }
        ParamSource::Constant(value) => value.clone(),
        ParamSource::Captured { step, column } => {
            return Ok(Bound::Captured { step: base.saturating_add(*step), column: *column });
        }
        ParamSource::CapturedRows { step } => {
            return Ok(Bound::CapturedRows { step: base.saturating_add(*step) });
        }
    };
    Ok(Bound::Value(value))
}

/// The body as one JSON text: as it came, or made of its rows.
fn document(values: &Values, list: bool) -> Result<Value, Problem> {
    if let Some(document) = &values.payload.document {
        return Ok(Value::Json(document.clone()));
    }
    cell::document(&values.payload, list)
}

fn scalar_type(kind: &ParamKind) -> DataType {
    match kind {
        ParamKind::Scalar(data_type) => *data_type,
        _ => DataType::Any,
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
        (!element.is_null()).then(|| data_type.parse(&text)).flatten()
    });
    // An infinite number is equal to no number of a document, and is left out like whatever is no number.
    json::array(elements.filter(|value| !json::is_infinite(value)))
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

#[cfg(test)]
mod tests;
