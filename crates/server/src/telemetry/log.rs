//! Log lines. Never a token, a body or a query string; the private half of a problem goes here and nowhere else.

use std::{error::Error, time::Duration};

use transom_types::Problem;

use crate::telemetry::{Answered, Observation};

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object per line.
    Json,
}

/// What is logged and how.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// How lines are written.
    pub format: LogFormat,
    /// The least important level, or directives such as `info,transom=debug`.
    pub filter: String,
    /// Whether colours may be used.
    pub colours: bool,
}

/// Sends log lines of the whole process to standard error. A second call changes nothing and returns `false`.
pub fn start_logging(settings: &LogSettings) -> bool {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(settings.colours);
    match settings.format {
        LogFormat::Pretty => lines.with_target(false).try_init().is_ok(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init().is_ok(),
    }
}

pub(crate) fn record(observation: &Observation<'_>, access_log: bool) {
    match observation {
        Observation::Answered(answered) => self::answered(answered, access_log),
        Observation::Panicked { request_id, message } => {
            tracing::error!(request_id, message, "a request handler panicked");
        }
        Observation::AcceptFailed(error) => tracing::error!(%error, "cannot accept connections"),
        Observation::ConnectionRefused => tracing::warn!("a connection was refused: too many are open"),
        Observation::Draining { connections } => tracing::info!(connections, "stopping: finishing what runs"),
        Observation::Drained { cut_off: 0 } => tracing::info!("stopped"),
        Observation::Drained { cut_off } => tracing::warn!(cut_off, "stopped; some connections were cut off"),
        Observation::ConnectionOpened
        | Observation::ConnectionClosed
        | Observation::StreamOpened
        | Observation::StreamClosed => {}
    }
}

/// A success costs one comparison here unless the access log is on.
fn answered(answered: &Answered<'_>, access_log: bool) {
    match answered.status {
        500.. => failed(answered),
        _ if access_log => accessed(answered),
        _ => {}
    }
}

fn failed(answered: &Answered<'_>) {
    let cause = answered.problem.and_then(Problem::private).map(chain).unwrap_or_default();
    tracing::error!(
        request_id = answered.request_id,
        trace_id = answered.trace.map(|trace| trace.trace_id()),
        span_id = answered.trace.map(|trace| trace.span_id()),
        method = answered.verb.label(),
        path = answered.path,
        status = answered.status,
        elapsed_ms = milliseconds(answered.elapsed),
        code = answered.problem.map(|problem| problem.code().as_str()),
        problem = answered.problem.map(Problem::message),
        cause,
        "request failed"
    );
}

fn accessed(answered: &Answered<'_>) {
    tracing::info!(
        request_id = answered.request_id,
        trace_id = answered.trace.map(|trace| trace.trace_id()),
        span_id = answered.trace.map(|trace| trace.span_id()),
        method = answered.verb.label(),
        path = answered.path,
        route = answered.route.label(),
        status = answered.status,
        elapsed_ms = milliseconds(answered.elapsed),
        code = answered.problem.map(|problem| problem.code().as_str()),
        "request"
    );
}

/// To the microsecond.
fn milliseconds(elapsed: Duration) -> f64 {
    elapsed.as_micros() as f64 / 1e3
}

/// An error and everything that caused it.
fn chain(error: &(dyn Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
