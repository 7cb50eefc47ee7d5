//! What can go wrong in a database, the same for every engine.

use transom_types::{Code, Digest, Problem, Retry};

use crate::Reported;

/// A failure of a database operation.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DbError {
    /// What kind.
    pub fault: Fault,
    /// What the engine said; for the log, and for the caller where the fault is the caller's.
    pub message: String,
    /// The step of the unit that failed.
    pub step: Option<u16>,
    /// What the engine said in its own words, where the caller is to be told just that.
    pub reported: Option<Box<Reported>>,
}

/// The kinds of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A unique constraint: the columns, where the engine tells.
    Unique(Vec<String>),
    /// A foreign key has no match, or a referenced row is in use.
    ForeignKey,
    /// A required column got NULL.
    NotNull(String),
    /// A check constraint, by name or text.
    Check(String),
    /// A value does not fit its column (strict tables, failed conversions).
    Value,
    /// A trigger or the schema refused.
    Raised,
    /// A regular expression or search text is not valid.
    Pattern,
    /// The new row breaks a policy's WITH CHECK.
    Policy,
    /// The number of rows is not what the step expects.
    Expectation {
        /// How many there were.
        rows: u64,
    },
    /// The engine does not know a name of the request: of a type, or of a way to search.
    Undefined,
    /// An operator, function or cast does not apply to the types it is given.
    Type,
    /// The row is not in the state that the unit demands.
    Precondition {
        /// Its state; `None` without such a row.
        current: Option<Digest>,
    },
    /// The key was used for another request.
    IdempotencyMismatch,
    /// Stopped at its deadline.
    Deadline,
    /// Not accepted: a queue is full, or everything is in use. The message says what, in words for the caller.
    Overloaded,
    /// Other writes changed the same rows, again and again; nothing was applied.
    Collided,
    /// The result is too large.
    TooLarge,
    /// No space: nothing was applied.
    DiskFull,
    /// A reply that is too large for memory could not be kept in a file.
    Unkept {
        /// Whether there is no space for it.
        full: bool,
    },
    /// The database cannot be reached; nothing was applied.
    Unavailable,
    /// The connection was lost during a write: it is not known whether it was applied.
    Unknown,
    /// The file is damaged, or not a database.
    Damaged,
    /// The change log no longer reaches back so far.
    ChangesExpired,
    /// Transom's own fault: the engine refused a statement that should have been right.
    Internal,
}

impl DbError {
    /// A failure without a step.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), step: None, reported: None }
    }

    /// The caller's problem. `Expectation` has no answer of its own here: what was expected is the caller's matter.
    pub fn into_problem(mut self) -> Problem {
        if let Some(reported) = self.reported.take() {
            return reported.into_problem().caused_by(self);
        }
        let problem = match &self.fault {
            Fault::Unique(columns) => {
                let problem = Problem::new(Code::Unique, "duplicate key value violates a unique constraint");
                match columns.is_empty() {
                    true => problem,
                    false => problem.with_details(format!(
                        "A row with the same ({}) exists already.",
                        columns.join(", ")
                    )),
                }
            }
            Fault::ForeignKey => Problem::new(Code::ForeignKey, "foreign key constraint violated")
                .with_details("The row refers to one that does not exist, or is still referred to."),
            Fault::NotNull(column) => Problem::new(
                Code::NotNull,
                format!("null value in column \"{column}\" violates not-null constraint"),
            )
            .with_hint(format!("Give a value for '{column}'")),
            Fault::Undefined => Problem::new(Code::QuerySyntax, self.message.clone()),
            // Not every refusal of a row has a constraint with a name: a row may have no partition, say.
            Fault::Check(check) if check.is_empty() => Problem::new(Code::Check, self.message.clone()),
            Fault::Check(check) => {
                Problem::new(Code::Check, format!("new row violates check constraint \"{check}\""))
            }
            Fault::Value => Problem::new(Code::ValueInvalid, self.message.clone()),
            Fault::Type => Problem::new(Code::FunctionUndefined, self.message.clone()),
            Fault::Raised => Problem::new(Code::RaisedByDatabase, self.message.clone()),
            Fault::Pattern => {
                Problem::new(Code::RegexInvalid, "invalid pattern").with_details(self.message.clone())
            }
            Fault::Policy => Problem::new(Code::Privilege, "new row violates row-level security policy"),
            Fault::Expectation { rows } => {
                Problem::new(Code::SingularExpected, "Cannot coerce the result to a single JSON object")
                    .with_details(format!("The result contains {rows} rows"))
            }
            Fault::Precondition { current } => precondition(*current),
            Fault::IdempotencyMismatch => Problem::new(
                Code::IdempotencyMismatch,
                "This Idempotency-Key was already used for a different request",
            )
            .with_hint("Use a new key for a new request"),
            _ => self.of_server(),
        };
        problem.caused_by(self)
    }

    /// The problem of what is not the caller's fault.
    fn of_server(&self) -> Problem {
        match &self.fault {
            Fault::Deadline => Problem::new(Code::Deadline, "canceling statement due to statement timeout"),
            Fault::Overloaded => Problem::new(Code::Overloaded, self.message.clone()),
            Fault::Collided => Problem::new(
                Code::Overloaded,
                "Other writes stood in the way for as long as this one could wait",
            ),
            Fault::TooLarge => {
                Problem::new(Code::ResultTooLarge, "The result is larger than this server returns at once")
                    .with_hint("Use limit, or select fewer columns")
            }
            Fault::DiskFull => Problem::new(Code::DiskFull, "The disk is full: nothing was applied"),
            Fault::Unkept { full } => {
                let code = if *full { Code::DiskFull } else { Code::Internal };
                Problem::new(code, "The reply is too large for memory, and could not be kept in a file")
                    .with_details(self.message.clone())
            }
            Fault::Unavailable => Problem::new(Code::DatabaseUnavailable, "The database cannot be reached"),
            Fault::Unknown => {
                Problem::new(Code::WriteUnknown, "It is not known whether the write was applied")
                    .retry(Retry::Unknown)
            }
            Fault::Damaged => Problem::new(Code::DatabaseDamaged, "The database file is damaged"),
            Fault::ChangesExpired => {
                Problem::new(Code::ChangesExpired, "The change log no longer reaches back to this position")
                    .with_hint("Read the table again, then follow changes from now")
            }
            _ => Problem::new(Code::Internal, "The database refused the statement"),
        }
    }
}

fn precondition(current: Option<Digest>) -> Problem {
    let problem =
        Problem::new(Code::PreconditionFailed, "The resource is not in the state that the request names");
    match current {
        Some(digest) => {
            problem.with_hint("Read it again, then decide").with_header("etag", format!("\"{digest}\""))
        }
        None => problem.with_details("There is no such row, or none that you may see"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fault: Fault, expected: (Code, &str)) {
        let problem = DbError::new(fault, "Every connection is in use").into_problem();
        assert_eq!((problem.code(), problem.message()), expected);
    }

    #[test]
    fn what_is_full_is_named() {
        check(Fault::Overloaded, (Code::Overloaded, "Every connection is in use"));
        check(Fault::Check(String::new()), (Code::Check, "Every connection is in use"));
        let unkept = "The reply is too large for memory, and could not be kept in a file";
        check(Fault::Unkept { full: true }, (Code::DiskFull, unkept));
        check(Fault::Unkept { full: false }, (Code::Internal, unkept));
    }
}
