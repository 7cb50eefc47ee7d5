//! A database in memory that interprets plans instead of SQL: the model that engines are compared with, and a quick
//! stand-in for tests of the rooms above. Clarity goes before speed: every read walks whole tables, one unit runs at a time.
//!
//! What it leaves out: handwritten statements, scripts, views' rows, check constraints, generated columns and what a
//! foreign key does on delete (it always restricts), for a catalog does not tell these.

mod bind;
mod change_log;
mod constraints;
mod defaults;
mod full_text;
mod insert;
mod read;
mod rows;
mod scope;
mod state;
#[cfg(test)]
mod tests;
mod unit;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use tokio::sync::watch;
use transom_query::Catalog;
use transom_sql::{Dialect, Statement, Unit};
use transom_types::ChangePosition;

use crate::{Body, Change, Committed, Database, DbError, Fault, Migration, database::Described};
use state::{Replay, State};

/// A database in memory.
pub struct Memory {
    catalog: Arc<Catalog>,
    dialect: Arc<dyn Dialect>,
    state: Mutex<State>,
    newest: watch::Sender<ChangePosition>,
    changes_max: usize,
    clock_ms: fn() -> i64,
    closed: AtomicBool,
}

impl Memory {
    /// An empty database of these tables. The dialect only serves callers that render: statements are interpreted from their plans.
    pub fn new(catalog: Arc<Catalog>, dialect: Arc<dyn Dialect>) -> Self {
        let state = State::new(catalog.tables().count());
        let newest = watch::Sender::new(ChangePosition::default());
        let closed = AtomicBool::new(false);
        Self { catalog, dialect, state: Mutex::new(state), newest, changes_max: usize::MAX, clock_ms, closed }
    }

    /// Keeps only so many of the newest changes.
    #[must_use]
    pub fn keep_changes(mut self, changes_max: usize) -> Self {
        self.changes_max = changes_max;
        self
    }

    /// Another clock: milliseconds since 1970 UTC.
    #[must_use]
    pub fn at(mut self, clock_ms: fn() -> i64) -> Self {
        self.clock_ms = clock_ms;
        self
    }

    /// The state is replaced as a whole by a finished unit, so a poisoned lock still guards a consistent one.
    fn state(&self) -> Result<MutexGuard<'_, State>, DbError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(DbError::new(Fault::Unavailable, "the database is closed"));
        }
        Ok(self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One statement on the state as it is.
    fn read_now(&self, statement: &Statement) -> Result<Body, DbError> {
        let state = self.state()?.clone();
        let now = rows::time_text((self.clock_ms)());
        let params = bind::resolve(statement, &[])?;
        let environment = scope::Environment::new(&self.catalog, &state, statement, &params, &now);
        read::run(statement, &environment)
    }

    fn write_now(&self, unit: &Unit) -> Result<Committed, DbError> {
        let mut current = self.state()?;
        if let Some(idempotency) = &unit.idempotency
            && let Some(replay) = current.replay(idempotency)?
        {
            return Ok(Committed { outcomes: replay, replayed: true, session: Default::default() });
        }
        let mut next = current.clone();
        let outcomes = unit::run(unit, &self.catalog, &mut next, (self.clock_ms)())?;
        if unit.rollback {
            return Ok(Committed { outcomes, replayed: false, session: Default::default() });
        }
        if let Some(idempotency) = &unit.idempotency {
            next.replays.push(Replay { promise: idempotency.clone(), outcomes: outcomes.clone() });
        }
        next.changes.shorten(self.changes_max);
        let position = next.changes.position();
        *current = next;
        // Under the lock, so that receivers never see the position step back.
        self.newest.send_if_modified(|newest| {
            let moved = *newest != position;
            *newest = position;
            moved
        });
        Ok(Committed { outcomes, replayed: false, session: Default::default() })
    }
}

/// This port is where the clock enters.
fn clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What only an engine with SQL can do.
fn needs_sql<T>(what: &str) -> Result<T, DbError> {
    Err(DbError::new(
        Fault::Internal,
        format!("the memory database cannot {what}: it interprets plans, not SQL"),
    ))
}

#[async_trait]
impl Database for Memory {
    fn dialect(&self) -> &dyn Dialect {
        &*self.dialect
    }

    async fn introspect(&self) -> Result<Catalog, DbError> {
        Ok((*self.catalog).clone())
    }

    async fn read(&self, statement: Statement) -> Result<Body, DbError> {
        self.read_now(&statement)
    }

    async fn write(&self, unit: Unit) -> Result<Committed, DbError> {
        self.write_now(&unit)
    }

    async fn track_changes(&self, tables: &[Box<str>]) -> Result<(), DbError> {
        let mut state = self.state()?;
        for name in tables {
            let table = self.catalog.table(name);
            let table =
                table.ok_or_else(|| DbError::new(Fault::Internal, format!("no table '{name}' to track")))?;
            state.changes.track(table);
        }
        Ok(())
    }

    async fn changes_after(&self, position: ChangePosition, count_max: u32) -> Result<Vec<Change>, DbError> {
        self.state()?.changes.after(position, count_max)
    }

    async fn changes(&self) -> Result<watch::Receiver<ChangePosition>, DbError> {
        drop(self.state()?);
        Ok(self.newest.subscribe())
    }

    async fn explain(&self, statement: Statement) -> Result<Vec<String>, DbError> {
        Ok(vec![format!("INTERPRET step {} of the plan", statement.prepared.step)])
    }

    async fn applied_migrations(&self) -> Result<Vec<Migration>, DbError> {
        Ok(self.state()?.migrations.clone())
    }

    /// Only records: the catalog is given at construction.
    async fn apply_migration(
        &self,
        migration: &Migration,
        _: &str,
        expected_count: u32,
    ) -> Result<bool, DbError> {
        let mut state = self.state()?;
        if state.migrations.len() != expected_count as usize {
            return Ok(false);
        }
        state.migrations.push(migration.clone());
        Ok(true)
    }

    async fn run_script(&self, _: &str) -> Result<(), DbError> {
        needs_sql("run a script")
    }

    async fn describe(&self, _: &str) -> Result<Described, DbError> {
        needs_sql("describe a statement")
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        vec![("memory_rows", state.rows_count() as f64), ("memory_changes", state.changes.len() as f64)]
    }

    async fn ping(&self) -> Result<(), DbError> {
        self.state().map(drop)
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}
