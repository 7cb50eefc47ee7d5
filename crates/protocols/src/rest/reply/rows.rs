//! Reads a row of the database's JSON array, values left as their text.

use std::{borrow::Cow, error::Error, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use transom_types::{Code, Problem};

/// The members of one row, in order.
pub(super) struct Row<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

/// A key without a copy where it has no escapes.
#[derive(Deserialize, PartialEq, Eq)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Row<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Row<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Row<'de>, A::Error> {
                let mut row = Vec::new();
                while let Some((Key(key), value)) = members.next_entry::<Key<'de>, &'de RawValue>()? {
                    row.push((key, value));
                }
                Ok(Row(row))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Row<'_> {
    /// The value of the first member.
    pub(super) fn value(&self) -> Option<&str> {
        self.0.first().map(|(_, value)| value.get())
    }
}

/// Reads one row.
pub(super) fn read(json: &[u8]) -> Result<Row<'_>, Problem> {
    serde_json::from_slice(json).map_err(unreadable)
}

#[cold]
pub(super) fn unreadable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Problem {
    Problem::new(Code::Internal, "the result could not be read").caused_by(error)
}

/// A value as plain text: a string without its quotes, other JSON as it is; `None` for null.
pub(super) fn text(value: &str) -> Option<Cow<'_, str>> {
    match value {
        "null" => None,
        _ if value.starts_with('"') => serde_json::from_str::<Key<'_>>(value).ok().map(|Key(text)| text),
        _ => Some(Cow::Borrowed(value)),
    }
}
