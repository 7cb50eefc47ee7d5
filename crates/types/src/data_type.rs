//! The types a column can have, as every engine's catalog maps onto them, and how text becomes a [`Value`] of one.

use serde::{Deserialize, Serialize};

use crate::{Value, moment};

/// The type of a column, parameter or expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DataType {
    /// True or false. SQLite stores 0 and 1.
    Bool,
    /// A signed 64-bit integer.
    Integer,
    /// A double-precision number.
    Real,
    /// A decimal number.
    Numeric,
    /// Text.
    Text,
    /// Raw bytes; on the wire `\x` and hexadecimal digits.
    Bytes,
    /// A JSON document.
    Json,
    /// A UUID, written as text.
    Uuid,
    /// A calendar date, `YYYY-MM-DD`.
    Date,
    /// A time of day, `HH:MM:SS[.fraction]`.
    Time,
    /// A date and time, ISO 8601. One with an offset is read as the same moment in UTC, so that text order is time order.
    Timestamp,
    /// No declared type: whatever was stored.
    Any,
}

impl DataType {
    /// The name that messages and documents use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Integer => "bigint",
            Self::Real => "double precision",
            Self::Numeric => "numeric",
            Self::Text => "text",
            Self::Bytes => "bytea",
            Self::Json => "json",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::Any => "any",
        }
    }

    /// The type that a cast (`select=price::text`) names, or `None` for a name this server does not know.
    pub fn from_cast_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "bool" | "boolean" => Self::Bool,
            "int" | "int2" | "int4" | "int8" | "integer" | "smallint" | "bigint" => Self::Integer,
            "real" | "float" | "float4" | "float8" | "double" | "double precision" => Self::Real,
            "numeric" | "decimal" => Self::Numeric,
            "text" | "varchar" | "char" | "character varying" | "string" => Self::Text,
            "bytea" | "blob" => Self::Bytes,
            "json" | "jsonb" => Self::Json,
            "uuid" => Self::Uuid,
            "date" => Self::Date,
            "time" => Self::Time,
            "timestamp" | "timestamptz" | "datetime" => Self::Timestamp,
            _ => return None,
        })
    }

    /// Reads `text` as a value of this type; `None` when it is not one.
    pub fn parse(self, text: &str) -> Option<Value> {
        Some(match self {
            Self::Bool => Value::Bool(parse_bool(text)?),
            Self::Integer => Value::Integer(text.trim().parse().ok()?),
            Self::Real => Value::Real(parse_real(text)?),
            Self::Numeric => parse_numeric(text)?,
            Self::Bytes => Value::Bytes(parse_hex(text)?.into()),
            Self::Uuid => Value::Text(parse_uuid(text)?.into()),
            Self::Date => Value::text(moment::is_date(text).then_some(text)?),
            Self::Time => Value::text(moment::is_time(text).then_some(text)?),
            Self::Timestamp => Value::text(moment::timestamp(text)?),
            Self::Json => {
                serde_json::from_str::<&serde_json::value::RawValue>(text).ok()?;
                Value::Json(text.into())
            }
            Self::Text => Value::text(text),
            Self::Any => parse_any(text),
        })
    }
}

/// An untyped column compares by what was stored: numbers as numbers, the rest as text.
fn parse_any(text: &str) -> Value {
    if let Ok(integer) = text.parse::<i64>() {
        return Value::Integer(integer);
    }
    match text.parse::<f64>() {
        Ok(real) if real.is_finite() => Value::Real(real),
        _ => Value::text(text),
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    Some(match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "y" | "on" | "1" => true,
        "f" | "false" | "no" | "n" | "off" | "0" => false,
        _ => return None,
    })
}

fn parse_real(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|real| !real.is_nan())
}

/// Integers stay exact; other decimals keep their text.
fn parse_numeric(text: &str) -> Option<Value> {
    let text = text.trim();
    if let Ok(integer) = text.parse::<i64>() {
        return Some(Value::Integer(integer));
    }
    let finite = text.parse::<f64>().ok()?.is_finite();
    finite.then(|| Value::Numeric(text.into()))
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |digit: u8| (digit as char).to_digit(16);
    digits.chunks(2).map(|pair| Some((nibble(pair[0])? * 16 + nibble(pair[1])?) as u8)).collect()
}

fn parse_uuid(text: &str) -> Option<String> {
    let hex: String = text.chars().filter(|c| *c != '-' && *c != '{' && *c != '}').collect();
    if hex.len() != 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let hex = hex.to_ascii_lowercase();
    Some(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data_type: DataType, text: &str, expected: Option<Value>) {
        assert_eq!(data_type.parse(text), expected, "{} from {text:?}", data_type.name());
    }

    #[test]
    fn reads_each_type_and_refuses_what_is_not_one() {
        check(DataType::Integer, "42", Some(Value::Integer(42)));
        check(DataType::Integer, "9223372036854775808", None);
        check(DataType::Integer, "1; drop table x", None);
        check(DataType::Bool, "TRUE", Some(Value::Bool(true)));
        check(DataType::Bool, "maybe", None);
        check(DataType::Real, "NaN", None);
        check(DataType::Numeric, "12.50", Some(Value::Numeric("12.50".into())));
        check(DataType::Bytes, "\\x00ff", Some(Value::Bytes(vec![0, 255].into())));
        check(DataType::Bytes, "\\x0", None);
        check(DataType::Date, "2024-02-29", Some(Value::text("2024-02-29")));
        check(DataType::Date, "2024-13-01", None);
        check(DataType::Date, "2023-02-29", None);
        check(DataType::Timestamp, "2024-02-29T10:11:12.5Z", Some(Value::text("2024-02-29T10:11:12.5Z")));
        check(DataType::Timestamp, "2024-02-29 10:11", Some(Value::text("2024-02-29 10:11")));
        check(DataType::Timestamp, "yesterday", None);
        check(DataType::Time, "é0:00", None);
        check(DataType::Json, "{\"a\":1}", Some(Value::Json("{\"a\":1}".into())));
        check(DataType::Json, "{", None);
        check(
            DataType::Uuid,
            "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
            Some(Value::text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        );
    }
}
