//! Choices, drawn as bytes: whatever is cut off or made smaller leaves simpler choices, so that failures shrink well.

use proptest::{collection::vec, prelude::Strategy, prelude::any};

/// The choices that are left. Beyond its end every choice is the first.
#[derive(Clone, Debug)]
pub(super) struct Tape<'a>(std::slice::Iter<'a, u8>);

/// So many bytes of choices at most.
pub(super) fn drawn(length: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), length / 2..length)
}

impl<'a> Tape<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    /// A number below this one.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0.next().map_or(0, |byte| usize::from(*byte) % bound.max(1))
    }

    /// Whether it comes about, one time in so many; never at the end of the tape.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) + 1 == times
    }

    pub(super) fn pick<'b, T>(&mut self, of: &'b [T]) -> &'b T {
        &of[self.below(of.len())]
    }
}
