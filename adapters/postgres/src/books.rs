//! What Transom keeps in the database for itself: the change log, and the replies of idempotency keys. Made when first
//! needed, so that a database that is only read is left as it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::OnceCell;
use tokio_postgres::types::Type;
use transom_ports::{DbError, Fault};

use crate::{
    changes::{self, Connect, Relay},
    connect::Connector,
    errors::{During, db_error},
    options::Options,
    upkeep::Keep,
};

/// The books of one database.
pub(crate) struct Books {
    connector: Arc<Connector>,
    options: Arc<Options>,
    installed: OnceCell<()>,
    relay: OnceCell<Relay>,
    /// Whether some table's changes are logged, with the request that caused them.
    tracking: AtomicBool,
}

impl Books {
    pub(crate) fn new(connector: Arc<Connector>, options: Arc<Options>) -> Self {
        let (installed, relay) = (OnceCell::new(), OnceCell::new());
        Self { connector, options, installed, relay, tracking: AtomicBool::new(false) }
    }

    /// Makes the books where they are not there yet.
    pub(crate) async fn install(&self) -> Result<(), DbError> {
        let install = async || changes::install(&self.connector.client().await?).await;
        self.installed.get_or_try_init(install).await.copied()
    }

    /// What settles the log, running from the first call on.
    pub(crate) async fn relay(&self) -> Result<&Relay, DbError> {
        let start = async || {
            let connector = self.connector.clone();
            let connect: Connect = Arc::new(move |wake| {
                let connector = connector.clone();
                Box::pin(async move {
                    let (client, connection) = connector.raw().await?;
                    tokio::spawn(changes::drive(connection, wake));
                    if !connector.pooled {
                        changes::listen(&client).await?;
                    }
                    Ok(client)
                })
            });
            Relay::start(connect, Keep::of(&self.options)).await
        };
        self.relay.get_or_try_init(start).await
    }

    /// Follows these tables too, each in the first schema that has it.
    pub(crate) async fn track(&self, tables: &[Box<str>]) -> Result<(), DbError> {
        let client = self.connector.client().await?;
        let names: Vec<&str> = tables.iter().map(|table| &**table).collect();
        let found = client
            .query_typed(
                "SELECT DISTINCT ON (place) schema, name FROM unnest($1::text[]) WITH ORDINALITY AS wanted(name, place)
                 JOIN unnest($2::text[]) WITH ORDINALITY AS served(schema, rank)
                 ON to_regclass(format('%I.%I', schema, name)) IS NOT NULL ORDER BY place, rank",
                &[(&names, Type::TEXT_ARRAY), (&self.options.schemas, Type::TEXT_ARRAY)],
            )
            .await
            .map_err(|error| db_error(&error, During::Read))?;
        let found: Vec<(&str, &str)> = found.iter().map(|row| (row.get(0), row.get(1))).collect();
        if let Some(missing) = names.iter().find(|name| !found.iter().any(|(_, table)| table == *name)) {
            return Err(DbError::new(Fault::Internal, format!("there is no table '{missing}' to follow")));
        }
        changes::track(&client, &found).await?;
        self.tracking.store(true, Ordering::Release);
        self.relay().await.map(|_| ())
    }

    /// Whether changes carry their cause.
    pub(crate) fn tracks(&self) -> bool {
        self.tracking.load(Ordering::Acquire)
    }

    /// How long the reply of a key is kept.
    pub(crate) fn idempotency_age_max(&self) -> Duration {
        self.options.idempotency_age_max
    }

    /// Tells the relay of a commit.
    pub(crate) fn committed(&self) {
        if let Some(relay) = self.relay.get().filter(|_| self.tracks()) {
            relay.poke();
        }
    }

    pub(crate) fn gauges(&self) -> Vec<(&'static str, f64)> {
        self.relay.get().map(Relay::gauges).unwrap_or_default()
    }

    pub(crate) fn close(&self) {
        if let Some(relay) = self.relay.get() {
            relay.close();
        }
    }
}
