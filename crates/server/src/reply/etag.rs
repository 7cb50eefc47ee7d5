//! Strong entity tags (RFC 9110, section 8.8.3): a digest of the body's bytes, so equal exactly when the bytes are.

use http::HeaderValue;
use transom_types::Digest;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// An entity tag: 32 hexadecimal digits in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Etag([u8; 34]);

impl Etag {
    /// The tag of what has this digest.
    pub fn of(digest: Digest) -> Self {
        let digest = digest.0.to_be_bytes();
        let mut text = [b'"'; 34];
        for (place, byte) in digest.iter().enumerate() {
            text[1 + place * 2] = HEX[usize::from(byte >> 4)];
            text[2 + place * 2] = HEX[usize::from(byte & 15)];
        }
        Self(text)
    }

    /// As text, quotes included.
    pub fn as_str(&self) -> &str {
        // Only ASCII was put there.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// As a header's value.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_digest_in_quotes() {
        let digest = Digest::of(b"[]");
        let etag = Etag::of(digest);
        assert_eq!(etag.as_str(), format!("\"{digest}\""));
        assert_eq!(etag.header().as_bytes(), etag.as_str().as_bytes());
    }
}
