//! A value that never appears in logs, errors or `transom config show`.

use std::fmt;

use serde::{Serialize, Serializer};

/// What is shown in place of a secret.
pub const MASK: &str = "••••";

/// Text that only [`Secret::reveal`] shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself: for the one place that needs it, never for a message.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_masked_in_every_form() {
        let secret = Secret::new("correct horse battery staple");
        let shown = [format!("{secret}"), format!("{secret:?}"), format!("{:#?}", Some(&secret))];
        for text in shown.iter().chain([&serde_json::to_string(&secret).unwrap_or_default()]) {
            assert!(text.contains(MASK) && !text.contains("horse"), "{text}");
        }
    }
}
