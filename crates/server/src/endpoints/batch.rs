//! `POST /rest/v1/$batch`: several requests in one transaction.

use http::{Method, header, request::Parts};
use transom_protocols::rest::{self, BatchPart, ReplyForm, RestRequest};
use transom_query::request::{Action, DataRequest, Resource};
use transom_types::{Code, Principal, Problem};

use crate::{
    app::App,
    edge::{Admitted, body},
    endpoints::{context, headers, resources},
    pipeline::Passage,
    reply::{self, Reply, data},
    session,
    telemetry::Stage,
};

/// Receive, parse, execute, shape.
pub async fn call(
    app: &App,
    admitted: Admitted<'_>,
    principal: &Principal,
    passage: &mut Passage,
) -> Result<Reply, Problem> {
    let Admitted { head, body, permit: _permit, .. } = admitted;
    if head.method == Method::OPTIONS {
        return resources::options(app, head, principal);
    }
    let body = body::receive(body, app.settings.body_bytes_max, app.settings.body_timeout).await?;
    passage.stages.pass(Stage::Receive);
    let parameters = |name: &str| app.data.callable(principal, None, name);
    let operations = rest::parse_batch(&body, &parameters)?;
    let model = app.data.model();
    let wished = headers::texts(&head.headers, headers::PREFER)?;
    let preferences = rest::preferences(&wished, &headers::allowed(app, Some(&model)))?;
    let key = rest::idempotency_key(headers::text(&head.headers, headers::IDEMPOTENCY_KEY)?)?;
    passage.stages.pass(Stage::Parse);
    let idempotency = key.map(|key| context::idempotency(&key, head, &body, principal));
    let mut context = context::new(app, passage, idempotency, preferences.transaction);
    let mut requests = Vec::with_capacity(operations.len());
    let mut asked = Vec::with_capacity(operations.len());
    for (at, operation) in operations.into_iter().enumerate() {
        let (part, request) = Part::of(operation, at)?;
        asked.push(part);
        requests.push(request);
    }
    context.session = match asked.iter().any(|part| context::calls(app, &part.resource)) {
        true => Some(session::of_call(head, principal, &preferences)),
        false => session::of_wishes(&preferences),
    };
    let answers = app.data.batch(requests, principal, &context).await?;
    passage.stages.pass(Stage::Database);
    let replayed = answers.iter().any(|answer| answer.replayed);
    let mut parts = Vec::with_capacity(asked.len());
    for (part, answer) in asked.iter().zip(answers) {
        parts.push(part.shape(app, head, answer).await?);
    }
    let mut reply = reply::ok_json(rest::batch_reply(&parts));
    data::say_replayed(&mut reply, replayed);
    data::say_of_batch(&mut reply, &preferences);
    Ok(reply)
}

/// What an operation's reply is made from.
struct Part {
    asked: data::Asked,
    resource: Resource,
    action: Action,
}

impl Part {
    fn of(operation: RestRequest, at: usize) -> Result<(Self, DataRequest), Problem> {
        let refuse = |what: &str| {
            Err(Problem::new(Code::BatchInvalid, format!("operation {at}: {what} cannot stand in a batch")))
        };
        let conditions = &operation.conditions;
        if conditions.within.is_some() || conditions.without.is_some() {
            return refuse("If-Match or If-None-Match of a read");
        }
        if matches!(operation.reply, ReplyForm::Plan(_)) {
            return refuse("a plan");
        }
        // What could not be kept is refused rather than dropped in silence.
        if operation.idempotency_key.is_some() {
            return refuse("an Idempotency-Key of its own");
        }
        if operation.preferences.transaction.is_some() {
            return refuse("Prefer: tx of its own");
        }
        if operation.fingerprint.is_some() {
            return refuse("a cursor");
        }
        let reads = matches!(operation.request.shape.action, Action::Read | Action::Call { .. });
        if reads && operation.preferences.count.is_some() {
            return refuse("Prefer: count of a read");
        }
        let (resource, action) =
            (operation.request.shape.resource.clone(), operation.request.shape.action.clone());
        let (asked, request) = data::Asked::of(operation);
        Ok((Self { asked, resource, action }, request))
    }

    async fn shape(
        &self,
        app: &App,
        head: &Parts,
        answer: transom_data::DataReply,
    ) -> Result<BatchPart, Problem> {
        let row = matches!(self.resource, Resource::Row(..));
        let reply = match &self.action {
            Action::Read => data::read_part(app, &self.asked, row, answer).await?,
            Action::Call { .. } => data::called(head, &self.asked, answer).await?,
            action => data::written(&self.asked, &self.resource, action, answer).await?,
        };
        let text = |name: &header::HeaderName| Some(reply.headers().get(name)?.to_str().ok()?.to_owned());
        let json = text(&header::CONTENT_TYPE).is_none_or(|content_type| content_type.contains("json"));
        let kept = [
            ("content-type", header::CONTENT_TYPE),
            ("content-range", header::CONTENT_RANGE),
            ("location", header::LOCATION),
        ];
        let headers = kept.iter().filter_map(|(name, header)| Some((*name, text(header)?))).collect();
        let status = reply.status().as_u16();
        let body = match reply.into_body() {
            reply::ReplyBody::Full(body) => Some(body),
            reply::ReplyBody::Stored(reading) => Some(reading.all().await?),
            _ => None,
        };
        Ok(BatchPart { status, headers, body, text: !json })
    }
}
