//! A table's checksum: the same for the same rows, on any engine and in any order.

use std::fmt;

use serde_json::{Value as Json, value::RawValue};
use sha2::{Digest as _, Sha256};
use transom_types::{DataType, Value};

use super::pages::Row;

/// A sum over rows: their number, and a checksum that does not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) rows: u64,
    sum: u128,
}

impl Digest {
    /// Adds a row; `columns` in the same order on both sides.
    pub(super) fn add(&mut self, row: &Row, columns: &[(Box<str>, DataType)]) {
        let mut hash = Sha256::new();
        for (name, data_type) in columns {
            let text = row.get(&**name).map_or_else(|| "null".to_owned(), |raw| normal(raw, *data_type));
            // With its length, so that no two columns run into each other.
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        let mut half = [0; 16];
        half.copy_from_slice(&hash.finalize()[..16]);
        self.rows += 1;
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(half));
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.sum)
    }
}

/// One way to write a value: numbers by what they count, instants by their moment, documents by what they say.
pub(super) fn normal(raw: &RawValue, data_type: DataType) -> String {
    let text = raw.get();
    if !text.starts_with('"') || data_type == DataType::Json {
        return document(text);
    }
    let Ok(string) = serde_json::from_str::<String>(text) else { return text.to_owned() };
    match data_type {
        DataType::Timestamp => instant(&string),
        DataType::Time => time(&string),
        DataType::Integer | DataType::Numeric | DataType::Real => number(&string),
        DataType::Uuid | DataType::Bytes => string.to_lowercase(),
        // In quotes: the text `1` is not the number.
        _ => Json::String(string).to_string(),
    }
}

fn instant(text: &str) -> String {
    let Some(Value::Text(utc)) = DataType::Timestamp.parse(text) else { return text.to_owned() };
    let plain = utc.trim_end_matches('Z').trim_end_matches("+00:00");
    match plain.split_once(['T', ' ']) {
        Some((day, clock)) => format!("{day}T{}", time(clock)),
        None => format!("{plain}T00:00:00"),
    }
}

fn time(text: &str) -> String {
    match text.split_once('.') {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        },
        None if text.len() == 5 => format!("{text}:00"),
        None => text.to_owned(),
    }
}

/// A decimal as its digits and a power of ten; what is none stays as it is.
fn number(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (digits, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let Ok(exponent) = exponent.trim_start_matches('+').parse::<i64>() else { return text.to_owned() };
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let leading = all.trim_start_matches('0');
    let kept = leading.trim_end_matches('0');
    if kept.is_empty() {
        return "0".to_owned();
    }
    let power =
        exponent.saturating_sub(fraction.len() as i64).saturating_add((leading.len() - kept.len()) as i64);
    format!("{sign}{kept}e{power}")
}

/// A document with its members in order, without white space, and its numbers by what they count.
fn document(text: &str) -> String {
    let read = match text.trim_start().as_bytes().first() {
        Some(b'{') => serde_json::from_str::<Row>(text).map(|members| {
            let all = members
                .iter()
                .map(|(name, value)| format!("{}:{}", Json::from(name.as_str()), document(value.get())));
            format!("{{{}}}", all.collect::<Vec<_>>().join(","))
        }),
        Some(b'[') => serde_json::from_str::<Vec<Box<RawValue>>>(text).map(|elements| {
            let all: Vec<_> = elements.iter().map(|element| document(element.get())).collect();
            format!("[{}]", all.join(","))
        }),
        Some(b'"') => serde_json::from_str::<String>(text).map(|string| Json::String(string).to_string()),
        _ => Ok(number(text.trim())),
    };
    read.unwrap_or_else(|_| text.to_owned())
}
