//! Replies that are too large for memory: the same reply as ever, from a file, at a price in memory that does not grow with it.

use std::io::{Read, Write};

use serde_json::Value as Json;
use transom_pgkit::Database;
use transom_testkit::{Client, Project, Server};

use crate::postgrest::asked;

const POLICIES: &str = "GRANT SELECT ON lines TO anon;\nALTER TABLE lines DISABLE ROW LEVEL SECURITY;";

/// A table of so many rows, each of so many bytes and a few more.
fn lines(rows: usize, bytes: usize) -> String {
    format!(
        "CREATE TABLE lines (id INTEGER PRIMARY KEY, words TEXT NOT NULL, note TEXT);
         INSERT INTO lines WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         SELECT i, '{}', CASE WHEN i % 2 = 0 THEN 'say \"no\"' END FROM n;",
        "x".repeat(bytes)
    )
}

/// A project that shows all of them at once.
fn project(rows: usize, bytes: usize) -> Project {
    let project = Project::of(&lines(rows, bytes), POLICIES);
    project.configure("[rest]\nrows_max = \"none\"\n\n[database]\nreply_bytes_max = \"1GiB\"\nstatement_timeout = \"60s\"\n\n[server.limits]\nrequest_timeout = \"90s\"\n");
    project
}

#[track_caller]
fn check_rows(client: &Client, path: &str, rows: usize) {
    let reply = client.get(path).expect(200);
    let length = reply.body.len();
    assert!(length > 8 * 1024 * 1024, "{length} bytes");
    assert_eq!(reply.header("content-length"), Some(length.to_string().as_str()));
    assert_eq!(reply.header("content-range"), Some(format!("0-{}/*", rows - 1).as_str()));
    let all: Vec<Json> = serde_json::from_slice(&reply.body).unwrap();
    let ids: Vec<u64> = all.iter().map(|row| row["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=rows as u64).collect::<Vec<_>>());
}

#[test]
fn a_large_reply_is_the_same_reply() {
    let project = project(9_000, 1_000);
    let server = project.serve();
    let (client, path) = (server.client(), "/rest/v1/lines?order=id");
    check_rows(&client, path, 9_000);
    check_rows(&client, "/rest/v1/lines?order=id&limit=8900", 8_900);
    let whole = client.get(path).expect(200);
    let length = whole.body.len().to_string();
    let tag = whole.header("etag").unwrap();
    let again = client.with("If-None-Match", tag).get(path).expect(304);
    assert!(again.body.is_empty());
    let head = client.send("HEAD", path, None).expect(200);
    assert_eq!(
        (head.header("content-length"), head.header("etag")),
        (Some(length.as_str()), Some(tag)),
        "what GET would say"
    );
    // Forms that are made of the rows are made of these too.
    let csv = client.with("Accept", "text/csv").get(path).expect(200);
    assert_eq!(csv.text().lines().count(), 9_001);
    let counted = client.with("Prefer", "count=exact").get("/rest/v1/lines?order=id&limit=8900");
    assert_eq!((counted.status, counted.header("content-range")), (206, Some("0-8899/9000")));
    assert_eq!(counted.json().as_array().unwrap().len(), 8_900);
}

#[test]
fn a_large_reply_costs_no_more_memory_than_one_of_a_few_megabytes() {
    let project = project(20_000, 4_000);
    let words = "x".repeat(4_000);
    let objects = ("[{", "},{", "}]");
    for (accept, (begin, between, end), first, last) in [
        (
            "application/json",
            objects,
            format!(r#""id":1,"words":"{words}","note":null"#),
            format!(r#""id":20000,"words":"{words}","note":"say \"no\"""#),
        ),
        (
            "application/vnd.pgrst.array+json;nulls=stripped",
            objects,
            format!(r#""id":1,"words":"{words}""#),
            format!(r#""id":20000,"words":"{words}","note":"say \"no\"""#),
        ),
        (
            "text/csv",
            ("id,words,note\n", "\n", ""),
            format!("1,{words},"),
            format!(r#"20000,{words},"say ""no""""#),
        ),
    ] {
        let server = project.serve();
        let client = server.client().with("Accept", accept);
        client.get("/rest/v1/lines?limit=10").expect(200);
        let before = server.memory_mib("VmHWM");
        let reply = client.get("/rest/v1/lines?order=id").expect(200);
        let more = server.memory_mib("VmHWM") - before;
        let text = reply.text();
        assert!(text.len() > 80_000_000, "{} bytes", text.len());
        assert!(more <= 64, "{more} MiB for {} bytes of {accept}", text.len());
        let rows = text.strip_prefix(begin).unwrap().strip_suffix(end).unwrap();
        let rows: Vec<&str> = rows.split(between).collect();
        assert_eq!(rows.len(), 20_000, "{accept}");
        assert!(rows[0] == first && rows[19_999] == last, "{accept}");
    }
}

/// A client that goes in the middle takes its file with it, and the others get their replies.
#[test]
fn nothing_is_left_of_a_reply_that_nobody_takes() {
    let project = project(9_000, 1_000);
    let server = project.serve();
    let files = || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap();
        let names = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        names.filter(|name| name.to_string_lossy().ends_with("(deleted)")).count()
    };
    let before = files();
    for _ in 0..4 {
        let mut stream = server.client().connect();
        stream.write_all(b"GET /rest/v1/lines HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 1000]).unwrap();
        assert!(files() > before, "the reply is in a file");
    }
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while files() > before {
        assert!(std::time::Instant::now() < until, "files of replies that nobody takes are still open");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    check_rows(&server.client(), "/rest/v1/lines?order=id", 9_000);
}

/// A database that shows all of them to sessions.
fn in_sessions(rows: usize, bytes: usize) -> (Project, Database, Server) {
    let (project, database) = (Project::empty(), Database::create());
    let anybody = "DO $$ BEGIN CREATE ROLE large_anon NOLOGIN; \
                   EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;";
    let function = "CREATE FUNCTION all_words() RETURNS SETOF text STABLE LANGUAGE sql \
                    AS 'SELECT words FROM lines ORDER BY id';";
    let lines = lines(rows, bytes);
    asked(&database.url(), &format!("{anybody} {lines} {function} GRANT SELECT ON lines TO large_anon;"));
    let text = format!(
        "db-uri = \"{}\"\ndb-schemas = \"public\"\ndb-anon-role = \"large_anon\"\nserver-port = 0\n",
        database.url()
    );
    let patience = ["--set", "database.statement_timeout=60s", "--set", "server.limits.request_timeout=90s"];
    let server = project.serve_as_postgrest(&text, &patience).unwrap();
    (project, database, server)
}

#[test]
fn sessions_have_large_replies_too() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, _database, server) = in_sessions(9_000, 1_000);
    check_rows(&server.client(), "/lines?order=id", 9_000);
    let one = server.client().with("Accept", "application/vnd.pgrst.object+json").get("/lines");
    assert_eq!((one.status, one.code().as_str()), (406, "PGRST116"));
}

#[test]
fn what_sessions_make_of_many_rows_costs_no_more_memory() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, _database, server) = in_sessions(10_000, 4_000);
    server.client().get("/lines?limit=10").expect(200);
    let before = server.memory_mib("VmHWM");
    for (path, accept, between, begin, end) in [
        ("/lines?order=id", "text/csv", "\n", "id,words,note\n1,xxx", r#"x,"say ""no""""#),
        ("/rpc/all_words", "application/json", ", ", "[\"xxx", "xxx\"]"),
    ] {
        let reply = server.client().with("Accept", accept).get(path).expect(200);
        let more = server.memory_mib("VmHWM") - before;
        let text = reply.text();
        assert!(text.len() > 40_000_000, "{} bytes", text.len());
        assert!(more <= 64, "{more} MiB for {} bytes of {path}", text.len());
        assert!(text.starts_with(begin) && text.ends_with(end), "{path}");
        let heads = usize::from(accept == "text/csv");
        assert_eq!(text.split(between).count(), 10_000 + heads, "{path}");
    }
}
