//! Power cuts, full disks and files that are no databases: what was acknowledged is there, and what is wrong is said.

use std::{
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use transom_testkit::{Client, Project, Server, embedded_only};

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);";
const POLICIES: &str =
    "GRANT SELECT, INSERT, DELETE ON notes TO anon;\nCREATE POLICY p ON notes USING (true);";

fn project() -> Project {
    let project = Project::of(SCHEMA, POLICIES);
    project.configure("[changes]\ntables = [\"notes\"]");
    project
}

/// Inserts from several connections until the server is gone; the ids that were acknowledged.
fn insert_until_dead(client: &Client, numbers: &AtomicU64, kill: impl FnOnce()) -> Vec<u64> {
    let acknowledged = Mutex::new(Vec::new());
    let dead = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while !dead.load(Ordering::Relaxed) {
                    let id = numbers.fetch_add(1, Ordering::Relaxed);
                    match try_insert(client, id) {
                        Some(201) => acknowledged.lock().unwrap().push(id),
                        _ => break,
                    }
                }
            });
        }
        while acknowledged.lock().unwrap().len() < 60 {
            std::thread::yield_now();
        }
        kill();
        dead.store(true, Ordering::Relaxed);
    });
    acknowledged.into_inner().unwrap()
}

/// The status of the reply, if one came.
fn try_insert(client: &Client, id: u64) -> Option<u16> {
    try_post(client, "/rest/v1/notes", &json!({ "id": id, "text": format!("note {id}") }))
}

/// The status of the reply, if one came.
pub(crate) fn try_post(client: &Client, path: &str, body: &serde_json::Value) -> Option<u16> {
    use std::io::{BufReader, Write};
    let body = body.to_string();
    let mut stream = client.try_connect()?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    transom_testkit::Reply::read(&mut BufReader::new(stream), false).map(|reply| reply.status)
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    if embedded_only("it looks into the database's file") {
        return;
    }
    let project = project();
    let numbers = AtomicU64::new(1);
    let mut acknowledged = Vec::new();
    for _ in 0..4 {
        let mut server = project.serve();
        let client = server.client();
        acknowledged.extend(insert_until_dead(&client, &numbers, || server.kill()));
    }
    // A start recovers; then the file is looked at with nobody else there.
    let mut server = project.serve();
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let database = rusqlite::Connection::open(project.database()).unwrap();
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let mut present = database.prepare("SELECT 1 FROM notes WHERE id = ?1").unwrap();
    for id in &acknowledged {
        assert!(present.exists([*id as i64]).unwrap(), "note {id} was acknowledged and is gone");
    }
    let (rows, changes, span): (i64, i64, i64) = database
        .query_row(
            "SELECT (SELECT count(*) FROM notes), count(*), max(position) - min(position) + 1 FROM _transom_changes",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!((changes, span), (rows, rows), "every row has its change, and the log has no gap");
}

#[test]
fn a_full_disk_refuses_writes_alone_and_recovers() {
    if embedded_only("the disk is the server's affair") {
        return;
    }
    let project = project();
    let server = project.serve();
    let client = server.client();
    client.post("/rest/v1/notes", &json!({ "id": 1, "text": "before" })).expect(201);
    // No file of the process may grow beyond this: its writes fail as on a disk without space.
    let limit = |bytes: &str| {
        let set =
            ["--pid", &server.id().to_string(), &format!("--fsize={bytes}:unlimited")].map(str::to_owned);
        assert!(Command::new("prlimit").args(set).status().unwrap().success());
    };
    limit("300000");
    let long = "x".repeat(20_000);
    let until = Instant::now() + Duration::from_secs(30);
    let mut id = 2;
    let refused = loop {
        let reply = client.post("/rest/v1/notes", &json!({ "id": id, "text": long }));
        if reply.status != 201 {
            break reply;
        }
        id += 1;
        assert!(Instant::now() < until, "the limit was never met");
    };
    assert_eq!((refused.status, refused.code().as_str()), (507, "TR104"), "{}", refused.text());
    for _ in 0..5 {
        client.post("/rest/v1/notes", &json!({ "id": id, "text": long })).expect(507);
        let rows = client.get("/rest/v1/notes?select=id&limit=1&order=id").expect(200);
        assert_eq!(rows.json(), json!([{ "id": 1 }]));
    }
    limit("unlimited");
    client.post("/rest/v1/notes", &json!({ "id": id, "text": long })).expect(201);
    let count = client.with("Prefer", "count=exact").send("HEAD", "/rest/v1/notes", None);
    assert!(count.header("content-range").unwrap().ends_with(&format!("/{id}")), "{count:?}");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let page = |bytes: &[u8]| {
        let project = project();
        std::fs::create_dir_all(project.dir().join("data")).unwrap();
        std::fs::write(project.database(), bytes).unwrap();
        let Err(printed) = Server::try_start(project.dir(), &[]) else { panic!("it was served") };
        assert!(printed.contains("app.db"), "{printed}");
        assert_eq!(std::fs::read(project.database()).unwrap(), bytes);
        let left = std::fs::read_dir(project.dir().join("data")).unwrap().count();
        assert_eq!(left, 1, "something was left beside it");
    };
    page(b"these are somebody's notes, and no database at all; they are long enough to have a header");
    page(b"x");
    let mut damaged = b"SQLite format 3\0".to_vec();
    damaged.extend([0xAB; 5_000]);
    page(&damaged);
}

#[test]
fn a_stopping_server_finishes_what_runs() {
    if embedded_only("it looks into the database's file") {
        return;
    }
    let project = project();
    let mut server = project.serve();
    let client = server.client();
    assert_eq!(server.admin().get("/readyz").expect(200).text().trim(), "ready");
    assert_eq!(server.admin().get("/livez").expect(200).status, 200);
    let numbers = AtomicU64::new(1);
    let acknowledged = insert_until_dead(&client, &numbers, || server.terminate());
    assert_eq!(server.wait(), Some(0));
    let database = rusqlite::Connection::open(project.database()).unwrap();
    let count: i64 = database.query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap();
    assert!(count >= acknowledged.len() as i64, "{count} of {}", acknowledged.len());
}

#[test]
fn metrics_are_open_metrics() {
    if embedded_only("its numbers are the embedded engine's") {
        return;
    }
    let server = project().serve();
    server.client().post("/rest/v1/notes", &json!({ "id": 1, "text": "a" })).expect(201);
    let reply = server.admin().get("/metrics").expect(200);
    assert!(reply.header("content-type").unwrap().starts_with("application/openmetrics-text"), "{reply:?}");
    let text = reply.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    for family in
        ["http_requests_total", "http_request_duration_seconds", "writer_queue", "group_units", "wal_bytes"]
    {
        assert!(text.contains(family), "no {family} in {text}");
    }
}
