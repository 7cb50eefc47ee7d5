//! Runs one statement on a connection and gathers its rows: each is a JSON text already, and is copied once.

use std::{error::Error as StdError, mem, pin::pin, sync::Arc};

use futures_util::TryStreamExt;
use tokio_postgres::{
    Error, Row, RowStream,
    types::{FromSql, Type},
};
use transom_ports::{Body, DbError, Fault, Gathering, Outcome};
use transom_sql::{Bound, Layout, Prepared, Statement};

use crate::{
    connect::Connection,
    errors::{During, of_statement, outdated},
    listed::Listed,
    params,
};

/// A column's bytes as they are: text and JSON are sent so.
struct Raw<'a>(Option<&'a [u8]>);

/// A row as the server sent it, in the binary format.
pub(crate) trait Cells {
    /// A column's bytes; `None` is NULL.
    fn cell(&self, at: usize) -> Option<&[u8]>;
}

impl Cells for Row {
    fn cell(&self, at: usize) -> Option<&[u8]> {
        // It fails for no type, and for a column that is not there alone.
        self.try_get(at).ok().and_then(|raw: Raw<'_>| raw.0)
    }
}

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Runs a statement; prepared again where the schema has changed under it.
pub(crate) async fn start(
    connection: &Connection,
    prepared: &Arc<Prepared>,
    params: &[Bound],
    outcomes: &[Outcome],
) -> Result<RowStream, Error> {
    let values = params::values(prepared, params, outcomes);
    // Whose type decides how it is written has to wait until the engine has told the types.
    let typed = |value: &params::Text<'_>| value.needs_type();
    if !connection.prepares && !connection.sessions && values.iter().any(typed) {
        let statement = connection.client.prepare(&prepared.text).await?;
        return connection.client.query_raw(&statement, &values).await;
    }
    if !connection.prepares {
        // What the types are is the engine's to find out.
        let typed = values.into_iter().map(|value| (value, Type::UNKNOWN));
        return connection.client.query_typed_raw(&prepared.text, typed).await;
    }
    let statement = connection.prepared(prepared).await?;
    connection.client.query_raw(&statement, &values).await
}

/// Reads a statement's rows.
pub(crate) async fn read(
    connection: &Connection,
    statement: &Statement,
    bytes_max: usize,
) -> Result<Body, DbError> {
    let prepared = &statement.prepared;
    let run = || async {
        let rows = start(connection, prepared, &statement.params, &[]).await?;
        let mut body = body(rows, &prepared.layout, bytes_max).await?;
        if let (Ok(body), Some(_)) = (&mut body, &prepared.estimate) {
            body.total = estimated(connection, statement, body.total).await?;
        }
        Ok(body)
    };
    match run().await {
        Err(error) if outdated(&error) => {
            connection.forget();
            run().await
        }
        other => other,
    }
    .unwrap_or_else(|error| Err(of_statement(&error, During::Read, prepared)))
}

async fn body(rows: RowStream, layout: &Layout, bytes_max: usize) -> Result<Result<Body, DbError>, Error> {
    let mut rows = pin!(rows);
    let mut body = Body::default();
    let mut json = Listed::new(layout, b",");
    while let Some(row) = rows.try_next().await? {
        let mut columns = Columns::of(&row);
        let object = columns.next();
        if layout.total {
            body.total = columns.next().and_then(number);
        }
        if layout.cursor
            && let Some(cursor) = columns.next()
        {
            body.cursor = Some(String::from_utf8_lossy(cursor).into());
        }
        let Some(object) = object else { continue };
        body.rows += 1;
        if json.bytes() + object.len() > bytes_max {
            return Ok(Err(too_large(bytes_max)));
        }
        if let Err(error) = json.add(object).await {
            return Ok(Err(error));
        }
    }
    Ok(json.close().finished().await.map(|json| Body { json, ..body }))
}

/// Gathers what one step of a unit returns. `stores`: what is large may be stored aside, where nobody looks into it again.
pub(crate) async fn outcome(
    rows: RowStream,
    prepared: &Prepared,
    bytes_max: usize,
    (between, stores): (&'static [u8], bool),
) -> Result<Result<Outcome, DbError>, Error> {
    let mut rows = pin!(rows);
    let mut gathered = Gathered::new(prepared, bytes_max, between);
    while let Some(row) = rows.as_mut().try_next().await? {
        let taken = match gathered.part(&row) {
            Ok(Some(object)) if stores => gathered.json.add(object).await,
            Ok(Some(object)) => {
                gathered.json.push(object);
                Ok(())
            }
            other => other.map(|_| ()),
        };
        if let Err(error) = taken {
            return Ok(Err(error));
        }
    }
    let affected = rows.rows_affected();
    match gathered.json.is_stored() {
        true => Ok(Box::pin(gathered.stored(affected)).await),
        false => Ok(Ok(gathered.outcome(affected))),
    }
}

/// What one step of a unit has returned so far.
pub(crate) struct Gathered<'p> {
    prepared: &'p Prepared,
    bytes_max: usize,
    outcome: Outcome,
    json: Listed<'p>,
    /// A reply that the engine has made whole, or an account of how it would make it.
    whole: Gathering,
    returned: u64,
    shown: u64,
    merged: u64,
}

impl<'p> Gathered<'p> {
    pub(crate) fn new(prepared: &'p Prepared, bytes_max: usize, between: &'static [u8]) -> Self {
        Self {
            prepared,
            bytes_max,
            outcome: Outcome::default(),
            json: Listed::new(&prepared.layout, between),
            whole: Gathering::default(),
            returned: 0,
            shown: 0,
            merged: 0,
        }
    }

    fn is_whole(&self) -> bool {
        self.prepared.layout.whole || self.prepared.layout.lines
    }

    /// Takes one more row. Errors: [`Fault::TooLarge`].
    pub(crate) fn take(&mut self, row: &impl Cells) -> Result<(), DbError> {
        if let Some(object) = self.part(row)? {
            self.json.push(object);
        }
        Ok(())
    }

    /// The same but for what is to be listed of it.
    fn part<'r>(&mut self, row: &'r impl Cells) -> Result<Option<&'r [u8]>, DbError> {
        let object = match self.is_whole() {
            true => {
                self.made(row);
                None
            }
            false => self.row(row),
        };
        let listed = self.json.bytes() + object.map_or(0, <[u8]>::len);
        match listed.max(self.whole.bytes()) > self.bytes_max {
            true => Err(too_large(self.bytes_max)),
            false => Ok(object),
        }
    }

    fn row<'r>(&mut self, row: &'r impl Cells) -> Option<&'r [u8]> {
        let layout = &self.prepared.layout;
        let mut columns = Columns::of(row);
        self.returned += 1;
        let object = layout.body.then(|| columns.next()).flatten();
        self.shown += u64::from(object.is_some());
        if layout.total {
            self.outcome.total = columns.next().and_then(number);
        }
        if layout.cursor
            && let Some(cursor) = columns.next()
        {
            self.outcome.cursor = Some(String::from_utf8_lossy(cursor).into());
        }
        // A row that is refused has failed the statement.
        if layout.check {
            columns.next();
        }
        if layout.capture
            && let Some(captured) = columns.next()
        {
            self.outcome.captured.push(String::from_utf8_lossy(captured).into_owned());
        }
        if layout.inserted {
            self.outcome.inserted += u64::from(columns.next() == Some(&[1]));
        }
        if layout.merged {
            self.merged = self.merged.max(columns.next().and_then(number).unwrap_or_default());
        }
        object
    }

    fn made(&mut self, row: &impl Cells) {
        let layout = &self.prepared.layout;
        let mut columns = Columns::of(row);
        if layout.whole {
            self.outcome.total = columns.next().and_then(number);
            self.outcome.rows = columns.next().and_then(number).unwrap_or_default();
        }
        if layout.merged {
            let merged = columns.next().and_then(number).unwrap_or_default();
            self.outcome.inserted = self.outcome.rows.saturating_sub(merged);
        }
        if !self.whole.is_empty() {
            self.whole.extend(b"\n");
        }
        self.whole.extend(columns.next().unwrap_or_default());
    }

    /// The same of what is stored, whole or in part.
    async fn stored(mut self, affected: Option<u64>) -> Result<Outcome, DbError> {
        let json = mem::take(&mut self.json).close().finished().await?;
        let outcome = self.outcome(affected);
        Ok(Outcome { json: String::new(), whole: Some(json), ..outcome })
    }

    /// All that was returned; `affected` is what the engine says of a write.
    pub(crate) fn outcome(self, affected: Option<u64>) -> Outcome {
        use transom_query::plan::Step;
        let whole = self.is_whole();
        let mut outcome = self.outcome;
        if whole {
            outcome.whole = Some(self.whole.in_memory().into());
            return outcome;
        }
        let step = step_of(self.prepared);
        outcome.rows = match is_read(self.prepared) {
            true => self.shown,
            false => affected.unwrap_or(self.returned),
        };
        if !self.prepared.layout.inserted && matches!(step, Some(Step::Insert(_))) {
            outcome.inserted = outcome.rows.saturating_sub(self.merged);
        }
        if self.prepared.layout.head.is_some() {
            outcome.whole = Some(self.json.close().in_memory().into());
        } else if self.prepared.layout.body {
            outcome.json = String::from_utf8(self.json.close().in_memory().into())
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        }
        outcome
    }
}

/// Whether a statement reads rows.
pub(crate) fn is_read(prepared: &Prepared) -> bool {
    matches!(step_of(prepared), Some(transom_query::plan::Step::Read(_)))
}

fn step_of(prepared: &Prepared) -> Option<&transom_query::plan::Step> {
    prepared.plan.plan().steps.get(prepared.step)
}

/// The total of a read whose count is planned or estimated: the engine's guess, where the rows counted so far are not all.
pub(crate) async fn estimated(
    connection: &Connection,
    statement: &Statement,
    counted: Option<u64>,
) -> Result<Option<u64>, Error> {
    let prepared = &statement.prepared;
    let Some(estimate) = &prepared.estimate else { return Ok(counted) };
    let count_max = match step_of(prepared) {
        Some(transom_query::plan::Step::Read(read)) => read.count_max.map(u64::from),
        _ => None,
    };
    if let Some(counted) = counted
        && count_max.is_none_or(|count_max| counted <= count_max)
    {
        return Ok(Some(counted));
    }
    let rows = start(connection, estimate, &statement.params, &[]).await?;
    let mut rows = pin!(rows);
    let mut expected = None;
    while let Some(row) = rows.try_next().await? {
        expected = Columns::of(&row).next().and_then(expected_rows);
    }
    // What was counted is there in any case.
    Ok(expected.max(counted))
}

/// `[{"Plan": {"Plan Rows": 5, …}}]`
fn expected_rows(account: &[u8]) -> Option<u64> {
    let account: serde_json::Value = serde_json::from_slice(account).ok()?;
    account.pointer("/0/Plan/Plan Rows")?.as_u64()
}

/// A row's columns, one after the other.
struct Columns<'r, R> {
    row: &'r R,
    at: usize,
}

impl<'r, R: Cells> Columns<'r, R> {
    fn of(row: &'r R) -> Self {
        Self { row, at: 0 }
    }

    fn next(&mut self) -> Option<&'r [u8]> {
        let cell = self.row.cell(self.at);
        self.at += 1;
        cell
    }
}

/// A `bigint` as the binary protocol sends it.
fn number(bytes: &[u8]) -> Option<u64> {
    let bytes: [u8; 8] = bytes.try_into().ok()?;
    u64::try_from(i64::from_be_bytes(bytes)).ok()
}

fn too_large(bytes_max: usize) -> DbError {
    DbError::new(Fault::TooLarge, format!("the result is larger than {bytes_max} bytes"))
}
