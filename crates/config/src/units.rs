//! Durations and sizes as people write them: `"30s"`, `"10MiB"`.

use std::{fmt, time::Duration};

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// The number, for what is kept in memory.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Unit and its size, largest first.
const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// Unit and its milliseconds, largest first; `ms` stands before `s` and `m` because it ends in one and begins with the other.
const DURATIONS: [(&str, u64); 5] =
    [("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, size) =
        units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?.trim_end(), *size)))?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse::<u64>().ok()?.checked_mul(size)).flatten()
}

/// Reads a size.
pub fn parse_size(text: &str) -> Option<ByteSize> {
    parse(text, &SIZES).map(ByteSize)
}

/// Reads a duration.
pub fn parse_duration(text: &str) -> Option<Duration> {
    parse(text, &DURATIONS).map(Duration::from_millis)
}

/// Writes milliseconds so that [`parse_duration`] reads them back.
pub fn show_duration(milliseconds: u64) -> String {
    let descending = [DURATIONS[1], DURATIONS[2], DURATIONS[3], DURATIONS[4], DURATIONS[0]];
    show(milliseconds, &descending)
}

fn show(number: u64, units: &[(&str, u64)]) -> String {
    let fits = |size: u64| number != 0 && number.is_multiple_of(size);
    let (unit, size) =
        units.iter().find(|(_, size)| fits(*size)).or(units.last()).copied().unwrap_or(("", 1));
    format!("{}{unit}", number / size)
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show(self.0, &[SIZES[0], SIZES[1], SIZES[2], SIZES[6]]))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, duration_ms: Option<u64>, bytes: Option<u64>) {
        assert_eq!(parse_duration(text), duration_ms.map(Duration::from_millis), "{text}");
        assert_eq!(parse_size(text), bytes.map(ByteSize), "{text}");
    }

    #[test]
    fn reads_what_people_write() {
        check("30s", Some(30_000), None);
        check("250ms", Some(250), None);
        check("2h", Some(7_200_000), None);
        check("7d", Some(604_800_000), None);
        check("5 m", Some(300_000), None);
        check("10MiB", None, Some(10 << 20));
        check("10 KB", None, Some(10_000));
        check("0B", None, Some(0));
        for bad in [
            "",
            "s",
            "-1s",
            "1.5s",
            "10",
            "10mib",
            "99999999999999999999GiB",
            "18446744073709551615GiB",
            "1y",
        ] {
            check(bad, None, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(number in 0u64..u64::MAX / 2) {
            prop_assert_eq!(parse_duration(&show_duration(number)).unwrap().as_millis() as u64, number);
            prop_assert_eq!(parse_size(&ByteSize(number).to_string()), Some(ByteSize(number)));
        }
    }
}
