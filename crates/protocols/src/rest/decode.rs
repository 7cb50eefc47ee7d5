//! Percent-decoding, strict: what is not UTF-8 is refused and not replaced.

use std::borrow::Cow;

use transom_types::{Code, Problem};

use super::scanner::clip;

/// Where an encoded text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum In {
    /// A path segment: `+` is a plus sign.
    Path,
    /// A query string or form: `+` is a space.
    Query,
    /// The same, but what is not well encoded stands for itself.
    QueryAsIs,
}

/// Decodes one name or value.
pub(super) fn decode(text: &str, place: In) -> Result<Cow<'_, str>, Problem> {
    let bytes = text.as_bytes();
    let special = |from: usize| match place {
        In::Path => memchr::memchr2(b'%', 0, &bytes[from..]),
        In::Query | In::QueryAsIs => memchr::memchr3(b'%', b'+', 0, &bytes[from..]),
    };
    let Some(mut next) = special(0) else { return Ok(Cow::Borrowed(text)) };
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut copied = 0;
    loop {
        decoded.extend_from_slice(&bytes[copied..next]);
        match bytes[next] {
            b'+' => {
                decoded.push(b' ');
                copied = next + 1;
            }
            _ => {
                let pair = (bytes[next] == b'%').then(|| bytes.get(next + 1..next + 3)).flatten();
                match pair.and_then(hexadecimal) {
                    Some(byte) => {
                        decoded.push(byte);
                        copied = next + 3;
                    }
                    None if place == In::QueryAsIs && bytes[next] == b'%' => {
                        decoded.push(b'%');
                        copied = next + 1;
                    }
                    None => return Err(malformed(text)),
                }
            }
        }
        match special(copied) {
            Some(found) => next = copied + found,
            None => break,
        }
    }
    decoded.extend_from_slice(&bytes[copied..]);
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| malformed(text))
}

/// The byte of two hexadecimal digits. NUL is refused: no engine keeps it in text.
fn hexadecimal(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let byte = digit(pair[0])? * 16 + digit(pair[1])?;
    u8::try_from(byte).ok().filter(|byte| *byte != 0)
}

#[cold]
fn malformed(text: &str) -> Problem {
    Problem::new(Code::QuerySyntax, "the URL is not percent-encoded UTF-8")
        .with_details(format!(
            "'{}' has a '%' without two hexadecimal digits, a NUL, or bytes that are not UTF-8",
            clip(text)
        ))
        .with_hint("Encode '%' as %25 and other characters as the bytes of their UTF-8 form")
}
