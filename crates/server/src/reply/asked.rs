//! What the statements of a request's transaction asked of its reply: a status, and headers in place of the server's own.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value as Json;
use transom_types::{Code, Problem, SessionReply};

use crate::reply::Reply;

/// Gives a reply the status and headers that were asked for.
/// Errors: [`Code::HeadersInvalid`], [`Code::StatusInvalid`].
pub fn apply(asked: &SessionReply, reply: &mut Reply) -> Result<(), Problem> {
    if let Some(status) = &asked.status {
        *reply.status_mut() = status_of(status)?;
    }
    if let Some(text) = &asked.headers {
        let asked = headers_of(text)?;
        let headers = reply.headers_mut();
        asked.keys().for_each(|name| drop(headers.remove(name)));
        for (name, value) in &asked {
            headers.append(name, value.clone());
        }
    }
    Ok(())
}

/// Whether a header says where a reply ends or what becomes of its connection: that is for the server alone to say.
pub fn frames(name: &HeaderName) -> bool {
    [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::UPGRADE].contains(name)
}

/// The number that a text begins with: of a reply that ends, which those below 200 do not.
fn status_of(text: &str) -> Result<StatusCode, Problem> {
    let digits = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let status = text[..digits].parse().ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.filter(|status| !status.is_informational());
    status.ok_or_else(|| Problem::new(Code::StatusInvalid, "response.status guc must be a valid status code"))
}

/// A list of objects with one text each. A name may come several times.
fn headers_of(text: &str) -> Result<HeaderMap, Problem> {
    let invalid = || {
        let message = "response.headers guc must be a JSON array composed of objects with a single key and a string value";
        Problem::new(Code::HeadersInvalid, message)
    };
    let list: Vec<serde_json::Map<String, Json>> = serde_json::from_str(text).map_err(|_| invalid())?;
    let mut headers = HeaderMap::with_capacity(list.len());
    for object in list {
        let mut members = object.into_iter();
        let (Some((name, Json::String(value))), None) = (members.next(), members.next()) else {
            return Err(invalid());
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        let value = HeaderValue::from_str(&value).map_err(|_| invalid())?;
        if !frames(&name) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::reply;

    fn asked(headers: Option<&str>, status: Option<&str>) -> Result<Reply, Problem> {
        let mut reply = reply::ok_json("[]");
        let asked = SessionReply { headers: headers.map(Into::into), status: status.map(Into::into) };
        apply(&asked, &mut reply).map(|()| reply)
    }

    #[test]
    fn what_is_asked_for_replaces_what_was_there() {
        let headers = r#"[{"Content-Length": "7"}, {"Content-Type": "a/b"}, {"Set-Cookie": "a=1"}, {"set-cookie": "b=2"}]"#;
        let reply = asked(Some(headers), Some("418 I'm a teapot")).unwrap();
        assert_eq!(reply.status().as_u16(), 418);
        assert_eq!(reply.headers()["content-type"], "a/b");
        assert!(!reply.headers().contains_key("content-length"));
        assert_eq!(reply.headers().get_all("set-cookie").iter().count(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for headers in ["{}", "x", r#"[{"a": 1}]"#, r#"[{"a": "1", "b": "2"}]"#, r#"[{"a b": "1"}]"#] {
            assert_eq!(asked(Some(headers), None).unwrap_err().code(), Code::HeadersInvalid);
        }
        for status in ["", "bad", "99", "100", "199"] {
            assert_eq!(asked(None, Some(status)).unwrap_err().code(), Code::StatusInvalid);
        }
    }
}
