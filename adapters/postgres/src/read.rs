//! Where a read runs: with others on a shared connection while it is quick, alone when it turned out dear.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join;
use transom_ports::{Body, DbError, Fault};
use transom_query::plan::Cost;
use transom_sql::{Prepared, Statement};

use crate::{
    by_statement::ByStatement,
    connect::{Connection, Connector},
    errors::{During, db_error},
    pool::{self, Lease, Pool},
    rows,
    shared::Shared,
};

/// A statement that takes longer would keep those behind it waiting.
pub(crate) const QUICK_MAX: Duration = Duration::from_millis(5);

/// How often a read is asked that is lost with its connection.
pub(crate) const ATTEMPTS_MAX: u32 = 4;

/// How many statements' speed is remembered.
pub(crate) const REMEMBERED_MAX: usize = 4_000;

/// Runs reads.
pub(crate) struct Reads {
    connector: Arc<Connector>,
    shared: Shared,
    pool: Arc<Pool>,
    /// Whether a statement was quick when it was last alone.
    quick: ByStatement<bool>,
    bytes_max: usize,
}

impl Reads {
    pub(crate) fn new(connector: Arc<Connector>, shared: Shared, pool: Arc<Pool>, bytes_max: usize) -> Self {
        Self { connector, shared, pool, quick: ByStatement::new(REMEMBERED_MAX), bytes_max }
    }

    /// Runs one reading statement.
    pub(crate) async fn read(&self, statement: &Statement) -> Result<Body, DbError> {
        let started = Instant::now();
        match self.runs_shared(&statement.prepared) {
            true => self.shared(statement).await,
            // Opening a connection is a large state to keep: room for it is made only where it may be needed.
            false => Box::pin(self.alone(statement, started)).await,
        }
    }

    fn runs_shared(&self, prepared: &Arc<Prepared>) -> bool {
        if self.connector.pooled {
            return false;
        }
        match self.quick.get(prepared) {
            Some(quick) => quick,
            // A read by its key is quick until it is seen not to be; anything else the other way round.
            None => prepared.cost == Cost::Key,
        }
    }

    async fn shared(&self, statement: &Statement) -> Result<Body, DbError> {
        let asked = async {
            let mut attempts = Attempts::default();
            loop {
                let answer = self.once_shared(statement).await;
                if !attempts.again(&answer).await {
                    return answer.map_err(Failed::into_error);
                }
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
        let mut attempts = Attempts::default();
        loop {
            let answer = self.once_alone(statement, started).await;
            if !attempts.again(&answer).await {
                return answer.map_err(Failed::into_error);
            }
        }
    }

    async fn once_shared(&self, statement: &Statement) -> Result<Body, Failed> {
        let connection = self.shared.get().await.map_err(Failed::Connecting)?;
        rows::read(&connection, statement, self.bytes_max).await.map_err(Failed::Reading)
    }

    async fn once_alone(&self, statement: &Statement, started: Instant) -> Result<Body, Failed> {
        let left = || statement.timeout.saturating_sub(started.elapsed());
        let held = self.pool.get(left()).await.map_err(Failed::Connecting)?;
        let lease = Lease::new(held, self.connector.tls());
        let connection = lease.connection().map_err(Failed::Connecting)?;
        let known = connection.knows(&statement.prepared);
        let began = Instant::now();
        let reading = async {
            match self.connector.pooled {
                true => self.in_transaction(connection, statement).await,
                false => rows::read(connection, statement, self.bytes_max).await,
            }
        };
        match tokio::time::timeout(left(), reading).await {
            Ok(answer) => {
                match self.connector.pooled && answer.is_err() {
                    true => pool::undo(lease).await,
                    false => drop(lease.ended()),
                }
                // The first time a statement is also prepared, which says nothing of its own cost.
                if known && answer.is_ok() {
                    self.remember(&statement.prepared, began.elapsed() <= QUICK_MAX);
                }
                answer.map_err(Failed::Reading)
            }
            // The lease stops what runs.
            Err(_) => Err(Failed::Reading(late())),
        }
    }

    /// With settings of its own, where the session has none that stay.
    async fn in_transaction(&self, connection: &Connection, statement: &Statement) -> Result<Body, DbError> {
        let failed = |error| db_error(&error, During::Read);
        let begin = format!("BEGIN READ ONLY{}", connection.local);
        let begin = connection.client.batch_execute(&begin);
        // Both are on their way before either is answered.
        let (begun, answer) = join(begin, rows::read(connection, statement, self.bytes_max)).await;
        begun.map_err(failed)?;
        let answer = answer?;
        connection.client.batch_execute("COMMIT").await.map_err(failed)?;
        Ok(answer)
    }

    fn remember(&self, prepared: &Arc<Prepared>, quick: bool) {
        self.quick.insert(prepared, quick);
    }

    /// The shared connections.
    pub(crate) fn connections(&self) -> &Shared {
        &self.shared
    }
}

/// Where a read failed.
enum Failed {
    /// No connection was to be had: asking again at once would be of no use.
    Connecting(DbError),
    Reading(DbError),
}

impl Failed {
    fn into_error(self) -> DbError {
        let (Self::Connecting(error) | Self::Reading(error)) = self;
        error
    }
}

/// How often a read was asked. One that is lost with its connection is asked again: nothing can have come of it. When a
/// server ends all its sessions, those that come next in turn may be as dead without knowing it yet.
#[derive(Default)]
struct Attempts(u32);

impl Attempts {
    /// Whether to ask again after this answer.
    async fn again(&mut self, answer: &Result<Body, Failed>) -> bool {
        self.0 += 1;
        let lost = matches!(answer, Err(Failed::Reading(error)) if error.fault == Fault::Unavailable);
        if lost && self.0 < ATTEMPTS_MAX {
            // Lets the connections notice that they were closed.
            tokio::task::yield_now().await;
            return true;
        }
        false
    }
}

fn late() -> DbError {
    DbError::new(Fault::Deadline, "the deadline has passed")
}
