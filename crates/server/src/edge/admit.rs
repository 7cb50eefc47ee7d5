//! The first stage of the request line: what is asked for, whether it is within bounds, and whether there is room for it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::{HeaderMap, Method, header, request::Parts};
use hyper::body::Incoming;
use transom_types::{Code, Problem};

use crate::{
    app::App,
    edge::{
        body,
        scan::{REFUSED_METHOD, Refusal},
    },
    endpoints::Endpoint,
};

/// A request that may go on.
#[derive(Debug)]
pub struct Admitted<'a> {
    /// Where it goes.
    pub endpoint: Endpoint,
    /// Its line and headers.
    pub head: &'a Parts,
    /// Its body, not yet received.
    pub body: Incoming,
    /// Its place among the requests in work; given back when dropped.
    pub permit: Permit<'a>,
}

/// One of the requests in work.
#[derive(Debug)]
pub struct Permit<'a>(&'a AtomicUsize);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Route, limits, permit.
pub fn admit<'a>(app: &'a App, head: &'a Parts, body: Incoming) -> Result<Admitted<'a>, Problem> {
    if head.method.as_str() == REFUSED_METHOD {
        return Err(refused(head.uri.path()));
    }
    within_limits(app, head)?;
    let endpoint = Endpoint::of(&head.method, app.settings.base(), head.uri.path())?;
    let permit = permit(app)?;
    Ok(Admitted { endpoint, head, body, permit })
}

/// The refusal that a stand-in request stands for.
fn refused(path: &str) -> Problem {
    let place = path.strip_prefix('/').and_then(|place| place.parse::<usize>().ok());
    let refusal = place.and_then(|place| Refusal::ALL.get(place)).unwrap_or(&Refusal::RequestLine);
    let code = match refusal {
        Refusal::UriTooLong => Code::UriTooLong,
        Refusal::HeadTooLarge => Code::HeadersTooLarge,
        Refusal::TooSlow => Code::RequestTimeout,
        _ => Code::RequestMalformed,
    };
    Problem::new(code, refusal.message())
}

fn within_limits(app: &App, head: &Parts) -> Result<(), Problem> {
    let settings = &app.settings;
    // HTTP/1 heads are vetted before; those of HTTP/2 come here unseen.
    if head.uri.path().len() + head.uri.query().map_or(0, str::len) > settings.uri_bytes_max {
        return Err(Problem::new(Code::UriTooLong, Refusal::UriTooLong.message()));
    }
    match declared_length(&head.headers) {
        Some(length) if length > settings.body_bytes_max as u64 => {
            Err(body::too_large(settings.body_bytes_max))
        }
        _ => Ok(()),
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn permit(app: &App) -> Result<Permit<'_>, Problem> {
    let in_flight = &app.telemetry.metrics.requests_in_flight;
    let before = in_flight.fetch_add(1, Relaxed);
    let permit = Permit(in_flight);
    match before < app.settings.requests_max {
        true => Ok(permit),
        false => Err(Problem::new(Code::Overloaded, "Too many requests are in work")),
    }
}

/// Whether a method may change something.
pub fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
