//! The parts of a request that the REST protocol reads, borrowed from the HTTP library's.

use http::{HeaderMap, HeaderName, header, request::Parts};
use transom_data::Model;
use transom_protocols::rest::{Allowed, Head, Headers};
use transom_types::{Code, Problem};

use crate::app::App;

/// What of the preferences of a request can be honoured, by what the engine of this model knows.
pub fn allowed<'m>(app: &App, model: Option<&'m Model>) -> Allowed<'m> {
    let zones = model.filter(|_| app.settings.time_zones).map(|model| model.catalog.time_zones());
    let zones = zones.filter(|zones| !zones.is_empty());
    let transaction = app.settings.native.as_ref().is_none_or(|native| native.rollback_override);
    Allowed { time_zones: zones, transaction }
}

/// What the protocol reads of a request. Errors: [`Code::RequestMalformed`] for a header that is not text.
/// `base`: what the paths of tables begin with.
pub fn head<'p>(parts: &'p Parts, base: &str) -> Result<Head<'p>, Problem> {
    let path = parts.uri.path();
    let headers = &parts.headers;
    Ok(Head {
        method: parts.method.clone(),
        path: path.strip_prefix(base).unwrap_or(path),
        compatible: base.is_empty(),
        allowed: Allowed::default(),
        query: parts.uri.query().unwrap_or_default(),
        headers: Headers {
            accept: text(headers, header::ACCEPT)?,
            content_type: text(headers, header::CONTENT_TYPE)?,
            prefer: texts(headers, PREFER)?,
            range: text(headers, header::RANGE)?,
            range_unit: text(headers, RANGE_UNIT)?,
            if_match: text(headers, header::IF_MATCH)?,
            if_none_match: text(headers, header::IF_NONE_MATCH)?,
            idempotency_key: text(headers, IDEMPOTENCY_KEY)?,
            accept_profile: text(headers, ACCEPT_PROFILE)?,
            content_profile: text(headers, CONTENT_PROFILE)?,
        },
    })
}

/// `Prefer`
pub const PREFER: HeaderName = HeaderName::from_static("prefer");
/// `Idempotency-Key`
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const RANGE_UNIT: HeaderName = HeaderName::from_static("range-unit");
const ACCEPT_PROFILE: HeaderName = HeaderName::from_static("accept-profile");
/// `Content-Profile`
pub const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");

/// The first header of this name.
pub fn text(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Problem> {
    match headers.get(&name) {
        Some(value) => value.to_str().map(Some).map_err(|_| unprintable(&name)),
        None => Ok(None),
    }
}

/// Every header of this name.
pub fn texts(headers: &HeaderMap, name: HeaderName) -> Result<Vec<&str>, Problem> {
    headers.get_all(&name).iter().map(|value| value.to_str().map_err(|_| unprintable(&name))).collect()
}

#[cold]
fn unprintable(name: &HeaderName) -> Problem {
    Problem::new(Code::RequestMalformed, format!("The header '{name}' is not printable ASCII"))
}
