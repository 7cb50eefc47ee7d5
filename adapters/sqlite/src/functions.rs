//! SQL functions on every connection, so that engines agree: patterns, case, JSON containment, time and identifiers.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use regex::{Regex, RegexBuilder};
use rusqlite::{
    Connection, Error,
    functions::{Context, FunctionFlags},
    hooks::Action,
};
use serde_json::Value as Json;
use transom_query::evaluate::{json_contains, json_overlaps};

use crate::{errors::PATTERN_MARK, pattern};

/// Largest compiled regular expression.
const REGEX_BYTES_MAX: usize = 256 * 1024;

/// The time and cause that everything of one transaction shares, and what its statements insert.
#[derive(Default)]
pub(crate) struct Clock {
    /// Milliseconds since 1970 UTC; 0 outside of a transaction of the writer.
    at_ms: AtomicI64,
    cause: Mutex<String>,
    counted: Mutex<String>,
    counting: AtomicBool,
    inserts: AtomicU64,
}

impl Clock {
    /// A transaction begins.
    pub(crate) fn begin(&self) {
        self.at_ms.store(system_ms(), Ordering::Relaxed);
    }

    /// The time of the transaction, or now where there is none.
    pub(crate) fn now_ms(&self) -> i64 {
        match self.at_ms.load(Ordering::Relaxed) {
            0 => system_ms(),
            at_ms => at_ms,
        }
    }

    /// What follows belongs to this request.
    pub(crate) fn cause(&self, cause: &str) {
        let mut current = self.cause.lock().unwrap_or_else(PoisonError::into_inner);
        current.clear();
        current.push_str(cause);
    }

    /// Counts the rows inserted into this table from now on.
    pub(crate) fn count_inserts(&self, table: Option<&str>) {
        self.counting.store(table.is_some(), Ordering::Relaxed);
        self.inserts.store(0, Ordering::Relaxed);
        if let Some(table) = table {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            counted.clear();
            counted.push_str(table);
        }
    }

    /// How many were.
    pub(crate) fn inserts(&self) -> u64 {
        self.inserts.load(Ordering::Relaxed)
    }

    fn changed(&self, action: Action, table: &str) {
        if self.counting.load(Ordering::Relaxed)
            && action == Action::SQLITE_INSERT
            && *self.counted.lock().unwrap_or_else(PoisonError::into_inner) == table
        {
            self.inserts.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn system_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Registers every function.
pub(crate) fn register(connection: &mut Connection, clock: &Arc<Clock>) -> rusqlite::Result<()> {
    texts(connection)?;
    documents(connection)?;
    times(connection, clock)?;
    identifiers(connection)?;
    let counter = clock.clone();
    connection
        .update_hook(Some(move |action: Action, _: &str, table: &str, _: i64| counter.changed(action, table)))
}

/// Functions of their arguments alone: usable in indexes, views and defaults.
fn pure() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS
}

fn varying() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS
}

fn texts(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_scalar_function("transom_like", 2, pure(), |context| liked(context, false))?;
    connection.create_scalar_function("transom_ilike", 2, pure(), |context| liked(context, true))?;
    connection.create_scalar_function("transom_lower", 1, pure(), |context| {
        Ok(text(context, 0)?.map(|text| text.to_lowercase()))
    })?;
    connection.create_scalar_function("transom_upper", 1, pure(), |context| {
        Ok(text(context, 0)?.map(|text| text.to_uppercase()))
    })?;
    connection.create_scalar_function("transom_regexp", 3, pure(), |context| {
        let insensitive = context.get::<i64>(2)? == 1;
        let regex: Arc<Regex> = match context.get_raw(0) {
            rusqlite::types::ValueRef::Null => return Ok(None),
            _ => context.get_or_create_aux(0, |value| regex(value.as_str()?, insensitive))?,
        };
        Ok(text(context, 1)?.map(|text| regex.is_match(&text)))
    })
}

fn regex(pattern: &str, insensitive: bool) -> Result<Regex, Box<dyn std::error::Error + Send + Sync>> {
    RegexBuilder::new(pattern)
        .case_insensitive(insensitive)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| format!("{PATTERN_MARK}{error}").into())
}

fn liked(context: &Context<'_>, insensitive: bool) -> rusqlite::Result<Option<bool>> {
    let (Some(pattern), Some(text)) = (text(context, 0)?, text(context, 1)?) else { return Ok(None) };
    Ok(Some(pattern::like(&pattern, &text, insensitive)))
}

/// An argument as text: numbers as they are written; `None` for NULL.
fn text(context: &Context<'_>, at: usize) -> rusqlite::Result<Option<String>> {
    use rusqlite::types::ValueRef;
    Ok(match context.get_raw(at) {
        ValueRef::Null => None,
        ValueRef::Integer(integer) => Some(integer.to_string()),
        ValueRef::Real(real) => Some(real.to_string()),
        ValueRef::Text(text) | ValueRef::Blob(text) => Some(String::from_utf8_lossy(text).into_owned()),
    })
}

fn documents(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_scalar_function("transom_json_contains", 2, pure(), |context| {
        Ok(document(context, 0)?.zip(document(context, 1)?).map(|(whole, part)| json_contains(&whole, &part)))
    })?;
    connection.create_scalar_function("transom_json_overlaps", 2, pure(), |context| {
        Ok(document(context, 0)?.zip(document(context, 1)?).map(|(left, right)| json_overlaps(&left, &right)))
    })
}

/// An argument as JSON; what is no JSON contains nothing.
fn document(context: &Context<'_>, at: usize) -> rusqlite::Result<Option<Json>> {
    Ok(text(context, at)?.and_then(|text| serde_json::from_str(&text).ok()))
}

fn times(connection: &Connection, clock: &Arc<Clock>) -> rusqlite::Result<()> {
    for name in ["transom_now", "now"] {
        let clock = clock.clone();
        connection.create_scalar_function(name, 0, varying(), move |_| iso(clock.now_ms()))?;
    }
    let shared = clock.clone();
    connection.create_scalar_function("transom_now_ms", 0, varying(), move |_| Ok(shared.now_ms()))?;
    let shared = clock.clone();
    connection.create_scalar_function("transom_cause", 0, varying(), move |_| {
        Ok(shared.cause.lock().unwrap_or_else(PoisonError::into_inner).clone())
    })
}

/// `2026-01-02T03:04:05.678Z`
fn iso(at_ms: i64) -> rusqlite::Result<String> {
    let at =
        jiff::Timestamp::from_millisecond(at_ms).map_err(|error| Error::UserFunctionError(error.into()))?;
    Ok(format!("{at:.3}"))
}

fn identifiers(connection: &Connection) -> rusqlite::Result<()> {
    for name in ["uuid", "gen_random_uuid"] {
        connection.create_scalar_function(name, 0, varying(), |_| Ok(uuid::Uuid::new_v4().to_string()))?;
    }
    connection.create_scalar_function("uuid_v7", 0, varying(), |_| Ok(uuid::Uuid::now_v7().to_string()))
}
