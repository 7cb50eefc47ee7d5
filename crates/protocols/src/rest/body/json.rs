//! JSON bodies: an object, or a list of objects, read straight into rows.

use std::fmt;

use serde::{
    Deserializer as _,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value as Json;
use transom_types::{Code, Problem, limits::JSON_DEPTH_MAX};

use super::{Rows, invalid};

/// Reads the rows of a JSON text; whether it was one object.
pub(super) fn from_bytes(bytes: &[u8], rows: &mut Rows) -> Result<bool, Problem> {
    if bytes.trim_ascii().is_empty() {
        return Err(invalid("Empty or invalid json", "the body is empty")
            .with_hint("Send an object or a list of objects"));
    }
    if !depth_within(bytes, JSON_DEPTH_MAX) {
        return Err(Problem::new(Code::TooManyParts, "the body is nested too deeply")
            .with_details(format!("at most {JSON_DEPTH_MAX} levels of objects and lists are read")));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let mut failure = None;
    let body = BodySeed { rows, failure: &mut failure };
    // Not whatever comes: a number with a fraction comes as an object of its own.
    let read = match bytes.trim_ascii().first() {
        Some(b'[') => deserializer.deserialize_seq(body),
        _ => deserializer.deserialize_map(body),
    };
    let read = read.and_then(|single| deserializer.end().map(|()| single));
    read.map_err(|error| failure.unwrap_or_else(|| not_rows(&error)))
}

#[cold]
fn not_rows(error: &serde_json::Error) -> Problem {
    invalid("Empty or invalid json", error.to_string()).with_hint("Send a JSON object or a list of objects")
}

/// Whether no place in a JSON text is inside more than `depth_max` objects and lists. One pass, no recursion;
/// it stops at the first place that is too deep.
pub(in crate::rest) fn depth_within(bytes: &[u8], depth_max: u32) -> bool {
    let (mut depth, mut at) = (0_u32, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => loop {
                let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at + 1..]) else { return true };
                at += found + 1;
                if bytes[at] == b'"' {
                    break;
                }
                // Steps over the escaped byte.
                at += 1;
                if at >= bytes.len() {
                    return true;
                }
            },
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    return false;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    true
}

/// Whether a number is larger than the numbers that every engine has.
fn beyond_doubles(value: &Json) -> bool {
    let Json::Number(number) = value else { return false };
    let digits = number.as_str();
    (digits.len() > 300 || digits.bytes().any(|byte| byte | 0x20 == b'e')) && number.as_f64().is_none()
}

/// Reads the rows of a parsed value; whether it was one object.
pub(super) fn from_value(value: &Json, rows: &mut Rows) -> Result<bool, Problem> {
    let list = match value {
        Json::Object(_) => std::slice::from_ref(value),
        Json::Array(list) => list,
        _ => {
            return Err(invalid(
                "a body must be an object or a list of objects",
                format!("'{}' is neither", super::super::scanner::clip(&value.to_string())),
            ));
        }
    };
    for item in list {
        let Json::Object(object) = item else {
            return Err(invalid("All object keys must match", "a list in a body holds only objects"));
        };
        for (key, value) in object {
            if let Some(column) = rows.column(key)? {
                if beyond_doubles(value) {
                    return Err(invalid(
                        "Empty or invalid json",
                        format!("'{}' is out of range", super::super::scanner::clip(&value.to_string())),
                    ));
                }
                rows.cell(column, value.clone())?;
            }
        }
        rows.end_row()?;
    }
    Ok(value.is_object())
}

/// The whole body. A [`Problem`] of ours travels beside serde's own error.
struct BodySeed<'a> {
    rows: &'a mut Rows,
    failure: &'a mut Option<Problem>,
}

impl<'de> Visitor<'de> for BodySeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        while list.next_element_seed(RowSeed { rows: self.rows, failure: self.failure })?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<bool, A::Error> {
        RowSeed { rows: self.rows, failure: self.failure }.visit_map(object)?;
        Ok(true)
    }
}

/// One row.
struct RowSeed<'a> {
    rows: &'a mut Rows,
    failure: &'a mut Option<Problem>,
}

impl RowSeed<'_> {
    fn keep<T, E: serde::de::Error>(
        failure: &mut Option<Problem>,
        result: Result<T, Problem>,
    ) -> Result<T, E> {
        result.map_err(|problem| {
            let error = E::custom(problem.message());
            *failure = Some(problem);
            error
        })
    }
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(column) = object.next_key_seed(KeySeed { rows: self.rows, failure: self.failure })? {
            match column {
                Some(column) => {
                    let value = object.next_value::<Json>()?;
                    if beyond_doubles(&value) {
                        return Err(A::Error::custom("number out of range"));
                    }
                    Self::keep(self.failure, self.rows.cell(column, value))?;
                }
                None => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Self::keep(self.failure, self.rows.end_row())
    }
}

/// A key: the column it names, without keeping its text.
struct KeySeed<'a> {
    rows: &'a mut Rows,
    failure: &'a mut Option<Problem>,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        self.rows.column(key).map_err(|problem| {
            let error = E::custom(problem.message());
            *self.failure = Some(problem);
            error
        })
    }
}
