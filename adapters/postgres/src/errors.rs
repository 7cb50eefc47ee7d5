//! What PostgreSQL's SQLSTATE codes mean.

use tokio_postgres::{
    Error,
    error::{DbError as Reported, SqlState},
};
use transom_ports::{DbError, Fault, Reported as Words};
use transom_sql::postgres::REFUSED_SETTING;

/// What was going on when a failure came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum During {
    /// Nothing that could stay: a lost connection has applied nothing.
    Read,
    /// A commit was under way: after a lost connection nobody knows.
    Write,
}

/// The failure behind an error of the library.
pub(crate) fn db_error(error: &Error, during: During) -> DbError {
    match error.as_db_error() {
        Some(reported) => DbError::new(fault(reported, during), message(reported)),
        None if lost(error) => {
            let fault = match during {
                During::Read => Fault::Unavailable,
                During::Write => Fault::Unknown,
            };
            DbError::new(fault, error.to_string())
        }
        None => DbError::new(Fault::Internal, chain(error)),
    }
}

/// What the server said, word for word.
pub(crate) fn reported(error: &Error) -> Option<Box<Words>> {
    let said = error.as_db_error()?;
    Some(Box::new(Words {
        code: said.code().code().to_owned(),
        message: said.message().to_owned(),
        details: said.detail().map(str::to_owned),
        hint: said.hint().map(str::to_owned),
    }))
}

/// Whether the connection is of no more use.
pub(crate) fn lost(error: &Error) -> bool {
    error.is_closed() || std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

/// Whether the same unit may well succeed when it is run again: two transactions stood in each other's way.
pub(crate) fn collided(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED
    })
}

/// Whether a prepared statement is of no more use: the schema changed under it.
pub(crate) fn outdated(error: &Error) -> bool {
    let Some(reported) = error.as_db_error() else { return false };
    *reported.code() == SqlState::INVALID_SQL_STATEMENT_NAME
        || (*reported.code() == SqlState::FEATURE_NOT_SUPPORTED && reported.message().contains("cached plan"))
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

fn message(reported: &Reported) -> String {
    let mut text = reported.message().to_owned();
    if let Some(detail) = reported.detail() {
        text.push_str(": ");
        text.push_str(detail);
    }
    text
}

fn fault(reported: &Reported, during: During) -> Fault {
    let code = reported.code();
    if reported.message().contains(REFUSED_SETTING) {
        return Fault::Policy;
    }
    if *code == SqlState::UNIQUE_VIOLATION || *code == SqlState::EXCLUSION_VIOLATION {
        return Fault::Unique(columns(reported.detail().unwrap_or_default()));
    }
    if *code == SqlState::NOT_NULL_VIOLATION {
        return Fault::NotNull(reported.column().unwrap_or_default().to_owned());
    }
    if *code == SqlState::CHECK_VIOLATION {
        return Fault::Check(reported.constraint().unwrap_or_default().to_owned());
    }
    match code.code() {
        "23503" => Fault::ForeignKey,
        "2201B" | "42601" if reported.message().contains("regular expression") => Fault::Pattern,
        "2201B" => Fault::Pattern,
        "42601" if reported.message().contains("tsquery") => Fault::Pattern,
        "42501" if reported.message().contains("row-level security") => Fault::Policy,
        "42703" | "42883" | "42804" | "42846" | "42725" | "42803" => Fault::Type,
        "57014" => Fault::Deadline,
        "53100" => Fault::DiskFull,
        "54000" => Fault::TooLarge,
        "P0001" => Fault::Raised,
        // Nothing of a transaction that the server itself ended has stayed, but a commit that it was about to confirm may have.
        "57P01" | "57P02" | "57P03" | "57P05" if during == During::Write => Fault::Unknown,
        other => match other.get(..2).unwrap_or_default() {
            "21" | "22" => Fault::Value,
            "23" => Fault::Raised,
            "08" | "53" | "57" | "58" | "25" => Fault::Unavailable,
            "40" => Fault::Overloaded,
            "XX" => Fault::Damaged,
            _ => Fault::Internal,
        },
    }
}

/// `Key (customer, number)=(1, 2) already exists.` names the columns.
fn columns(detail: &str) -> Vec<String> {
    let named = detail.split_once('(').and_then(|(_, rest)| rest.split_once(")=("));
    let Some((names, _)) = named else { return Vec::new() };
    names.split(", ").map(|name| name.trim_matches('"').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_duplicate_is_named() {
        assert_eq!(
            columns("Key (customer, \"the number\")=(1, 2) already exists."),
            ["customer", "the number"]
        );
        assert!(columns("").is_empty());
    }
}
