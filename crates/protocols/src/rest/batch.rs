//! Atomic batches: several requests in one body, later ones using what earlier ones return, and their joint reply.

use bytes::{BufMut, Bytes, BytesMut};
use http::Method;
use serde::Deserialize;
use serde_json::Value as Json;
use transom_types::{
    Code, Problem,
    limits::{BATCH_OPERATIONS_MAX, JSON_DEPTH_MAX},
};

use super::{
    body::{Body, depth_within},
    request::{FunctionParameters, Head, Headers, RestRequest, parse_part},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    method: String,
    path: String,
    #[serde(default)]
    headers: serde_json::Map<String, Json>,
    #[serde(default)]
    body: Option<Json>,
}

/// Reads the body of `POST $batch`: `{"operations": [{"method", "path", "headers", "body"}, …]}`. A body's value
/// `{"$ref": "0.id"}`, or a filter's or key's `$ref(0.id)`, stands for a column that an earlier operation returns.
/// Errors: [`Code::BatchInvalid`], and those of the operations, which say which one it was.
pub fn parse_batch(body: &[u8], functions: FunctionParameters<'_>) -> Result<Vec<RestRequest>, Problem> {
    if !depth_within(body, JSON_DEPTH_MAX) {
        return Err(Problem::new(Code::TooManyParts, "the batch is nested too deeply")
            .with_details(format!("at most {JSON_DEPTH_MAX} levels of objects and lists are read")));
    }
    let wire: Wire = serde_json::from_slice(body).map_err(|error| {
        Problem::new(Code::BatchInvalid, "the batch could not be read")
            .with_details(error.to_string())
            .with_hint(r#"Send {"operations":[{"method":"POST","path":"orders?select=id","body":{…}}]}"#)
    })?;
    let count = wire.operations.len();
    if count == 0 || count > BATCH_OPERATIONS_MAX as usize {
        return Err(Problem::new(Code::BatchInvalid, format!("a batch of {count} operations"))
            .with_hint(format!("A batch has 1 to {BATCH_OPERATIONS_MAX} operations")));
    }
    let mut requests = Vec::with_capacity(count);
    for (at, operation) in (0u16..).zip(&wire.operations) {
        requests.push(read(operation, functions, at).map_err(|problem| placed(problem, at))?);
    }
    Ok(requests)
}

fn read(operation: &Operation, functions: FunctionParameters<'_>, at: u16) -> Result<RestRequest, Problem> {
    let invalid = |message: String| Problem::new(Code::BatchInvalid, message);
    let method = Method::from_bytes(operation.method.as_bytes())
        .map_err(|_| invalid(format!("'{}' is not a method", super::scanner::clip(&operation.method))))?;
    let path = operation.path.strip_prefix(super::link::BASE).unwrap_or(&operation.path);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let head = Head { method, path, query, headers: headers(&operation.headers)?, ..Head::default() };
    let text;
    let body = match (&operation.body, head.headers.content_type) {
        (None, content_type) => Body::Bytes(content_type, b""),
        // A CSV or form body stands in a JSON string.
        (Some(Json::String(written)), Some(content_type)) if !content_type.contains("json") => {
            text = written.as_bytes();
            Body::Bytes(Some(content_type), text)
        }
        (Some(value), _) => Body::Json(value),
    };
    parse_part(&head, body, functions, Some(at))
}

fn headers(given: &serde_json::Map<String, Json>) -> Result<Headers<'_>, Problem> {
    let mut headers = Headers::default();
    for (name, value) in given {
        let Json::String(value) = value else {
            return Err(Problem::new(Code::BatchInvalid, format!("the header '{name}' needs a text")));
        };
        let place = match name.to_ascii_lowercase().as_str() {
            "accept" => &mut headers.accept,
            "content-type" => &mut headers.content_type,
            "range" => &mut headers.range,
            "range-unit" => &mut headers.range_unit,
            "if-match" => &mut headers.if_match,
            "if-none-match" => &mut headers.if_none_match,
            "prefer" => {
                headers.prefer.push(value);
                continue;
            }
            other => {
                return Err(Problem::new(Code::BatchInvalid, format!("the header '{other}' means nothing in an operation"))
                    .with_hint("Possible: Accept, Content-Type, Prefer, Range, Range-Unit, If-Match, If-None-Match; others go on the batch itself"));
            }
        };
        *place = Some(value);
    }
    Ok(headers)
}

#[cold]
fn placed(problem: Problem, at: u16) -> Problem {
    let details = match problem.details() {
        Some(details) => format!("operation {at}: {details}"),
        None => format!("operation {at}"),
    };
    problem.with_details(details)
}

/// One operation's reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchPart {
    /// The HTTP status it would have had alone.
    pub status: u16,
    /// Its headers; names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Its body; JSON text, or any other text with `text` set.
    pub body: Option<Bytes>,
    /// Whether the body is not JSON and is sent as a JSON string.
    pub text: bool,
}

/// The joint reply: a JSON array of `{"status", "headers", "body"}`.
pub fn batch_reply(parts: &[BatchPart]) -> Bytes {
    let size: usize = parts.iter().map(|part| 64 + part.body.as_ref().map_or(0, Bytes::len)).sum();
    let mut reply = BytesMut::with_capacity(size);
    reply.put_u8(b'[');
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            reply.put_u8(b',');
        }
        let mut number = itoa::Buffer::new();
        reply.put_slice(b"{\"status\":");
        reply.put_slice(number.format(part.status).as_bytes());
        if !part.headers.is_empty() {
            let headers: serde_json::Map<_, _> = part
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Json::String(value.clone())))
                .collect();
            reply.put_slice(b",\"headers\":");
            reply.put_slice(Json::Object(headers).to_string().as_bytes());
        }
        reply.put_slice(b",\"body\":");
        match part.body.as_deref().filter(|body| !body.is_empty()) {
            Some(body) if part.text => {
                let text = Json::String(String::from_utf8_lossy(body).into_owned());
                reply.put_slice(text.to_string().as_bytes());
            }
            Some(body) => reply.put_slice(body),
            None => reply.put_slice(b"null"),
        }
        reply.put_u8(b'}');
    }
    reply.put_u8(b']');
    reply.freeze()
}
