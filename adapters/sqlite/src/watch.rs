//! Stops statements that run too long: called by the engine every thousand steps.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Instant,
};

/// How many steps of the engine's machine lie between two looks.
pub(crate) const STEPS: i32 = 1_000;

/// The bounds of the statement that a connection runs now. Set by the thread that runs it, read by the engine on the same thread.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Looks left, the one that stops included; `u32::MAX` is no bound.
    looks: AtomicU32,
    /// Nanoseconds since the process's first look at the clock; 0 is no bound.
    deadline_ns: AtomicU64,
}

impl Default for Watch {
    fn default() -> Self {
        Self { looks: AtomicU32::new(u32::MAX), deadline_ns: AtomicU64::new(0) }
    }
}

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

fn since_epoch(at: Instant) -> u64 {
    at.saturating_duration_since(epoch()).as_nanos() as u64
}

impl Watch {
    /// Stops at the look of this number.
    pub(crate) fn allow(&self, looks: u32) {
        self.looks.store(looks.clamp(1, u32::MAX - 1), Ordering::Relaxed);
        self.deadline_ns.store(0, Ordering::Relaxed);
    }

    /// Allows until this moment.
    pub(crate) fn until(&self, deadline: Option<Instant>) {
        self.looks.store(u32::MAX, Ordering::Relaxed);
        // The epoch is fixed before the deadline is measured from it.
        let _ = epoch();
        self.deadline_ns.store(deadline.map_or(0, |at| since_epoch(at).max(1)), Ordering::Relaxed);
    }

    /// Whether the statement must stop.
    pub(crate) fn look(&self) -> bool {
        let deadline = self.deadline_ns.load(Ordering::Relaxed);
        if deadline != 0 && since_epoch(Instant::now()) > deadline {
            return true;
        }
        match self.looks.load(Ordering::Relaxed) {
            u32::MAX => false,
            0 | 1 => true,
            left => {
                self.looks.store(left - 1, Ordering::Relaxed);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn stops_at_the_tenth_look_or_the_deadline() {
        let watch = Watch::default();
        assert!(!watch.look(), "nothing bounds it yet");
        watch.allow(10);
        assert_eq!((0..10).map(|_| watch.look()).filter(|stop| *stop).count(), 1);
        watch.until(Some(Instant::now() + Duration::from_secs(60)));
        assert!((0..100).all(|_| !watch.look()));
        watch.until(Some(Instant::now()));
        std::thread::sleep(Duration::from_millis(1));
        assert!(watch.look());
        watch.until(None);
        assert!(!watch.look());
    }
}
