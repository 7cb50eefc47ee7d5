//! The messages of a session, and what is made of the answer.

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
    session::{ASKED, BETWEEN_ROWS, SETTINGS},
    write::Failure,
};

/// The statements that every session has, by the names that they are prepared under.
const PREPARED: [(&str, &str); 2] = [("settings", SETTINGS), ("asked", ASKED)];

/// Text, for every parameter.
const TEXT: [i16; 0] = [];

/// Binary, for every column.
const BINARY: [i16; 1] = [1];

/// Prepares what every session needs.
pub(super) fn prepare() -> Result<BytesMut, std::io::Error> {
    let mut messages = BytesMut::new();
    for (name, text) in PREPARED {
        frontend::parse(name, text, [], &mut messages)?;
    }
    frontend::sync(&mut messages);
    Ok(messages)
}

/// A whole session, with its end. `closed` are names of statements that nobody needs any more.
pub(super) fn session(
    messages: &mut BytesMut,
    closed: &[Box<str>],
    session: &Session,
    step: &Step,
    (place, arrays): (&Place<'_>, &[bool]),
) -> Result<(), BindError> {
    for name in closed {
        frontend::close(b'S', name, messages)?;
    }
    let settings = || session.settings.iter().map(|(name, value)| (&**name, &**value));
    // Whatever a function may have set for the whole connection, nothing is written here. The role comes last: it may not be
    // allowed to set what stands before it.
    let role = session.role.as_deref().map(|role| ("role", role));
    let settings = || [("transaction_read_only", "on")].into_iter().chain(settings()).chain(role);
    let names = params::text_array(settings().map(|(name, _)| name));
    let values = params::text_array(settings().map(|(_, value)| value));
    run(messages, "settings", [&names, &values])?;
    if let Some(function) = &session.before {
        frontend::parse("", &format!("SELECT {function}()"), [], messages)?;
        run(messages, "", [])?;
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
    run(messages, "asked", [])?;
    frontend::sync(messages);
    Ok(())
}

fn run<const COUNT: usize>(
    messages: &mut BytesMut,
    statement: &str,
    values: [&String; COUNT],
) -> Result<(), BindError> {
    let write = |value: &String, out: &mut BytesMut| {
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
    rows: &[(u8, DataRowBody)],
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
