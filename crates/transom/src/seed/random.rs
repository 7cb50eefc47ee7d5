//! Pseudo-random numbers that are the same on every machine and in every version: part of what a seed means.

/// A short stream of numbers for one cell.
pub(super) struct Random(u64);

/// FNV-1a, so that renaming one column changes no other.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |at, byte| (at ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Random {
    /// The stream of one cell.
    pub(super) fn new(seed: u64, table: &str, column: &str, row: u64) -> Self {
        let mut random = Self(seed ^ hash(table).rotate_left(17) ^ hash(column).rotate_left(41));
        let start = random.next();
        Self(start ^ row.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in 0..1.
    pub(super) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number below `count`; 0 when that is 0.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(count)) >> 64) as u64
    }

    /// A number from `least` to `greatest`.
    pub(super) fn between(&mut self, least: u64, greatest: u64) -> u64 {
        least + self.below(greatest.saturating_sub(least).saturating_add(1))
    }

    /// A number below `count` that prefers small ones the more, the greater `skew` is; 1 prefers none.
    /// Products only: they are the same on every machine, which powers are not.
    pub(super) fn skewed(&mut self, count: u64, skew: u32) -> u64 {
        let fraction = self.fraction();
        let leaning = (1..skew).fold(fraction, |product, _| product * fraction);
        ((leaning * count as f64) as u64).min(count.saturating_sub(1))
    }

    /// One of several; `items` must not be empty.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}
