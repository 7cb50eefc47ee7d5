//! The request line: the way of every request, as a short list of named, timed stages.

pub mod guarded;

use std::{sync::Arc, time::Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Request, header, request::Parts};
use hyper::body::Incoming;
use transom_types::{Code, Principal, Problem, RequestId};

use crate::{
    app::App,
    edge::{self, Admitted, admit::changes_something},
    endpoints::{self, Endpoint, stream_token},
    listener::connections::Phase,
    pipeline::guarded::{Guarded, guarded},
    reply::{self, Reply},
    telemetry::{Answered, Observation, Route, Stage, Stages, Trace},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What is learnt about a request on its way, for the reply and the log.
#[derive(Debug)]
pub struct Passage {
    /// Its name.
    pub request_id: RequestId,
    /// Its place in a distributed trace.
    pub trace: Option<Trace>,
    /// What kind of place it goes to.
    pub route: Route,
    /// Whether it carries no token; unknown counts as none.
    pub anonymous: bool,
    /// How long each stage took.
    pub stages: Stages,
}

/// Every stage, in order.
async fn stages(
    app: &Arc<App>,
    head: &Parts,
    body: Incoming,
    passage: &mut Passage,
) -> Result<Reply, Problem> {
    let admitted = edge::admit(app, head, body)?;
    passage.route = admitted.endpoint.route();
    passage.stages.pass(Stage::Admit);
    let principal = authenticate(app, &admitted).await;
    passage.stages.pass(Stage::Authenticate);
    let principal = principal?;
    passage.anonymous = principal.anonymous;
    let reply = endpoints::call(app, admitted, principal, passage).await?;
    passage.stages.pass(Stage::Reply);
    Ok(reply)
}

/// Answers one request, whatever happens: what goes wrong in a stage, its panic or its delay becomes a reply.
pub async fn answer(app: &Arc<App>, request: Request<Incoming>) -> Reply {
    let arrived = Instant::now();
    let app = &app.current();
    let (head, body) = request.into_parts();
    let mut passage = Passage {
        request_id: app.request_ids.take_or_make(head.headers.get(REQUEST_ID).map(HeaderValue::as_bytes)),
        trace: head.headers.get("traceparent").and_then(|value| Trace::parse(value.as_bytes())),
        route: Route::Refused,
        anonymous: true,
        stages: Stages::new(app.settings.server_timing, arrived),
    };
    let result = match app.cors.preflight(&head) {
        Some(preflight) => Ok(preflight),
        None => {
            let outcome = guarded(app.settings.request_timeout, stages(app, &head, body, &mut passage)).await;
            settle(app, outcome, &head, &passage.request_id)
        }
    };
    let (mut reply, problem) = match result {
        Ok(reply) => (reply, None),
        Err(problem) => {
            (reply::of_problem(&problem, passage.anonymous, app.settings.compatible), Some(problem))
        }
    };
    finish(app, &head, &passage, problem.as_ref(), &mut reply);
    app.telemetry.observe(&Observation::Answered(&Answered {
        route: passage.route,
        verb: (&head.method).into(),
        path: head.uri.path(),
        status: reply.status().as_u16(),
        elapsed: arrived.elapsed(),
        request_id: &passage.request_id.0,
        trace: passage.trace.as_ref(),
        problem: problem.as_ref(),
    }));
    reply
}

/// Who is asking: without waiting, whenever the token was verified lately.
async fn authenticate(app: &App, admitted: &Admitted<'_>) -> Result<Principal, Problem> {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    if admitted.endpoint == Endpoint::Changes
        && let Some(token) = stream_token::given(admitted.head)?
    {
        return app.identity.open_stream_token(&token, now);
    }
    let authorization = credential(&admitted.head.headers, header::AUTHORIZATION)?;
    let apikey = match app.settings.compatible {
        true => None,
        false => credential(&admitted.head.headers, HeaderName::from_static("apikey"))?,
    };
    match app.identity.authenticate_cached(authorization, apikey, now) {
        Some(known) => known,
        None => app.identity.authenticate(authorization, apikey, now).await,
    }
}

/// A header that says who asks. Two of them are refused: whoever stands in front of us may have judged the other one.
fn credential(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Problem> {
    let refuse = |why: String| {
        Problem::new(Code::TokenInvalid, why)
            .with_header("www-authenticate", "Bearer error=\"invalid_token\"")
    };
    let mut values = headers.get_all(&name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refuse(format!("There is more than one '{name}' header")));
    }
    value.to_str().map(Some).map_err(|_| refuse("The credentials are not printable ASCII".into()))
}

/// What a request came to when its stages did not end by themselves.
fn settle(
    app: &App,
    outcome: Guarded<Result<Reply, Problem>>,
    head: &Parts,
    id: &RequestId,
) -> Result<Reply, Problem> {
    match outcome {
        Guarded::Done(result) => result,
        Guarded::Late if changes_something(&head.method) => Err(Problem::new(
            Code::WriteUnknown,
            "The request took too long; it is not known whether it was applied",
        )
        .with_hint("Look before you try again, or send an Idempotency-Key")),
        Guarded::Late => Err(Problem::new(Code::Deadline, "The request took too long")
            .with_hint("This server ends requests after `server.limits.request_timeout`")),
        Guarded::Panicked(message) => {
            app.telemetry.observe(&Observation::Panicked { request_id: &id.0, message: &message });
            Err(Problem::new(Code::Internal, "An error inside the server").caused_by(message))
        }
    }
}

/// What every reply carries.
fn finish(app: &App, head: &Parts, passage: &Passage, problem: Option<&Problem>, reply: &mut Reply) {
    match &app.settings.trace_header {
        _ if !app.settings.compatible => reply::set(reply, REQUEST_ID, &passage.request_id.0),
        Some(name) => {
            if let (Some(value), Ok(name)) = (head.headers.get(&**name), name.parse::<HeaderName>()) {
                reply.headers_mut().insert(name, value.clone());
            }
        }
        None => {}
    }
    if app.settings.compatible {
        reply::varies_compatibly(reply);
    }
    if let Some(timing) = passage.stages.header(app.settings.compatible) {
        reply::set(reply, SERVER_TIMING, &timing);
    }
    if head.headers.contains_key(header::ORIGIN) {
        app.cors.decorate(app.cors.allowed(&head.headers), reply);
    }
    let untrusted = problem.is_some_and(|problem| reply::problem::closes_connection(problem.code()));
    // HTTP/2 has no such header: there, a frame says it.
    if head.version < http::Version::HTTP_2 && (untrusted || app.connections.phase() != Phase::Serving) {
        reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    reply::without_body(reply, &head.method, app.settings.compatible);
}
