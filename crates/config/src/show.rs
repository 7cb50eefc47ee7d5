//! Every effective value and where it came from, secrets masked: `transom config show`.

use serde::Serialize;

use crate::{Config, Origin};

/// One line of `transom config show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The dotted key.
    pub key: &'static str,
    /// The value as TOML, secrets masked.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Every key, in the order of the reference page.
pub fn effective(config: &Config) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut each = |key: &'static str, value: String| {
        let origin = config.origin(key).cloned().unwrap_or(Origin::Default);
        entries.push(Entry { key, value, origin });
    };
    config.server.show(&mut each);
    config.limits.show(&mut each);
    config.cors.show(&mut each);
    config.database.show(&mut each);
    config.rest.show(&mut each);
    config.auth.show(&mut each);
    config.changes.show(&mut each);
    config.log.show(&mut each);
    config.seed.show(&mut each);
    entries
}
