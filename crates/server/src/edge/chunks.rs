//! Follows a chunked body to its end, so that the next head is looked for where it begins. Strict about line ends and sizes.

/// Longest chunk-size line, extensions included.
const SIZE_LINE_BYTES_MAX: u32 = 256;
/// Largest trailer section.
const TRAILER_BYTES_MAX: u32 = 4 * 1024;

/// Where in a chunked body the reader is.
#[derive(Debug, Default)]
pub struct Chunks {
    at: At,
    /// The current chunk's size as far as read, then what is left of it.
    size: u64,
    digits: u32,
    /// Bytes of the current size line, or of the trailers.
    line_bytes: u32,
    /// Whether the trailer line read so far is empty.
    line_empty: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    Trailer,
    TrailerLineFeed,
}

/// The body is not chunked as RFC 9112, section 7.1, says.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl Chunks {
    /// Goes on with `bytes`: `Some` gives how many of them belong to the body, when it ends among them.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let mut at = 0;
        while at < bytes.len() {
            if self.at == At::Data {
                let step = self.size.min((bytes.len() - at) as u64);
                self.size -= step;
                at += step as usize;
                if self.size == 0 {
                    self.at = At::DataReturn;
                }
                continue;
            }
            let ended = self.byte(bytes[at])?;
            at += 1;
            if ended {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn byte(&mut self, byte: u8) -> Result<bool, Malformed> {
        match (self.at, byte) {
            (At::Size, b'\r') if self.digits > 0 => self.at = At::SizeLineFeed,
            (At::Size, b';') if self.digits > 0 => self.at = At::Extension,
            (At::Size, _) => {
                let digit = (byte as char).to_digit(16).ok_or(Malformed)?;
                self.digits += 1;
                if self.digits > 15 {
                    return Err(Malformed);
                }
                self.size = self.size * 16 + u64::from(digit);
            }
            (At::Extension, b'\r') => self.at = At::SizeLineFeed,
            (At::Extension, b'\n') => return Err(Malformed),
            (At::Extension, _) => self.count(SIZE_LINE_BYTES_MAX)?,
            (At::SizeLineFeed, b'\n') => {
                self.at = if self.size == 0 { At::Trailer } else { At::Data };
                (self.digits, self.line_bytes, self.line_empty) = (0, 0, true);
            }
            (At::DataReturn, b'\r') => self.at = At::DataLineFeed,
            (At::DataLineFeed, b'\n') => self.at = At::Size,
            (At::Trailer, b'\r') => self.at = At::TrailerLineFeed,
            (At::Trailer, b'\n') => return Err(Malformed),
            (At::Trailer, _) => {
                self.line_empty = false;
                self.count(TRAILER_BYTES_MAX)?;
            }
            (At::TrailerLineFeed, b'\n') if self.line_empty => return Ok(true),
            (At::TrailerLineFeed, b'\n') => (self.at, self.line_empty) = (At::Trailer, true),
            _ => return Err(Malformed),
        }
        Ok(false)
    }

    fn count(&mut self, bytes_max: u32) -> Result<(), Malformed> {
        self.line_bytes += 1;
        if self.line_bytes > bytes_max { Err(Malformed) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Result<Option<usize>, Malformed>) {
        assert_eq!(Chunks::default().advance(body.as_bytes()), expected, "{body:?}");
        let mut chunks = Chunks::default();
        let mut piecewise = Ok(None);
        for (at, byte) in body.bytes().enumerate() {
            match chunks.advance(&[byte]) {
                Ok(None) => {}
                Ok(Some(_)) => {
                    piecewise = Ok(Some(at + 1));
                    break;
                }
                Err(malformed) => {
                    piecewise = Err(malformed);
                    break;
                }
            }
        }
        assert_eq!(piecewise, expected, "byte by byte: {body:?}");
    }

    #[test]
    fn finds_the_end() {
        check("0\r\n\r\nGET", Ok(Some(5)));
        check("3\r\nabc\r\n0\r\n\r\n", Ok(Some(13)));
        check("3;x=y\r\nabc\r\n00\r\nA: b\r\n\r\nrest", Ok(Some(24)));
        check("3\r\nab", Ok(None));
    }

    #[test]
    fn refuses_what_is_ambiguous() {
        check("3\nabc\r\n", Err(Malformed));
        check("\r\n", Err(Malformed));
        check("0x3\r\nabc", Err(Malformed));
        check("3\r\nabcd\r\n", Err(Malformed));
        check("ffffffffffffffff\r\n", Err(Malformed));
        check("3;a\nb\r\nabc", Err(Malformed));
        check("0\r\nA: b\n\r\n", Err(Malformed));
        check(&format!("1;{}\r\n", "x".repeat(300)), Err(Malformed));
    }
}
