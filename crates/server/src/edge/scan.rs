//! Reads request heads strictly, before the HTTP library does: the library takes the later of two framings, drops the
//! evidence and goes on; whoever stands in front of us may have taken the other one (RFC 9112, section 11.2).
//! Pure: bytes in, framing or refusal out.

use std::ops::Range;

use memchr::{memchr, memchr3};

/// Most header lines of one request; the HTTP library's own limit is the same.
const HEADERS_COUNT_MAX: u32 = 100;
/// Most empty lines before a request line (RFC 9112, section 2.2, asks for one).
const EMPTY_LINES_MAX: u32 = 2;

/// The method of the request that stands in for a refused one; no client may send it.
pub const REFUSED_METHOD: &str = "TRANSOM-REFUSED";

/// The bounds of one head.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// Longest request target.
    pub uri_bytes_max: usize,
    /// Largest head.
    pub head_bytes_max: usize,
}

/// How the body behind a head is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes.
    Length(u64),
    /// Chunks, up to the empty one and its trailers.
    Chunked,
}

macro_rules! refusals {
    ($($name:ident = $text:literal;)*) => {
        /// Why a head is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Refusal { $(#[doc = $text] $name,)* }

        impl Refusal {
            /// Every refusal; a place in it names one on the way through the HTTP library.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What the caller is told.
            pub fn message(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

refusals! {
    BareLineFeed = "A line of the request head does not end in CR LF";
    RequestLine = "The request line is not METHOD TARGET HTTP/1.x";
    TargetInvalid = "The request target is not one: a character in it must be percent-encoded";
    Version = "Only HTTP/1.0 and HTTP/1.1 are spoken here";
    HeaderLine = "A header line is not NAME: VALUE";
    HeaderValue = "A header line has a control character";
    Folded = "A header line is continued on the next one";
    HostMissing = "A request of HTTP/1.1 needs a Host header";
    HostRepeated = "There is more than one Host header";
    HostInvalid = "The Host header is not a host";
    LengthInvalid = "Content-Length is not a number";
    LengthRepeated = "There is more than one Content-Length";
    LengthAndEncoding = "There are both Content-Length and Transfer-Encoding";
    EncodingUnknown = "Transfer-Encoding is not exactly 'chunked'";
    EncodingRepeated = "There is more than one Transfer-Encoding";
    EncodingVersion = "HTTP/1.0 has no Transfer-Encoding";
    UriTooLong = "The request target is too long";
    HeadTooLarge = "The request head is too large";
    TooSlow = "The request head did not arrive in time";
}

/// Reads one head, line by line, resumable where the bytes end.
#[derive(Debug, Default)]
pub struct HeadScan {
    /// Where the current line begins.
    line: usize,
    /// Up to where the current line was searched for its end.
    searched: usize,
    empty_lines: u32,
    headers: u32,
    begun: bool,
    raw_target: Option<Range<usize>>,
    version_1_1: bool,
    hosts: u32,
    length: Option<u64>,
    chunked: bool,
}

const fn bytes(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < 256 {
        table[at] = (at as u8).is_ascii_alphanumeric();
        at += 1;
    }
    let mut other = 0;
    while other < others.len() {
        table[others[other] as usize] = true;
        other += 1;
    }
    table
}

/// What methods and header names are made of (RFC 9110, section 5.6.2).
const TOKEN: [bool; 256] = bytes(b"!#$%&'*+-.^_`|~");
/// What targets are usually made of.
const USUAL: [bool; 256] = bytes(b"/?&=.,_-~:()*%+!$';@");

/// Whether the HTTP library will take this for a target. It would refuse without a word, so it is asked before. A fragment it
/// drops, where another reader keeps it: no client sends one.
fn is_target(target: &[u8]) -> bool {
    if target[0] == b'/' && target.iter().all(|byte| USUAL[usize::from(*byte)]) {
        return true;
    }
    let mut whole = Vec::with_capacity(target.len() + 16);
    encoded(target, &(0..target.len()), &mut whole);
    memchr(b'#', target).is_none() && http::Uri::try_from(whole.as_slice()).is_ok()
}

/// Where the target of a request line stands, if it has characters that clients such as curl send as they are and the
/// grammar wants encoded (RFC 3986, section 2): `->` of a JSON path, quotes of a quoted name.
fn raw_target(line: &[u8]) -> Option<Range<usize>> {
    let start = memchr(b' ', line)? + 1;
    let end = start + memchr(b' ', &line[start..])?;
    memchr3(b'<', b'>', b'"', &line[start..end]).map(|_| start..end)
}

/// A head with such a target, encoded.
pub fn encoded(head: &[u8], target: &Range<usize>, into: &mut Vec<u8>) {
    into.extend_from_slice(&head[..target.start]);
    for byte in &head[target.clone()] {
        match byte {
            b'<' => into.extend_from_slice(b"%3C"),
            b'>' => into.extend_from_slice(b"%3E"),
            b'"' => into.extend_from_slice(b"%22"),
            other => into.push(*other),
        }
    }
}

impl HeadScan {
    /// Where the target stands in the head, if it must be encoded before anybody else reads it.
    pub fn raw_target(&self) -> Option<Range<usize>> {
        self.raw_target.clone()
    }

    /// Goes on with `bytes`, which begin where the head does and hold at least what earlier calls saw.
    /// `Some` gives the head's length and its body's framing.
    pub fn advance(&mut self, bytes: &[u8], limits: HeadLimits) -> Result<Option<(usize, Framing)>, Refusal> {
        while let Some(found) = memchr(b'\n', &bytes[self.searched..]) {
            let end = self.searched + found;
            let (start, line) = (self.line, &bytes[self.line..end]);
            self.line = end + 1;
            self.searched = end + 1;
            if end >= limits.head_bytes_max {
                return Err(self.oversize(line, limits));
            }
            let line = line.strip_suffix(b"\r").ok_or(Refusal::BareLineFeed)?;
            if !self.begun {
                self.first(line, limits)?;
                self.raw_target = raw_target(line).map(|target| start + target.start..start + target.end);
            } else if line.is_empty() {
                return self.finish().map(|framing| Some((end + 1, framing)));
            } else {
                self.header(line)?;
            }
        }
        self.searched = bytes.len();
        match bytes.len() > limits.head_bytes_max
            || (!self.begun && bytes.len() - self.line > limits.uri_bytes_max + 32)
        {
            true => Err(self.oversize(&bytes[self.line..], limits)),
            false => Ok(None),
        }
    }

    fn oversize(&self, line: &[u8], limits: HeadLimits) -> Refusal {
        let target_too_long = !self.begun && line.len() > limits.uri_bytes_max;
        if target_too_long { Refusal::UriTooLong } else { Refusal::HeadTooLarge }
    }

    fn first(&mut self, line: &[u8], limits: HeadLimits) -> Result<(), Refusal> {
        if line.is_empty() {
            self.empty_lines += 1;
            return if self.empty_lines > EMPTY_LINES_MAX { Err(Refusal::RequestLine) } else { Ok(()) };
        }
        self.begun = true;
        let method_end = memchr(b' ', line).ok_or(Refusal::RequestLine)?;
        let (method, rest) = (&line[..method_end], &line[method_end + 1..]);
        let target_end = memchr(b' ', rest).ok_or(Refusal::RequestLine)?;
        let (target, version) = (&rest[..target_end], &rest[target_end + 1..]);
        if method.is_empty() || target.is_empty() || method == REFUSED_METHOD.as_bytes() {
            return Err(Refusal::RequestLine);
        }
        if !method.iter().all(|byte| TOKEN[usize::from(*byte)]) {
            return Err(Refusal::RequestLine);
        }
        if target.len() > limits.uri_bytes_max {
            return Err(Refusal::UriTooLong);
        }
        if !is_target(target) {
            return Err(Refusal::TargetInvalid);
        }
        self.version_1_1 = match version {
            b"HTTP/1.1" => true,
            b"HTTP/1.0" => false,
            other if other.starts_with(b"HTTP/") => return Err(Refusal::Version),
            _ => return Err(Refusal::RequestLine),
        };
        Ok(())
    }

    fn header(&mut self, line: &[u8]) -> Result<(), Refusal> {
        self.headers += 1;
        if self.headers > HEADERS_COUNT_MAX {
            return Err(Refusal::HeadTooLarge);
        }
        if matches!(line[0], b' ' | b'\t') {
            return Err(Refusal::Folded);
        }
        let colon = memchr(b':', line).filter(|at| *at > 0).ok_or(Refusal::HeaderLine)?;
        if !line[..colon].iter().all(|byte| TOKEN[usize::from(*byte)]) {
            return Err(Refusal::HeaderLine);
        }
        // Without a way out in the middle, so that many bytes are looked at together.
        if line[colon..]
            .iter()
            .fold(false, |found, byte| found | (*byte < b' ' && *byte != b'\t') | (*byte == 0x7f))
        {
            return Err(Refusal::HeaderValue);
        }
        match line[0] {
            b'h' | b'H' => self.host(line),
            b'c' | b'C' => self.content_length(line),
            b't' | b'T' => self.transfer_encoding(line),
            _ => Ok(()),
        }
    }

    fn host(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let Some(value) = value_of(line, b"host")? else { return Ok(()) };
        self.hosts += 1;
        if self.hosts > 1 {
            return Err(Refusal::HostRepeated);
        }
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=:[]".contains(byte);
        if value.iter().all(fits) { Ok(()) } else { Err(Refusal::HostInvalid) }
    }

    fn content_length(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let Some(value) = value_of(line, b"content-length")? else { return Ok(()) };
        if self.length.is_some() {
            return Err(Refusal::LengthRepeated);
        }
        let digits = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
        let length = digits.then(|| value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')));
        self.length = Some(length.ok_or(Refusal::LengthInvalid)?);
        Ok(())
    }

    fn transfer_encoding(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let Some(value) = value_of(line, b"transfer-encoding")? else { return Ok(()) };
        if self.chunked {
            return Err(Refusal::EncodingRepeated);
        }
        if !self.version_1_1 {
            return Err(Refusal::EncodingVersion);
        }
        self.chunked = value.eq_ignore_ascii_case(b"chunked");
        if self.chunked { Ok(()) } else { Err(Refusal::EncodingUnknown) }
    }

    fn finish(&self) -> Result<Framing, Refusal> {
        if self.version_1_1 && self.hosts == 0 {
            return Err(Refusal::HostMissing);
        }
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Refusal::LengthAndEncoding),
            (true, None) => Ok(Framing::Chunked),
            (false, length) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

/// The value of the header line if it has this name. A name that merely begins alike is another's matter, but one with
/// anything between name and colon is how a header is hidden from one of two readers.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Result<Option<&'a [u8]>, Refusal> {
    if line.len() < name.len() || !line[..name.len()].eq_ignore_ascii_case(name) {
        return Ok(None);
    }
    match line.get(name.len()) {
        Some(b':') => Ok(Some(line[name.len() + 1..].trim_ascii())),
        Some(byte) if byte.is_ascii_alphanumeric() || b"-_".contains(byte) => Ok(None),
        _ => Err(Refusal::HeaderLine),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { uri_bytes_max: 64, head_bytes_max: 512 };

    /// Scans whole, and again byte by byte: both must agree.
    fn check(head: &str, expected: Result<Option<Framing>, Refusal>) {
        let bytes = head.as_bytes();
        let whole = HeadScan::default().advance(bytes, LIMITS).map(|found| found.map(|(_, framing)| framing));
        assert_eq!(whole, expected, "{head:?}");
        let mut scan = HeadScan::default();
        let piecewise = (1..=bytes.len()).find_map(|end| match scan.advance(&bytes[..end], LIMITS) {
            Ok(None) => None,
            found => Some(found.map(|found| found.map(|(_, framing)| framing))),
        });
        assert_eq!(piecewise.unwrap_or(Ok(None)), expected, "byte by byte: {head:?}");
    }

    fn refused(lines: &str, refusal: Refusal) {
        check(&format!("GET / HTTP/1.1\r\n{lines}\r\n"), Err(refusal));
    }

    #[test]
    fn finds_the_framing_of_good_heads() {
        let good = |lines: &str, framing| {
            check(&format!("POST /a?b=c HTTP/1.1\r\nHost: x\r\n{lines}\r\n"), Ok(Some(framing)))
        };
        good("", Framing::Length(0));
        good("Content-Length: 12\r\n", Framing::Length(12));
        good("content-LENGTH:12 \r\n", Framing::Length(12));
        good("Content-Length-Extra: 12\r\n", Framing::Length(0));
        good("Transfer-Encoding: Chunked\r\n", Framing::Chunked);
        check("GET / HTTP/1.0\r\n\r\n", Ok(Some(Framing::Length(0))));
        check("\r\nGET / HTTP/1.0\r\n\r\n", Ok(Some(Framing::Length(0))));
        check("GET / HTTP/1.1\r\nHost:", Ok(None));
        check("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", Ok(Some(Framing::Length(0))));
    }

    #[test]
    fn refuses_what_two_readers_can_read_differently() {
        refused("", Refusal::HostMissing);
        refused("Host: a\r\nhost: b\r\n", Refusal::HostRepeated);
        refused("Host: a, b\r\n", Refusal::HostInvalid);
        refused("Host: a/b\r\n", Refusal::HostInvalid);
        refused("Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n", Refusal::LengthAndEncoding);
        refused("Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n", Refusal::LengthAndEncoding);
        refused("Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n", Refusal::LengthRepeated);
        refused("Host: a\r\nContent-Length: 1, 1\r\n", Refusal::LengthInvalid);
        refused("Host: a\r\nContent-Length: +1\r\n", Refusal::LengthInvalid);
        refused("Host: a\r\nContent-Length: 99999999999999999999\r\n", Refusal::LengthInvalid);
        refused("Host: a\r\nContent-Length : 1\r\n", Refusal::HeaderLine);
        refused("Host: a\r\nTransfer-Encoding\u{b}: chunked\r\n", Refusal::HeaderLine);
        refused("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n", Refusal::EncodingUnknown);
        refused(
            "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
            Refusal::EncodingRepeated,
        );
        refused("Host: a\r\nX: y\r\n z\r\n", Refusal::Folded);
        refused("Host: a\nX: y\r\n", Refusal::BareLineFeed);
        refused("Host: a\r\nabc\r\n", Refusal::HeaderLine);
        refused("Host: a\r\n: abc\r\n", Refusal::HeaderLine);
        refused("Host: a\r\nx y: z\r\n", Refusal::HeaderLine);
        refused("Host: a\r\n\0content-length: 5\r\n", Refusal::HeaderLine);
        refused("Host: a\r\nX: y\0z\r\n", Refusal::HeaderValue);
        refused("Host: a\r\nX: y\rz\r\n", Refusal::HeaderValue);
        refused("Host: a\r\nContent-Length: 5\r\r\n", Refusal::HeaderValue);
        refused("Host: a\r\nX: \u{7f}\r\n", Refusal::HeaderValue);
        for target in ["/a#b", "/a\u{1}", "/a\u{7f}", "a b", "", "://", "http://"] {
            let line = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
            let refused = HeadScan::default().advance(line.as_bytes(), LIMITS).err();
            let expected = [Refusal::TargetInvalid, Refusal::RequestLine, Refusal::Version];
            assert!(refused.is_some_and(|refused| expected.contains(&refused)), "{target}: {refused:?}");
        }
        check("G(T / HTTP/1.1\r\n", Err(Refusal::RequestLine));
        check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Err(Refusal::EncodingVersion));
        check("GET / HTTP/2.0\r\n\r\n", Err(Refusal::Version));
        check("GET  / HTTP/1.1\r\n\r\n", Err(Refusal::RequestLine));
        check("hello\r\n", Err(Refusal::RequestLine));
        check("\r\n\r\n\r\n", Err(Refusal::RequestLine));
        check("TRANSOM-REFUSED /0 HTTP/1.1\r\n\r\n", Err(Refusal::RequestLine));
    }

    /// What passes here, the HTTP library takes; else it would answer 400 without saying why.
    #[test]
    fn agrees_with_the_library_about_targets() {
        for byte in (0..=255).filter(|byte| !b" \r\n#".contains(byte)) {
            for target in [vec![b'/', byte, b'a'], vec![b'/', b'?', byte]] {
                let head = [b"GET ", &*target, b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
                let mut whole = Vec::new();
                encoded(&target, &(0..target.len()), &mut whole);
                let passes = HeadScan::default().advance(&head, LIMITS).is_ok();
                assert_eq!(passes, http::Uri::try_from(&*whole).is_ok(), "{byte:#x}");
            }
        }
    }

    #[test]
    fn bounds_the_target_and_the_head() {
        check(&format!("GET /{} HTTP/1.1\r\n", "a".repeat(64)), Err(Refusal::UriTooLong));
        check(&"a".repeat(200), Err(Refusal::UriTooLong));
        check(&format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}", "a".repeat(600)), Err(Refusal::HeadTooLarge));
        let many = HeadLimits { head_bytes_max: 10_000, ..LIMITS };
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(100));
        assert_eq!(HeadScan::default().advance(head.as_bytes(), many), Err(Refusal::HeadTooLarge));
    }
}
