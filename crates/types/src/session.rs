//! Whom and what a transaction runs as, where the engine itself decides who may do what, and what it is told of its
//! request besides.

use std::sync::Arc;

/// Settings that hold for one transaction. Only engines with roles of their own have any use for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// The engine's role; `None` where it has no say, and all is done as who connects.
    pub role: Option<Arc<str>>,
    /// Names and values, in order; they end with the transaction.
    pub settings: Arc<[(Box<str>, Box<str>)]>,
    /// A function, as the engine writes its name, that runs before anything else and may refuse.
    pub before: Option<Arc<str>>,
    /// Whether nothing may be written.
    pub read_only: bool,
    /// The isolation level, as the engine writes it, where not its default.
    pub isolation: Option<Arc<str>>,
    /// Whether everything is undone at the end, and only the reply kept.
    pub rollback: bool,
}

/// What a transaction's own statements asked of the reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionReply {
    /// JSON: a list of objects with one member each.
    pub headers: Option<Box<str>>,
    /// An HTTP status.
    pub status: Option<Box<str>>,
}
