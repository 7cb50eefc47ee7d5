//! Which tables the change log follows, and for how long.

use std::time::Duration;

section! {
    /// The change log: what happened to which row, written in the same transaction as the change itself.
    Changes at "changes" {
        /// Tables whose changes are logged and can be followed at `/realtime/v1/changes`. None by default: each logged change is a row more to write.
        tables: Vec<String> = [];
        /// Most changes kept; the oldest go first. A reader that was away longer gets a clear answer and reads the table again.
        retention_count: u32 = 1_000_000, within 1..=1_000_000_000;
        /// How long changes are kept.
        retention_age: Duration = "7d", within 60_000..=31_536_000_000;
    }
}
