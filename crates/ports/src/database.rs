//! The database port.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use transom_query::Catalog;
use transom_query::plan::Expect;
use transom_sql::{Dialect, Statement, Step, Unit};
use transom_types::{ChangePosition, Digest, Session, SessionReply, Value};

use crate::{Change, Contents, DbError, Fault};

/// An engine that keeps an application's data.
#[async_trait]
pub trait Database: Send + Sync {
    /// How the engine writes things.
    fn dialect(&self) -> &dyn Dialect;

    /// Reads the schema, in one snapshot.
    async fn introspect(&self) -> Result<Catalog, DbError>;

    /// Runs one reading statement in one snapshot.
    async fn read(&self, statement: Statement) -> Result<Body, DbError>;

    /// Runs every step in one transaction, appends to the change log in it, and returns when it is durable.
    async fn write(&self, unit: Unit) -> Result<Committed, DbError>;

    /// Follows the changes of these tables from now on, in addition to those followed already.
    async fn track_changes(&self, tables: &[Box<str>]) -> Result<(), DbError>;

    /// At most `count_max` committed changes after a position, in commit order.
    /// Errors: [`crate::Fault::ChangesExpired`] when the log no longer reaches back so far.
    async fn changes_after(&self, position: ChangePosition, count_max: u32) -> Result<Vec<Change>, DbError>;

    /// The log's position when every change that was committed before this call has one. An engine with many writers
    /// orders their changes after they were committed.
    async fn settled(&self) -> Result<ChangePosition, DbError> {
        Ok(*self.changes().await?.borrow())
    }

    /// The last committed position; a receiver is told of every later one (at least the newest).
    async fn changes(&self) -> Result<tokio::sync::watch::Receiver<ChangePosition>, DbError>;

    /// The engine's own account of how it would run a statement, one line per row.
    async fn explain(&self, statement: Statement) -> Result<Vec<String>, DbError>;

    /// The migrations that were applied, in order.
    async fn applied_migrations(&self) -> Result<Vec<Migration>, DbError>;

    /// Applies one migration in a transaction of its own and records it. When `expected_count` migrations are not the
    /// number recorded (another server was first), nothing is done and `false` is returned.
    async fn apply_migration(
        &self,
        migration: &Migration,
        sql: &str,
        expected_count: u32,
    ) -> Result<bool, DbError>;

    /// Runs a trusted script (a seed) in one transaction.
    async fn run_script(&self, sql: &str) -> Result<(), DbError>;

    /// Column names and types, and whether it only reads, of a handwritten statement with `?N` parameters.
    async fn describe(&self, sql: &str) -> Result<Described, DbError>;

    /// What others say on a channel, from now on; `None` where the engine has no channels.
    async fn notices(&self, channel: &str) -> Option<tokio::sync::mpsc::Receiver<Notice>> {
        let _ = channel;
        None
    }

    /// What the session's role may use of a schema, where the engine decides who may do what.
    async fn visible(&self, schema: &str, session: &Session) -> Result<Visible, DbError> {
        let _ = (schema, session);
        Err(DbError::new(Fault::Internal, "this engine has no roles of its own"))
    }

    /// Numbers for the metrics page: name (snake case, unit last) and value.
    fn gauges(&self) -> Vec<(&'static str, f64)>;

    /// Whether a trivial read succeeds now.
    async fn ping(&self) -> Result<(), DbError>;

    /// Finishes what is queued, then closes.
    async fn close(&self);
}

/// What [`Database::describe`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Name and declared type of each result column.
    pub columns: Vec<(String, transom_types::DataType)>,
    /// Whether it cannot write.
    pub read_only: bool,
}

/// What is heard on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Somebody said this.
    Said(String),
    /// Until now nothing could be heard: what was said is unknown. Comes with the first ear, and with each after a loss.
    Missed,
}

/// What [`Database::visible`] finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visible {
    /// Names of tables and views.
    pub tables: Vec<Box<str>>,
    /// Names of functions.
    pub functions: Vec<Box<str>>,
}

/// The rows of a read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// A JSON array of the rows.
    pub json: Contents,
    /// How many rows it holds.
    pub rows: u64,
    /// How many there are without limit and offset, when asked for and not the same (`Read::counted_apart`).
    pub total: Option<u64>,
    /// The order values of the last row, a JSON array, when asked for.
    pub cursor: Option<Box<str>>,
}

/// What a unit did.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// One per step.
    pub outcomes: Vec<Outcome>,
    /// Whether this is the reply of an earlier unit with the same idempotency key.
    pub replayed: bool,
    /// What the unit's statements asked of the reply, where it ran in a session of its own.
    pub session: SessionReply,
}

/// What one step did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// A JSON array of the returned rows; empty when nothing is returned.
    pub json: String,
    /// Rows read or affected.
    pub rows: u64,
    /// Rows that were inserted and not merely changed, by an insert that merges.
    pub inserted: u64,
    /// The captured columns of each row, a JSON array each.
    pub captured: Vec<String>,
    /// Of a read: how many rows there are without limit and offset, when asked for and not the same.
    #[serde(default)]
    pub total: Option<u64>,
    /// Of a read: the order values of the last row, a JSON array, when asked for.
    #[serde(default)]
    pub cursor: Option<Box<str>>,
    /// The whole body of the reply, where the engine has made it, or where `json` would be too large for memory.
    #[serde(skip)]
    pub whole: Option<Contents>,
}

impl Outcome {
    /// Whether the step did what it had to. Every engine asks this before it goes on.
    /// Errors: [`Fault::Expectation`], [`Fault::Precondition`]; the unit is to be rolled back.
    pub fn meets(&self, step: &Step) -> Result<(), DbError> {
        let rows = self.rows;
        let expected = match step.expect {
            Expect::Any => true,
            Expect::Exactly(count) => rows == u64::from(count),
            Expect::AtMost(count) => rows <= u64::from(count),
        };
        if !expected {
            let message = format!("{rows} rows where {:?} was expected", step.expect);
            return Err(DbError::new(Fault::Expectation { rows }, message));
        }
        let Some(precondition) = &step.precondition else { return Ok(()) };
        let current = self.only_row().map(|row| Digest::of(row.as_bytes()));
        match precondition.holds(current) {
            true => Ok(()),
            false => Err(DbError::new(Fault::Precondition { current }, "the row is in another state")),
        }
    }

    /// What was captured of this column of the first row, as a [`Value`]; NULL where nothing was.
    pub fn captured_value(&self, column: u16) -> Value {
        let captured = self.captured.first();
        let values: Option<Vec<Json>> = captured.and_then(|text| serde_json::from_str(text).ok());
        let value = values.and_then(|mut values| {
            (usize::from(column) < values.len()).then(|| values.swap_remove(usize::from(column)))
        });
        match value {
            None | Some(Json::Null) => Value::Null,
            Some(Json::Bool(truth)) => Value::Bool(truth),
            Some(Json::Number(number)) => match number.as_i64() {
                Some(integer) => Value::Integer(integer),
                None => Value::Numeric(number.to_string().into()),
            },
            Some(Json::String(text)) => Value::text(text),
            Some(other) => Value::Json(other.to_string().into()),
        }
    }

    /// All that was captured: a JSON array with an array for each row.
    pub fn captured_rows(&self) -> String {
        format!("[{}]", self.captured.join(","))
    }

    fn only_row(&self) -> Option<&str> {
        let row = self.json.strip_prefix('[').and_then(|json| json.strip_suffix(']'))?;
        (self.rows > 0).then_some(row)
    }
}

/// A migration, as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// From the file's name: `NNNN`.
    pub number: u32,
    /// The file's name without `.sql`.
    pub name: Box<str>,
    /// SHA-256 of the file, hexadecimal.
    pub checksum: Box<str>,
}
