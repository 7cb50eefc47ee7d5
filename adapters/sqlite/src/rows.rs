//! Runs one statement and gathers its rows: each is a JSON text already, and is copied once.

use bytes::BytesMut;
use rusqlite::{
    Connection, Statement as Engine,
    types::{ToSqlOutput, Value as Owned, ValueRef},
};
use transom_ports::{Body, DbError, Fault, Gathering};
use transom_sql::{Bound, Layout, Prepared, Statement};
use transom_types::{DataType, Value};

use crate::errors;

/// Reads a statement's rows.
pub(crate) fn read(
    connection: &Connection,
    statement: &Statement,
    bytes_max: usize,
) -> Result<Body, DbError> {
    let run = || -> rusqlite::Result<Result<Body, DbError>> {
        let mut engine = connection.prepare_cached(&statement.prepared.text)?;
        bind(&mut engine, &statement.prepared, &statement.params, &NoneCaptured)?;
        gather(&mut engine, &statement.prepared.layout, bytes_max)
    };
    run().map_err(|error| errors::db_error(&error))?
}

/// What earlier steps of a unit captured.
pub(crate) trait Captures {
    /// A value of the first row that a step captured.
    fn value(&self, step: u16, column: u16) -> Value;
    /// All rows that a step captured, as a JSON array.
    fn rows(&self, step: u16) -> String;
}

struct NoneCaptured;

impl Captures for NoneCaptured {
    fn value(&self, _: u16, _: u16) -> Value {
        Value::Null
    }

    fn rows(&self, _: u16) -> String {
        "[]".to_owned()
    }
}

/// Binds the parameters that a statement's text uses.
pub(crate) fn bind(
    engine: &mut Engine<'_>,
    prepared: &Prepared,
    params: &[Bound],
    captures: &dyn Captures,
) -> rusqlite::Result<()> {
    for (at, id) in prepared.params.iter().enumerate() {
        match params.get(usize::from(id.0)) {
            Some(Bound::Value(value)) => engine.raw_bind_parameter(at + 1, sql_value(value))?,
            Some(Bound::Captured { step, column }) => {
                engine.raw_bind_parameter(at + 1, sql_value(&captures.value(*step, *column)))?;
            }
            Some(Bound::CapturedRows { step }) => engine.raw_bind_parameter(at + 1, captures.rows(*step))?,
            None => return Err(rusqlite::Error::InvalidParameterCount(params.len(), usize::from(id.0) + 1)),
        }
    }
    Ok(())
}

fn sql_value(value: &Value) -> ToSqlOutput<'_> {
    let text = |text: &'_ str| ToSqlOutput::Owned(Owned::Text(text.to_owned()));
    match value {
        Value::Null => ToSqlOutput::Owned(Owned::Null),
        Value::Bool(truth) => ToSqlOutput::Owned(Owned::Integer(i64::from(*truth))),
        Value::Integer(integer) => ToSqlOutput::Owned(Owned::Integer(*integer)),
        Value::Real(real) => ToSqlOutput::Owned(Owned::Real(*real)),
        // This engine keeps decimals as doubles.
        Value::Numeric(number) => match number.parse::<f64>() {
            Ok(real) => ToSqlOutput::Owned(Owned::Real(real)),
            Err(_) => text(number),
        },
        Value::Text(string) | Value::Json(string) => ToSqlOutput::Borrowed(ValueRef::Text(string.as_bytes())),
        Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
    }
}

fn gather(
    engine: &mut Engine<'_>,
    layout: &Layout,
    bytes_max: usize,
) -> rusqlite::Result<Result<Body, DbError>> {
    let mut body = Body::default();
    let mut gathering = Gathering::new();
    gathering.extend(b"[");
    let mut rows = engine.raw_query();
    while let Some(row) = rows.next()? {
        let json = gathering.memory();
        let (begin, mut column) = (json.len(), 0);
        if layout.columns.is_empty() {
            if let Some(object) = text(row.get_ref(0)?) {
                separate(json, body.rows);
                json.extend_from_slice(&object);
                body.rows += 1;
            }
            column += 1;
        } else {
            separate(json, body.rows);
            object(json, row, layout)?;
            body.rows += 1;
        }
        if layout.total {
            body.total = row.get_ref(column)?.as_i64().ok().map(|total| total.max(0) as u64);
            column += 1;
        }
        if layout.cursor
            && let ValueRef::Text(cursor) = row.get_ref(column)?
        {
            body.cursor = Some(String::from_utf8_lossy(cursor).into());
        }
        make_text(json, begin);
        if gathering.bytes() > bytes_max {
            let message = format!("the result is larger than {bytes_max} bytes");
            return Ok(Err(DbError::new(Fault::TooLarge, message)));
        }
        if gathering.is_full()
            && let Err(error) = gathering.store()
        {
            return Ok(Err(error));
        }
    }
    gathering.extend(b"]");
    Ok(gathering.finish().map(|json| Body { json, ..body }))
}

/// The engine does not look into texts: another program may have stored bytes that are none.
fn make_text(json: &mut BytesMut, begin: usize) {
    if let Err(error) = std::str::from_utf8(&json[begin..]) {
        let broken = json.split_off(begin + error.valid_up_to());
        json.extend_from_slice(String::from_utf8_lossy(&broken).as_bytes());
    }
}

fn separate(json: &mut BytesMut, rows: u64) {
    if rows > 0 {
        json.extend_from_slice(b",");
    }
}

/// The text of a value; `None` for NULL.
fn text(value: ValueRef<'_>) -> Option<std::borrow::Cow<'_, [u8]>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Text(text) | ValueRef::Blob(text) => Some(text.into()),
        ValueRef::Integer(integer) => Some(integer.to_string().into_bytes().into()),
        ValueRef::Real(real) => Some(real.to_string().into_bytes().into()),
    }
}

/// A row of a handwritten statement as a JSON object.
pub(crate) fn object(json: &mut BytesMut, row: &rusqlite::Row<'_>, layout: &Layout) -> rusqlite::Result<()> {
    json.extend_from_slice(b"{");
    for (at, (name, data_type)) in layout.columns.iter().enumerate() {
        if at > 0 {
            json.extend_from_slice(b",");
        }
        json.extend_from_slice(serde_json::Value::from(&**name).to_string().as_bytes());
        json.extend_from_slice(b":");
        json.extend_from_slice(shown(row.get_ref(at)?, *data_type).to_string().as_bytes());
    }
    json.extend_from_slice(b"}");
    Ok(())
}

fn shown(value: ValueRef<'_>, data_type: DataType) -> serde_json::Value {
    match (value, data_type) {
        (ValueRef::Null, _) => serde_json::Value::Null,
        (ValueRef::Integer(integer @ 0..=1), DataType::Bool) => (integer == 1).into(),
        (ValueRef::Integer(integer), _) => integer.into(),
        (ValueRef::Real(real), _) => real.into(),
        (ValueRef::Text(text), DataType::Json) => {
            serde_json::from_slice(text).unwrap_or_else(|_| String::from_utf8_lossy(text).into_owned().into())
        }
        (ValueRef::Text(text), _) => String::from_utf8_lossy(text).into_owned().into(),
        (ValueRef::Blob(blob), _) => {
            let hexadecimal: String = blob.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\\x{hexadecimal}").into()
        }
    }
}

/// Bytes as text; what is no text in them is replaced.
pub(crate) fn valid(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The engine's account of how it would run a statement, indented as it is nested.
pub(crate) fn explain(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<String>> {
    let mut engine = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.prepared.text))?;
    bind(&mut engine, &statement.prepared, &statement.params, &NoneCaptured)?;
    let mut depths: Vec<(i64, usize)> = vec![(0, 0)];
    let mut lines = Vec::new();
    let mut rows = engine.raw_query();
    while let Some(row) = rows.next()? {
        let (id, parent, line): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let depth = depths.iter().find(|(known, _)| *known == parent).map_or(0, |(_, depth)| *depth);
        depths.push((id, depth + 1));
        lines.push(format!("{}{line}", "  ".repeat(depth)));
    }
    Ok(lines)
}
