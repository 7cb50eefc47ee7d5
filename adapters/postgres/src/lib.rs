//! PostgreSQL behind the database port.
//!
//! Statements that are quick, and writes of one statement, are pipelined over a few shared connections, each statement
//! prepared once per connection. Units that need a transaction, and reads that turned out dear, have a connection of
//! their own for as long as they last. Everything is sent as text, so that every type of the engine can be written.

mod address;
mod books;
mod by_statement;
mod changes;
mod connect;
mod describe;
mod errors;
mod idempotency;
mod introspect;
mod listed;
mod migrate;
mod notices;
mod options;
mod params;
mod pipeline;
mod pool;
mod pooler;
mod read;
mod role_settings;
mod rows;
mod session;
mod settings;
mod shared;
mod tls;
mod tour;
mod upkeep;
mod visible;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};
use transom_ports::{
    Body, Change, Committed, Database, DbError, Migration, Notice, Visible, database::Described,
};
use transom_query::Catalog;
use transom_sql::{Dialect, Statement, Unit, postgres::Postgres as PostgresDialect};
use transom_types::{ChangePosition, Session};

pub use options::Options;

use books::Books;
use connect::{Connector, Purpose};
use errors::{During, db_error};
use pipeline::Pipelines;
use pool::Pool;
use read::Reads;
use shared::Shared;
use write::Writes;

/// A PostgreSQL database.
pub struct Postgres {
    options: Arc<Options>,
    connector: Arc<Connector>,
    reads: Reads,
    read_pool: Arc<Pool>,
    writes: Writes,
    books: Arc<Books>,
    write_pool: Arc<Pool>,
}

impl Postgres {
    /// Connects once, so that an address or password that is wrong is told at once; later losses are made good.
    pub async fn open(options: Options) -> Result<Self, DbError> {
        let options = Arc::new(options);
        let connector = Arc::new(Connector::new(&options)?);
        let timeout = options.statement_timeout_max;
        let waits = (timeout, options.connection_wait_max);
        let pool = |purpose, count| Pool::new(connector.clone(), purpose, count, waits).map(Arc::new);
        // Nothing is shared with a pooler between: it shares by itself.
        let alone = |count: usize| if options.pooled { count.max(options.write_connections) } else { count };
        let read_pool = pool(Purpose::Read, alone(options.read_connections))?;
        let write_pool = pool(Purpose::Write, alone(options.transaction_connections))?;
        let shared = |purpose| {
            let count = match purpose {
                Purpose::Read => options.shared_connections,
                Purpose::Write => options.write_connections,
            };
            Shared::new(connector.clone(), purpose, count, timeout)
        };
        let reads =
            Reads::new(connector.clone(), shared(Purpose::Read), read_pool.clone(), options.reply_bytes_max);
        let books = Arc::new(Books::new(connector.clone(), options.clone()));
        let count = options.shared_connections;
        let pipelines = Pipelines::new(connector.clone(), count, timeout, options.reply_bytes_max);
        let connections = (shared(Purpose::Write), write_pool.clone(), pipelines);
        let writes = Writes::new(connector.clone(), connections, books.clone(), options.reply_bytes_max);
        let opened = Self { options, connector, reads, read_pool, writes, books, write_pool };
        opened.ping().await?;
        pooler::refuse(&opened.connector).await?;
        Ok(opened)
    }
}

/// The settings `prefix.…` that the database holds for the role that connects, without the prefix, and those of the wanted
/// `names` that a function makes.
pub async fn role_settings(
    options: &Options,
    prefix: &str,
    wanted: (Option<&str>, &[&str]),
) -> Result<Vec<(String, String)>, DbError> {
    role_settings::settings(options, prefix, wanted).await
}

#[async_trait]
impl Database for Postgres {
    fn dialect(&self) -> &dyn Dialect {
        &PostgresDialect
    }

    async fn introspect(&self) -> Result<Catalog, DbError> {
        let client = self.connector.client().await?;
        let Options { schemas, native, hoisted, search_path, .. } = &*self.options;
        let catalog = introspect::introspect(&client, schemas, native.then_some(hoisted.as_slice())).await?;
        if !native {
            return Ok(catalog);
        }
        let searched: Vec<String> = schemas.iter().chain(search_path).cloned().collect();
        let handlers = introspect::handlers(&client, &searched).await;
        Ok(catalog.with_handlers(handlers.map_err(|error| errors::db_error(&error, errors::During::Read))?))
    }

    async fn read(&self, statement: Statement) -> Result<Body, DbError> {
        self.reads.read(&statement).await
    }

    async fn write(&self, unit: Unit) -> Result<Committed, DbError> {
        self.writes.write(&unit).await
    }

    async fn track_changes(&self, tables: &[Box<str>]) -> Result<(), DbError> {
        self.books.track(tables).await
    }

    async fn changes_after(&self, position: ChangePosition, count_max: u32) -> Result<Vec<Change>, DbError> {
        let held = self.read_pool.get(self.options.connection_wait_max).await?;
        changes::after(&held.client, position, count_max).await
    }

    async fn settled(&self) -> Result<ChangePosition, DbError> {
        self.books.relay().await?.settled().await
    }

    async fn changes(&self) -> Result<watch::Receiver<ChangePosition>, DbError> {
        Ok(self.books.relay().await?.subscribe())
    }

    async fn explain(&self, statement: Statement) -> Result<Vec<String>, DbError> {
        let held = self.read_pool.get(statement.timeout).await?;
        describe::explain(&held, &statement).await
    }

    async fn applied_migrations(&self) -> Result<Vec<Migration>, DbError> {
        migrate::applied(&self.connector.client().await?).await
    }

    async fn apply_migration(
        &self,
        migration: &Migration,
        sql: &str,
        expected_count: u32,
    ) -> Result<bool, DbError> {
        migrate::apply(&self.connector.client().await?, migration, sql, expected_count).await
    }

    async fn run_script(&self, sql: &str) -> Result<(), DbError> {
        migrate::run_script(&self.connector.client().await?, sql).await
    }

    async fn describe(&self, sql: &str) -> Result<Described, DbError> {
        describe::describe(&self.connector.client().await?, sql).await
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        let prepared =
            |shared: &Shared| shared.connections().map(|connection| connection.statements()).sum::<usize>();
        let (reading, waiting_reads) = self.read_pool.status();
        let (writing, waiting_writes) = self.write_pool.status();
        let mut gauges = vec![
            (
                "shared_connections",
                (self.reads.connections().connections().count()
                    + self.writes.connections().connections().count()
                    + self.writes.pipelines().statements().count()) as f64,
            ),
            (
                "prepared_statements",
                (prepared(self.reads.connections())
                    + prepared(self.writes.connections())
                    + self.writes.pipelines().statements().sum::<usize>()) as f64,
            ),
            ("read_connections", reading as f64),
            ("read_queue_statements", waiting_reads as f64),
            ("transaction_connections", writing as f64),
            ("transaction_queue_units", waiting_writes as f64),
        ];
        gauges.extend(self.books.gauges());
        gauges
    }

    async fn notices(&self, channel: &str) -> Option<mpsc::Receiver<Notice>> {
        if self.connector.pooled {
            tracing::warn!(channel, "{}", pooler::DEAF);
        }
        Some(notices::listen(self.connector.clone(), channel))
    }

    async fn visible(&self, schema: &str, session: &Session) -> Result<Visible, DbError> {
        self.writes.visible(schema, session).await
    }

    async fn ping(&self) -> Result<(), DbError> {
        let connection = self.reads.connections().get().await?;
        connection.client.batch_execute("").await.map_err(|error| db_error(&error, During::Read))
    }

    async fn close(&self) {
        self.connector.close();
        self.books.close();
        self.reads.connections().close();
        self.writes.connections().close();
        self.writes.pipelines().close();
        self.read_pool.close();
        self.write_pool.close();
    }
}
