//! Small identifiers that cross crates.

use serde::{Deserialize, Serialize};

/// Names one request in logs, traces and the change log; printable ASCII, at most 128 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestId(pub Box<str>);

/// A place in the change log, in commit order. Zero stands before the first change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChangePosition(pub u64);
