//! What state a resource must (not) be in for a write to happen (RFC 9110, section 13), free of any protocol's spelling.

use std::fmt;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// A digest of a representation's bytes: equal when the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub u128);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }

    /// Reads what `Display` writes; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match text.len() == 32 && text.bytes().all(hexadecimal) {
            true => u128::from_str_radix(text, 16).ok().map(Self),
            false => None,
        }
    }
}

/// Digests bytes that come one after the other.
#[derive(Clone, Default)]
pub struct Digesting(Xxh3);

impl Digesting {
    /// Goes on with these bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes so far.
    pub fn digest(&self) -> Digest {
        Digest(self.0.digest128())
    }
}

impl fmt::Debug for Digesting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Digesting").field(&self.digest()).finish()
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// States of a resource that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum States {
    /// Whatever it is.
    Any,
    /// One of these; none is possible, and then nothing matches.
    Of(Vec<Digest>),
}

impl States {
    /// Whether the resource, `None` when it is not there, is in one of these.
    pub fn has(&self, current: Option<Digest>) -> bool {
        match (self, current) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::Of(digests), Some(current)) => digests.contains(&current),
        }
    }
}

/// A condition on the state of one row, as the writer would read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// It must be in one of these (`If-Match`).
    pub within: Option<States>,
    /// It must be in none of these (`If-None-Match`).
    pub without: Option<States>,
}

impl Precondition {
    /// Whether the row's state, `None` without such a row, is as demanded.
    pub fn holds(&self, current: Option<Digest>) -> bool {
        self.within.as_ref().is_none_or(|states| states.has(current))
            && !self.without.as_ref().is_some_and(|states| states.has(current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_back_and_nothing_else_is() {
        let digest = Digest::of(b"[]");
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        assert_ne!(digest, Digest::of(b"[] "));
        for other in ["", "+123456789abcdef0123456789abcdef0", &digest.to_string().to_uppercase()] {
            assert_eq!(Digest::parse(other), None, "{other}");
        }
    }

    #[test]
    fn conditions_hold_as_the_standard_has_it() {
        let [now, then] = [b"now", b"old"].map(|bytes| Digest::of(bytes));
        let of = |digests: &[Digest]| Some(States::Of(digests.to_vec()));
        let check = |within: Option<States>, without: Option<States>, there: bool, missing: bool| {
            let condition = Precondition { within, without };
            assert_eq!(
                (condition.holds(Some(now)), condition.holds(None)),
                (there, missing),
                "{condition:?}"
            );
        };
        check(None, None, true, true);
        check(Some(States::Any), None, true, false);
        check(of(&[then, now]), None, true, false);
        check(of(&[then]), None, false, false);
        check(of(&[]), None, false, false);
        check(None, Some(States::Any), false, true);
        check(None, of(&[now]), false, true);
        check(None, of(&[then]), true, true);
        check(of(&[now]), of(&[now]), false, false);
    }
}
