//! A database that fails by plan, for tests of what the rooms above do on bad days.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use transom_query::Catalog;
use transom_sql::{Dialect, Statement, Unit};
use transom_types::ChangePosition;

use crate::{Body, Change, Committed, Database, DbError, Fault, Migration, database::Described};

/// Runs before a call: waits, say, until a test lets it go on.
pub type Callback = Arc<dyn Fn() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What happens instead of, or to, one call.
#[derive(Clone)]
pub enum Injection {
    /// The call fails; nothing is applied.
    Fail(Fault),
    /// The call is applied, then fails: as when the connection is lost before the reply.
    FailAfter(Fault),
    /// The callback runs first, then the call.
    Delay(Callback),
}

impl fmt::Debug for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fail(fault) => write!(f, "Fail({fault:?})"),
            Self::FailAfter(fault) => write!(f, "FailAfter({fault:?})"),
            Self::Delay(_) => f.write_str("Delay"),
        }
    }
}

/// Which calls of one kind fail: by their number, from 1.
#[derive(Debug, Default)]
struct Calls {
    so_far: u64,
    injections: BTreeMap<u64, Injection>,
    always: Option<Injection>,
}

impl Calls {
    fn next(&mut self) -> Option<Injection> {
        self.so_far += 1;
        self.injections.remove(&self.so_far).or_else(|| self.always.clone())
    }
}

/// A database that fails by plan.
#[derive(Debug)]
pub struct Faulty<D> {
    inner: D,
    reads: Mutex<Calls>,
    writes: Mutex<Calls>,
}

impl<D> Faulty<D> {
    /// Fails nowhere yet.
    pub fn new(inner: D) -> Self {
        Self { inner, reads: Mutex::default(), writes: Mutex::default() }
    }

    /// The `nth` read (from 1, counted since construction) meets this.
    #[must_use]
    pub fn on_read(self, nth: u64, injection: Injection) -> Self {
        locked(&self.reads).injections.insert(nth, injection);
        self
    }

    /// The `nth` write (from 1, counted since construction) meets this.
    #[must_use]
    pub fn on_write(self, nth: u64, injection: Injection) -> Self {
        locked(&self.writes).injections.insert(nth, injection);
        self
    }

    /// From now on every write without an injection of its own meets this; `None` heals.
    pub fn every_write(&self, injection: Option<Injection>) {
        locked(&self.writes).always = injection;
    }

    /// From now on every read without an injection of its own meets this; `None` heals.
    pub fn every_read(&self, injection: Option<Injection>) {
        locked(&self.reads).always = injection;
    }

    /// How many writes were tried.
    pub fn writes_tried(&self) -> u64 {
        locked(&self.writes).so_far
    }

    /// The database within.
    pub fn inner(&self) -> &D {
        &self.inner
    }
}

fn locked(calls: &Mutex<Calls>) -> std::sync::MutexGuard<'_, Calls> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

fn injected(fault: Fault) -> DbError {
    DbError::new(fault, "injected by a test")
}

/// Runs a call with what is injected into it.
async fn through<T>(
    injection: Option<Injection>,
    call: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    match injection {
        None => call.await,
        Some(Injection::Fail(fault)) => Err(injected(fault)),
        Some(Injection::FailAfter(fault)) => {
            call.await?;
            Err(injected(fault))
        }
        Some(Injection::Delay(callback)) => {
            callback().await;
            call.await
        }
    }
}

#[async_trait]
impl<D: Database> Database for Faulty<D> {
    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    async fn introspect(&self) -> Result<Catalog, DbError> {
        self.inner.introspect().await
    }

    async fn read(&self, statement: Statement) -> Result<Body, DbError> {
        let injection = locked(&self.reads).next();
        through(injection, self.inner.read(statement)).await
    }

    async fn write(&self, unit: Unit) -> Result<Committed, DbError> {
        let injection = locked(&self.writes).next();
        through(injection, self.inner.write(unit)).await
    }

    async fn track_changes(&self, tables: &[Box<str>]) -> Result<(), DbError> {
        self.inner.track_changes(tables).await
    }

    async fn settled(&self) -> Result<ChangePosition, DbError> {
        self.inner.settled().await
    }

    async fn changes_after(&self, position: ChangePosition, count_max: u32) -> Result<Vec<Change>, DbError> {
        self.inner.changes_after(position, count_max).await
    }

    async fn changes(&self) -> Result<tokio::sync::watch::Receiver<ChangePosition>, DbError> {
        self.inner.changes().await
    }

    async fn explain(&self, statement: Statement) -> Result<Vec<String>, DbError> {
        self.inner.explain(statement).await
    }

    async fn applied_migrations(&self) -> Result<Vec<Migration>, DbError> {
        self.inner.applied_migrations().await
    }

    async fn apply_migration(
        &self,
        migration: &Migration,
        sql: &str,
        expected_count: u32,
    ) -> Result<bool, DbError> {
        self.inner.apply_migration(migration, sql, expected_count).await
    }

    async fn run_script(&self, sql: &str) -> Result<(), DbError> {
        self.inner.run_script(sql).await
    }

    async fn describe(&self, sql: &str) -> Result<Described, DbError> {
        self.inner.describe(sql).await
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        self.inner.gauges()
    }

    async fn ping(&self) -> Result<(), DbError> {
        self.inner.ping().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[cfg(test)]
mod tests {
    use transom_sql::sqlite::Sqlite;
    use transom_types::RequestId;

    use super::*;
    use crate::Memory;

    fn nothing() -> Unit {
        let (timeout, cause) = (std::time::Duration::from_secs(1), RequestId("test".into()));
        Unit { steps: Vec::new(), timeout, cause, idempotency: None, rollback: false, session: None }
    }

    #[tokio::test]
    async fn the_planned_calls_fail_and_no_other() {
        let memory = Memory::new(Arc::new(Catalog::default()), Arc::new(Sqlite));
        let waited = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counting = waited.clone();
        let callback: Callback = Arc::new(move || {
            counting.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Box::pin(std::future::ready(()))
        });
        let database = Faulty::new(memory)
            .on_write(2, Injection::Fail(Fault::Unavailable))
            .on_write(3, Injection::FailAfter(Fault::Unknown))
            .on_write(4, Injection::Delay(callback));
        let mut faults = Vec::new();
        for _ in 0..5 {
            faults.push(database.write(nothing()).await.err().map(|error| error.fault));
        }
        assert_eq!(faults, [None, Some(Fault::Unavailable), Some(Fault::Unknown), None, None]);
        assert_eq!(waited.load(std::sync::atomic::Ordering::Relaxed), 1);
        database.every_write(Some(Injection::Fail(Fault::DiskFull)));
        assert!(database.write(nothing()).await.is_err());
        database.every_write(None);
        assert!(database.write(nothing()).await.is_ok());
        assert_eq!(database.writes_tried(), 7);
    }
}
