//! Where a read runs: with others on a shared connection while it is quick, alone when it turned out dear.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;
use transom_ports::{Body, DbError, Fault};
use transom_query::plan::Cost;
use transom_sql::{Prepared, Statement};

use crate::{
    connect::Connector,
    pool::{Lease, Pool},
    rows,
    shared::Shared,
};

/// A statement that takes longer would keep those behind it waiting.
const QUICK_MAX: Duration = Duration::from_millis(5);

/// How many statements' speed is remembered.
const REMEMBERED_MAX: usize = 4_000;

/// Runs reads.
pub(crate) struct Reads {
    connector: Arc<Connector>,
    shared: Shared,
    pool: Arc<Pool>,
    /// Whether a statement was quick when it was last alone, by its address.
    quick: Cache<usize, (Arc<Prepared>, bool)>,
    bytes_max: usize,
}

impl Reads {
    pub(crate) fn new(connector: Arc<Connector>, shared: Shared, pool: Arc<Pool>, bytes_max: usize) -> Self {
        Self { connector, shared, pool, quick: Cache::new(REMEMBERED_MAX), bytes_max }
    }

    /// Runs one reading statement.
    pub(crate) async fn read(&self, statement: &Statement) -> Result<Body, DbError> {
        let started = Instant::now();
        match self.runs_shared(&statement.prepared) {
            true => self.shared(statement).await,
            false => self.alone(statement, started).await,
        }
    }

    fn runs_shared(&self, prepared: &Arc<Prepared>) -> bool {
        match self.quick.get(&address(prepared)) {
            Some((_, quick)) => quick,
            // A read by its key is quick until it is seen not to be; anything else the other way round.
            None => prepared.cost == Cost::Key,
        }
    }

    /// A read that is lost with its connection is asked once more: nothing can have come of it.
    async fn shared(&self, statement: &Statement) -> Result<Body, DbError> {
        let asked = async {
            let connection = self.shared.get().await?;
            match rows::read(&connection, statement, self.bytes_max).await {
                Err(error) if error.fault == Fault::Unavailable && connection.client.is_closed() => {
                    let another = self.shared.get().await?;
                    rows::read(&another, statement, self.bytes_max).await
                }
                answer => answer,
            }
        };
        // To open a connection is part of the time that the caller gives.
        match tokio::time::timeout(statement.timeout, asked).await {
            Ok(Err(error)) if error.fault == Fault::Deadline => {
                self.remember(&statement.prepared, false);
                Err(error)
            }
            Ok(answer) => answer,
            Err(_) => {
                self.remember(&statement.prepared, false);
                Err(late())
            }
        }
    }

    async fn alone(&self, statement: &Statement, started: Instant) -> Result<Body, DbError> {
        let held = self.pool.get(statement.timeout).await?;
        let lease = Lease::new(held, self.connector.tls());
        let connection = lease.connection()?;
        let known = connection.knows(&statement.prepared);
        let began = Instant::now();
        let left = statement.timeout.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, rows::read(connection, statement, self.bytes_max)).await {
            Ok(answer) => {
                drop(lease.ended());
                // The first time a statement is also prepared, which says nothing of its own cost.
                if known && answer.is_ok() {
                    self.remember(&statement.prepared, began.elapsed() <= QUICK_MAX);
                }
                answer
            }
            // The lease stops what runs.
            Err(_) => Err(late()),
        }
    }

    fn remember(&self, prepared: &Arc<Prepared>, quick: bool) {
        self.quick.insert(address(prepared), (prepared.clone(), quick));
    }

    /// The shared connections.
    pub(crate) fn connections(&self) -> &Shared {
        &self.shared
    }
}

fn address(prepared: &Arc<Prepared>) -> usize {
    Arc::as_ptr(prepared) as usize
}

fn late() -> DbError {
    DbError::new(Fault::Deadline, "the deadline has passed")
}
