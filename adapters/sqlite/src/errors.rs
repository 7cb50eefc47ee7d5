//! What SQLite's result codes mean.

use rusqlite::ffi::{self, ErrorCode};
use transom_ports::{DbError, Fault};

/// Our own functions begin the message with this when a pattern is not valid.
pub(crate) const PATTERN_MARK: &str = "pattern: ";

/// The failure behind an error of the library.
pub(crate) fn db_error(error: &rusqlite::Error) -> DbError {
    let (code, message) = match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            (*code, message.clone().unwrap_or_else(|| code.to_string()))
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => (*error, msg.clone()),
        other => return DbError::new(Fault::Internal, other.to_string()),
    };
    DbError::new(fault(code, &message), message)
}

fn fault(code: ffi::Error, message: &str) -> Fault {
    match code.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Fault::Unique(columns(message))
        }
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            Fault::NotNull(columns(message).into_iter().next().unwrap_or_default())
        }
        ffi::SQLITE_CONSTRAINT_CHECK => Fault::Check(after_colon(message).to_owned()),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Fault::ForeignKey,
        ffi::SQLITE_CONSTRAINT_DATATYPE => Fault::Value,
        ffi::SQLITE_CONSTRAINT_TRIGGER => Fault::Raised,
        ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_TRUNCATE => Fault::DiskFull,
        _ => match code.code {
            ErrorCode::ConstraintViolation => Fault::Raised,
            ErrorCode::OperationInterrupted => Fault::Deadline,
            ErrorCode::DiskFull => Fault::DiskFull,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Fault::Damaged,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen => Fault::Unavailable,
            ErrorCode::TooBig => Fault::TooLarge,
            ErrorCode::TypeMismatch => Fault::Value,
            _ if message.starts_with(PATTERN_MARK) => Fault::Pattern,
            _ if message.starts_with("fts5:") || message.contains("malformed MATCH") => Fault::Pattern,
            _ if message.contains("malformed JSON") || message.contains("JSON cannot hold BLOB") => {
                Fault::Value
            }
            _ if message.contains("integer overflow") => Fault::Value,
            _ => Fault::Internal,
        },
    }
}

fn after_colon(message: &str) -> &str {
    message.split_once(": ").map_or(message, |(_, rest)| rest)
}

/// `UNIQUE constraint failed: orders.customer, orders.number` names the columns.
fn columns(message: &str) -> Vec<String> {
    let named = after_colon(message);
    if named.starts_with("index ") {
        return Vec::new();
    }
    named.split(", ").map(|name| name.rsplit('.').next().unwrap_or(name).to_owned()).collect()
}

/// Whether the file could not be opened as asked.
pub(crate) fn is_cannot_open(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Whether a commit failed because of one unit's deferred constraint, and not for all.
pub(crate) fn is_constraint(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation))
}
