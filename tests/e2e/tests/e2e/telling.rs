//! What the server tells of itself: log lines, metrics, timings. And what it never tells.

use serde_json::{Value as Json, json};
use transom_testkit::{Project, SECRET, Server, embedded_only, token};

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);";
const POLICIES: &str = "GRANT SELECT, INSERT ON notes TO anon;\nCREATE POLICY p ON notes USING (true);";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn project() -> Project {
    let project = Project::of(SCHEMA, POLICIES);
    project.configure("[changes]\ntables = [\"notes\"]");
    project
}

fn last(printed: &str) -> Json {
    let line = printed.lines().last().unwrap();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn log_lines_name_the_request_and_its_trace() {
    let project = project();
    let server = Server::start(project.dir(), &["--set", "log.format=json", "--set", "log.level=info"]);
    let client = server.client().with("X-Request-Id", "mine-1").with("traceparent", TRACE);
    client.get("/rest/v1/notes?select=id").expect(200);
    let line = server.until_printed("mine-1");
    let line = last(&line);
    for (name, value) in [
        ("level", json!("INFO")),
        ("request_id", json!("mine-1")),
        ("trace_id", json!("0af7651916cd43dd8448eb211c80319c")),
        ("method", json!("GET")),
        ("path", json!("/rest/v1/notes")),
        ("route", json!("rest/table")),
        ("status", json!(200)),
    ] {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    assert!(
        line["span_id"].is_string() && line["elapsed_ms"].is_number() && line["timestamp"].is_string(),
        "{line}"
    );
    client.with("X-Request-Id", "mine-2").get("/rest/v1/nowhere").expect(404);
    let line = server.until_printed("nowhere");
    let line = last(&line);
    assert_eq!((&line["status"], &line["code"]), (&json!(404), &json!("PGRST205")), "{line}");
}

#[test]
fn pretty_lines_are_for_people() {
    let project = project();
    let server = Server::start(project.dir(), &["--set", "log.level=info"]);
    server
        .client()
        .with("X-Request-Id", "mine-1")
        .with("traceparent", TRACE)
        .get("/rest/v1/notes")
        .expect(200);
    let printed = server.until_printed("mine-1");
    let line = printed.lines().last().unwrap();
    for word in ["INFO request", "mine-1", "0af7651916cd43dd8448eb211c80319c", "/rest/v1/notes", "status=200"]
    {
        assert!(line.contains(word), "no {word} in {line}");
    }
    assert!(!line.starts_with('{'), "{line}");
}

/// At the most talkative level: no token, no secret, no value of a URL or body.
#[test]
fn no_secret_is_ever_logged() {
    for format in ["json", "pretty"] {
        let project = project();
        let flags = ["--set", "log.level=trace", "--set", &format!("log.format={format}")];
        let mut server = Server::start(project.dir(), &flags);
        let good = token(&json!({ "role": "anon", "exp": 4_102_444_800_u64 }));
        let bad = format!("{}x", good.trim_end_matches(char::is_alphanumeric));
        let client = server.client();
        client.bearer(&good).get("/rest/v1/notes?text=eq.hunter2").expect(200);
        client.bearer(&bad).get("/rest/v1/notes?text=eq.hunter2").expect(401);
        client.with("apikey", &good).get("/rest/v1/notes?select=hunter2").expect(400);
        client.post("/rest/v1/notes", &json!({ "id": 1, "text": "hunter2" })).expect(201);
        client.post("/rest/v1/notes", &json!({ "id": 1, "text": "hunter2" })).expect(409);
        client.post("/rest/v1/notes", &json!({ "id": "hunter2", "text": "x" })).expect(400);
        client.with("X-Request-Id", "the-last-one").get("/rest/v1/notes").expect(200);
        let mut printed = server.until_printed("the-last-one");
        server.terminate();
        assert_eq!(server.wait(), Some(0));
        printed += &server.printed();
        for secret in [SECRET, "hunter2", good.as_str(), good.rsplit('.').next().unwrap()] {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
    }
}

#[test]
fn a_stop_is_told_once() {
    let project = project();
    let mut server = Server::start(project.dir(), &["--set", "log.level=info"]);
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let printed = server.until_printed("INFO stopped");
    let printed = printed + &server.printed();
    assert_eq!(printed.matches(" stopped").count(), 1, "{printed}");
}

/// The value of a sample of the metrics page.
#[track_caller]
fn sample(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}

#[test]
fn metrics_count_what_happened() {
    if embedded_only("its numbers are the embedded engine's") {
        return;
    }
    let project = project();
    let server = project.serve();
    let client = server.client();
    for id in 1..=3 {
        client.post("/rest/v1/notes", &json!({ "id": id, "text": "a" })).expect(201);
    }
    client.post("/rest/v1/notes", &json!({ "id": 1, "text": "a" })).expect(409);
    client.get("/rest/v1/notes/2").expect(200);
    let page = server.admin().get("/metrics").expect(200).text();
    // Rate, errors and duration, by route.
    let count = |route: &str, method: &str, status: &str| {
        sample(
            &page,
            &format!(
                "transom_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}}"
            ),
        )
    };
    assert_eq!(count("rest/table", "POST", "2xx"), 3.0);
    assert_eq!(count("rest/table", "POST", "4xx"), 1.0);
    assert_eq!(count("rest/row", "GET", "2xx"), 1.0);
    assert_eq!(sample(&page, "transom_http_request_duration_seconds_count{route=\"rest/table\"}"), 4.0);
    assert!(sample(&page, "transom_http_request_duration_seconds_sum{route=\"rest/table\"}") > 0.0);
    // The writer, the write-ahead log and the change log.
    assert_eq!(sample(&page, "transom_database_writer_queue_units"), 0.0);
    assert_eq!(sample(&page, "transom_database_group_units_last"), 1.0);
    assert!(sample(&page, "transom_database_groups_total") >= 3.0);
    assert!(sample(&page, "transom_database_group_units_total") >= 4.0);
    assert!(sample(&page, "transom_database_wal_bytes") > 0.0);
    assert_eq!(sample(&page, "transom_database_change_position"), 3.0);
    assert_eq!(sample(&page, "transom_database_changes_retained"), 3.0);
    assert!(sample(&page, "transom_change_feed_lag_changes") <= 3.0);
    assert!(sample(&page, "process_resident_memory_bytes") > 0.0);
}

#[test]
fn stages_are_timed_in_the_reply() {
    let project = project();
    let timing = |flags: &[&str]| {
        let server = Server::start(project.dir(), flags);
        let reply = server.client().get("/rest/v1/notes?select=id").expect(200);
        reply.header("server-timing").map(str::to_owned)
    };
    let told = timing(&[]).expect("on in development");
    for stage in ["admit", "authenticate", "parse", "plan", "database", "reply"] {
        assert!(told.contains(&format!("{stage};dur=")), "no {stage} in {told}");
    }
    assert_eq!(timing(&["--set", "server.server_timing=false"]), None);
}
