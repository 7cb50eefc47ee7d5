//! A value as it was given, before it has a type.

use toml::de::DeValue;

/// A place in the file, from 1; zeros where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column in characters.
    pub column: u32,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Raw {
    /// The value.
    pub kind: RawKind,
    /// Where it stands.
    pub at: Place,
}

/// A value without a type.
#[derive(Clone, Debug, PartialEq)]
pub enum RawKind {
    /// A string.
    Text(String),
    /// Text whose type is still open, because it came through a variable or a flag: `8080` may be a number.
    Open(String),
    /// An integer.
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// A list.
    List(Vec<Raw>),
    /// Anything no key takes: what it is called, and how it was written.
    Other(&'static str),
    /// A fault was already reported.
    Broken,
}

impl Raw {
    /// What the value is, for messages. Open values stay hidden: they may hold a secret.
    pub fn described(&self) -> String {
        match &self.kind {
            RawKind::Text(text) => format!("{text:?}"),
            RawKind::Open(_) => "a text that does not fit".to_owned(),
            RawKind::Integer(integer) => format!("the integer {integer}"),
            RawKind::Bool(value) => format!("{value}"),
            RawKind::List(_) => "a list".to_owned(),
            RawKind::Other(name) => (*name).to_owned(),
            RawKind::Broken => "not valid".to_owned(),
        }
    }

    /// An open text read as TOML, for a type that is not text.
    pub fn settled(&self) -> Option<Self> {
        let RawKind::Open(text) = &self.kind else { return None };
        let value = DeValue::parse(text).ok()?;
        Some(Self { kind: from_toml(value.get_ref(), self.at), at: self.at })
    }
}

/// A TOML value with every part at one place; strings as they are.
fn from_toml(value: &DeValue<'_>, at: Place) -> RawKind {
    match value {
        DeValue::String(text) => RawKind::Text(text.to_string()),
        DeValue::Integer(integer) => integer_of(integer.as_str(), integer.radix())
            .map_or(RawKind::Other("too large a number"), RawKind::Integer),
        DeValue::Boolean(value) => RawKind::Bool(*value),
        DeValue::Array(items) => {
            RawKind::List(items.iter().map(|item| Raw { kind: from_toml(item.get_ref(), at), at }).collect())
        }
        other => RawKind::Other(named(other)),
    }
}

/// An integer as TOML writes it.
pub(crate) fn integer_of(digits: &str, radix: u32) -> Option<i64> {
    i64::from_str_radix(digits, radix).ok()
}

/// What a TOML value that no key takes is called.
pub(crate) fn named(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Float(_) => "a decimal number",
        DeValue::Datetime(_) => "a date",
        DeValue::Table(_) => "a section",
        DeValue::Array(_) => "a list",
        _ => "a plain value",
    }
}
