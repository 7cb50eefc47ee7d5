//! The forms that a caller takes a reply in, where the engine has a say in what forms there are.

use std::borrow::Cow;

/// A media type that the caller takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Media {
    /// `*/*`
    Any,
    /// `application/json`
    Json,
    /// `text/csv`
    Csv,
    /// `application/geo+json`
    GeoJson,
    /// `application/vnd.pgrst.array+json;nulls=stripped`
    Stripped,
    /// `application/vnd.pgrst.object+json`
    Object {
        /// Whether members that are null are left out.
        strip_nulls: bool,
    },
    /// `application/vnd.pgrst.plan`: an account of how the reply would come about.
    Plan(Box<Account>),
    /// Another one, in small letters.
    Other(Box<str>),
}

/// An account of how a reply would come about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// In which form the reply would be.
    pub of: Media,
    /// Whether it is a document, not text.
    pub json: bool,
    /// What it tells, each once and in the order of [`Detail`].
    pub details: Vec<Detail>,
}

/// What an [`Account`] may tell beside the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is named after the engine's word for it")]
pub enum Detail {
    /// The statement runs, and what it took is told.
    Analyze,
    Verbose,
    Settings,
    Buffers,
    Wal,
}

impl Detail {
    /// Every one, in order.
    pub const ALL: [Self; 5] = [Self::Analyze, Self::Verbose, Self::Settings, Self::Buffers, Self::Wal];

    /// Its name, which is also the engine's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Verbose => "verbose",
            Self::Settings => "settings",
            Self::Buffers => "buffers",
            Self::Wal => "wal",
        }
    }
}

impl Media {
    /// The name, with those parameters that are part of it.
    pub fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Any => "*/*",
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::GeoJson => "application/geo+json",
            Self::Stripped => "application/vnd.pgrst.array+json;nulls=stripped",
            Self::Object { strip_nulls: false } => "application/vnd.pgrst.object+json",
            Self::Object { strip_nulls: true } => "application/vnd.pgrst.object+json;nulls=stripped",
            Self::Other(name) => name,
            Self::Plan(account) => return Cow::Owned(account.name()),
        })
    }

    /// The media type of this name, without parameters: what they say is a matter of what takes them.
    pub fn named(name: &str) -> Self {
        match name {
            "*/*" => Self::Any,
            "application/json" => Self::Json,
            "text/csv" => Self::Csv,
            "application/geo+json" => Self::GeoJson,
            other => Self::Other(other.into()),
        }
    }
}

impl Account {
    fn name(&self) -> String {
        let form = if self.json { "json" } else { "text" };
        let mut name = format!("application/vnd.pgrst.plan+{form}; for=\"{}\"", self.of.name());
        for (at, detail) in self.details.iter().enumerate() {
            name.push_str(if at == 0 { "; options=" } else { "|" });
            name.push_str(detail.name());
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_after_what_it_tells_of() {
        let account = Account {
            of: Media::Object { strip_nulls: false },
            json: true,
            details: vec![Detail::Analyze, Detail::Wal],
        };
        assert_eq!(
            Media::Plan(Box::new(account)).name(),
            "application/vnd.pgrst.plan+json; for=\"application/vnd.pgrst.object+json\"; options=analyze|wal"
        );
    }
}
