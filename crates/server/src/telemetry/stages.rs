//! How long each stage of a request took. Without `Server-Timing` no clock is read.

use std::time::Instant;

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
        Self { last: on.then_some(now), passed: Vec::new() }
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

    /// The value of `Server-Timing`, durations in milliseconds (W3C Server Timing).
    pub fn header(&self) -> Option<String> {
        self.last?;
        let part = |(stage, ns): &(Stage, u64)| format!("{};dur={:.3}", stage.name(), *ns as f64 / 1e6);
        Some(self.passed.iter().map(part).collect::<Vec<_>>().join(", "))
    }
}
