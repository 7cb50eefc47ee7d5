//! Connections that a transaction or a dear read has to itself.

use std::{sync::Arc, time::Duration};

use deadpool::{
    Runtime,
    managed::{self, Metrics, PoolError, RecycleError, RecycleResult, TimeoutType},
};
use transom_ports::{DbError, Fault};

use crate::{
    connect::{Connection, Connector, Purpose},
    errors::{During, db_error},
    tls::Tls,
};

/// Opens the pool's connections.
pub(crate) struct Manager {
    connector: Arc<Connector>,
    purpose: Purpose,
    timeout: Duration,
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = DbError;

    async fn create(&self) -> Result<Connection, DbError> {
        self.connector.open(self.purpose, self.timeout).await
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<DbError> {
        let (age_max, idle_max) = self.connector.lifetimes;
        if connection.client.is_closed() {
            return Err(RecycleError::message("closed"));
        }
        let over = |max: Option<Duration>, is: Duration| max.is_some_and(|max| is > max);
        match over(age_max, metrics.age()) || over(idle_max, metrics.last_used()) {
            true => Err(RecycleError::message("too old")),
            false => Ok(()),
        }
    }
}

/// A bounded number of connections.
pub(crate) struct Pool {
    inner: managed::Pool<Manager>,
    wait_max: Duration,
}

/// A connection of the pool, for as long as it is held.
pub(crate) type Held = managed::Object<Manager>;

impl Pool {
    pub(crate) fn new(
        connector: Arc<Connector>,
        purpose: Purpose,
        count: usize,
        (timeout, wait_max): (Duration, Duration),
    ) -> Result<Self, DbError> {
        let inner = managed::Pool::builder(Manager { connector, purpose, timeout })
            .max_size(count.max(1))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| DbError::new(Fault::Internal, error.to_string()))?;
        Ok(Self { inner, wait_max })
    }

    /// A connection, waited for no longer than `wait` or the pool's own bound.
    /// Errors: [`Fault::Overloaded`] when all are in use for that long.
    pub(crate) async fn get(&self, wait: Duration) -> Result<Held, DbError> {
        // A connection that takes longer to open than the caller has time is the deadline's matter, not the server's.
        let late = if wait < self.wait_max { Fault::Deadline } else { Fault::Unavailable };
        let wait = Some(wait.min(self.wait_max));
        let timeouts = managed::Timeouts { wait, create: wait, recycle: wait };
        match self.inner.timeout_get(&timeouts).await {
            Ok(held) => Ok(held),
            Err(PoolError::Backend(error)) => Err(error),
            Err(PoolError::Timeout(TimeoutType::Wait)) => {
                Err(DbError::new(Fault::Overloaded, "Every connection to the database is in use"))
            }
            Err(error @ PoolError::Timeout(_)) => Err(DbError::new(late, error.to_string())),
            Err(error) => Err(DbError::new(Fault::Unavailable, error.to_string())),
        }
    }

    /// How many connections are open, and how many requests wait for one.
    pub(crate) fn status(&self) -> (usize, usize) {
        let status = self.inner.status();
        (status.size, status.waiting)
    }

    pub(crate) fn close(&self) {
        self.inner.close();
    }
}

/// A connection at work. Where the work's future is dropped, as when a client has gone, what runs is stopped and the
/// connection is thrown away: it may stand in the middle of a transaction, and would be given to the next.
pub(crate) struct Lease {
    held: Option<Held>,
    tls: Tls,
}

impl Lease {
    pub(crate) fn new(held: Held, tls: Tls) -> Self {
        Self { held: Some(held), tls }
    }

    /// The connection; always there until it is given back.
    pub(crate) fn connection(&self) -> Result<&Connection, DbError> {
        let held = self.held.as_deref();
        held.ok_or_else(|| DbError::new(Fault::Internal, "the connection was given back already"))
    }

    /// The work has ended in order: the connection is the caller's again.
    pub(crate) fn ended(mut self) -> Option<Held> {
        self.held.take()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(cancel(held, self.tls.clone()))),
            Err(_) => drop(Held::take(held)),
        }
    }
}

/// Gives a connection back in a state that the next can use: a transaction that may still be open is ended.
/// A connection that does not answer is thrown away.
pub(crate) async fn undo(lease: Lease) {
    let Ok(connection) = lease.connection() else { return };
    let rollback = connection.client.batch_execute("ROLLBACK");
    let ended = tokio::time::timeout(Duration::from_secs(2), rollback).await;
    if matches!(ended, Ok(Ok(()))) {
        drop(lease.ended());
    }
}

/// Stops what runs on a connection that nobody else uses.
async fn cancel(held: Held, connector_tls: Tls) {
    let stopped = held.client.cancel_token().cancel_query(connector_tls).await;
    if let Err(error) = stopped {
        let error = db_error(&error, During::Read);
        tracing::debug!(%error, "a statement could not be cancelled");
    }
    // What it may still answer is nobody's any more.
    drop(Held::take(held));
}

#[cfg(test)]
mod tests;
