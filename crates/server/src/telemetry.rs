//! What the server says about itself: one closed list of observations, to which the metrics and the log subscribe.

pub mod log;
pub mod metrics;
pub mod observation;
pub mod stages;
pub mod trace;

pub use log::{LogFormat, LogSettings, start_logging};
pub use metrics::Metrics;
pub use observation::{Answered, Observation, Route, Verb};
pub use stages::{Stage, Stages};
pub use trace::{RequestIds, Trace};

/// Where observations go.
#[derive(Debug, Default)]
pub struct Telemetry {
    /// Counters and histograms.
    pub metrics: Metrics,
    /// Whether every request gets a line.
    pub access_log: bool,
}

impl Telemetry {
    /// Tells every subscriber.
    pub fn observe(&self, observation: &Observation<'_>) {
        self.metrics.record(observation);
        log::record(observation, self.access_log);
    }
}
