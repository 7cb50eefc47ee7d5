//! Binds what a judge plan needs: the principal's claims and constants.

use std::sync::Arc;

use serde_json::Value as Json;
use transom_query::plan::{ParamKind, ParamSource, Parameter, Plan};
use transom_sql::Bound;
use transom_types::{Code, DataType, Principal, Problem, Value};

/// One value per parameter of the plan.
pub(crate) fn bind(plan: &Plan, principal: &Principal) -> Result<Arc<[Bound]>, Problem> {
    plan.params.iter().map(|parameter| value(parameter, principal).map(Bound::Value)).collect()
}

fn value(parameter: &Parameter, principal: &Principal) -> Result<Value, Problem> {
    match &parameter.source {
        ParamSource::Constant(value) => Ok(value.clone()),
        ParamSource::Role => Ok(Value::text(&*principal.role)),
        ParamSource::Claim(path) => {
            Ok(principal.claim(path).map_or(Value::Null, |claim| claim_value(claim, &parameter.kind)))
        }
        _ => Err(Problem::new(Code::Internal, "A policy needs a value that only a request has")),
    }
}

/// A claim that is not of the type it is compared with is NULL: unknown, so that it lets nothing through.
fn claim_value(claim: &Json, kind: &ParamKind) -> Value {
    let text = match claim {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match kind {
        ParamKind::Scalar(DataType::Json) => Value::Json(claim.to_string().into()),
        ParamKind::Scalar(data_type) => data_type.parse(&text).unwrap_or(Value::Null),
        _ => Value::Json(claim.to_string().into()),
    }
}
