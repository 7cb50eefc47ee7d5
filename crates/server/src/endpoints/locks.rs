//! Keeps conditional writes (`If-Match`) of one row apart, so that of two that saw the same state only one succeeds.
//!
//! What this does not do: a write without a condition, or through another process, can still come between the look and the
//! write. That takes the condition inside the statement.

use std::{array, hash::BuildHasher, hash::RandomState};

use tokio::sync::{Mutex, MutexGuard};

/// Rows share so many locks.
const LOCKS: usize = 64;

/// Locks by row.
#[derive(Debug)]
pub struct RowLocks {
    locks: [Mutex<()>; LOCKS],
    hashes: RandomState,
}

impl Default for RowLocks {
    fn default() -> Self {
        Self { locks: array::from_fn(|_| Mutex::new(())), hashes: RandomState::new() }
    }
}

impl RowLocks {
    /// Waits until no other conditional write of this path runs.
    pub async fn lock(&self, path: &str) -> MutexGuard<'_, ()> {
        self.locks[self.hashes.hash_one(path) as usize % LOCKS].lock().await
    }
}
