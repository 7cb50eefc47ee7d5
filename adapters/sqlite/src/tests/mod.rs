//! The adapter on real files: what only this engine does. What every engine must do is in the conformance suite.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it did not expect")]

mod files;
mod groups;
mod log;
mod migrations;
mod reads;
mod schema;

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use tempfile::TempDir;
use tokio::sync::oneshot;
use transom_policy::{GuardedPlan, Policies, guard};
use transom_ports::{Committed, Database, DbError};
use transom_query::{
    Catalog, Plan, Query, QueryId, TableId,
    plan::{Cost, Expect, ParamId, Read, Source, Step as PlanStep},
};
use transom_sql::{Bound, Layout, Prepared, Statement, Step, Unit};
use transom_types::{RequestId, Value};

use crate::{Options, Sqlite, writer::Context};

/// Long enough for everything that is not meant to be slow.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A database in a directory of its own.
struct Bench {
    database: Arc<Sqlite>,
    directory: Arc<TempDir>,
}

impl Bench {
    async fn new(schema: &str) -> Self {
        Self::with(schema, |_| {}).await
    }

    async fn with(schema: &str, change: impl FnOnce(&mut Options)) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let bench = Self::open(directory, change);
        bench.database.run_script(schema).await.unwrap();
        bench
    }

    fn open(directory: Arc<TempDir>, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::file(directory.path().join("test.db"));
        change(&mut options);
        Self { database: Arc::new(Sqlite::open(options).unwrap()), directory }
    }

    /// Another program's connection to the same file.
    fn stranger(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.directory.path().join("test.db")).unwrap()
    }

    async fn write(&self, steps: Vec<Step>) -> Result<Committed, DbError> {
        self.database.write(unit(steps)).await
    }

    /// The first column of the first row, as text.
    async fn ask(&self, sql: &str) -> String {
        let body = self.database.read(reading(&format!("SELECT json_array(({sql}))"))).await.unwrap();
        let text = String::from_utf8(body.json.into_bytes().unwrap().into()).unwrap();
        text.trim_start_matches("[[").trim_end_matches("]]").to_owned()
    }

    /// Runs on the writer's thread.
    async fn on_writer(&self, task: impl FnOnce(&mut Context) + Send + 'static) {
        let done = self.database.writer.task(move |context| {
            task(context);
            Ok(())
        });
        done.await.unwrap();
    }

    /// Nothing is written until what this returns is dropped.
    async fn hold_writer(&self) -> mpsc::Sender<()> {
        let (held, wait) = mpsc::channel();
        let (begun, is_held) = oneshot::channel();
        let database = self.database.clone();
        tokio::spawn(async move {
            let task = database.writer.task(move |_| {
                let _ = begun.send(());
                // Ends when the other end is dropped.
                let _ = wait.recv_timeout(TIMEOUT);
                Ok(())
            });
            task.await
        });
        is_held.await.unwrap();
        held
    }

    /// Waits until a gauge has this value.
    async fn until(&self, name: &str, value: u64) {
        let reached = async {
            while self.gauge(name) != value {
                tokio::task::yield_now().await;
            }
        };
        let reached = tokio::time::timeout(TIMEOUT, reached).await;
        assert!(reached.is_ok(), "{name} never was {value}, but {}", self.gauge(name));
    }

    fn gauge(&self, name: &str) -> u64 {
        let gauges = self.database.gauges();
        gauges.iter().find(|(found, _)| *found == name).unwrap().1 as u64
    }
}

/// A plan that says nothing of the statement, which is written by hand.
fn no_plan() -> Arc<GuardedPlan> {
    let catalog = Arc::new(Catalog::default());
    let policies = Policies::load("policies.sql", "", catalog).unwrap();
    let query = Query { source: Source::One, ..Query::table(QueryId(0), TableId(0)) };
    let step =
        PlanStep::Read(Read { query, count: None, count_max: None, cursor: false, expect: Expect::Any });
    let plan = Plan {
        steps: vec![step],
        reply: None,
        params: Vec::new(),
        cost: Cost::Key,
        cacheable: false,
        query_ids: 1,
        form: Default::default(),
    };
    Arc::new(guard(plan, &policies.system()).unwrap())
}

fn statement(sql: &str, layout: Layout, params: Vec<Bound>) -> Statement {
    let prepared = Prepared {
        estimate: None,
        text: sql.into(),
        params: (0..params.len() as u16).map(ParamId).collect(),
        layout,
        writes: false,
        calls: false,
        cost: Cost::Key,
        expect: Expect::Any,
        plan: no_plan(),
        step: 0,
        check: Default::default(),
    };
    Statement { prepared: Arc::new(prepared), params: params.into(), timeout: TIMEOUT }
}

/// Each row's first column is its JSON.
fn reading(sql: &str) -> Statement {
    statement(sql, Layout { body: true, ..Layout::default() }, Vec::new())
}

fn step(sql: &str) -> Step {
    Step::any(statement(sql, Layout::default(), Vec::new()))
}

/// Returns one column, the row's JSON.
fn returning(sql: &str) -> Step {
    Step::any(reading(sql))
}

fn with_values(sql: &str, values: Vec<Value>) -> Step {
    let params = values.into_iter().map(Bound::Value).collect();
    Step::any(statement(sql, Layout::default(), params))
}

fn unit(steps: Vec<Step>) -> Unit {
    let cause = RequestId("a-test".into());
    Unit { steps, timeout: TIMEOUT, cause, idempotency: None, rollback: false, session: None }
}
