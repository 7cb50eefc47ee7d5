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
