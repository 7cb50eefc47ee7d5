//! What a deployment chooses about the database.

use std::{path::PathBuf, time::Duration};

/// How an SQLite database is opened and what it may cost.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is.
    pub location: Location,
    /// How many threads run reads that turn out dear.
    pub reader_threads: u32,
    /// Most reads that wait for a reader thread.
    pub read_queue_max: usize,
    /// Most units that wait for the writer.
    pub write_queue_max: usize,
    /// Most units in one commit.
    pub group_units_max: usize,
    /// Page cache of each connection.
    pub cache_bytes: u64,
    /// What a commit waits for.
    pub synchronous: Synchronous,
    /// Largest result of one statement.
    pub reply_bytes_max: usize,
    /// How many thousands of steps a read may take where the request is.
    pub step_budget: u32,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
    /// Most changes kept.
    pub change_count_max: u64,
    /// How long changes are kept.
    pub change_age_max: Duration,
    /// How long the reply of an idempotency key is kept.
    pub idempotency_age_max: Duration,
}

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A file.
    File(PathBuf),
    /// In memory, under a name that the connections share; gone when closed. For tests and checks.
    Memory(String),
}

/// What a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// The disk: an acknowledged write survives a loss of power.
    Full,
    /// The operating system.
    Normal,
}

impl Options {
    /// The defaults, for a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::at(Location::File(path.into()))
    }

    /// The defaults, for a database in memory of this name.
    pub fn memory(name: &str) -> Self {
        Self::at(Location::Memory(name.to_owned()))
    }

    fn at(location: Location) -> Self {
        Self {
            location,
            reader_threads: 2,
            read_queue_max: 1_024,
            write_queue_max: 10_000,
            group_units_max: 256,
            cache_bytes: 4 * 1024 * 1024,
            synchronous: Synchronous::Full,
            reply_bytes_max: 64 * 1024 * 1024,
            step_budget: 10,
            busy_timeout: Duration::from_secs(5),
            change_count_max: 1_000_000,
            change_age_max: Duration::from_secs(7 * 86_400),
            idempotency_age_max: Duration::from_secs(86_400),
        }
    }
}
