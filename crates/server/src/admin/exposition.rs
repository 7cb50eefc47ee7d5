//! The metrics page, in the OpenMetrics 1.0 text format.

use std::{fmt::Write as _, sync::atomic::Ordering::Relaxed};

use crate::{
    app::App,
    telemetry::{Metrics, Route, Verb, metrics::BUCKETS_US},
};

/// The whole page.
pub fn page(app: &App) -> String {
    let mut page = Page(String::with_capacity(8 * 1024));
    let metrics = &app.telemetry.metrics;
    requests(&mut page, metrics);
    durations(&mut page, metrics);
    let gauge = |value: i64| value.max(0) as f64;
    page.gauge(
        "transom_http_requests_in_flight",
        "Requests in work",
        metrics.requests_in_flight.load(Relaxed) as f64,
    );
    page.gauge("transom_connections_open", "Open connections", gauge(metrics.connections_open.load(Relaxed)));
    page.gauge(
        "transom_change_streams_open",
        "Open change streams",
        gauge(metrics.streams_open.load(Relaxed)),
    );
    page.counter(
        "transom_connections_accepted",
        "Connections accepted",
        metrics.connections_accepted.load(Relaxed),
    );
    page.counter(
        "transom_connections_refused",
        "Connections turned away: too many open",
        metrics.connections_refused.load(Relaxed),
    );
    page.counter(
        "transom_accept_failures",
        "Failures to accept a connection",
        metrics.accept_failures.load(Relaxed),
    );
    page.counter("transom_panics", "Request handlers that panicked", metrics.panics.load(Relaxed));
    rooms(&mut page, app);
    process(&mut page);
    page.0.push_str("# EOF\n");
    page.0
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# TYPE {name} {kind}");
        // A name that ends in a unit must say so, and no other may (OpenMetrics 1.0, "UNIT").
        if let Some(unit) = ["seconds", "bytes"].iter().find(|unit| name.ends_with(&format!("_{unit}"))) {
            let _ = writeln!(self.0, "# UNIT {name} {unit}");
        }
        let _ = writeln!(self.0, "# HELP {name} {help}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "gauge", help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    /// What another room counts: a counter when its name says so.
    fn number(&mut self, name: &str, help: &str, value: f64) {
        match name.strip_suffix("_total") {
            Some(counter) => self.counter(counter, help, value as u64),
            None => self.gauge(name, help, value),
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        let _ = writeln!(self.0, "{name}_total {value}");
    }
}

fn requests(page: &mut Page, metrics: &Metrics) {
    let name = "transom_http_requests";
    page.head(name, "counter", "Requests answered");
    for route in Route::ALL {
        for verb in Verb::ALL {
            for class in 0..5 {
                let count = metrics.requests(*route, *verb, class);
                if count > 0 {
                    let labels = format!(
                        "route=\"{}\",method=\"{}\",status=\"{}xx\"",
                        route.label(),
                        verb.label(),
                        class + 1
                    );
                    let _ = writeln!(page.0, "{name}_total{{{labels}}} {count}");
                }
            }
        }
    }
}

fn durations(page: &mut Page, metrics: &Metrics) {
    let name = "transom_http_request_duration_seconds";
    page.head(name, "histogram", "From a request's head to its answer's");
    for route in Route::ALL {
        let durations = metrics.durations(*route);
        let total: u64 = durations.buckets.iter().sum();
        if total == 0 {
            continue;
        }
        let route = route.label();
        let mut below = 0;
        for (bound_us, count) in BUCKETS_US.iter().zip(durations.buckets) {
            below += count;
            let bound = *bound_us as f64 / 1e6;
            let _ = writeln!(page.0, "{name}_bucket{{route=\"{route}\",le=\"{bound:?}\"}} {below}");
        }
        let _ = writeln!(page.0, "{name}_bucket{{route=\"{route}\",le=\"+Inf\"}} {total}");
        let _ = writeln!(page.0, "{name}_count{{route=\"{route}\"}} {total}");
        let _ = writeln!(page.0, "{name}_sum{{route=\"{route}\"}} {}", durations.sum.as_secs_f64());
    }
}

/// What the rooms below count: the plan cache, the change feed, the database.
fn rooms(page: &mut Page, app: &App) {
    page.gauge("transom_plan_cache_plans", "Plans kept", app.data.model().plans_count() as f64);
    page.gauge("transom_token_cache_tokens", "Verified tokens kept", app.identity.cached_tokens() as f64);
    for (name, value) in app.changes.iter().flat_map(|feed| feed.gauges()) {
        page.number(&format!("transom_{name}"), "Of the change feed", value);
    }
    for (name, value) in app.data.database().gauges() {
        page.number(&format!("transom_database_{name}"), "Of the database", value);
    }
}

/// Resident memory, where the system tells.
fn process(page: &mut Page) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    if let Some(kib) = kib {
        page.gauge("process_resident_memory_bytes", "Resident memory", kib as f64 * 1024.0);
    }
}
