//! A change log that the test writes itself, over a database in memory that judges; and the policies to judge by.

#![allow(dead_code, clippy::unwrap_used, missing_docs, reason = "each test file uses a part")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};
use tokio::sync::watch;
use transom_events::{
    Batch, ChangeFeed, Event, FeedSettings, PolicySource, Subscription, SubscriptionRequest,
};
use transom_policy::{Policies, guard};
use transom_ports::{
    Body, Change, ChangeKind, Committed, Database, DbError, Fault, Memory, Migration, database::Described,
};
use transom_query::{
    Catalog,
    catalog::{Access, Column, ColumnId, Table, TableKind},
    plan::{
        Cost, Expect, Insert, InsertColumn, InsertValue, ParamId, ParamKind, ParamSource, Parameter, Plan,
        QueryId, Returning, Step,
    },
};
use transom_sql::{Bound, Dialect, Layout, Prepared, Statement, Unit};
use transom_types::{ChangePosition, DataType, Principal, Problem, RequestId, Value};

pub const POLICIES: &str = "
GRANT SELECT (id, owner, body, done, tags) ON notes TO authenticated;
CREATE POLICY own ON notes FOR SELECT TO authenticated USING (owner = auth.uid());
GRANT SELECT ON board TO anon, authenticated;
CREATE POLICY everyone ON board FOR SELECT USING (true);
GRANT SELECT ON untracked TO anon;
GRANT SELECT ON shared TO authenticated;
CREATE POLICY team ON shared FOR SELECT TO authenticated
  USING (EXISTS (SELECT 1 FROM members WHERE members.team = shared.team AND members.person = auth.uid()));
GRANT SELECT ON members TO authenticated;
CREATE POLICY own ON members FOR SELECT TO authenticated USING (person = auth.uid());
";

fn table(name: &str, columns: &[(&str, DataType)]) -> Table {
    let column = |(name, data_type): &(&str, DataType)| Column {
        name: (*name).into(),
        data_type: *data_type,
        nullable: true,
        default: None,
        generated: false,
        identity: false,
        engine_type: None,
        collation: None,
        vector: false,
        computed: false,
        representation: None,
        access: Access::ALL,
        comment: None,
    };
    Table {
        name: name.into(),
        kind: TableKind::Table,
        columns: columns.iter().map(column).collect(),
        primary_key: vec![ColumnId(0)],
        unique_keys: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        full_text: None,
        schema: None,
        access: Access::ALL,
        comment: None,
    }
}

pub fn catalog() -> Arc<Catalog> {
    use DataType::{Bool, Integer, Json, Text};
    let notes =
        [("id", Integer), ("owner", Text), ("body", Text), ("secret", Text), ("done", Bool), ("tags", Json)];
    let tables = vec![
        table("notes", &notes),
        table("board", &[("id", Integer), ("text", Text)]),
        table("untracked", &[("id", Integer)]),
        table("hidden", &[("id", Integer)]),
        table("shared", &[("id", Integer), ("team", Text)]),
        table("members", &[("id", Integer), ("team", Text), ("person", Text)]),
    ];
    Arc::new(Catalog::new(tables, Vec::new()))
}

pub fn policies(text: &str) -> Arc<Policies> {
    Arc::new(Policies::load("policies.sql", text, catalog()).unwrap())
}

pub fn fixed(policies: Arc<Policies>) -> PolicySource {
    Arc::new(move || policies.clone())
}

pub fn dialect() -> Arc<dyn Dialect> {
    Arc::new(transom_sql::sqlite::Sqlite)
}

pub fn memory() -> Memory {
    Memory::new(catalog(), dialect())
}

pub fn tracked() -> Vec<Box<str>> {
    ["notes", "board", "hidden", "shared", "members"].map(Into::into).into()
}

/// A change log written by the test; statements are run by the database in memory.
pub struct Log {
    pub memory: Memory,
    log: Mutex<(u64, Vec<Change>)>,
    newest: watch::Sender<ChangePosition>,
    /// The next reads of the log that fail.
    pub failing: AtomicU32,
    /// How often the log was read.
    pub read: AtomicU32,
}

impl Log {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            memory: memory(),
            log: Mutex::default(),
            newest: watch::Sender::default(),
            failing: AtomicU32::new(0),
            read: AtomicU32::new(0),
        })
    }

    /// Appends changes and announces the last, as one commit does.
    pub fn commit(&self, changes: Vec<(&str, Option<Json>, Option<Json>)>) -> ChangePosition {
        let mut log = self.log.lock().unwrap();
        for (table, before, after) in changes {
            let object = |image: Option<Json>| image.map(|image| image.as_object().unwrap().clone());
            let (before, after) = (object(before), object(after));
            let kind = match (&before, &after) {
                (None, _) => ChangeKind::Insert,
                (_, None) => ChangeKind::Delete,
                _ => ChangeKind::Update,
            };
            let row = after.as_ref().or(before.as_ref()).unwrap();
            let mut key = Map::new();
            key.insert("id".to_owned(), row["id"].clone());
            let position = ChangePosition(log.0 + log.1.len() as u64 + 1);
            let (cause, at_ms) = ("test".into(), 1_767_323_045_678);
            log.1.push(Change { position, table: table.into(), kind, key, before, after, cause, at_ms });
        }
        let position = ChangePosition(log.0 + log.1.len() as u64);
        self.newest.send_replace(position);
        position
    }

    /// One insert into `board`.
    pub fn post(&self, id: u64) -> ChangePosition {
        self.commit(vec![("board", None, Some(json!({"id": id, "text": format!("post {id}")})))])
    }

    /// One commit each.
    pub fn post_all(&self, ids: std::ops::RangeInclusive<u64>) {
        for id in ids {
            self.post(id);
        }
    }

    /// Forgets all but the newest changes.
    pub fn keep(&self, count: usize) {
        let mut log = self.log.lock().unwrap();
        let surplus = log.1.len().saturating_sub(count);
        log.0 += surplus as u64;
        log.1.drain(..surplus);
    }

    pub fn newest(&self) -> ChangePosition {
        *self.newest.borrow()
    }

    pub async fn feed(self: &Arc<Self>, settings: FeedSettings) -> ChangeFeed {
        self.feed_with(settings, fixed(policies(POLICIES))).await
    }

    pub async fn feed_with(self: &Arc<Self>, settings: FeedSettings, policies: PolicySource) -> ChangeFeed {
        let settings = FeedSettings { tables: tracked(), ..settings };
        ChangeFeed::start(self.clone(), policies, settings).await.unwrap()
    }
}

#[async_trait]
impl Database for Log {
    fn dialect(&self) -> &dyn Dialect {
        self.memory.dialect()
    }

    async fn introspect(&self) -> Result<Catalog, DbError> {
        self.memory.introspect().await
    }

    async fn read(&self, statement: Statement) -> Result<Body, DbError> {
        self.memory.read(statement).await
    }

    async fn write(&self, unit: Unit) -> Result<Committed, DbError> {
        self.memory.write(unit).await
    }

    async fn track_changes(&self, _: &[Box<str>]) -> Result<(), DbError> {
        Ok(())
    }

    async fn changes_after(&self, position: ChangePosition, count_max: u32) -> Result<Vec<Change>, DbError> {
        self.read.fetch_add(1, Ordering::SeqCst);
        if self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(DbError::new(Fault::Unavailable, "by plan"));
        }
        let log = self.log.lock().unwrap();
        let Some(skipped) = position.0.checked_sub(log.0) else {
            return Err(DbError::new(Fault::ChangesExpired, "too old"));
        };
        Ok(log.1.iter().skip(skipped as usize).take(count_max as usize).cloned().collect())
    }

    async fn changes(&self) -> Result<watch::Receiver<ChangePosition>, DbError> {
        Ok(self.newest.subscribe())
    }

    async fn explain(&self, _: Statement) -> Result<Vec<String>, DbError> {
        Ok(Vec::new())
    }

    async fn applied_migrations(&self) -> Result<Vec<Migration>, DbError> {
        Ok(Vec::new())
    }

    async fn apply_migration(&self, _: &Migration, _: &str, _: u32) -> Result<bool, DbError> {
        Ok(false)
    }

    async fn run_script(&self, _: &str) -> Result<(), DbError> {
        Ok(())
    }

    async fn describe(&self, sql: &str) -> Result<Described, DbError> {
        self.memory.describe(sql).await
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    async fn ping(&self) -> Result<(), DbError> {
        Ok(())
    }

    async fn close(&self) {}
}

pub fn user(id: &str) -> Principal {
    Principal::with_claims("authenticated", json!({"sub": id, "role": "authenticated"}))
}

pub fn request(tables: &[&str], from: Option<u64>, principal: Principal) -> SubscriptionRequest {
    SubscriptionRequest {
        tables: tables.iter().map(|table| (*table).into()).collect(),
        from: from.map(ChangePosition),
        principal,
        lifetime: None,
    }
}

pub fn anonymous(tables: &[&str], from: Option<u64>) -> SubscriptionRequest {
    request(tables, from, Principal::anonymous("anon"))
}

/// The next batch, which must come.
pub async fn next(subscription: &mut Subscription) -> Result<Batch, Problem> {
    tokio::time::timeout(Duration::from_secs(20), subscription.next()).await.expect("a batch in time")
}

/// Every event up to a position, which need not have one.
pub async fn settle(subscription: &mut Subscription, last: ChangePosition) -> Vec<Event> {
    let mut events = Vec::new();
    let all = async {
        while subscription.position() < last {
            // The position moves on while the call waits, and is to be seen only between calls.
            if let Ok(batch) = tokio::time::timeout(Duration::from_millis(5), subscription.next()).await {
                events.extend(batch.unwrap().events);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("to get there in time");
    events
}

/// Every event up to a position that has one.
pub async fn events_to(subscription: &mut Subscription, last: ChangePosition) -> Vec<Event> {
    let mut events = Vec::new();
    while subscription.position() < last {
        events.extend(next(subscription).await.unwrap().events);
    }
    events
}

pub fn ids(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.id.0).collect()
}

/// A unit that inserts one row, with full rights.
pub fn insert(table: &str, row: &Json, rollback: bool) -> Unit {
    let catalog = catalog();
    let id = catalog.table(table).unwrap();
    let columns = &catalog[id].columns;
    let types: Vec<DataType> = columns.iter().map(|column| column.data_type).collect();
    let cell = |(at, data_type): (u16, &DataType)| InsertColumn {
        column: ColumnId(at.into()),
        value: InsertValue::Cell { cell: at, data_type: *data_type, missing_default: false },
    };
    let step = Insert {
        id: QueryId(0),
        table: id,
        columns: (0u16..).zip(&types).map(cell).collect(),
        rows: Some(ParamId(0)),
        given: None,
        conflict: None,
        check: None,
        merge_guard: None,
        returning: Returning::default(),
        expect: Expect::Any,
    };
    let rows = Parameter { source: ParamSource::Payload, kind: ParamKind::Rows(types), name: "rows".into() };
    let plan = Plan {
        steps: vec![Step::Insert(step)],
        reply: None,
        params: vec![rows],
        cost: Cost::Key,
        cacheable: false,
        query_ids: 1,
        form: Default::default(),
    };
    let plan = Arc::new(guard(plan, &policies(POLICIES).system()).unwrap());
    let prepared = Prepared {
        estimate: None,
        text: "".into(),
        params: vec![ParamId(0)],
        layout: Layout::default(),
        writes: true,
        calls: false,
        cost: Cost::Key,
        expect: Expect::Any,
        plan,
        step: 0,
        check: Default::default(),
    };
    let cells: Vec<&Json> =
        columns.iter().map(|column| row.get(&*column.name).unwrap_or(&Json::Null)).collect();
    let statement = Statement {
        prepared: Arc::new(prepared),
        params: Arc::from([Bound::Value(Value::Json(json!([cells]).to_string().into()))]),
        timeout: Duration::from_secs(5),
    };
    Unit {
        steps: vec![transom_sql::Step::any(statement)],
        timeout: Duration::from_secs(5),
        cause: RequestId("test".into()),
        idempotency: None,
        rollback,
        session: None,
    }
}
