//! Exact decimals, as far as 128 bits carry; beyond that, callers fall back to double precision.

use std::cmp::Ordering;

/// `digits × 10^-scale`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: i128,
    scale: u32,
}

/// More digits than this after the point are no decimal of ours.
const SCALE_MAX: u32 = 30;

impl Decimal {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = whole.trim_start_matches(['-', '+']);
        if whole.len() - unsigned.len() > 1 || !all_digits(unsigned) || !all_digits(fraction) {
            return None;
        }
        if unsigned.is_empty() && fraction.is_empty() {
            return None;
        }
        let digits: i128 = format!("{unsigned}{fraction}").parse().ok()?;
        let digits = if whole.starts_with('-') { -digits } else { digits };
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        match scale < 0 {
            true => Some(Self { digits: digits.checked_mul(power(scale.unsigned_abs())?)?, scale: 0 }),
            false => Some(Self { digits, scale: scale.unsigned_abs() }).filter(|d| d.scale <= SCALE_MAX),
        }
    }

    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        let (left, right, _) = self.aligned(other)?;
        Some(left.cmp(&right))
    }

    pub(super) fn add(self, other: Self) -> Option<Self> {
        let (left, right, scale) = self.aligned(other)?;
        Some(Self { digits: left.checked_add(right)?, scale })
    }

    pub(super) fn subtract(self, other: Self) -> Option<Self> {
        let (left, right, scale) = self.aligned(other)?;
        Some(Self { digits: left.checked_sub(right)?, scale })
    }

    pub(super) fn multiply(self, other: Self) -> Option<Self> {
        let scale = self.scale + other.scale;
        Some(Self { digits: self.digits.checked_mul(other.digits)?, scale }).filter(|_| scale <= SCALE_MAX)
    }

    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        let raised = |of: Self| of.digits.checked_mul(power(scale - of.scale)?);
        Some((raised(self)?, raised(other)?, scale))
    }
}

impl From<i64> for Decimal {
    fn from(integer: i64) -> Self {
        Self { digits: integer.into(), scale: 0 }
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let width = self.scale as usize + 1;
        let digits = format!("{:0>width$}", self.digits.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        match fraction.is_empty() {
            true => write!(f, "{sign}{whole}"),
            false => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

fn power(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}
