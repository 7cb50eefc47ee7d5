//! Following changes as they are committed: server-sent events, policies applied, resumed where one stopped.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use serde_json::{Value as Json, json};
use transom_testkit::{Client, Project, token};

const SCHEMA: &str = "
CREATE TABLE notes (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, text TEXT, secret TEXT);
CREATE TABLE parts (id INTEGER PRIMARY KEY, note_id INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE);
CREATE TABLE untracked (id INTEGER PRIMARY KEY);
";
const POLICIES: &str = "
GRANT SELECT (id, owner, text), INSERT, UPDATE, DELETE ON notes TO authenticated;
CREATE POLICY own ON notes TO authenticated USING (owner = auth.uid()) WITH CHECK (true);
GRANT SELECT ON untracked TO authenticated;
CREATE POLICY p ON untracked USING (true);
";

fn project() -> Project {
    let project = Project::of(SCHEMA, POLICIES);
    project.configure("[changes]\ntables = [\"notes\", \"parts\"]");
    project
}

/// Changes the project's configuration.
fn change(project: &Project, from: &str, to: &str) {
    let text = std::fs::read_to_string(project.dir().join("transom.toml")).unwrap();
    assert!(text.contains(from), "{text}");
    project.write("transom.toml", &text.replace(from, to));
}

/// An open stream of changes.
pub struct Stream(BufReader<TcpStream>);

/// One event: id, name, data.
#[derive(Debug)]
pub struct Event {
    id: String,
    kind: String,
    data: Json,
}

impl Stream {
    /// Subscribes, and returns once the server has begun to stream.
    pub fn open(client: &Client, claims: &Json, table: &str, last: Option<&str>) -> Self {
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        Self::ask(
            client,
            &format!("table={table}"),
            &format!("Authorization: Bearer {}\r\n{last}", token(claims)),
        )
    }

    fn ask(client: &Client, query: &str, headers: &str) -> Self {
        let mut socket = client.connect();
        let head = format!(
            "GET /realtime/v1/changes?{query} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n{headers}\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut stream = Self(BufReader::new(socket));
        let status = stream.line();
        assert!(status.contains("200"), "{status}");
        let mut typed = false;
        loop {
            let line = stream.line().to_lowercase();
            typed |= line.starts_with("content-type: text/event-stream");
            if line.starts_with(": ") || line.starts_with("retry") {
                assert!(typed);
                return stream;
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.0.read_line(&mut line).expect("a line in time"), 0, "the stream ended");
        line.trim_end().to_owned()
    }

    fn next(&mut self) -> Event {
        let (mut id, mut kind) = (String::new(), String::new());
        loop {
            let line = self.line();
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.to_owned();
            } else if let Some(text) = line.strip_prefix("event: ") {
                kind = text.to_owned();
            } else if let Some(text) = line.strip_prefix("data: ")
                && !kind.is_empty()
            {
                return Event { id, kind, data: serde_json::from_str(text).unwrap() };
            }
        }
    }

    #[track_caller]
    pub fn expect(&mut self, kind: &str, key: i64) -> Event {
        let event = self.next();
        assert_eq!((event.kind.as_str(), &event.data["key"]["id"]), (kind, &json!(key)), "{event:?}");
        event
    }
}

fn user(name: &str) -> Json {
    json!({ "role": "authenticated", "sub": name, "exp": 4_102_444_800_u64 })
}

#[test]
fn changes_arrive_in_order_and_only_when_committed() {
    let project = project();
    let server = project.serve();
    let all = json!({ "role": "service_role", "exp": 4_102_444_800_u64 });
    let mut stream = Stream::open(&server.client(), &all, "notes", None);
    let writer = server.role("service_role");
    let note = |id: i64, text: &str| json!({ "id": id, "owner": "ada", "text": text });
    writer.post("/rest/v1/notes", &note(1, "a")).expect(201);
    writer.with("Prefer", "tx=rollback").post("/rest/v1/notes", &note(2, "undone")).expect(201);
    writer.post("/rest/v1/notes", &json!([note(3, "x"), note(1, "twice")])).expect(409);
    writer.patch("/rest/v1/notes?id=eq.1", &json!({ "text": "b" })).expect(204);
    writer.post("/rest/v1/notes", &json!([note(4, "c"), note(5, "d")])).expect(201);
    writer.delete("/rest/v1/notes?id=eq.4").expect(204);

    let insert = stream.expect("INSERT", 1);
    assert_eq!(insert.data["after"]["text"], "a");
    assert_eq!(insert.data["table"], "notes");
    let update = stream.expect("UPDATE", 1);
    assert_eq!((&update.data["before"]["text"], &update.data["after"]["text"]), (&json!("a"), &json!("b")));
    stream.expect("INSERT", 4);
    stream.expect("INSERT", 5);
    let delete = stream.expect("DELETE", 4);
    assert_eq!(delete.data["after"], Json::Null);
    let ids: Vec<u64> = [&insert, &update, &delete].iter().map(|event| event.id.parse().unwrap()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

#[test]
fn everybody_sees_only_their_rows_and_columns() {
    let project = project();
    let server = project.serve();
    let mut ada = Stream::open(&server.client(), &user("ada"), "notes", None);
    let mut bob = Stream::open(&server.client(), &user("bob"), "notes", None);
    let writer = server.role("service_role");
    for (id, owner) in [(1, "ada"), (2, "bob"), (3, "eve")] {
        writer
            .post("/rest/v1/notes", &json!({ "id": id, "owner": owner, "text": "t", "secret": "s" }))
            .expect(201);
    }
    // Out of one's sight is gone; into it is new.
    writer.patch("/rest/v1/notes?id=eq.1", &json!({ "owner": "bob" })).expect(204);
    writer.delete("/rest/v1/notes?id=gt.1").expect(204);
    writer
        .post("/rest/v1/notes", &json!([{ "id": 8, "owner": "ada" }, { "id": 9, "owner": "bob" }]))
        .expect(201);

    let first = ada.expect("INSERT", 1);
    assert_eq!(first.data["after"], json!({ "id": 1, "owner": "ada", "text": "t" }));
    let gone = ada.expect("DELETE", 1);
    assert!(!gone.data.to_string().contains("bob"), "{gone:?}");
    ada.expect("INSERT", 8);

    bob.expect("INSERT", 2);
    let event = bob.next();
    assert_eq!(event.data["key"]["id"], 1);
    assert_eq!(event.data["after"]["owner"], "bob");
    assert!(!event.data.to_string().contains("ada"), "the row as it was is not bob's to see: {event:?}");
    bob.expect("DELETE", 2);
    bob.expect("INSERT", 9);
}

#[test]
fn a_stream_resumes_where_it_stopped_even_after_a_crash() {
    let project = project();
    let mut server = project.serve();
    let mut stream = Stream::open(&server.client(), &user("ada"), "notes", None);
    let write = |client: &Client, id: i64| {
        client.post("/rest/v1/notes", &json!({ "id": id, "owner": "ada" })).expect(201);
    };
    write(&server.user("ada"), 1);
    let last = stream.expect("INSERT", 1).id;
    drop(stream);
    write(&server.user("ada"), 2);
    write(&server.user("ada"), 3);
    server.kill();

    let server = project.serve();
    let mut stream = Stream::open(&server.client(), &user("ada"), "notes", Some(&last));
    write(&server.user("ada"), 4);
    for id in 2..=4 {
        stream.expect("INSERT", id);
    }
    // From the very beginning.
    let mut stream = Stream::open(&server.client(), &user("ada"), "notes", Some("0"));
    for id in 1..=4 {
        stream.expect("INSERT", id);
    }
}

#[test]
fn rows_that_go_with_others_are_told_too() {
    let project = project();
    let server = project.serve();
    let writer = server.role("service_role");
    writer.post("/rest/v1/notes", &json!({ "id": 1, "owner": "ada" })).expect(201);
    writer.post("/rest/v1/parts", &json!({ "id": 7, "note_id": 1 })).expect(201);
    let all = json!({ "role": "service_role", "exp": 4_102_444_800_u64 });
    let mut stream = Stream::open(&server.client(), &all, "parts", None);
    writer.delete("/rest/v1/notes?id=eq.1").expect(204);
    stream.expect("DELETE", 7);
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let project = project();
    let server = project.serve();
    for (client, path, status) in [
        (server.client(), "/realtime/v1/changes?table=notes", 404),
        (server.user("ada"), "/realtime/v1/changes?table=untracked", 404),
        (server.user("ada"), "/realtime/v1/changes?table=parts", 404),
        (server.user("ada"), "/realtime/v1/changes?table=nowhere", 404),
        (server.user("ada"), "/realtime/v1/changes", 400),
        (server.user("ada"), "/realtime/v1/changes?table='; DROP TABLE notes", 404),
    ] {
        let reply = client.get(path);
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        assert!(!reply.code().is_empty(), "{path}");
    }
    assert_eq!(server.user("ada").get("/realtime/v1/changes?table=untracked").code(), "TR017");
    let reply = server.user("ada").with("Last-Event-ID", "yesterday").get("/realtime/v1/changes?table=notes");
    assert_eq!(reply.status, 400, "{}", reply.text());
    server.user("ada").post("/realtime/v1/changes?table=notes", &json!({})).expect(405);
}

/// As a browser's `EventSource` does it: nothing but an address.
#[test]
fn a_client_without_headers_follows_with_a_token_for_that_alone() {
    let project = project();
    change(&project, "level = \"warn\"", "level = \"trace\"");
    let server = project.serve();
    let mint = |name: &str| {
        let reply = server.user(name).post("/realtime/v1/token", &json!({})).expect(200);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        reply.json()["token"].as_str().unwrap().to_owned()
    };
    let (ada, bob) = (mint("ada"), mint("bob"));
    let follow = |token: &str, since: u64| {
        Stream::ask(&server.client(), &format!("table=notes&token={token}&since={since}"), "")
    };
    let (mut of_ada, mut of_bob) = (follow(&ada, 0), follow(&bob, 0));
    let writer = server.role("service_role");
    writer
        .post(
            "/rest/v1/notes",
            &json!([{ "id": 1, "owner": "ada", "secret": "s" }, { "id": 2, "owner": "bob", "secret": "s" }]),
        )
        .expect(201);
    let event = of_ada.expect("INSERT", 1);
    assert!(!event.data.to_string().contains("secret"), "policies and columns are the caller's: {event:?}");
    of_bob.expect("INSERT", 2);
    // Again within its minute, as a browser that was cut off does.
    follow(&ada, 0).expect("INSERT", 1);
    // For nothing else, and nothing else in its place.
    server.client().bearer(&ada).get("/rest/v1/notes").expect(401);
    server.client().with("apikey", &ada).get("/rest/v1/notes").expect(401);
    server.client().bearer(&ada).post("/realtime/v1/token", &json!({})).expect(401);
    server.client().post("/realtime/v1/token", &json!({})).expect(401);
    let jwt = token(&user("ada"));
    server.client().get(&format!("/realtime/v1/changes?table=notes&token={jwt}")).expect(401);
    server.user("ada").get(&format!("/realtime/v1/changes?table=notes&token={ada}")).expect(401);
    let cut = &ada[..ada.len() - 6];
    server.client().get(&format!("/realtime/v1/changes?table=notes&token={cut}")).expect(401);
    // It appears in no log and no metric.
    server.client().get("/rest/v1/last_of_all").expect(404);
    let printed = server.until_printed("last_of_all");
    assert!(printed.contains("/realtime/v1/changes"), "{printed}");
    let metrics = server.admin().get("/metrics").text();
    for text in [&printed, &metrics] {
        assert!(!text.contains("transom_stream") && !text.contains(cut) && !text.contains(&jwt), "{text}");
    }
}

/// A stream lasts as long as its token, with the skew that is configured and no other.
#[test]
fn a_stream_ends_with_its_token() {
    let project = project();
    change(&project, "[auth]", "[auth]\nskew = \"0s\"");
    let server = project.serve();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "role": "authenticated", "sub": "ada", "exp": now + 3 });
    let begun = std::time::Instant::now();
    let end = Stream::open(&server.client(), &claims, "notes", None).next();
    assert_eq!((end.kind.as_str(), &end.data["code"]), ("problem", &json!("PGRST303")));
    assert!(begun.elapsed().as_secs() < 15, "it went on for {:?}", begun.elapsed());
}
