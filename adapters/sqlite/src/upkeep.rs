//! What the writer does beside writing: the log is written back and kept small, old changes and keys are removed.

use std::time::{Duration, Instant};

use crate::{changes, idempotency, options::Location, writer::Context};

/// How many groups pass between two looks at what is old.
const GROUPS_PER_LOOK: u32 = 64;
/// A writer without work for this long looks after the log.
const IDLE: Duration = Duration::from_millis(500);
/// A writer that has looked after everything looks again after this long, for changes age by themselves.
const IDLE_LONG: Duration = Duration::from_secs(60);
/// A write-ahead log of this size is made to begin anew, though readers have to be waited for.
const WAL_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Longest wait for readers to let go of the log. They never wait for it.
const READERS_WAIT: Duration = Duration::from_millis(50);

/// What is left to do.
#[derive(Default)]
pub(crate) struct Upkeep {
    groups: u32,
    /// Something was written since the log was last written back.
    written: bool,
    /// There was more to remove than one cleaning may.
    behind: bool,
}

impl Upkeep {
    /// How long to wait for work.
    pub(crate) fn patience(&self) -> Option<Duration> {
        Some(if self.written || self.behind { IDLE } else { IDLE_LONG })
    }

    /// Between two groups: never much at once, for the next one waits.
    pub(crate) fn after_work(&mut self, context: &mut Context) {
        self.written = true;
        self.groups += 1;
        if self.behind || self.groups >= GROUPS_PER_LOOK {
            self.groups = 0;
            self.behind = clean(context);
            if wal_bytes(context) > WAL_BYTES_MAX {
                checkpoint(context, "RESTART", READERS_WAIT);
            }
        }
    }

    pub(crate) fn when_idle(&mut self, context: &mut Context) {
        self.behind = clean(context);
        if self.written && !self.behind {
            checkpoint(context, "PASSIVE", READERS_WAIT);
            self.written = false;
        }
    }

    /// The log is written back, so that the file stands alone. A reader that is still busy leaves it for the next start, which is as good.
    pub(crate) fn at_the_end(&mut self, context: &mut Context) {
        checkpoint(context, "TRUNCATE", Duration::from_secs(2));
    }
}

fn checkpoint(context: &Context, mode: &str, patience: Duration) {
    let _ = context.connection.busy_timeout(patience);
    context.watch.until(Some(Instant::now() + Duration::from_secs(5)));
    // What cannot be written back now is written back later.
    let _ = context.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
    context.watch.until(None);
}

/// Whether there is more to remove. What cannot be removed now (no space, another process writes) is removed later.
fn clean(context: &mut Context) -> bool {
    context.watch.until(None);
    let _ = context.connection.busy_timeout(Duration::ZERO);
    changes::clean(context).unwrap_or(false) | idempotency::clean(context).unwrap_or(false)
}

fn wal_bytes(context: &Context) -> u64 {
    match &context.options.location {
        Location::File(path) => {
            let mut log = path.clone().into_os_string();
            log.push("-wal");
            std::fs::metadata(log).map_or(0, |metadata| metadata.len())
        }
        Location::Memory(_) => 0,
    }
}
