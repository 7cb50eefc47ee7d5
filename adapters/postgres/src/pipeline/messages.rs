//! The messages of a session, and what is made of the answer.

use std::iter::{empty, once};

use bytes::{Buf, BytesMut};
use postgres_protocol::{
    IsNull,
    message::{
        backend::DataRowBody,
        frontend::{self, BindError},
    },
};
use transom_ports::{Committed, DbError};
use transom_sql::Step;
use transom_types::{Session, SessionReply};

use super::line::Place;
use crate::{
    params::{self, Text},
    rows::{Cells, Gathered},
    session::{ASKED, BETWEEN_ROWS},
    settings,
    write::Failure,
};

/// The names under which is prepared what sets as many settings as [`settings::WIDTHS`] says at the same place.
const SETTINGS: [&str; settings::WIDTHS.len()] = ["settings8", "settings4", "settings2", "settings1"];

/// The name under which the question is prepared for what a session asked of the reply.
const ASKED_AS: &str = "asked";

/// Whatever a function may have set for the whole connection, nothing is written in a session.
const READS: (&str, &str) = ("transaction_read_only", "on");

/// Text, for every parameter.
const TEXT: [i16; 0] = [];

/// Binary, for every column.
const BINARY: [i16; 1] = [1];

/// Prepares what every session needs.
pub(super) fn prepare() -> Result<BytesMut, std::io::Error> {
    let mut messages = BytesMut::new();
    for (name, width) in SETTINGS.into_iter().zip(settings::WIDTHS) {
        frontend::parse(name, &settings::statement(width), [], &mut messages)?;
    }
    frontend::parse(ASKED_AS, ASKED, [], &mut messages)?;
    frontend::sync(&mut messages);
    Ok(messages)
}

/// A whole session, with its end; how many statements stand before its own. `closed` are names of statements that nobody needs any more.
pub(super) fn session(
    messages: &mut BytesMut,
    closed: &[Box<str>],
    session: &Session,
    step: &Step,
    (place, arrays): (&Place<'_>, &[bool]),
) -> Result<usize, BindError> {
    for name in closed {
        frontend::close(b'S', name, messages)?;
    }
    let settings: Vec<(&str, &str)> = once(READS).chain(settings::of(session)).collect();
    let mut before = 0;
    for (at, share) in settings::shares(settings.len()) {
        before += 1;
        run(messages, SETTINGS[at], settings[share].iter().flat_map(|(name, value)| [*name, *value]))?;
    }
    if let Some(function) = &session.before {
        frontend::parse("", &format!("SELECT {function}()"), [], messages)?;
        run(messages, "", empty())?;
        before += 1;
    }
    let prepared = &step.statement.prepared;
    let name = match place {
        Place::Prepared(name) => name,
        Place::Prepares(name) => {
            frontend::parse(name, &prepared.text, [], messages)?;
            name
        }
        Place::Unnamed => {
            frontend::parse("", &prepared.text, [], messages)?;
            ""
        }
    };
    let values = params::values(prepared, &step.statement.params, &[]);
    let typed = values.iter().zip(arrays);
    let write = |(value, array): (&Text<'_>, &bool), out: &mut BytesMut| {
        Ok(if value.write(*array, out)? { IsNull::No } else { IsNull::Yes })
    };
    frontend::bind("", name, TEXT, typed, write, BINARY, messages)?;
    frontend::execute("", 0, messages)?;
    run(messages, ASKED_AS, empty())?;
    frontend::sync(messages);
    Ok(before)
}

fn run<'v>(
    messages: &mut BytesMut,
    statement: &str,
    values: impl Iterator<Item = &'v str>,
) -> Result<(), BindError> {
    let write = |value: &str, out: &mut BytesMut| {
        out.extend_from_slice(value.as_bytes());
        Ok(IsNull::No)
    };
    frontend::bind("", statement, TEXT, values, write, BINARY, messages)?;
    frontend::execute("", 0, messages)?;
    Ok(())
}

/// What a session that ended well has brought: its statement's rows, and after them what was asked of the reply.
/// `None` where the rows are too large: who runs it by itself says so.
pub(super) fn committed(
    rows: &[(usize, DataRowBody)],
    step: &Step,
    bytes_max: usize,
) -> Option<Result<Committed, Failure>> {
    let (last, asked) = rows.last()?;
    let mut gathered = Gathered::new(&step.statement.prepared, bytes_max, BETWEEN_ROWS);
    for (_, row) in rows.iter().filter(|(statement, _)| statement + 1 == *last) {
        gathered.take(row).ok()?;
    }
    let outcome = gathered.outcome(None);
    if let Err(error) = outcome.meets(step) {
        return Some(Err(Failure::last(DbError { step: Some(0), ..error })));
    }
    let text = |at| {
        let text = asked.cell(at).filter(|text| !text.is_empty());
        text.map(|text| String::from_utf8_lossy(text).into())
    };
    let session = SessionReply { headers: text(0), status: text(1) };
    Some(Ok(Committed { outcomes: vec![outcome], replayed: false, session }))
}

impl Cells for DataRowBody {
    fn cell(&self, at: usize) -> Option<&[u8]> {
        let mut rest = self.buffer();
        for _ in 0..at {
            let length = length(&mut rest)?;
            rest = rest.get(length.unwrap_or_default()..)?;
        }
        let length = length(&mut rest)??;
        rest.get(..length)
    }
}

/// A column's length, which stands before it; within, `None` for NULL.
fn length(rest: &mut &[u8]) -> Option<Option<usize>> {
    let length = rest.try_get_i32().ok()?;
    Some(usize::try_from(length).ok())
}
