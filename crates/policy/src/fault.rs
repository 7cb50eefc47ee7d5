//! What is wrong in `policies.sql`, and where: collected, so that one start reports every fault at once.

use transom_types::{Code, Problem, nearest::nearest};

/// One thing wrong in the file.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// A result whose error is a [`Fault`].
pub(crate) type Checked<T> = Result<T, Fault>;

impl Fault {
    /// A fault at a line.
    pub fn at(line: u64, message: impl Into<String>) -> Self {
        Self { line, message: message.into(), hint: None }
    }

    /// What would be right.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The nearest of `candidates` as the remedy, or `otherwise`.
    pub fn suggest<'a>(
        self,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
        otherwise: impl Into<String>,
    ) -> Self {
        match nearest(name, candidates) {
            Some(near) => self.hint(format!("Perhaps you meant '{near}'")),
            None => self.hint(otherwise),
        }
    }

    /// Names what the fault stands in, such as a policy.
    pub fn within(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// As the start-up report shows it: `file:line: message`.
    pub fn into_problem(self, file: &str) -> Problem {
        let problem = Problem::new(Code::PolicyInvalid, format!("{file}:{}: {}", self.line, self.message));
        match self.hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}
