//! What goes back to the caller. The only room beside `types::problem` that knows HTTP status codes.

pub mod asked;
pub mod body;
pub mod data;
pub mod etag;
pub mod forms;
pub mod problem;

use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Body;

pub use body::ReplyBody;
pub use problem::of_problem;

/// An answer on its way out.
pub type Reply = Response<ReplyBody>;

/// What the caches on the way may not mix up: everything a request's headers change in a reply.
const VARY: HeaderValue = HeaderValue::from_static("accept, authorization, apikey, prefer, range");

/// An answer without a body.
pub fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(ReplyBody::Empty);
    *reply.status_mut() = status;
    reply
}

/// An answer with a body.
pub fn with_body(status: StatusCode, content_type: HeaderValue, body: impl Into<bytes::Bytes>) -> Reply {
    with_contents(status, content_type, ReplyBody::full(body.into()))
}

/// The same of a body that is one already.
pub fn with_contents(status: StatusCode, content_type: HeaderValue, body: ReplyBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, content_type);
    reply
}

/// Here it is.
pub fn ok(content_type: HeaderValue, body: impl Into<bytes::Bytes>) -> Reply {
    with_body(StatusCode::OK, content_type, body)
}

/// Here it is: in the headers.
pub fn ok_empty() -> Reply {
    empty(StatusCode::OK)
}

/// Done, and nothing to say.
pub fn no_content() -> Reply {
    empty(StatusCode::NO_CONTENT)
}

/// The caller has it already: the headers of the full reply that caches may need, and no body (RFC 9110, section 15.4.5).
pub fn not_modified(mut full: Reply, etag: HeaderValue) -> Reply {
    *full.status_mut() = StatusCode::NOT_MODIFIED;
    *full.body_mut() = ReplyBody::Empty;
    full.headers_mut().remove(header::CONTENT_TYPE);
    full.headers_mut().insert(header::ETAG, etag);
    full
}

/// A JSON answer.
pub fn ok_json(body: impl Into<bytes::Bytes>) -> Reply {
    let mut reply =
        with_body(StatusCode::OK, HeaderValue::from_static("application/json; charset=utf-8"), body);
    varies(&mut reply);
    reply
}

/// An answer that goes on as long as its task sends. No cache or proxy may hold it back.
pub fn stream(content_type: &'static str, parts: tokio::sync::mpsc::Receiver<bytes::Bytes>) -> Reply {
    let mut reply = Response::new(ReplyBody::Stream(parts));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    reply
}

/// Marks a reply as depending on the request's headers.
pub fn varies(reply: &mut Reply) {
    reply.headers_mut().insert(header::VARY, VARY);
}

/// The same in PostgREST's words, unless the request's own statements said something else.
pub fn varies_compatibly(reply: &mut Reply) {
    let vary = reply.headers_mut().entry(header::VARY).or_insert(VARY);
    if *vary == VARY {
        *vary = HeaderValue::from_static("Accept, Prefer, Range");
    }
}

/// Sets a header whose value is made from outside text; a value that HTTP cannot carry is left out.
pub fn set(reply: &mut Reply, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

/// The same for a value that may be of any characters.
pub fn set_bytes(reply: &mut Reply, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        reply.headers_mut().insert(name, value);
    }
}

/// Which methods are possible.
pub fn allow(methods: &str) -> Reply {
    let mut reply = empty(StatusCode::OK);
    set(&mut reply, header::ALLOW, methods);
    reply
}

/// HEAD gets the headers of GET, its length included, and nothing else (RFC 9110, section 9.3.2). `compatible`: but for the
/// length of what was found, which PostgREST does not make to answer HEAD and so cannot tell.
pub fn without_body(reply: &mut Reply, method: &Method, compatible: bool) {
    if *method != Method::HEAD {
        return;
    }
    let untold = matches!(reply.body(), ReplyBody::Empty) || (compatible && reply.status().is_success());
    if !untold && let Some(length) = reply.body().size_hint().exact() {
        reply.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    *reply.body_mut() = ReplyBody::Empty;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_tells_the_length_and_a_compatible_one_that_of_errors_alone() {
        let length = |status, method, compatible| {
            let mut reply = with_body(status, HeaderValue::from_static("text/plain"), "twelve bytes");
            without_body(&mut reply, &method, compatible);
            assert_eq!(matches!(reply.body(), ReplyBody::Empty), method == Method::HEAD);
            reply.headers().get(header::CONTENT_LENGTH).cloned()
        };
        let twelve = Some(HeaderValue::from(12));
        assert_eq!(length(StatusCode::OK, Method::HEAD, false), twelve);
        assert_eq!(length(StatusCode::OK, Method::HEAD, true), None);
        assert_eq!(length(StatusCode::NOT_FOUND, Method::HEAD, true), twelve);
        assert_eq!(length(StatusCode::OK, Method::GET, true), None);
    }
}
