//! Strong entity tags (RFC 9110, section 8.8.3): a digest of the body's bytes, so equal exactly when the bytes are.

use http::HeaderValue;
use xxhash_rust::xxh3::xxh3_128;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// An entity tag: 32 hexadecimal digits in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Etag([u8; 34]);

impl Etag {
    /// The tag of these bytes.
    pub fn of(body: &[u8]) -> Self {
        let digest = xxh3_128(body).to_be_bytes();
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
    fn differs_with_the_bytes() {
        let etag = Etag::of(b"[]");
        assert_eq!((etag.as_str().len(), etag.header().len()), (34, 34));
        assert!(etag.as_str().starts_with('"') && etag.as_str().ends_with('"'));
        assert_eq!(etag, Etag::of(b"[]"));
        assert_ne!(etag, Etag::of(b"[] "));
    }
}
