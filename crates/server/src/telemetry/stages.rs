//! How long each stage of a request took. Without `Server-Timing` no clock is read.

use std::{fmt::Write, time::Instant};

/// A stage of the request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Route, limits, permit.
    Admit,
    /// Who is asking.
    Authenticate,
    /// The body's arrival.
    Receive,
    /// Bytes to a typed request.
    Parse,
    /// Plan, policy, binding.
    Plan,
    /// The database, waiting included.
    Database,
    /// The answer's shape.
    Reply,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Authenticate => "authenticate",
            Self::Receive => "receive",
            Self::Parse => "parse",
            Self::Plan => "plan",
            Self::Database => "database",
            Self::Reply => "reply",
        }
    }
}

/// A stop watch for one request.
#[derive(Debug)]
pub struct Stages {
    last: Option<Instant>,
    passed: Vec<(Stage, u64)>,
}

impl Stages {
    /// Starts at `now`, or stays still.
    pub fn new(on: bool, now: Instant) -> Self {
        // At most one entry for each stage: it never grows.
        Self { last: on.then_some(now), passed: Vec::with_capacity(if on { 8 } else { 0 }) }
    }

    /// The stage that has run until now is over.
    pub fn pass(&mut self, stage: Stage) {
        if let Some(last) = self.last {
            let now = Instant::now();
            self.passed.push((stage, (now - last).as_nanos() as u64));
            self.last = Some(now);
        }
    }

    /// Adds stages that another room has measured; the time until now is theirs.
    pub fn measured(&mut self, stages: &[(Stage, u64)]) {
        if self.last.is_some() {
            self.passed.extend_from_slice(stages);
            self.last = Some(Instant::now());
        }
    }

    /// The value of `Server-Timing`, durations in milliseconds (W3C Server Timing). `compatible`: by PostgREST's names.
    pub fn header(&self, compatible: bool) -> Option<String> {
        self.last?;
        let mut header = String::with_capacity(24 * self.passed.len());
        let named: Vec<(&str, u64)> = match compatible {
            true => self.compatible().collect(),
            false => self.passed.iter().map(|(stage, ns)| (stage.name(), *ns)).collect(),
        };
        for (at, (stage, ns)) in named.into_iter().enumerate() {
            header.push_str(if at > 0 { ", " } else { "" });
            header.push_str(stage);
            header.push_str(";dur=");
            // Whole microseconds, as thousandths: a float's digits would cost more than the stage they tell of.
            let microseconds = (ns + 500) / 1_000;
            let _ = write!(header, "{}.{:03}", microseconds / 1_000, microseconds % 1_000);
        }
        Some(header)
    }

    /// The stages that PostgREST knows; each takes ours together that are one there. What we look at before we know who asks,
    /// it looks at afterwards: so a caller who is refused has come no further than that.
    fn compatible(&self) -> impl Iterator<Item = (&'static str, u64)> {
        const NAMES: [(&str, &[Stage]); 5] = [
            ("jwt", &[Stage::Authenticate]),
            ("parse", &[Stage::Admit, Stage::Receive, Stage::Parse]),
            ("plan", &[Stage::Plan]),
            ("transaction", &[Stage::Database]),
            ("response", &[Stage::Reply]),
        ];
        let refused = self.passed.last().is_some_and(|(last, _)| *last == Stage::Authenticate);
        NAMES.into_iter().filter_map(move |(name, stages)| {
            let of = |stage: &Stage| stages.contains(stage) && !(refused && *stage == Stage::Admit);
            let mut times = self.passed.iter().filter(|(stage, _)| of(stage)).peekable();
            times.peek()?;
            Some((name, times.map(|(_, ns)| ns).sum()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_milliseconds_with_three_digits() {
        let mut stages = Stages::new(true, Instant::now());
        stages.measured(&[(Stage::Plan, 1_234_567), (Stage::Database, 400), (Stage::Reply, 12_000_000)]);
        let ours = "plan;dur=1.235, database;dur=0.000, reply;dur=12.000";
        assert_eq!(stages.header(false).as_deref(), Some(ours));
        let theirs = "plan;dur=1.235, transaction;dur=0.000, response;dur=12.000";
        assert_eq!(stages.header(true).as_deref(), Some(theirs));
    }

    #[test]
    fn a_caller_who_is_refused_has_come_no_further() {
        let mut stages = Stages::new(true, Instant::now());
        stages.measured(&[(Stage::Admit, 1_000), (Stage::Authenticate, 2_000)]);
        assert_eq!(stages.header(false).as_deref(), Some("admit;dur=0.001, authenticate;dur=0.002"));
        assert_eq!(stages.header(true).as_deref(), Some("jwt;dur=0.002"));
        stages.measured(&[(Stage::Receive, 3_000)]);
        assert_eq!(stages.header(true).as_deref(), Some("jwt;dur=0.002, parse;dur=0.004"));
    }
}
