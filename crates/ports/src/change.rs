//! A record of the change log, in its stored form.

use serde::{Deserialize, Serialize};
use serde_json::Map;
use transom_types::ChangePosition;

/// One changed row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// In commit order, without gaps within one database.
    pub position: ChangePosition,
    /// The table.
    pub table: Box<str>,
    /// What happened.
    pub kind: ChangeKind,
    /// The row's primary key, by column.
    pub key: Map<String, serde_json::Value>,
    /// The row before, by column; none for an insert. Stored values: booleans as the engine keeps them, bytes as `\x…`.
    pub before: Option<Map<String, serde_json::Value>>,
    /// The row after, by column; none for a delete.
    pub after: Option<Map<String, serde_json::Value>>,
    /// The request that did it.
    pub cause: Box<str>,
    /// When it was committed: milliseconds since 1970 UTC.
    pub at_ms: i64,
}

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "each is what it says")]
pub enum ChangeKind {
    Insert,
    Update,
    Delete,
}
