//! How long the relay rests between two looks at the inbox.

use std::time::Duration;

/// While changes come, and somebody follows them.
const BUSY: Duration = Duration::from_millis(25);
/// After a while without changes.
const IDLE: Duration = Duration::from_secs(1);
/// After a first failure; doubled at each further one.
const RETRY_MIN: Duration = Duration::from_millis(50);
/// However often it failed.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// A look that took long rests so many times as long, so that the database has more to do than being looked at.
const REST_PER_WORK: u32 = 10;

/// What the last looks were like.
#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
    retry: Duration,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { pause: BUSY, retry: RETRY_MIN }
    }

    /// After a look that took `took` and found so many changes.
    pub(super) fn looked(&mut self, moved: u64, followed: bool, took: Duration) -> Duration {
        self.retry = RETRY_MIN;
        self.pause = match (moved, followed) {
            (1.., true) => BUSY,
            (0, true) => (self.pause * 2).min(IDLE),
            (_, false) => IDLE,
        };
        self.pause.max((took * REST_PER_WORK).min(IDLE))
    }

    /// After a failure.
    pub(super) fn failed(&mut self) -> Duration {
        let retry = self.retry;
        self.retry = (retry * 2).min(RETRY_MAX);
        retry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slows_down_without_changes_and_after_failures() {
        let mut pace = Pace::new();
        let ms = |duration: Duration| duration.as_millis();
        let quick = Duration::from_micros(300);
        let quiet: Vec<_> = (0..8).map(|_| ms(pace.looked(0, true, quick))).collect();
        assert_eq!(quiet, [50, 100, 200, 400, 800, 1_000, 1_000, 1_000]);
        assert_eq!(ms(pace.looked(3, true, quick)), 25);
        assert_eq!(ms(pace.looked(3, true, Duration::from_millis(40))), 400);
        assert_eq!(ms(pace.looked(3, false, quick)), 1_000);
        let retries: Vec<_> = (0..9).map(|_| ms(pace.failed())).collect();
        assert_eq!(retries, [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        pace.looked(0, true, quick);
        assert_eq!(ms(pace.failed()), 50);
    }
}
