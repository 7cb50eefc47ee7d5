//! What a request brings to the data room beside what it asks for.

use http::request::Parts;
use transom_data::Context;
use transom_protocols::rest::{RestRequest, Transaction};
use transom_query::request::Resource;
use transom_sql::statement::Idempotency;
use transom_types::Principal;
use xxhash_rust::xxh3::Xxh3;

use crate::{app::App, pipeline::Passage, session};

/// The context of one request.
pub fn of(
    app: &App,
    head: &Parts,
    body: &[u8],
    principal: &Principal,
    passage: &Passage,
    parsed: &RestRequest,
) -> Context {
    let key = parsed.idempotency_key.as_deref();
    let key = key.map(|key| idempotency(key, head, body, principal));
    let mut context = new(app, passage, key, parsed.preferences.transaction);
    context.schema = parsed.schema.clone();
    if let Some(native) = &app.settings.native {
        let schema = parsed.schema.as_deref();
        let model = app.data.model();
        let caller = (principal, model.catalog.notes().role(&principal.role));
        let session = session::of(native, head, caller, schema, &parsed.preferences);
        context.rollback = session.rollback;
        context.session = Some(session);
    } else {
        let resource = &parsed.request.shape.resource;
        context.session = match calls(app, resource) {
            true => Some(session::of_call(head, principal, &parsed.preferences)),
            false => session::of_wishes(&parsed.preferences),
        };
    }
    context
}

/// Whether it is a function of the engine's own that is called.
pub fn calls(app: &App, resource: &Resource) -> bool {
    let Resource::Function(name) = resource else { return false };
    app.data.model().catalog.callable(name).is_some_and(|called| called.of_engine)
}

/// A context of these parts.
pub fn new(
    app: &App,
    passage: &Passage,
    idempotency: Option<Idempotency>,
    transaction: Option<Transaction>,
) -> Context {
    Context {
        request_id: passage.request_id.clone(),
        timeout: app.settings.statement_timeout,
        idempotency,
        rollback: transaction == Some(Transaction::Rollback),
        schema: None,
        session: None,
    }
}

/// The promise that an `Idempotency-Key` makes: the same caller, method, target and body.
pub fn idempotency(key: &str, head: &Parts, body: &[u8], principal: &Principal) -> Idempotency {
    let mut digest = Xxh3::new();
    for part in [
        head.method.as_str().as_bytes(),
        head.uri.path().as_bytes(),
        head.uri.query().unwrap_or_default().as_bytes(),
        body,
    ] {
        // With its length, so that no part can be continued by the next.
        digest.update(&(part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let subject = principal.claims.get("sub").and_then(|subject| subject.as_str()).unwrap_or_default();
    Idempotency {
        key: key.into(),
        scope: format!("{}\n{subject}", principal.role).into(),
        fingerprint: format!("{:032x}", digest.digest128()).into(),
    }
}
