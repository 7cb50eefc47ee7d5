//! Failures as replies: an RFC 9457 problem document that also carries PostgREST's four fields.

use http::{HeaderName, HeaderValue, StatusCode, header};
use hyper::ext::ReasonPhrase;
use transom_protocols::rest::{PROBLEM_CONTENT_TYPE, problem_body, problem_body_as, problem_body_plain};
use transom_types::{Code, Problem, Retry};

use crate::reply::{self, Reply};

/// Says which server on the way refused a request, and why (RFC 9209).
const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// The answer to a request that failed. `anonymous`: without a token, what is forbidden might be allowed with one.
/// `compatible`: as PostgREST says it.
pub fn of_problem(problem: &Problem, anonymous: bool, compatible: bool) -> Reply {
    let unauthenticated = anonymous && problem.code_text() == Code::Privilege.as_str();
    let status = match unauthenticated {
        true => StatusCode::UNAUTHORIZED,
        false => StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let (content_type, body) = match compatible {
        true => ("application/json; charset=utf-8", problem_body_plain(problem)),
        false => (PROBLEM_CONTENT_TYPE, problem_body_as(problem, status.as_u16())),
    };
    let mut reply = reply::with_body(status, HeaderValue::from_static(content_type), body);
    if unauthenticated || (compatible && status == StatusCode::UNAUTHORIZED) {
        reply.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if compatible {
        reply::set(&mut reply, PROXY_STATUS, &format!("PostgREST; error={}", problem.code_text()));
    }
    if let Retry::After { seconds } = problem.retryable() {
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    for (name, value) in problem.headers() {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes())
            && !reply::asked::frames(&name)
        {
            reply::set(&mut reply, name, value);
        }
    }
    if let Some(reason) = problem.reason().and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok()) {
        reply.extensions_mut().insert(reason);
    }
    reply
}

/// Whether the connection must not be used further after this problem: what follows on it cannot be trusted or will not be read.
pub fn closes_connection(code: Code) -> bool {
    matches!(
        code,
        Code::RequestMalformed
            | Code::UriTooLong
            | Code::HeadersTooLarge
            | Code::BodyTooLarge
            | Code::RequestTimeout
            | Code::ShuttingDown
    )
}

/// The whole reply to a connection that cannot be served, for a socket that no HTTP library stands behind.
pub fn too_many_connections() -> String {
    let problem = Problem::new(Code::Overloaded, "Too many connections are open");
    let body = problem_body(&problem);
    let body = String::from_utf8_lossy(&body);
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_CONTENT_TYPE}\r\nretry-after: 1\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::Value as Json;

    use super::*;
    use crate::reply::ReplyBody;

    fn check(problem: &Problem, anonymous: bool, status: u16, header: Option<(&str, &str)>) {
        let reply = of_problem(problem, anonymous, false);
        assert_eq!(reply.status().as_u16(), status);
        if let Some((name, value)) = header {
            assert_eq!(reply.headers()[name], value);
        }
        let ReplyBody::Full(body) = reply.body() else { panic!("no body") };
        let document: Json = serde_json::from_slice(body).unwrap();
        assert_eq!(document["code"], problem.code().as_str());
        assert_eq!(document["status"], status);
        assert!(document.as_object().unwrap().contains_key("hint"));
    }

    #[test]
    fn says_what_to_do_next() {
        let forbidden = Problem::new(Code::Privilege, "permission denied for table x");
        check(&forbidden, true, 401, Some(("www-authenticate", "Bearer")));
        check(&forbidden, false, 403, None);
        check(&Problem::new(Code::Overloaded, "x"), false, 503, Some(("retry-after", "1")));
        let bad_token = Problem::new(Code::TokenInvalid, "x").with_header("www-authenticate", "Bearer x");
        check(&bad_token, true, 401, Some(("www-authenticate", "Bearer x")));
        check(&Problem::new(Code::TableMissing, "x").with_header("x-y", "a\nb"), false, 404, None);
    }
}
