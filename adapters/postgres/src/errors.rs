//! What PostgreSQL's SQLSTATE codes mean.

use tokio_postgres::{
    Error,
    error::{DbError as Reported, ErrorPosition, SqlState},
};
use transom_ports::{DbError, Fault, Reported as Words};
use transom_query::plan::{ParamKind, ParamSource, Parameter};
use transom_sql::{Prepared, postgres::REFUSED_SETTING};
use transom_types::DataType;

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

/// The same of a statement with values. Types of extensions have no code for a text that they cannot read.
pub(crate) fn of_statement(error: &Error, during: During, prepared: &Prepared) -> DbError {
    let found = db_error(error, during);
    let unread = found.fault == Fault::Internal
        && error.code() == Some(&SqlState::INTERNAL_ERROR)
        && error.as_db_error().is_some_and(|reported| place(reported) == Place::Value)
        && prepared.plan.plan().params.iter().any(is_read_by_engine);
    if unread { DbError { fault: Fault::Value, ..found } } else { found }
}

/// Whether it has values of the caller that the engine alone can read.
fn is_read_by_engine(parameter: &Parameter) -> bool {
    let given = matches!(
        parameter.source,
        ParamSource::Literal(_) | ParamSource::Cell(_) | ParamSource::Payload | ParamSource::Document { .. }
    );
    given
        && match &parameter.kind {
            ParamKind::Scalar(of) | ParamKind::List(of) => *of == DataType::Any,
            ParamKind::Rows(types) => types.contains(&DataType::Any),
            ParamKind::Json | ParamKind::LastText => true,
            _ => false,
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
        "42501" if reported.message().contains("row-level security") => Fault::Policy,
        "42601" if reported.message().contains("regular expression") => Fault::Pattern,
        "42601" if reported.message().contains("tsquery") => Fault::Pattern,
        // A length for a type that has none.
        "42601" if reported.file().is_some_and(|file| file.ends_with("parse_type.c")) => Fault::Undefined,
        code => match by_code(code, during, place(reported)) {
            // The schema's own functions refuse under any code they like.
            Fault::Internal if reported.routine() == Some(RAISED) => Fault::Raised,
            fault => fault,
        },
    }
}

/// The routine of the server that a `RAISE` of a function or trigger is reported by.
const RAISED: &str = "exec_stmt_raise";

/// What an error points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A word of the statement.
    Statement,
    /// Nothing: a value was read when the statement ran, or the engine itself is in a state.
    Value,
    /// A statement within: of a function or trigger of the schema, or a setting that one asks for.
    Within,
}

fn place(reported: &Reported) -> Place {
    // A setting is named by functions and policies of the schema alone; it has no place in their text.
    let setting = reported.file().is_some_and(|file| file.ends_with("guc.c"));
    match reported.position() {
        Some(ErrorPosition::Original(_)) => Place::Statement,
        Some(ErrorPosition::Internal { .. }) => Place::Within,
        None if setting => Place::Within,
        None => Place::Value,
    }
}

/// What a code means that says it all. Statements are made here, with the caller's words as values but for the name of a type
/// or of a search configuration: what has a place in the statement and is not about such a name is our own fault.
fn by_code(code: &str, during: During, place: Place) -> Fault {
    match (code, place) {
        ("23503", _) => Fault::ForeignKey,
        ("2201B", _) => Fault::Pattern,
        ("42703" | "42883" | "42804" | "42846" | "42725" | "42803" | "42P22", _) => Fault::Type,
        ("0A000", Place::Statement) => Fault::Type,
        ("42704" | "3F000", Place::Statement) => Fault::Undefined,
        // A text that is read as a value: of a search vector, of a row, of the name of a relation.
        ("0A000" | "3F000" | "42601" | "42602" | "42622" | "42704" | "42P01", Place::Value) => Fault::Value,
        // Of a lock that somebody holds longer than the role may wait, too.
        ("57014" | "25P04" | "55P03", _) => Fault::Deadline,
        ("53100", _) => Fault::DiskFull,
        ("54000", _) => Fault::TooLarge,
        // Triggers that change the same row, and what a kind of table or constraint does not take.
        ("27000", _) => Fault::Raised,
        ("55000", _) if during == During::Write => Fault::Raised,
        ("P0001", _) => Fault::Raised,
        // Nothing of a transaction that the server itself ended has stayed, but a commit that it was about to confirm may have.
        ("57P01" | "57P02" | "57P03" | "57P05" | "40003", _) if during == During::Write => Fault::Unknown,
        ("XX001" | "XX002", _) => Fault::Damaged,
        (other, _) => match other.get(..2).unwrap_or_default() {
            "21" | "22" => Fault::Value,
            "23" => Fault::Raised,
            "08" | "53" | "57" | "58" | "25" => Fault::Unavailable,
            "40" => Fault::Collided,
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

    #[track_caller]
    fn check(code: &str, place: Place, expected: Fault) {
        assert_eq!(by_code(code, During::Read, place), expected, "{code} {place:?}");
    }

    #[test]
    fn a_name_of_the_caller_is_not_a_statement_of_ours_that_is_wrong() {
        check("42704", Place::Statement, Fault::Undefined);
        check("42704", Place::Value, Fault::Value);
        check("42704", Place::Within, Fault::Internal);
        check("42601", Place::Statement, Fault::Internal);
        check("42601", Place::Value, Fault::Value);
        check("42P01", Place::Statement, Fault::Internal);
        check("42P01", Place::Within, Fault::Internal);
        check("0A000", Place::Value, Fault::Value);
    }

    #[test]
    fn only_what_cannot_be_read_from_the_disk_is_damaged() {
        check("XX000", Place::Value, Fault::Internal);
        check("XX001", Place::Value, Fault::Damaged);
        check("XX002", Place::Value, Fault::Damaged);
    }

    #[test]
    fn the_key_of_a_duplicate_is_named() {
        assert_eq!(
            columns("Key (customer, \"the number\")=(1, 2) already exists."),
            ["customer", "the number"]
        );
        assert!(columns("").is_empty());
    }
}
