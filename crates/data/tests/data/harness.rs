//! A project in memory, and requests to it as a REST client writes them.

use bytes::Bytes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use http::Method;
use serde_json::Value as Json;
use tokio::runtime::Runtime;
use transom_data::{Context, Data, DataReply, PlanOptions, Sources, Spent};
use transom_ports::{Database, database::Migration};
use transom_protocols::rest::{self, Head, Headers};
use transom_query::DataRequest;
use transom_sqlite::{Options, Sqlite};
use transom_types::{Principal, Problem, RequestId};

/// More columns than an object of one call takes.
const WIDE_COLUMNS: u32 = 600;

/// A database of its own with its data line.
pub struct Project {
    pub runtime: Runtime,
    pub data: Data,
    pub database: Arc<dyn Database>,
    pub principal: Principal,
    /// Whether writes are undone at their end.
    pub rollback: bool,
}

/// Beside the URL and body, what a request says.
#[derive(Clone, Copy, Default)]
pub struct Said<'a> {
    pub prefer: &'a str,
    pub accept: Option<&'a str>,
}

impl Project {
    /// The fixture, by a role that may do everything.
    pub fn new() -> Self {
        Self::with(&schema(), &Sources::default(), Principal::anonymous("service_role"))
    }

    /// The fixture under policies, as a role of theirs.
    pub fn policed(policies: &str, principal: Principal) -> Self {
        let sources = Sources { policies: ("policies.sql".into(), policies.into()), ..Sources::default() };
        Self::with(&schema(), &sources, principal)
    }

    pub fn with(schema: &str, sources: &Sources, principal: Principal) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("data-tests-{}-{number}", std::process::id());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = Options { reader_threads: 1, ..Options::memory(&name) };
        let database: Arc<dyn Database> = Arc::new(Sqlite::open(options).unwrap());
        let migration = Migration { number: 1, name: "schema".into(), checksum: "".into() };
        assert!(runtime.block_on(database.apply_migration(&migration, schema, 0)).unwrap());
        let data = runtime
            .block_on(Data::open(database.clone(), sources, PlanOptions::default()))
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        Self { runtime, data, database, principal, rollback: false }
    }

    pub fn context(&self) -> Context {
        Context {
            request_id: RequestId("test".into()),
            timeout: Duration::from_secs(10),
            idempotency: None,
            rollback: self.rollback,
            schema: None,
            session: None,
        }
    }

    /// `url` is what follows `/rest/v1`, with or without percent-encoding of what no URL may hold.
    pub fn parse(&self, method: &str, url: &str, said: Said, body: &str) -> Result<DataRequest, Problem> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let headers = Headers {
            prefer: Some(said.prefer).filter(|prefer| !prefer.is_empty()).into_iter().collect(),
            accept: said.accept,
            ..Headers::default()
        };
        let head = Head {
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            path,
            query,
            headers,
            ..Head::default()
        };
        let functions = |name: &str| self.data.callable(&self.principal, None, name);
        rest::parse(&head, Some(body.as_bytes()), &functions).map(|parsed| parsed.request)
    }

    pub fn execute(&self, request: DataRequest) -> Result<DataReply, Problem> {
        let mut spent = Spent::default();
        self.runtime.block_on(self.data.execute(request, &self.principal, &self.context(), &mut spent))
    }

    pub fn run(&self, method: &str, url: &str, said: Said, body: &str) -> Result<DataReply, Problem> {
        self.execute(self.parse(method, url, said, body)?)
    }

    pub fn get(&self, url: &str) -> Result<DataReply, Problem> {
        self.run("GET", url, Said::default(), "")
    }

    /// The statements of a request, one a line.
    pub fn statements(&self, method: &str, url: &str, said: Said, body: &str) -> Result<String, Problem> {
        let request = self.parse(method, url, said, body)?;
        let explained =
            self.runtime.block_on(self.data.explain(&request, &self.principal, &self.context()))?;
        Ok(explained.iter().map(|step| step.statement.as_str()).collect::<Vec<_>>().join("\n"))
    }

    /// What a script of the engine's own says, for what must not have changed.
    pub fn script(&self, sql: &str) {
        self.runtime.block_on(self.database.run_script(sql)).unwrap();
    }

    /// Every row of these tables.
    pub fn contents(&self, tables: &[&str]) -> String {
        let rows = tables.iter().map(|table| format!("{table}: {}", text(&self.get(table).unwrap())));
        rows.collect::<Vec<_>>().join("\n")
    }
}

pub fn schema() -> String {
    let columns: Vec<String> = (1..WIDE_COLUMNS).map(|at| format!("c{at} INTEGER DEFAULT {at}")).collect();
    let wide = format!(
        "CREATE TABLE wide (id INTEGER PRIMARY KEY, {}); INSERT INTO wide (id) VALUES (1);",
        columns.join(", ")
    );
    format!("{}\n{wide}", include_str!("schema.sql"))
}

fn bytes(reply: &DataReply) -> Bytes {
    reply.json.clone().into_bytes().unwrap()
}

pub fn text(reply: &DataReply) -> String {
    String::from_utf8(bytes(reply).into()).unwrap()
}

pub fn json(reply: &DataReply) -> Json {
    serde_json::from_slice(&bytes(reply)).unwrap_or_else(|error| panic!("{error}: {}", text(reply)))
}

/// Each URL gives exactly these rows: (URL, rows).
#[track_caller]
pub fn check_rows(project: &Project, cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (url, expected) in cases {
        let found = match project.get(url) {
            Ok(reply) => text(&reply),
            Err(problem) => format!("{}: {}", problem.code().as_str(), problem.message()),
        };
        let same = serde_json::from_str::<Json>(&found).ok().is_some_and(|found| {
            serde_json::from_str::<Json>(expected).unwrap_or_else(|error| panic!("{url}: {error}")) == found
        });
        if !same {
            wrong.push(format!("{url}\n    expected {expected}\n    found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each URL is refused with this code, and the message, details or hint say this: (URL, code, words).
#[track_caller]
pub fn check_refused(project: &Project, cases: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (url, code, words) in cases {
        let found = match project.get(url) {
            Ok(reply) => text(&reply),
            Err(problem) => said(&problem),
        };
        if !found.starts_with(&format!("{code}: ")) || !found.contains(words) {
            wrong.push(format!("{url}\n    expected {code}: …{words}…\n    found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

pub fn said(problem: &Problem) -> String {
    let parts = [Some(problem.message()), problem.details(), problem.hint()];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    format!("{}: {}", problem.code().as_str(), parts.join(" | "))
}
