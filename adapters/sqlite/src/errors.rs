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
        // The statement itself is wrong: never the caller's fault.
        rusqlite::Error::SqlInputError { error, msg, .. } => {
            let fault = match error.code {
                ErrorCode::Unknown => Fault::Internal,
                _ => fault(*error, msg),
            };
            return DbError::new(fault, msg.clone());
        }
        other => return DbError::new(Fault::Internal, other.to_string()),
    };
    let fault = fault(code, &message);
    let message = match (&fault, message.strip_prefix(PATTERN_MARK)) {
        (Fault::Pattern, Some(unmarked)) => unmarked.to_owned(),
        _ => message,
    };
    DbError::new(fault, message)
}

/// The failure behind a commit that was refused. When the disk did not confirm it, a crash may yet bring it back.
pub(crate) fn commit_error(error: &rusqlite::Error) -> DbError {
    let found = db_error(error);
    match error.sqlite_error().map(|error| error.extended_code) {
        Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC) => {
            DbError { fault: Fault::Unknown, ..found }
        }
        _ => found,
    }
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
        // A quota or a limit on the file's size shows itself so; a full disk has a code of its own.
        ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_TRUNCATE | ffi::SQLITE_IOERR_SHMSIZE => Fault::DiskFull,
        _ => match code.code {
            ErrorCode::ConstraintViolation => Fault::Raised,
            ErrorCode::OperationInterrupted => Fault::Deadline,
            ErrorCode::DiskFull => Fault::DiskFull,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Fault::Damaged,
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport
            | ErrorCode::SchemaChanged => Fault::Unavailable,
            ErrorCode::TooBig => Fault::TooLarge,
            ErrorCode::TypeMismatch => Fault::Value,
            _ => by_message(message),
        },
    }
}

/// Failures of functions and virtual tables have one code for all.
fn by_message(message: &str) -> Fault {
    let has = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    let begins = |parts: &[&str]| parts.iter().any(|part| message.starts_with(part));
    if begins(&[PATTERN_MARK, "fts5:", "fts5 ", "unterminated string", "unknown special query"])
        || has(&["malformed MATCH"])
        // While a statement runs, only a search can still name a column.
        || begins(&["no such column"])
    {
        return Fault::Pattern;
    }
    match has(&["malformed JSON", "JSON cannot hold BLOB", "JSON path", "integer overflow"]) {
        true => Fault::Value,
        false => Fault::Internal,
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

/// Whether another connection holds what is needed.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

    use rusqlite::Connection;

    use super::*;

    const SCHEMA: &str = "
        CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, n INTEGER CONSTRAINT positive CHECK (n > 0));
        CREATE TABLE pairs (x, y, PRIMARY KEY (x, y)) WITHOUT ROWID;
        CREATE TABLE b (a INTEGER REFERENCES a (id));
        CREATE TABLE strict (n INTEGER) STRICT;
        CREATE TABLE folded (name TEXT);
        CREATE UNIQUE INDEX lowered ON folded (lower(name));
        INSERT INTO folded VALUES ('One');
        CREATE VIRTUAL TABLE words USING fts5 (word);
        CREATE TRIGGER refuses BEFORE DELETE ON a BEGIN SELECT RAISE(ABORT, 'rows of a stay'); END;
        INSERT INTO a VALUES (1, 'One', 1);
        INSERT INTO pairs VALUES (1, 2);";

    fn check(sql: &str, expected: Fault) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        let error = connection.execute_batch(sql).unwrap_err();
        let found = db_error(&error);
        assert_eq!(found.fault, expected, "{sql}: {}", found.message);
    }

    #[test]
    fn codes_become_faults() {
        let columns = |names: &[&str]| Fault::Unique(names.iter().map(|name| (*name).to_owned()).collect());
        check("INSERT INTO a VALUES (1, 'Two', 1)", columns(&["id"]));
        check("INSERT INTO a VALUES (2, 'One', 1)", columns(&["name"]));
        check("INSERT INTO folded VALUES ('oNE')", columns(&[]));
        check("INSERT INTO pairs VALUES (1, 2)", columns(&["x", "y"]));
        check("INSERT INTO a VALUES (2, NULL, 1)", Fault::NotNull("name".into()));
        check("INSERT INTO a VALUES (2, 'Two', 0)", Fault::Check("positive".into()));
        check("INSERT INTO b VALUES (7)", Fault::ForeignKey);
        check("INSERT INTO strict VALUES ('x')", Fault::Value);
        check("INSERT INTO a VALUES ('x', 'Two', 1)", Fault::Value);
        check("DELETE FROM a", Fault::Raised);
        check("INSERT INTO a (name, n) SELECT json('{'), 1", Fault::Value);
        check("INSERT INTO a (name, n) SELECT 'x', abs(-9223372036854775808)", Fault::Value);
        check("INSERT INTO b SELECT 1 FROM words WHERE words MATCH 'AND AND'", Fault::Pattern);
        check("INSERT INTO b SELECT 1 FROM words WHERE words MATCH '\"x'", Fault::Pattern);
        check("INSERT INTO b SELECT 1 FROM words WHERE words MATCH 'nope: x'", Fault::Pattern);
        check("INSERT INTO nowhere VALUES (1)", Fault::Internal);
        check("INSERT INTO a (name) VALUES (zeroblob(1000000001))", Fault::TooLarge);
        check("PRAGMA query_only = 1; INSERT INTO b VALUES (1)", Fault::Unavailable);
    }

    #[test]
    fn an_unconfirmed_commit_is_unknown() {
        let code = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
        let error = rusqlite::Error::SqliteFailure(code, None);
        assert_eq!(commit_error(&error).fault, Fault::Unknown);
        assert_eq!(db_error(&error).fault, Fault::Unavailable);
    }
}
