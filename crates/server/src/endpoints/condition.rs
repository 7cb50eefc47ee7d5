//! `If-Match` and `If-None-Match` of writes to one row: the row as its reader would see it must (not) have one of the tags.
//!
//! The row is read, compared and then written; [`super::locks`] says what can still come between. A write that names no row
//! cannot keep such a condition and is refused: a caller who asked for protection must not believe to have it.

use tokio::sync::MutexGuard;
use transom_data::Context;
use transom_protocols::rest::{self, ReplyForm, RestRequest};
use transom_query::request::{DataRequest, Literal, Resource, Shape, Values};
use transom_types::{Code, Principal, Problem};

use crate::{app::App, reply::etag::Etag};

/// Checks the conditions of a write; the guard keeps other conditional writes of the row away.
pub async fn hold<'a>(
    app: &'a App,
    parsed: &RestRequest,
    principal: &Principal,
    context: &Context,
) -> Result<Option<MutexGuard<'a, ()>>, Problem> {
    let conditions = &parsed.conditions;
    if conditions.if_match.is_none() && conditions.if_none_match.is_none() {
        return Ok(None);
    }
    let Resource::Row(table, key) = &parsed.request.shape.resource else {
        return Err(Problem::new(Code::PreconditionFailed, "A condition can be kept for one row only")
            .with_details("If-Match and If-None-Match of a write need a row's own address")
            .with_hint("Write to /rest/v1/TABLE/KEY"));
    };
    let literals = &parsed.request.values.literals;
    let texts = key.iter().filter_map(|slot| match literals.get(usize::from(slot.0)) {
        Some(Literal::Text(text)) => Some(&**text),
        _ => None,
    });
    let alone =
        app.row_locks.lock(&std::iter::once(&**table).chain(texts).collect::<Vec<_>>().join("\n")).await;
    let current = current(app, parsed, principal, context).await?;
    let current = current.as_ref().map(Etag::as_str);
    let changed = conditions.if_match.as_ref().is_some_and(|tags| !tags.matches_strongly(current))
        || conditions.if_none_match.as_ref().is_some_and(|tags| tags.matches_weakly(current));
    match changed {
        true => Err(failed(current)),
        false => Ok(Some(alone)),
    }
}

/// The tag of `GET /rest/v1/TABLE/KEY` now; `None` without such a row.
async fn current(
    app: &App,
    parsed: &RestRequest,
    principal: &Principal,
    context: &Context,
) -> Result<Option<Etag>, Problem> {
    let shape = Shape { resource: parsed.request.shape.resource.clone(), ..Shape::read("") };
    let values = Values { literals: parsed.request.values.literals.clone(), ..Values::default() };
    let context = Context { idempotency: None, rollback: false, ..context.clone() };
    let answer = app.data.execute(DataRequest { shape, values }, principal, &context).await?;
    if answer.rows == 0 {
        return Ok(None);
    }
    let form = ReplyForm::Object { strip_nulls: false, vendor: false };
    let body = rest::shape_reply(&form, None, answer.rows, answer.json)?;
    Ok(Some(Etag::of(&body)))
}

fn failed(current: Option<&str>) -> Problem {
    let problem =
        Problem::new(Code::PreconditionFailed, "The resource is not in the state that the request names");
    match current {
        Some(etag) => problem.with_hint("Read it again, then decide").with_header("etag", etag),
        None => problem.with_details("There is no such row, or none that you may see"),
    }
}
