//! Headers that bind a request to a state or a name: `If-Match`, `If-None-Match`, `Idempotency-Key`.

use transom_types::{Code, Digest, Precondition, Problem, precondition::States};

/// Longest `Idempotency-Key`, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// Reads the two conditional headers. A tag that this server cannot have made matches nothing. `If-Match` compares
/// strongly: a weak tag is never equal. `If-None-Match` compares weakly (RFC 9110, section 8.8.3.2).
pub fn conditions(if_match: Option<&str>, if_none_match: Option<&str>) -> Precondition {
    Precondition {
        within: if_match.map(|header| states(header, |tag| tag)),
        without: if_none_match.map(|header| states(header, |tag| tag.strip_prefix("W/").unwrap_or(tag))),
    }
}

fn states(header: &str, opaque: fn(&str) -> &str) -> States {
    if header.trim() == "*" {
        return States::Any;
    }
    let digest = |tag: &str| Digest::parse(opaque(tag.trim()).strip_prefix('"')?.strip_suffix('"')?);
    States::Of(header.split(',').filter_map(digest).collect())
}

/// Reads `Idempotency-Key`, bare or as a quoted string.
/// Errors: [`Code::IdempotencyInvalid`].
pub fn idempotency_key(header: Option<&str>) -> Result<Option<Box<str>>, Problem> {
    let Some(header) = header else { return Ok(None) };
    let key = header.trim();
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    if key.is_empty()
        || key.len() > KEY_BYTES_MAX
        || !key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
    {
        return Err(Problem::new(Code::IdempotencyInvalid, "the Idempotency-Key header is not valid")
            .with_details(format!("it has {} bytes", key.len()))
            .with_hint(format!("Send 1 to {KEY_BYTES_MAX} printable ASCII characters, for example a UUID")));
    }
    Ok(Some(key.into()))
}
