//! `/rest/v1/…`: reads and writes of tables, rows and functions.

use bytes::Bytes;
use http::{HeaderName, Method, request::Parts};
use transom_data::{Context, DataReply};
use transom_protocols::rest::{self, ReplyForm, RestRequest};
use transom_query::request::{Action, Resource};
use transom_types::{Code, Principal, Problem, SessionReply};

use crate::{
    app::App,
    edge::{Admitted, body},
    endpoints::{context, headers, openapi, plan, resources},
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
    match head.method {
        Method::OPTIONS => return resources::options(app, head, principal),
        Method::GET | Method::HEAD if passage.route == Route::Root => {
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
    let request = headers::head(head, app.settings.base())?;
    let schema = rest::schema(&request);
    let parameters = |name: &str| app.data.function_params(principal, schema, name);
    let parsed = rest::parse(&request, Some(&body), &parameters)?;
    passage.stages.pass(Stage::Parse);
    let context = context::of(app, head, &body, principal, passage, &parsed);
    let profile = profile(app, parsed.schema.as_deref());
    if let ReplyForm::Plan(form) = &parsed.reply {
        return plan::explain(app, &parsed.request, form, principal, &context).await;
    }
    let mut reply = run(app, head, parsed, principal, &context, passage).await?;
    if let Some(schema) = profile {
        reply::set_bytes(&mut reply, CONTENT_PROFILE, schema.as_bytes());
    }
    Ok(reply)
}

const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");

/// The schema that a reply is about, where several are served.
fn profile(app: &App, asked: Option<&str>) -> Option<String> {
    let schemas = &app.settings.native.as_ref()?.schemas;
    (schemas.len() > 1).then(|| asked.map_or_else(|| schemas[0].clone(), str::to_owned))
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
        let (asked, request) = data::Asked::of(parsed);
        let answer = app.data.execute(request, principal, context).await?;
        passage.stages.measured(&stages_of(&answer));
        let wished = answer.session.clone();
        return as_wished(&wished, data::read(app, head, &asked, row, answer)?);
    }
    let shape = (parsed.request.shape.resource.clone(), parsed.request.shape.action.clone());
    let (asked, request) = data::Asked::of(parsed);
    let answer = app.data.execute(request, principal, context).await?;
    passage.stages.measured(&stages_of(&answer));
    let wished = answer.session.clone();
    let reply = match shape {
        (_, Action::Call { .. }) => data::called(head, &asked, answer),
        (resource, action) => data::written(&asked, &resource, &action, answer),
    };
    as_wished(&wished, reply?)
}

/// The reply as the statements of its transaction wished it.
fn as_wished(wished: &SessionReply, mut reply: Reply) -> Result<Reply, Problem> {
    reply::asked::apply(wished, &mut reply)?;
    Ok(reply)
}

fn stages_of(answer: &DataReply) -> [(Stage, u64); 2] {
    [(Stage::Plan, answer.plan_ns), (Stage::Database, answer.database_ns)]
}

/// The refusal of a plan where plans are not shown.
pub fn plans_hidden() -> Problem {
    Problem::new(Code::MediaTypeUnacceptable, "Plans are not shown here")
        .with_hint("Set rest.plan in transom.toml, or use `transom explain`")
}
