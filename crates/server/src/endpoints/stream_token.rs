//! `POST /realtime/v1/token`: a token that opens change streams for a minute, for clients that can send no header. A browser's
//! `EventSource` is one; its address is all it can choose, and an address is no place for a token that does more.

use std::{borrow::Cow, time::SystemTime};

use http::{HeaderValue, Method, header, request::Parts};
use serde_json::json;
use transom_types::{Code, Principal, Problem};

use crate::{
    app::App,
    edge::Admitted,
    reply::{self, Reply},
};

/// The token's place in the query string.
pub const PARAMETER: &str = "token";

/// Makes one for the caller.
pub fn call(app: &App, admitted: &Admitted<'_>, principal: &Principal) -> Result<Reply, Problem> {
    if admitted.head.method == Method::OPTIONS {
        return Ok(reply::allow("POST, OPTIONS"));
    }
    if principal.anonymous {
        return Err(Problem::new(
            Code::AnonymousDisabled,
            "A stream token is made for a caller with a token",
        )
        .with_hint("Send `Authorization: Bearer …`; whoever has no token opens the stream without one")
        .with_header("www-authenticate", "Bearer"));
    }
    let now_seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let minted = app.identity.stream_token(principal, now_seconds)?;
    let body = json!({ "token": minted.token, "expires_in": minted.lifetime_seconds });
    let mut reply = reply::ok_json(body.to_string());
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(reply)
}

/// The stream token in an address, if there is one.
/// Errors: more than one, or credentials in the headers too: which of them counts is not for us to guess.
pub fn given(head: &Parts) -> Result<Option<Cow<'_, str>>, Problem> {
    let query = head.uri.query().unwrap_or_default();
    let mut given = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == PARAMETER);
    let Some((_, token)) = given.next() else { return Ok(None) };
    let elsewhere = head.headers.contains_key(header::AUTHORIZATION) || head.headers.contains_key("apikey");
    match given.next().is_some() || elsewhere {
        true => Err(Problem::new(Code::TokenInvalid, "There is more than one token in the request")
            .with_hint("Send the Authorization header, or `token` in the address once")
            .with_header("www-authenticate", "Bearer error=\"invalid_request\"")),
        false => Ok(Some(token)),
    }
}
