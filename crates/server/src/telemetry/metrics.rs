//! Counters and histograms of the request line, by hand: a request costs a few relaxed additions to this thread's own
//! shard. A registry keyed by label strings (the usual crates) hashes them per request, which the hot path would feel.

use std::{
    array,
    cell::Cell,
    sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use crate::telemetry::{Observation, Route, Verb};

/// Upper bounds of the duration histogram, in microseconds.
pub const BUCKETS_US: [u64; 16] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];
/// Status classes: 1xx to 5xx.
pub const CLASSES: usize = 5;
const SHARDS: usize = 8;
const COUNTS: usize = Route::COUNT * Verb::COUNT * CLASSES;
const TIMES: usize = Route::COUNT * (BUCKETS_US.len() + 1);

/// Everything that the request line counts.
#[derive(Debug)]
pub struct Metrics {
    shards: Box<[Shard; SHARDS]>,
    /// Requests in work.
    pub requests_in_flight: AtomicUsize,
    /// Open change streams.
    pub streams_open: AtomicI64,
    /// Open connections.
    pub connections_open: AtomicI64,
    /// Connections ever accepted.
    pub connections_accepted: AtomicU64,
    /// Connections turned away.
    pub connections_refused: AtomicU64,
    /// Failures to accept.
    pub accept_failures: AtomicU64,
    /// Handlers that panicked.
    pub panics: AtomicU64,
}

/// One thread's part, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    requests: [AtomicU64; COUNTS],
    times: [AtomicU64; TIMES],
    sums_ns: [AtomicU64; Route::COUNT],
}

/// One route's durations, all shards together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many fell into each bucket (not cumulated), the last one unbounded.
    pub buckets: [u64; BUCKETS_US.len() + 1],
    /// Their sum.
    pub sum: Duration,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            shards: Box::new(array::from_fn(|_| Shard::new())),
            requests_in_flight: AtomicUsize::new(0),
            streams_open: AtomicI64::new(0),
            connections_open: AtomicI64::new(0),
            connections_accepted: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            accept_failures: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        }
    }
}

impl Shard {
    fn new() -> Self {
        Self {
            requests: array::from_fn(|_| AtomicU64::new(0)),
            times: array::from_fn(|_| AtomicU64::new(0)),
            sums_ns: array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Metrics {
    pub(crate) fn record(&self, observation: &Observation<'_>) {
        match observation {
            Observation::Answered(answered) => {
                self.answered(answered.route, answered.verb, answered.status, answered.elapsed);
            }
            Observation::ConnectionOpened => {
                self.connections_open.fetch_add(1, Relaxed);
                self.connections_accepted.fetch_add(1, Relaxed);
            }
            Observation::ConnectionClosed => {
                self.connections_open.fetch_sub(1, Relaxed);
            }
            Observation::ConnectionRefused => {
                self.connections_refused.fetch_add(1, Relaxed);
            }
            Observation::AcceptFailed(_) => {
                self.accept_failures.fetch_add(1, Relaxed);
            }
            Observation::Panicked { .. } => {
                self.panics.fetch_add(1, Relaxed);
            }
            Observation::StreamOpened => {
                self.streams_open.fetch_add(1, Relaxed);
            }
            Observation::StreamClosed => {
                self.streams_open.fetch_sub(1, Relaxed);
            }
            Observation::Draining { .. } | Observation::Drained { .. } => {}
        }
    }

    fn answered(&self, route: Route, verb: Verb, status: u16, elapsed: Duration) {
        let shard = &self.shards[this_shard()];
        let class = usize::from((status / 100).clamp(1, CLASSES as u16)) - 1;
        shard.requests[(route as usize * Verb::COUNT + verb as usize) * CLASSES + class]
            .fetch_add(1, Relaxed);
        let us = elapsed.as_micros() as u64;
        let bucket = BUCKETS_US.iter().position(|bound| us <= *bound).unwrap_or(BUCKETS_US.len());
        shard.times[route as usize * (BUCKETS_US.len() + 1) + bucket].fetch_add(1, Relaxed);
        shard.sums_ns[route as usize].fetch_add(elapsed.as_nanos() as u64, Relaxed);
    }

    /// How many requests of this kind were answered with a status of this class (0 stands for 1xx).
    pub fn requests(&self, route: Route, verb: Verb, class: usize) -> u64 {
        let at = (route as usize * Verb::COUNT + verb as usize) * CLASSES + class;
        self.shards.iter().map(|shard| shard.requests[at].load(Relaxed)).sum()
    }

    /// How long requests of a route took.
    pub fn durations(&self, route: Route) -> Durations {
        let mut durations = Durations::default();
        let first = route as usize * (BUCKETS_US.len() + 1);
        for shard in self.shards.iter() {
            for (at, bucket) in durations.buckets.iter_mut().enumerate() {
                *bucket += shard.times[first + at].load(Relaxed);
            }
            durations.sum += Duration::from_nanos(shard.sums_ns[route as usize].load(Relaxed));
        }
        durations
    }
}

/// Threads take shards in turn.
fn this_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Relaxed) % SHARDS));
    MINE.with(Cell::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_kind_and_sorts_durations_into_buckets() {
        let metrics = Metrics::default();
        metrics.answered(Route::Table, Verb::Get, 206, Duration::from_micros(50));
        metrics.answered(Route::Table, Verb::Get, 200, Duration::from_micros(51));
        metrics.answered(Route::Table, Verb::Get, 500, Duration::from_secs(60));
        assert_eq!(metrics.requests(Route::Table, Verb::Get, 1), 2);
        assert_eq!(metrics.requests(Route::Table, Verb::Get, 4), 1);
        assert_eq!(metrics.requests(Route::Row, Verb::Get, 1), 0);
        let durations = metrics.durations(Route::Table);
        assert_eq!((durations.buckets[0], durations.buckets[1], durations.buckets[16]), (1, 1, 1));
        assert!(durations.sum > Duration::from_secs(60));
    }
}
