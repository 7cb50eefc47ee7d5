//! A server on free ports over a database in memory, and a client that sees bytes.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, oneshot, watch},
    task::JoinHandle,
};
use transom_data::{Data, PlanOptions, Sources};
use transom_events::{ChangeFeed, FeedSettings};
use transom_identity::{Identity, MintedToken, Secret, mint};
use transom_ports::{Body, Change, Committed, Database, DbError, Memory, Migration, database::Described};
use transom_query::{
    Catalog,
    catalog::{Access, Column, ColumnId, Table, TableKind},
    plan::{Source, Step},
};
use transom_server::{App, Settings, Stopped, serve};
use transom_sql::{Dialect, Statement, Unit, sqlite::Sqlite};
use transom_types::{ChangePosition, DataType};

const SECRET: &str = "a secret of the tests, and of nothing else";
/// Longer than any test may take; only a test that is broken waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everybody reads and writes things; nobody without a token writes secrets, and no role deletes them.
const POLICIES: &str = "
    GRANT SELECT, INSERT, UPDATE, DELETE ON things TO anon, authenticated;
    CREATE POLICY things ON things FOR ALL TO anon, authenticated USING (true) WITH CHECK (true);
    GRANT SELECT ON secrets, slow, panics TO anon;
    GRANT SELECT, INSERT, UPDATE ON secrets TO authenticated;
    CREATE POLICY secrets ON secrets FOR ALL TO anon, authenticated USING (true) WITH CHECK (true);
    CREATE POLICY slow ON slow FOR SELECT TO anon USING (true);
    CREATE POLICY panics ON panics FOR SELECT TO anon USING (true);
";

/// A running server.
pub struct Server {
    address: SocketAddr,
    admin: SocketAddr,
    gate: Arc<Gate>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Stopped>,
}

/// Where reads of `slow` wait.
struct Gate {
    begun: Semaphore,
    release: Semaphore,
}

impl Server {
    pub async fn start(settings: impl FnOnce(&mut Settings)) -> Self {
        let mut chosen = Settings::default();
        settings(&mut chosen);
        let gate = Arc::new(Gate { begun: Semaphore::new(0), release: Semaphore::new(0) });
        let catalog =
            Arc::new(Catalog::new(["things", "secrets", "slow", "panics"].map(table).into(), vec![]));
        let inner = Memory::new(catalog, Arc::new(Sqlite));
        let database: Arc<dyn Database> = Arc::new(Staged { inner, gate: gate.clone() });
        let policies = ("policies.sql".into(), POLICIES.into());
        let sources = Sources { policies, ..Sources::default() };
        let data = Arc::new(Data::open(database.clone(), &sources, PlanOptions::default()).await.unwrap());
        let identity = transom_identity::Settings {
            secret: Some(Secret::from_text(SECRET).unwrap()),
            ..Default::default()
        };
        let policies_of = data.clone();
        let feed = FeedSettings { tables: vec!["things".into()], ..FeedSettings::default() };
        let feed = ChangeFeed::start(database, Arc::new(move || policies_of.model().policies.clone()), feed)
            .await
            .unwrap();
        let app = Arc::new(App::new(chosen, data, Arc::new(Identity::new(identity).unwrap()), Some(feed)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, admin_address) = (listener.local_addr().unwrap(), admin.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(app, listener, Some(admin), async move {
            let _ = stopped.await;
        }));
        let server = Self { address, admin: admin_address, gate, stop: Some(stop), task };
        let made = server
            .send("POST", "/rest/v1/things", "", r#"[{"id":1,"name":"one"},{"id":2,"name":"two"}]"#)
            .await;
        assert_eq!(made.status, 201, "{}", made.body);
        server
    }

    pub async fn try_connect(&self) -> std::io::Result<Client> {
        Ok(Client { stream: TcpStream::connect(self.address).await?, read: Vec::new(), head: false })
    }

    pub async fn connect(&self) -> Client {
        self.try_connect().await.unwrap()
    }

    /// Sends bytes and reads replies until the server closes.
    pub async fn exchange(&self, bytes: &[u8]) -> Vec<Reply> {
        let mut client = self.connect().await;
        // A server that refuses early may close before everything is sent.
        let _ = client.stream.write_all(bytes).await;
        client.replies().await
    }

    /// Sends one request on a connection of its own.
    pub async fn request(&self, request: &str) -> Reply {
        let mut client = self.connect().await;
        client.head = request.starts_with("HEAD");
        client.write_all(request.as_bytes()).await.unwrap();
        client.reply().await.unwrap()
    }

    pub async fn get(&self, target: &str) -> Reply {
        self.request(&format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n")).await
    }

    /// `headers` end in CR LF each.
    pub async fn send(&self, method: &str, target: &str, headers: &str, body: &str) -> Reply {
        let length = body.len();
        self.request(&format!(
            "{method} {target} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ))
        .await
    }

    pub async fn admin(&self, target: &str) -> Reply {
        let stream = TcpStream::connect(self.admin).await.unwrap();
        let mut client = Client { stream, read: Vec::new(), head: false };
        client.write_all(format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        client.reply().await.unwrap()
    }

    pub async fn until_slow_runs(&self) {
        tokio::time::timeout(PATIENCE, self.gate.begun.acquire()).await.unwrap().unwrap().forget();
    }

    pub fn release_slow(&self) {
        self.gate.release.add_permits(1);
    }

    pub fn begin_stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub async fn stopped(self) -> Stopped {
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap()
    }

    pub async fn stop(mut self) {
        self.begin_stop();
        assert_eq!(self.stopped().await.cut_off, 0);
    }
}

/// The header line of a token.
pub fn token(role: &str, lifetime_seconds: u64) -> String {
    let token = MintedToken {
        role: Some(role.into()),
        subject: Some("u1".into()),
        lifetime_seconds: Some(lifetime_seconds),
        ..MintedToken::default()
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    format!("authorization: Bearer {}\r\n", mint(&Secret::from_text(SECRET).unwrap(), &token, now).unwrap())
}

/// A client's end of a connection.
pub struct Client {
    stream: TcpStream,
    read: Vec<u8>,
    head: bool,
}

/// A reply, taken apart.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Client {
    pub async fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The bare connection.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    pub async fn finish_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The next reply; `None` when the connection ends first.
    pub async fn reply(&mut self) -> Option<Reply> {
        let head_end = self.until(|read| find(read, b"\r\n\r\n").map(|at| at + 4)).await?;
        let head = String::from_utf8(self.read.drain(..head_end).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        };
        let mut reply = Reply { status, headers: lines.filter_map(header).collect(), body: String::new() };
        let length = match self.head || matches!(status, 204 | 304) {
            true => 0,
            false => reply.header("content-length").map_or(0, |length| length.parse().unwrap()),
        };
        self.until(|read| (read.len() >= length).then_some(length)).await?;
        reply.body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        Some(reply)
    }

    /// Every reply until the connection ends.
    pub async fn replies(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        while let Some(reply) = self.reply().await {
            replies.push(reply);
        }
        replies
    }

    /// Reads until this text has come, and returns what came up to its end.
    pub async fn until_text(&mut self, text: &str) -> Option<String> {
        let end = self.until(|read| find(read, text.as_bytes()).map(|at| at + text.len())).await?;
        Some(String::from_utf8(self.read.drain(..end).collect()).unwrap())
    }

    async fn until(&mut self, enough: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        let arrives = async {
            loop {
                if let Some(end) = enough(&self.read) {
                    return Some(end);
                }
                if self.stream.read_buf(&mut self.read).await.unwrap_or(0) == 0 {
                    return None;
                }
            }
        };
        tokio::time::timeout(PATIENCE, arrives).await.unwrap()
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| &**value)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn table(name: &str) -> Table {
    let column = |name: &str, data_type, nullable| Column {
        name: name.into(),
        data_type,
        nullable,
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
        columns: vec![column("id", DataType::Integer, false), column("name", DataType::Text, true)],
        primary_key: vec![ColumnId(0)],
        unique_keys: vec![],
        foreign_keys: vec![],
        indexes: vec![vec![ColumnId(0)]],
        full_text: None,
        schema: None,
        access: Access::ALL,
        comment: None,
    }
}

/// A database whose table `slow` waits for the test, and whose table `panics` does.
struct Staged {
    inner: Memory,
    gate: Arc<Gate>,
}

impl Staged {
    async fn perform(&self, statement: &Statement) {
        let plan = &statement.prepared.plan;
        let Step::Read(read) = &plan.plan().steps[statement.prepared.step] else { return };
        let Source::Table(table) = read.query.source else { return };
        match &*plan.catalog()[table].name {
            "panics" => panic!("as asked"),
            "slow" => {
                self.gate.begun.add_permits(1);
                self.gate.release.acquire().await.unwrap().forget();
            }
            _ => {}
        }
    }
}

#[async_trait]
impl Database for Staged {
    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    async fn introspect(&self) -> Result<Catalog, DbError> {
        self.inner.introspect().await
    }

    async fn read(&self, statement: Statement) -> Result<Body, DbError> {
        self.perform(&statement).await;
        self.inner.read(statement).await
    }

    async fn write(&self, unit: Unit) -> Result<Committed, DbError> {
        self.inner.write(unit).await
    }

    async fn track_changes(&self, tables: &[Box<str>]) -> Result<(), DbError> {
        self.inner.track_changes(tables).await
    }

    async fn changes_after(&self, position: ChangePosition, count_max: u32) -> Result<Vec<Change>, DbError> {
        self.inner.changes_after(position, count_max).await
    }

    async fn changes(&self) -> Result<watch::Receiver<ChangePosition>, DbError> {
        self.inner.changes().await
    }

    async fn explain(&self, statement: Statement) -> Result<Vec<String>, DbError> {
        self.inner.explain(statement).await
    }

    async fn applied_migrations(&self) -> Result<Vec<Migration>, DbError> {
        self.inner.applied_migrations().await
    }

    async fn apply_migration(&self, migration: &Migration, sql: &str, count: u32) -> Result<bool, DbError> {
        self.inner.apply_migration(migration, sql, count).await
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
