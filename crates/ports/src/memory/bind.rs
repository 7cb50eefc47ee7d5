//! Parameters as values: what earlier steps captured is looked up here.

use serde_json::Value as Json;
use transom_query::{evaluate::read_cell, plan::ParamKind};
use transom_sql::{Bound, Statement};
use transom_types::{DataType, Value};

use crate::{DbError, Fault, Outcome};

/// The parameters that the statement uses, in the places of its plan; `outcomes` are those of the unit's steps so far.
/// The others are NULL: a plan's parameters may name what only its later steps know.
pub(super) fn resolve(statement: &Statement, outcomes: &[Outcome]) -> Result<Vec<Value>, DbError> {
    let kinds = &statement.prepared.plan.plan().params;
    let kind = |place: usize| kinds.get(place).map(|parameter| &parameter.kind);
    let used = |place: usize| statement.prepared.params.iter().any(|param| usize::from(param.0) == place);
    let bound = statement.params.iter().enumerate();
    let resolved = bound.map(|(place, bound)| match used(place) {
        true => value(bound, kind(place), outcomes),
        false => Ok(Value::Null),
    });
    resolved.collect()
}

fn value(bound: &Bound, kind: Option<&ParamKind>, outcomes: &[Outcome]) -> Result<Value, DbError> {
    match bound {
        Bound::Value(value) => Ok(value.clone()),
        Bound::CapturedRows { step } => {
            Ok(Value::Json(format!("[{}]", captured(outcomes, *step)?.join(",")).into()))
        }
        Bound::Captured { step, column } => {
            let Some(row) = captured(outcomes, *step)?.first() else { return Ok(Value::Null) };
            let cells: Vec<Json> = serde_json::from_str(row).map_err(|error| internal(error.to_string()))?;
            let data_type = match kind {
                Some(ParamKind::Scalar(data_type)) => *data_type,
                _ => DataType::Any,
            };
            Ok(cells.get(usize::from(*column)).map_or(Value::Null, |cell| read_cell(cell, data_type)))
        }
    }
}

fn captured(outcomes: &[Outcome], step: u16) -> Result<&[String], DbError> {
    let earlier = outcomes.get(usize::from(step));
    let earlier = earlier.ok_or_else(|| internal(format!("step {step} has captured nothing yet")))?;
    Ok(&earlier.captured)
}

fn internal(message: String) -> DbError {
    DbError::new(Fault::Internal, message)
}
