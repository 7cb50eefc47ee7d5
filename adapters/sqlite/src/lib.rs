//! SQLite behind the database port: durable, and readers never wait for the writer.
//!
//! Reads run where the request is, on a read-only connection of the calling thread, under a budget of steps; a read that
//! exceeds it is interrupted, runs on a reader thread, and its statement is remembered as dear. One writer thread takes all units
//! that wait, runs each in a savepoint and commits them together with one wait for the disk.
//!
//! One process owns the change log: what other programs write to the same file is seen by reads, but not logged. Nor are
//! migrations, nor the rows that a handwritten `INSERT OR REPLACE` removes: the engine tells no trigger of those.

mod changes;
mod check;
mod connection;
mod constraint_names;
mod errors;
mod functions;
mod group;
mod idempotency;
mod introspect;
mod local;
mod migrate;
mod options;
mod pattern;
mod queue;
mod reader;
mod rows;
mod snapshot;
#[cfg(test)]
mod tests;
mod triggers;
mod unit;
mod upkeep;
mod watch;
mod writer;

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use tokio::sync::watch as tokio_watch;
use transom_ports::{Body, Change, Committed, Database, DbError, Fault, Migration, database::Described};
use transom_query::Catalog;
use transom_sql::{Dialect, Statement, Unit, sqlite::Sqlite as SqliteDialect};
use transom_types::ChangePosition;

pub use options::{Location, Options, Synchronous};

use local::LocalReads;
use reader::Readers;
use writer::Writer;

/// An SQLite database.
pub struct Sqlite {
    options: Arc<Options>,
    local: LocalReads,
    readers: Readers,
    writer: Writer,
    /// Keeps a database in memory alive while no connection is open.
    _anchor: Option<parking::Anchor>,
}

/// Connections that are only held.
mod parking {
    use std::sync::Mutex;

    /// A connection that nothing runs on.
    pub(crate) struct Anchor(
        #[allow(dead_code, reason = "held, not used")] pub(crate) Mutex<rusqlite::Connection>,
    );
}

impl Sqlite {
    /// Opens a database, making the file where there is none.
    /// Errors: a file that is damaged or no database, which is left as it is; a folder that cannot be written.
    pub fn open(options: Options) -> Result<Self, DbError> {
        let options = Arc::new(options);
        check::file(&options)?;
        let anchor = match &options.location {
            Location::Memory(_) => {
                Some(parking::Anchor(std::sync::Mutex::new(connection::open_anchor(&options)?)))
            }
            Location::File(_) => None,
        };
        let commits = Arc::new(snapshot::Commits::default());
        let writer = Writer::start(options.clone(), commits.clone())?;
        let readers = Readers::start(options.clone())?;
        let local = LocalReads::new(options.clone(), commits)?;
        Ok(Self { local, readers, writer, options, _anchor: anchor })
    }

    /// Runs a task on a read-only connection away from the event loop.
    async fn inspect<T: Send + 'static>(
        &self,
        task: impl FnOnce(&rusqlite::Connection, &Options) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let options = self.options.clone();
        let joined = tokio::task::spawn_blocking(move || {
            let reader = connection::Reader::open(&options, options.busy_timeout)?;
            task(&reader.connection, &options)
        });
        joined.await.map_err(|error| DbError::new(Fault::Internal, error.to_string()))?
    }
}

#[async_trait]
impl Database for Sqlite {
    fn dialect(&self) -> &dyn Dialect {
        &SqliteDialect
    }

    async fn introspect(&self) -> Result<Catalog, DbError> {
        self.inspect(|connection, _| {
            introspect::catalog(connection).map_err(|error| errors::db_error(&error))
        })
        .await
    }

    async fn read(&self, statement: Statement) -> Result<Body, DbError> {
        if let Some(answer) = self.local.read(&statement) {
            return answer;
        }
        let deadline = Instant::now() + statement.timeout;
        self.readers.read(statement, deadline).await
    }

    async fn write(&self, unit: Unit) -> Result<Committed, DbError> {
        self.writer.write(unit).await
    }

    async fn track_changes(&self, tables: &[Box<str>]) -> Result<(), DbError> {
        let tables = tables.to_vec();
        self.writer.task(move |context| changes::track(context, &tables)).await
    }

    async fn changes_after(&self, position: ChangePosition, count_max: u32) -> Result<Vec<Change>, DbError> {
        self.readers.task(move |connection| changes::after(connection, position, count_max)).await
    }

    async fn changes(&self) -> Result<tokio_watch::Receiver<ChangePosition>, DbError> {
        Ok(self.writer.positions())
    }

    async fn explain(&self, statement: Statement) -> Result<Vec<String>, DbError> {
        self.readers
            .task(move |connection| {
                rows::explain(connection, &statement).map_err(|error| errors::db_error(&error))
            })
            .await
    }

    async fn applied_migrations(&self) -> Result<Vec<Migration>, DbError> {
        self.writer.task(|context| migrate::applied(&context.connection)).await
    }

    async fn apply_migration(
        &self,
        migration: &Migration,
        sql: &str,
        expected_count: u32,
    ) -> Result<bool, DbError> {
        let (migration, sql) = (migration.clone(), sql.to_owned());
        self.writer.task(move |context| migrate::apply(context, &migration, &sql, expected_count)).await
    }

    async fn run_script(&self, sql: &str) -> Result<(), DbError> {
        let sql = sql.to_owned();
        self.writer.task(move |context| migrate::script(context, &sql)).await
    }

    async fn describe(&self, sql: &str) -> Result<Described, DbError> {
        let sql = sql.to_owned();
        self.inspect(move |connection, _| {
            introspect::describe(connection, &sql).map_err(|error| errors::db_error(&error))
        })
        .await
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        let mut gauges = self.writer.gauges();
        gauges.extend(self.local.gauges());
        gauges.push(("reader_queue_statements", self.readers.queued() as f64));
        if let Location::File(path) = &self.options.location {
            let mut wal = path.clone().into_os_string();
            wal.push("-wal");
            let bytes = std::fs::metadata(wal).map_or(0, |metadata| metadata.len());
            gauges.push(("wal_bytes", bytes as f64));
        }
        gauges
    }

    async fn ping(&self) -> Result<(), DbError> {
        self.readers
            .task(|connection| {
                connection.query_row("SELECT 1", [], |_| Ok(())).map_err(|error| errors::db_error(&error))
            })
            .await
    }

    async fn close(&self) {
        self.local.close();
        self.writer.close().await;
        self.readers.close();
    }
}
