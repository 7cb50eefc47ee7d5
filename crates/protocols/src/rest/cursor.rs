//! Cursor tokens: where a page ended, for keyset pagination.
//!
//! A token holds the order values of the last row and a fingerprint of the request. The fingerprint is made of
//! the canonical text of resource, filters and order without values, so that it is the same in every build and after
//! every restart, and a token is refused where it would mean something else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::value::RawValue;
use transom_query::request::Shape;
use transom_types::{Code, Problem};

/// The first byte of a token; a later form takes another.
const VERSION: u8 = 1;
/// Longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 8_192;

/// Makes the token of the page after the row whose order values these are (a JSON array).
pub fn encode_cursor(fingerprint: u64, values: &str) -> String {
    let mut bytes = Vec::with_capacity(9 + values.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&fingerprint.to_be_bytes());
    bytes.extend_from_slice(values.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The order values that a token holds, each a JSON scalar.
/// Errors: [`Code::CursorInvalid`] when it is no token, or one of another request.
pub fn decode_cursor(token: &str, fingerprint: u64) -> Result<Vec<Box<str>>, Problem> {
    let broken = || invalid("it is damaged or was not made by this server");
    if token.len() > TOKEN_BYTES_MAX {
        return Err(broken());
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| broken())?;
    let (head, values) = bytes.split_at_checked(9).ok_or_else(broken)?;
    if head[0] != VERSION {
        return Err(broken());
    }
    if head[1..] != fingerprint.to_be_bytes() {
        return Err(invalid("it belongs to a request with another resource, filter or order"));
    }
    let values: Vec<&RawValue> = serde_json::from_slice(values).map_err(|_| broken())?;
    let scalar = |value: &&RawValue| !value.get().starts_with(['[', '{']);
    if values.is_empty() || !values.iter().all(scalar) {
        return Err(broken());
    }
    Ok(values.into_iter().map(|value| value.get().into()).collect())
}

#[cold]
fn invalid(why: &str) -> Problem {
    Problem::new(Code::CursorInvalid, "the cursor does not fit this request")
        .with_details(why)
        .with_hint("Follow the Link header of the page before, or begin again with cursor=start")
}

/// What a token is bound to.
pub fn fingerprint(shape: &Shape) -> u64 {
    fnv1a(super::print::ordering(shape).as_bytes())
}

/// FNV-1a, 64 bits: small, and the same everywhere.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
