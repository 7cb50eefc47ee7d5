//! One scalar on its way into or out of a database.

use serde::{Deserialize, Serialize};

/// A scalar value. Databases with fewer types store several of these alike; the column's [`crate::DataType`] tells them apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// True or false.
    Bool(bool),
    /// A signed 64-bit integer.
    Integer(i64),
    /// A double-precision number.
    Real(f64),
    /// A decimal of any precision, as its plain text.
    Numeric(Box<str>),
    /// Text, and every type whose value is written as text (UUID, date, time, …).
    Text(Box<str>),
    /// A JSON document, as its text.
    Json(Box<str>),
    /// Raw bytes.
    Bytes(Box<[u8]>),
}

impl Value {
    /// Text from anything that becomes a boxed string.
    pub fn text(text: impl Into<Box<str>>) -> Self {
        Self::Text(text.into())
    }

    /// Whether this is SQL NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}
