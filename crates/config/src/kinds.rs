//! How each type of setting is read, shown and described.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value as Json, json};

use crate::{
    ByteSize, Secret,
    raw::{Place, Raw, RawKind},
    secret::MASK,
    units,
};

/// Why a value does not fit: its place where that is narrower than the key's, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where.
    pub at: Place,
    /// What the value is.
    pub what: String,
    /// What would be right, when it is more than the type's expectation.
    pub remedy: Option<String>,
}

/// A type that a key can have.
pub trait Setting: Sized {
    /// What a right value is, as a noun with an article.
    fn expected() -> String;
    /// Reads a value.
    fn read(raw: &Raw) -> Result<Self, Misfit>;
    /// The value as TOML, secrets masked.
    fn show(&self) -> String;
    /// The JSON Schema of right values.
    fn schema() -> Json;
    /// The value in its smallest unit, for the range check.
    fn magnitude(&self) -> Option<u64> {
        None
    }
    /// A number in the smallest unit, as written in the file.
    fn show_magnitude(number: u64) -> String {
        number.to_string()
    }
}

/// The value is not of this type.
pub fn misfit<T>(raw: &Raw) -> Result<T, Misfit> {
    Err(Misfit { at: raw.at, what: raw.described(), remedy: None })
}

/// The text of a string, typed or open.
pub fn text_of(raw: &Raw) -> Option<&str> {
    match &raw.kind {
        RawKind::Text(text) | RawKind::Open(text) => Some(text),
        _ => None,
    }
}

/// A string as TOML writes it.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl Setting for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, Misfit> {
        match raw.settled().as_ref().unwrap_or(raw).kind {
            RawKind::Bool(value) => Ok(value),
            _ => misfit(raw),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

impl Setting for u32 {
    fn expected() -> String {
        "an integer".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, Misfit> {
        match raw.settled().as_ref().unwrap_or(raw).kind {
            RawKind::Integer(integer) => integer.try_into().or_else(|_| misfit(raw)),
            _ => misfit(raw),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn schema() -> Json {
        json!({ "type": "integer" })
    }

    fn magnitude(&self) -> Option<u64> {
        Some(u64::from(*self))
    }
}

impl Setting for String {
    fn expected() -> String {
        "a string".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, Misfit> {
        text_of(raw).map(str::to_owned).map_or_else(|| misfit(raw), Ok)
    }

    fn show(&self) -> String {
        quoted(self)
    }

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

impl Setting for Duration {
    fn expected() -> String {
        "a duration such as \"30s\", \"250ms\", \"5m\", \"2h\" or \"7d\"".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, Misfit> {
        text_of(raw).and_then(units::parse_duration).map_or_else(|| misfit(raw), Ok)
    }

    fn show(&self) -> String {
        quoted(&units::show_duration(self.as_millis() as u64))
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+ ?(ms|s|m|h|d)$" })
    }

    fn magnitude(&self) -> Option<u64> {
        Some(self.as_millis() as u64)
    }

    fn show_magnitude(number: u64) -> String {
        quoted(&units::show_duration(number))
    }
}

impl Setting for ByteSize {
    fn expected() -> String {
        "a size such as \"10MiB\", \"64KiB\" or \"500B\"".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, Misfit> {
        text_of(raw).and_then(units::parse_size).map_or_else(|| misfit(raw), Ok)
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)$" })
    }

    fn magnitude(&self) -> Option<u64> {
        Some(self.0)
    }

    fn show_magnitude(number: u64) -> String {
        quoted(&ByteSize(number).to_string())
    }
}

impl Setting for SocketAddr {
    fn expected() -> String {
        "an address and port such as \"127.0.0.1:8080\", \"[::1]:8080\" or \"localhost:8080\"".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, Misfit> {
        let Some(text) = text_of(raw) else { return misfit(raw) };
        let literal = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        literal.as_deref().unwrap_or(text).parse().or_else(|_| misfit(raw))
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^(\\[.*\\]|[^:]+):[0-9]{1,5}$" })
    }
}

impl Setting for Secret {
    fn expected() -> String {
        "a string, best from a variable: \"${NAME}\"".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, Misfit> {
        match text_of(raw) {
            Some(text) => Ok(Self::new(text)),
            // What was given stays hidden whatever its type.
            None => Err(Misfit { at: raw.at, what: "something else".to_owned(), remedy: None }),
        }
    }

    fn show(&self) -> String {
        quoted(MASK)
    }

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

/// `"none"` takes a value away.
impl<T: Setting> Setting for Option<T> {
    fn expected() -> String {
        format!("{}, or \"none\"", T::expected())
    }

    fn read(raw: &Raw) -> Result<Self, Misfit> {
        match text_of(raw) {
            Some("none") => Ok(None),
            _ => T::read(raw).map(Some),
        }
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| quoted("none"), T::show)
    }

    fn schema() -> Json {
        json!({ "anyOf": [T::schema(), { "const": "none" }] })
    }

    fn magnitude(&self) -> Option<u64> {
        self.as_ref().and_then(T::magnitude)
    }

    fn show_magnitude(number: u64) -> String {
        T::show_magnitude(number)
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn expected() -> String {
        format!("a list, each element {}", T::expected())
    }

    fn read(raw: &Raw) -> Result<Self, Misfit> {
        match &raw.settled().as_ref().unwrap_or(raw).kind {
            RawKind::List(items) => items.iter().map(T::read).collect(),
            // A variable or flag may give the elements separated by commas.
            _ => match &raw.kind {
                RawKind::Open(text) => text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| T::read(&Raw { kind: RawKind::Open(item.to_owned()), at: raw.at }))
                    .collect(),
                _ => misfit(raw),
            },
        }
    }

    fn show(&self) -> String {
        format!("[{}]", self.iter().map(T::show).collect::<Vec<_>>().join(", "))
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }
}

/// A setting that is one of a few words.
macro_rules! choice {
    ($(#[doc = $about:literal])+ $name:ident { $( $(#[doc = $doc:literal])+ $variant:ident = $word:literal, )+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $( $(#[doc = $doc])+ $variant, )+ }

        impl $name {
            /// The word in the file.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl $crate::kinds::Setting for $name {
            fn expected() -> String {
                format!("one of {}", [$(concat!("\"", $word, "\"")),+].join(", "))
            }

            fn read(raw: &$crate::raw::Raw) -> Result<Self, $crate::kinds::Misfit> {
                let text = $crate::kinds::text_of(raw).unwrap_or_default();
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => $crate::kinds::misfit(raw).map_err(|misfit: $crate::kinds::Misfit| {
                        let near = transom_types::nearest::nearest(text, [$($word),+]);
                        let remedy = near.map(|near| format!("Perhaps you meant \"{near}\""));
                        $crate::kinds::Misfit { remedy, ..misfit }
                    }),
                }
            }

            fn show(&self) -> String {
                $crate::kinds::quoted(self.as_str())
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({ "enum": [$($word),+] })
            }
        }
    };
}
pub(crate) use choice;
