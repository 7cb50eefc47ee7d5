//! Headers that bind a request to a state or a name: `If-Match`, `If-None-Match`, `Idempotency-Key`, the profiles.

use transom_types::{Code, Problem};

/// Longest `Idempotency-Key`, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// Entity tags of a conditional request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whatever is there.
    Any,
    /// One of these, quotes included; weak ones begin with `W/`.
    List(Vec<Box<str>>),
}

/// What must hold for a request to be carried out (RFC 9110, section 13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Do it only while the resource has one of these tags.
    pub if_match: Option<Tags>,
    /// Do it only while the resource has none of these tags.
    pub if_none_match: Option<Tags>,
}

impl Tags {
    fn parse(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        // What is not an entity tag matches nothing.
        Self::List(header.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(Into::into).collect())
    }

    /// Strong comparison, for `If-Match`: weak tags are never equal. `None` stands for no such resource.
    pub fn matches_strongly(&self, current: Option<&str>) -> bool {
        match (self, current) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::List(tags), Some(current)) => {
                !current.starts_with("W/") && tags.iter().any(|tag| **tag == *current)
            }
        }
    }

    /// Weak comparison, for `If-None-Match`. `None` stands for no such resource.
    pub fn matches_weakly(&self, current: Option<&str>) -> bool {
        fn opaque(tag: &str) -> &str {
            tag.strip_prefix("W/").unwrap_or(tag)
        }
        match (self, current) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::List(tags), Some(current)) => tags.iter().any(|tag| opaque(tag) == opaque(current)),
        }
    }
}

/// Reads the two conditional headers.
pub(super) fn conditions(if_match: Option<&str>, if_none_match: Option<&str>) -> Conditions {
    Conditions { if_match: if_match.map(Tags::parse), if_none_match: if_none_match.map(Tags::parse) }
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

/// `Accept-Profile` or `Content-Profile`: there is one schema.
/// Errors: [`Code::SchemaUnknown`].
pub(super) fn profile(header: Option<&str>) -> Result<(), Problem> {
    match header.map(str::trim) {
        None | Some("" | "public") => Ok(()),
        Some(other) => {
            let message = format!("Invalid schema: {}", super::scanner::clip(other));
            Err(Problem::new(Code::SchemaUnknown, message)
                .with_hint("Only the following schemas are exposed: public"))
        }
    }
}
