//! Names for requests: request ids, and W3C trace contexts (`traceparent`, level 1).

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use transom_types::RequestId;

/// Longest request id that is taken over from a caller.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Makes request ids: unique within the process by counting, and across processes by a random beginning.
#[derive(Debug)]
pub struct RequestIds {
    process: u32,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        Self { process: random() as u32, next: AtomicU64::new(1) }
    }
}

impl RequestIds {
    /// The caller's own id when it is a sound one, else a new one.
    pub fn take_or_make(&self, given: Option<&[u8]>) -> RequestId {
        let sound = |id: &&[u8]| {
            (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
        };
        match given.filter(sound).and_then(|id| std::str::from_utf8(id).ok()) {
            Some(id) => RequestId(id.into()),
            None => self.make(),
        }
    }

    fn make(&self) -> RequestId {
        let mut text = String::with_capacity(21);
        push_hex(&mut text, u64::from(self.process), 8);
        text.push('-');
        push_hex(&mut text, self.next.fetch_add(1, Ordering::Relaxed), 12);
        RequestId(text.into_boxed_str())
    }
}

/// A place in a distributed trace: the caller's trace, and a span of ours in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    trace_id: u128,
    parent_id: u64,
    span_id: u64,
}

impl Trace {
    /// Reads `traceparent`; one that is not valid is as good as none (W3C Trace Context, section 3.2.2).
    pub fn parse(header: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(header).ok()?;
        let hex = |range: std::ops::Range<usize>| {
            text.get(range).filter(|part| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        };
        let version = hex(0..2).filter(|version| *version != "ff")?;
        let (trace, parent) = (hex(3..35)?, hex(36..52)?);
        hex(53..55)?;
        let dashes = [2, 35, 52].iter().all(|at| header.get(*at) == Some(&b'-'));
        let length = text.len() == 55 || (version != "00" && header.get(55) == Some(&b'-'));
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let parent_id = u64::from_str_radix(parent, 16).ok().filter(|id| *id != 0)?;
        (dashes && length).then(|| Self { trace_id, parent_id, span_id: random().max(1) })
    }

    /// The trace, 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The caller's span, 16 hexadecimal digits.
    pub fn parent_id(&self) -> String {
        format!("{:016x}", self.parent_id)
    }

    /// Our span, 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.trace_id(), self.span_id())
    }
}

/// The standard library's hash keys are random per process and differ per call: names need no more.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

fn push_hex(text: &mut String, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = (number >> (place * 4)) & 15;
        text.push(char::from(b"0123456789abcdef"[digit as usize]));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn takes_sound_ids_and_makes_others() {
        let ids = RequestIds::default();
        assert_eq!(&*ids.take_or_make(Some(b"abc-1")).0, "abc-1");
        for unsound in [&b""[..], b"a b", b"a\x01", "é".as_bytes(), &[b'a'; 129]] {
            assert_eq!(ids.take_or_make(Some(unsound)).0.len(), 21);
        }
        assert_ne!(ids.take_or_make(None), ids.take_or_make(None));
    }

    #[test]
    fn reads_trace_parents() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = Trace::parse(good.as_bytes()).unwrap();
        assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(trace.parent_id(), "b7ad6b7169203331");
        assert!(Trace::parse(good.replace("00-0a", "01-0a").as_bytes()).is_some());
        for bad in [
            "",
            "00",
            &good.replace("00-0a", "ff-0a"),
            &good.to_uppercase(),
            &format!("{good}-x"),
            &good.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &good.replace("b7ad6b7169203331", &"0".repeat(16)),
            &good.replace("-01", "_01"),
        ] {
            assert_eq!(Trace::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
