//! `/rest/v1/…`: reads and writes of tables, rows and functions.

use bytes::Bytes;
use http::{Method, header, request::Parts};
use transom_data::{Context, DataReply, Spent};
use transom_protocols::rest::{self, ReplyForm, RestRequest};
use transom_query::{
    DataRequest,
    request::{Action, Media, Resource},
};
use transom_types::{Code, Principal, Problem, SessionReply};

use crate::{
    app::App,
    edge::{Admitted, body},
    endpoints::{context, described, headers, openapi, plan, resources},
    pipeline::Passage,
    reply::{self, Reply, data},
    telemetry::{Route, Stage},
};

/// Receive, parse, execute, shape.
pub async fn call(
    app: &App,
    admitted: Admitted<'_>,
    principal: &Principal,
    passage: &mut Passage,
) -> Result<Reply, Problem> {
    let Admitted { head, body, permit: _permit, .. } = admitted;
    match (&head.method, &app.settings.native) {
        (&Method::OPTIONS, Some(_)) => return resources::compatible_options(app, head),
        (&Method::OPTIONS, None) => return resources::options(app, head, principal),
        (_, Some(native)) if passage.route == Route::Root && native.root.is_none() => {
            return described::root(app, native, (head, principal), passage).await;
        }
        (&Method::GET | &Method::HEAD, None) if passage.route == Route::Root => {
            return openapi::root(app, head, principal);
        }
        _ => {}
    }
    let body = match head.method {
        // A body has no meaning here (RFC 9110, section 9.3.1) and is not read.
        Method::GET | Method::HEAD => Bytes::new(),
        _ => body::receive(body, app.settings.body_bytes_max, app.settings.body_timeout).await?,
    };
    passage.stages.pass(Stage::Receive);
    // What the engine knows of time zones is asked for by preferences alone.
    let model = head.headers.contains_key(headers::PREFER).then(|| app.data.model());
    let mut request = headers::head(head, app.settings.base())?;
    if let (Route::Root, Some(native)) = (passage.route, &app.settings.native) {
        // The function that answers here is called as any other.
        request.path = native.root.as_deref().unwrap_or(request.path);
    }
    request.allowed = headers::allowed(app, model.as_deref());
    let schema = rest::schema(&request);
    let parameters = |name: &str| app.data.callable(principal, schema, name);
    let parsed = rest::parse(&request, Some(&body), &parameters);
    passage.stages.pass(Stage::Parse);
    let parsed = parsed?;
    let context = context::of(app, head, &body, principal, passage, &parsed);
    let mut reply = match &parsed.reply {
        ReplyForm::Plan(form) => plan::explain(app, &parsed.request, form, principal, &context).await?,
        _ => run(app, head, parsed, principal, &context, passage).await?,
    };
    say_schema(app, context.schema.as_deref(), &mut reply);
    say_address(app, head, passage.route, &mut reply);
    Ok(reply)
}

/// What was read has one address, however its parameters were ordered.
fn say_address(app: &App, head: &Parts, route: Route, reply: &mut Reply) {
    if app.settings.compatible && route == Route::Table && head.method.is_safe() {
        let address = rest::content_location(head.uri.path(), head.uri.query().unwrap_or_default());
        reply::set(reply, header::CONTENT_LOCATION, &address);
    }
}

/// Where there are several schemas, a reply says which one it is about.
pub fn say_schema(app: &App, named: Option<&str>, reply: &mut Reply) {
    let Some(native) = &app.settings.native else { return };
    let several = native.schemas.first().filter(|_| native.schemas.len() > 1);
    if let Some(schema) = named.or(several.map(String::as_str)) {
        reply::set_bytes(reply, headers::CONTENT_PROFILE, schema.as_bytes());
    }
}

async fn run(
    app: &App,
    head: &Parts,
    parsed: RestRequest,
    principal: &Principal,
    context: &Context,
    passage: &mut Passage,
) -> Result<Reply, Problem> {
    if matches!(parsed.request.shape.action, Action::Read) {
        let row = matches!(parsed.request.shape.resource, Resource::Row(..));
        let (mut asked, request) = data::Asked::of(parsed);
        let answer = timed(app, request, principal, context, passage).await?;
        asked.note(&answer);
        if matches!(answer.media, Some(Media::Plan(_))) {
            return data::account(&asked, answer);
        }
        let wished = answer.session.clone();
        return as_wished(&wished, data::read(app, head, &asked, row, answer).await?);
    }
    let shape = (parsed.request.shape.resource.clone(), parsed.request.shape.action.clone());
    let (mut asked, request) = data::Asked::of(parsed);
    let answer = timed(app, request, principal, context, passage).await?;
    asked.note(&answer);
    if matches!(answer.media, Some(Media::Plan(_))) {
        return data::account(&asked, answer);
    }
    let wished = answer.session.clone();
    let reply = match shape {
        (_, Action::Call { .. }) => data::called(head, &asked, answer).await,
        (resource, action) => data::written(&asked, &resource, &action, answer).await,
    };
    as_wished(&wished, reply.map_err(|problem| after_the_write(problem, !context.rollback))?)
}

/// What is wrong with the reply to a write that has ended, and stands or not.
fn after_the_write(problem: Problem, stands: bool) -> Problem {
    match problem.code() {
        Code::DiskFull if stands => Problem::new(
            Code::WriteUnknown,
            "What the request was to write is written, but its reply could not be made: the disk is full",
        ),
        _ => problem,
    }
}

/// The reply as the statements of its transaction wished it.
fn as_wished(wished: &SessionReply, mut reply: Reply) -> Result<Reply, Problem> {
    reply::asked::apply(wished, &mut reply)?;
    Ok(reply)
}

/// Executes a request; the stages that it came to are told even where one failed.
async fn timed(
    app: &App,
    request: DataRequest,
    principal: &Principal,
    context: &Context,
    passage: &mut Passage,
) -> Result<DataReply, Problem> {
    let mut spent = Spent::default();
    let answer = app.data.execute(request, principal, context, &mut spent).await;
    let stages = [(Stage::Plan, spent.plan_ns), (Stage::Database, spent.database_ns)];
    for (stage, ns) in stages {
        passage.stages.measured(ns.map(|ns| (stage, ns)).as_slice());
    }
    answer
}

/// The refusal of a plan where plans are not shown.
pub fn plans_hidden() -> Problem {
    Problem::new(Code::MediaTypeUnacceptable, "Plans are not shown here")
        .with_hint("Set rest.plan in transom.toml, or use `transom explain`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_that_has_no_room_does_not_deny_its_write() {
        let full = || Problem::new(Code::DiskFull, "The disk is full: nothing was applied");
        let told = after_the_write(full(), true);
        assert_eq!(told.code(), Code::WriteUnknown);
        assert!(told.message().contains("is written"), "{}", told.message());
        assert_eq!(after_the_write(full(), false).code(), Code::DiskFull);
        let other = Problem::new(Code::SingularExpected, "more");
        assert_eq!(after_the_write(other, true).code(), Code::SingularExpected);
    }
}
