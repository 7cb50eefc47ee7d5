//! SQL functions on every connection, so that engines agree: patterns, case, JSON containment, time and identifiers.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use rusqlite::{
    Connection, Error,
    functions::{Context, FunctionFlags},
    hooks::Action,
    types::ValueRef,
};
use serde_json::{Value as Json, value::RawValue};
use transom_query::evaluate::{json_contains, json_key, json_overlaps};

use crate::pattern::{self, Like, Regexes};

/// The time and cause that everything of one transaction shares, and what its statements insert.
#[derive(Default)]
pub(crate) struct Clock {
    /// Milliseconds since 1970 UTC; 0 until it is asked for.
    at_ms: AtomicI64,
    cause: Mutex<String>,
    counted: Mutex<String>,
    counting: AtomicBool,
    inserts: AtomicU64,
}

impl Clock {
    /// A transaction begins: its time is now.
    pub(crate) fn begin(&self) {
        self.at_ms.store(system_ms(), Ordering::Relaxed);
    }

    /// What comes next has a time of its own: when it is first asked for.
    pub(crate) fn end(&self) {
        self.at_ms.store(0, Ordering::Relaxed);
    }

    /// The time of the transaction or statement.
    pub(crate) fn now_ms(&self) -> i64 {
        match self.at_ms.load(Ordering::Relaxed) {
            0 => {
                self.begin();
                self.at_ms.load(Ordering::Relaxed)
            }
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

    fn inserted(&self, table: &str) {
        if self.counting.load(Ordering::Relaxed)
            && *self.counted.lock().unwrap_or_else(PoisonError::into_inner) == table
        {
            self.inserts.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub(crate) fn system_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Registers what every connection has.
pub(crate) fn register(connection: &Connection, clock: &Arc<Clock>) -> rusqlite::Result<()> {
    texts(connection)?;
    documents(connection)?;
    times(connection, clock)?;
    identifiers(connection)
}

/// Registers what the change log and the counting of inserts need. The engine's hook tells of tables with row ids, a trigger
/// of the others; neither tells of rows that a merge merely changes.
pub(crate) fn of_the_writer(connection: &mut Connection, clock: &Arc<Clock>) -> rusqlite::Result<()> {
    let shared = clock.clone();
    connection.create_scalar_function("transom_now_ms", 0, varying(), move |_| Ok(shared.now_ms()))?;
    let shared = clock.clone();
    connection.create_scalar_function("transom_cause", 0, varying(), move |_| {
        Ok(shared.cause.lock().unwrap_or_else(PoisonError::into_inner).clone())
    })?;
    let shared = clock.clone();
    connection.create_scalar_function("transom_inserted", 1, varying(), move |context| {
        shared.inserted(&text(context, 0).unwrap_or_default());
        Ok(None::<i64>)
    })?;
    let shared = clock.clone();
    connection.update_hook(Some(move |action: Action, _: &str, table: &str, _: i64| {
        if action == Action::SQLITE_INSERT {
            shared.inserted(table);
        }
    }))
}

/// Functions of their arguments alone: usable in indexes, views and defaults.
fn pure() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS
}

fn varying() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS
}

fn texts(connection: &Connection) -> rusqlite::Result<()> {
    for (name, insensitive) in [("transom_like", false), ("transom_ilike", true)] {
        connection.create_scalar_function(name, 2, pure(), move |context| {
            let Some(value) = text(context, 1) else { return Ok(None) };
            let Some(like) = kept(context, 0, |pattern| Ok(Like::new(pattern, insensitive)))? else {
                return Ok(None);
            };
            Ok(Some(like.matches(&value)))
        })?;
    }
    type Change = fn(&str) -> String;
    let changes: [(&str, Change); 2] =
        [("transom_lower", |text| text.to_lowercase()), ("transom_upper", |text| text.to_uppercase())];
    for (name, change) in changes {
        connection.create_scalar_function(name, 1, pure(), move |context| {
            Ok(text(context, 0).map(|text| change(&text)))
        })?;
    }
    let regexes = Arc::new(Mutex::new(Regexes::default()));
    connection.create_scalar_function("transom_regexp", 3, pure(), move |context| {
        let insensitive = context.get::<i64>(2)? == 1;
        let Some(value) = text(context, 1) else { return Ok(None) };
        let regex = kept(context, 0, |pattern| {
            regexes.lock().unwrap_or_else(PoisonError::into_inner).get(pattern, insensitive)
        })?;
        Ok(regex.map(|regex| regex.is_match(&value)))
    })
}

/// What was made of an argument's text, kept by the engine while that stays the same; `None` for NULL.
fn kept<T: Send + Sync + 'static>(
    context: &Context<'_>,
    at: i32,
    make: impl FnOnce(&str) -> Result<T, String>,
) -> rusqlite::Result<Option<Arc<T>>> {
    if let Some(found) = context.get_aux::<T>(at)? {
        return Ok(Some(found));
    }
    let Some(text) = text(context, at as usize) else { return Ok(None) };
    let made = make(&text).map_err(|message| Error::UserFunctionError(message.into()))?;
    context.set_aux(at, made).map(Some)
}

/// An argument as text: numbers as the engine writes them; `None` for NULL.
fn text<'c>(context: &'c Context<'_>, at: usize) -> Option<Cow<'c, str>> {
    match context.get_raw(at) {
        ValueRef::Null => None,
        ValueRef::Integer(integer) => Some(integer.to_string().into()),
        ValueRef::Real(real) => Some(pattern::real(real).into()),
        ValueRef::Text(text) | ValueRef::Blob(text) => Some(String::from_utf8_lossy(text)),
    }
}

/// Containment is judged by the same code in memory.
fn documents(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_scalar_function("transom_json_key", 1, pure(), |context| {
        Ok(text(context, 0).map(|text| json_key(&text)))
    })?;
    connection.create_scalar_function("transom_place", 2, pure(), |context| {
        let Some(places) = kept(context, 0, places)? else { return Ok(None) };
        Ok(text(context, 1).and_then(|key| places.get(&*key).copied()))
    })?;
    type Judge = fn(&Json, &Json) -> bool;
    let judges: [(&str, Judge); 2] =
        [("transom_json_contains", json_contains), ("transom_json_overlaps", json_overlaps)];
    for (name, judge) in judges {
        connection.create_scalar_function(name, 2, pure(), move |context| {
            let both = document(context, 0)?.zip(document(context, 1)?);
            Ok(both.and_then(|(left, right)| Some(judge((*left).as_ref()?, (*right).as_ref()?))))
        })?;
    }
    Ok(())
}

/// Where each element of an array stands, by its own text; the first of equal ones.
fn places(array: &str) -> Result<HashMap<Box<str>, i64>, String> {
    let elements: Vec<&RawValue> = serde_json::from_str(array).map_err(|error| error.to_string())?;
    let mut places = HashMap::with_capacity(elements.len());
    for (place, element) in (0_i64..).zip(elements) {
        places.entry(element.get().into()).or_insert(place);
    }
    Ok(places)
}

/// An argument as JSON; what is no JSON contains nothing.
fn document(context: &Context<'_>, at: i32) -> rusqlite::Result<Option<Arc<Option<Json>>>> {
    kept(context, at, |text| Ok(serde_json::from_str(text).ok()))
}

fn times(connection: &Connection, clock: &Arc<Clock>) -> rusqlite::Result<()> {
    for name in ["transom_now", "now"] {
        let clock = clock.clone();
        connection.create_scalar_function(name, 0, varying(), move |_| iso(clock.now_ms()))?;
    }
    Ok(())
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
