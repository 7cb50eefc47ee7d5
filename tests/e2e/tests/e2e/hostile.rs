//! What bad input gets: a clear refusal or a correct empty answer, the tables as they were, and the process alive.

use serde_json::{Value as Json, json};
use transom_testkit::{Project, Reply, Server, embedded_only};

use crate::spec::target;

const SCHEMA: &str = "
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, age INTEGER, data JSON, boss_id INTEGER REFERENCES users (id));
CREATE TABLE secrets (id INTEGER PRIMARY KEY, word TEXT);
INSERT INTO users VALUES (1, 'ada', 36, '{\"a\": {\"b\": 1}}', NULL), (2, 'bob', 17, NULL, 1);
INSERT INTO secrets VALUES (1, 'hunter2');
";
const POLICIES: &str = "
GRANT ALL ON users TO anon;
CREATE POLICY p ON users USING (true);
GRANT EXECUTE ON FUNCTION named TO anon;
";

fn serve() -> (Project, Server) {
    let project = Project::of(SCHEMA, POLICIES);
    project.write(
        "queries/named.sql",
        "-- param name TEXT\n-- returns rows\nSELECT id FROM users WHERE name = :name",
    );
    let server = project.serve();
    (project, server)
}

/// Everything there is, as the one who may see it.
fn state(server: &Server) -> Json {
    let all = server.role("service_role");
    json!([
        all.get("/rest/v1/users?order=id").expect(200).json(),
        all.get("/rest/v1/secrets").expect(200).json()
    ])
}

/// A 4xx with a code, or a 2xx that tells nothing that it should not.
#[track_caller]
fn harmless(what: &str, reply: &Reply) {
    assert!((200..500).contains(&reply.status), "{what}: {} {}", reply.status, reply.text());
    assert!(!reply.text().contains("hunter2"), "{what}: {}", reply.text());
    if reply.status >= 400 && !reply.body.is_empty() {
        assert!(!reply.code().is_empty(), "{what}: {}", reply.text());
    }
}

const INJECTIONS: &[&str] = &[
    "' OR '1'='1",
    "'; DROP TABLE users; --",
    "1; DELETE FROM users",
    "1 OR 1=1",
    "1) OR (1=1",
    "1)) UNION SELECT word FROM secrets --",
    "x' UNION SELECT word,1,1,1,1 FROM secrets --",
    "\" OR \"\"=\"",
    "\"; DROP TABLE users; --",
    "\"\" FROM secrets --",
    "name\", (SELECT word FROM secrets) AS \"x",
    "name' || (SELECT word FROM secrets) || '",
    "(SELECT word FROM secrets)",
    "`; DROP TABLE users; --",
    "[users]; DROP TABLE users",
    "id/**/UNION/**/SELECT",
    "0x27 OR 1=1",
    "\\'; DROP TABLE users; --",
    "%27%20OR%201=1",
    "ada\u{0}' OR 1=1 --",
    "ʼ OR 1=1 --",
    "?1",
    ":name",
    "@x",
    "$1",
    "load_extension('x')",
    "writefile('/tmp/x','y')",
    "randomblob(1000000000)",
    "ATTACH DATABASE '/tmp/x.db' AS x",
    "PRAGMA writable_schema=1",
    "$.a') OR 1=1 --",
    "a\"]') --",
    "*/ DROP TABLE users /*",
];

#[test]
fn injections_stay_values_in_every_position() {
    let (_project, server) = serve();
    let before = state(&server);
    let client = server.client();
    for text in INJECTIONS {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for place in [
            "/users?select=id&name=eq.{}",
            "/users?select=id&name=neq.{}&limit=0",
            "/users?select=id&name=like.{}",
            "/users?select=id&name=match.{}",
            "/users?select=id&name=in.({})",
            "/users?select=id&name=in.(\"{}\")",
            "/users?select=id&name=eq(any).{{}}",
            "/users?select=id&age=eq.{}",
            "/users?select=id&age=is.{}",
            "/users?select=id&age={}.1",
            "/users?select=id&{}=eq.1",
            "/users?select={}",
            "/users?select=id,{}:name",
            "/users?select=id::{}",
            "/users?select=data->{}&limit=0",
            "/users?select=data->>{}&limit=0",
            "/users?select=x:data->a->>{}&limit=0",
            "/users?select=id&data->>{}=eq.1",
            "/users?select=id&order={}",
            "/users?select=id&order=id.{}",
            "/users?select=id&order=data->{}&limit=0",
            "/users?select=id&limit={}",
            "/users?select=id&offset={}",
            "/users?select=id&or=({})",
            "/users?select=id&or=(name.eq.{},name.eq.x)",
            "/users?select=id,{}(id)",
            "/users?select=id,users!{}(id)",
            "/users?select=id,boss:boss_id(id)&boss.{}=eq.1",
            "/users?select=id&cursor={}",
            "/users?having={}",
            "/users?on_conflict={}",
            "/users?columns={}",
            "/users/{}",
            "/{}",
            "/rpc/{}",
            "/rpc/named?name={}",
            "/rpc/named?{}=1",
        ] {
            let path = target(&place.replacen("{}", &encoded, 1));
            let reply = client.get(&path);
            harmless(&format!("GET {path}"), &reply);
        }
        for header in
            ["Prefer", "Range", "Accept", "Accept-Profile", "If-None-Match", "apikey", "Authorization"]
        {
            if text.contains('\0') {
                continue; // no header can hold it
            }
            harmless(
                &format!("{header}: {text}"),
                &client.with(header, text).get("/rest/v1/users?select=id"),
            );
        }
        let path = target(&format!("/users?name=eq.{encoded}"));
        harmless(&path, &client.patch(&path, &json!({ "age": 1 })));
        harmless(&path, &client.delete(&path));
        harmless(
            "body value",
            &client.with("Prefer", "tx=rollback").post("/rest/v1/users", &json!({ "name": text })),
        );
        harmless(
            "body number",
            &client.with("Prefer", "tx=rollback").post("/rest/v1/users", &json!({ "age": text })),
        );
        harmless(
            "body key",
            &client.with("Prefer", "tx=rollback").post("/rest/v1/users", &json!({ *text: 1 })),
        );
        harmless("argument", &client.post("/rest/v1/rpc/named", &json!({ "name": text })));
        let path = target(&format!("/users?columns={encoded}"));
        harmless(&path, &client.with("Prefer", "tx=rollback").post(&path, &json!({ "name": "x" })));
    }
    assert_eq!(state(&server), before);
}

#[test]
fn what_is_inserted_comes_back_letter_by_letter() {
    if embedded_only("its text holds no NUL") {
        return;
    }
    let (_project, server) = serve();
    let client = server.client();
    for text in INJECTIONS {
        let reply = client
            .with("Prefer", "return=representation")
            .post("/rest/v1/users?select=name", &json!({ "name": text }));
        assert_eq!(reply.expect(201).json(), json!([{ "name": text }]));
    }
}

#[test]
fn bodies_that_are_no_rows_are_refused() {
    let (_project, server) = serve();
    let before = state(&server);
    let client = server.client().with("Content-Type", "application/json");
    let deep = |open: &str, close: &str, depth: usize| open.repeat(depth) + "1" + &close.repeat(depth);
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", b"".to_vec()),
        ("blanks", b"   ".to_vec()),
        ("half an object", b"{\"name\":".to_vec()),
        ("two objects", b"{\"name\":\"x\"}{\"name\":\"y\"}".to_vec()),
        ("a number", b"1".to_vec()),
        ("null", b"null".to_vec()),
        ("a string", b"\"x\"".to_vec()),
        ("a list of numbers", b"[1,2]".to_vec()),
        ("a list of lists", b"[[]]".to_vec()),
        ("a mixed list", b"[{\"name\":\"x\"},null]".to_vec()),
        ("trailing comma", b"[{\"name\":\"x\"},]".to_vec()),
        ("not UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec()),
        ("a lone surrogate", b"{\"name\":\"\\ud800\"}".to_vec()),
        ("NaN", b"{\"age\":NaN}".to_vec()),
        ("an endless number", b"{\"age\":1e999}".to_vec()),
        ("deep lists", deep("[", "]", 100_000).into_bytes()),
        ("deep objects", deep("{\"a\":", "}", 100_000).into_bytes()),
        ("deep in a column", format!("{{\"data\":{}}}", deep("[", "]", 100_000)).into_bytes()),
        ("10 MB of nesting", vec![b'['; 10_000_000]),
        ("wrong type", b"{\"age\":{\"a\":1}}".to_vec()),
        ("wrong type in a list", b"[{\"age\":1},{\"age\":\"x\"}]".to_vec()),
        (
            "many keys",
            json!((0..5000).map(|n| (format!("k{n}"), json!(1))).collect::<serde_json::Map<_, _>>())
                .to_string()
                .into_bytes(),
        ),
    ];
    for (what, body) in bodies {
        for (method, path) in
            [("POST", "/rest/v1/users"), ("PATCH", "/rest/v1/users?id=eq.1"), ("POST", "/rest/v1/$batch")]
        {
            let reply = client.send(method, path, Some(&body));
            assert!((400..500).contains(&reply.status), "{method} {what}: {} {}", reply.status, reply.text());
            assert!(!reply.code().is_empty(), "{method} {what}");
            assert!(reply.body.len() < 10_000, "{what}: a refusal of {} bytes", reply.body.len());
        }
    }
    // Over the limit of 10 MiB.
    let reply = client.send("POST", "/rest/v1/users", Some(&vec![b' '; 11 << 20])).expect(413);
    assert_eq!(reply.code(), "TR003");
    assert_eq!(state(&server), before);
}

#[test]
fn urls_that_cost_too_much_are_refused() {
    if embedded_only("its own regular expressions are not bounded by size; the statement timeout bounds them")
    {
        return;
    }
    let (_project, server) = serve();
    let client = server.client();
    let nested = |depth: usize| "x:boss_id(".repeat(depth) + "id" + &")".repeat(depth);
    let many = |part: &str, count: usize| {
        (0..count).map(|n| part.replace('#', &n.to_string())).collect::<Vec<_>>().join(",")
    };
    for (what, path) in [
        ("deep embedding", format!("/rest/v1/users?select={}", nested(200))),
        ("wide embedding", format!("/rest/v1/users?select={}", many("a#:boss_id(id)", 700))),
        ("deep logic", format!("/rest/v1/users?or={}id.eq.1{}", "(and".repeat(1000), ")".repeat(1000))),
        ("deeper logic", format!("/rest/v1/users?and={}", "(not.and".repeat(1500))),
        ("parentheses", format!("/rest/v1/users?select={}", "(".repeat(10_000))),
        ("a long name", format!("/rest/v1/users?select={}", "a".repeat(10_000))),
        ("a long table", format!("/rest/v1/{}", "a".repeat(10_000))),
        ("percent signs", format!("/rest/v1/users?name=eq.{}", "%".repeat(5000))),
        ("bytes that are no text", "/rest/v1/users?name=eq.%ff%fe".to_owned()),
        ("a NUL", "/rest/v1/users?name=eq.%00".to_owned()),
        ("dots", "/rest/v1/../../etc/passwd".to_owned()),
        ("encoded dots", "/rest/v1/%2e%2e/%2e%2e/etc/passwd".to_owned()),
        ("select twice", "/rest/v1/users?select=id&select=name".to_owned()),
        ("a huge limit", "/rest/v1/users?limit=99999999999999999999".to_owned()),
        ("a slow pattern", "/rest/v1/users?name=match.((((a*)*)*)*)*b(?=c)".to_owned()),
    ] {
        let reply = client.get(&path);
        assert!((400..500).contains(&reply.status), "{what}: {} {}", reply.status, reply.text());
        assert!(reply.body.len() < 30_000, "{what}: {} bytes", reply.body.len());
    }
    let reply = client.get(&format!("/rest/v1/users?name=eq.{}", "a".repeat(20_000))).expect(414);
    assert_eq!(reply.code(), "TR004");
    let reply = client.with("X-Long", &"a".repeat(100_000)).get("/rest/v1/users");
    assert_eq!(reply.status, 431);

    harmless("deep path", &client.get(&format!("/rest/v1/users?select=data{}", "-%3Ea".repeat(1000))));

    // Much, but not too much, is answered.
    client.get(&format!("/rest/v1/users?id=in.({})", many("#", 2000))).expect(200);
    client.get(&format!("/rest/v1/users?select={}", nested(5))).expect(200);
    client.get(&format!("/rest/v1/users?or=({})&select=id", many("id.eq.#", 50))).expect(200);
}

#[test]
fn requests_that_are_no_http_are_refused() {
    let (_project, server) = serve();
    let client = server.client();
    for (what, bytes) in [
        ("a bad version", "GET /rest/v1/users HTTP/9.9\r\nHost: x\r\n\r\n"),
        ("no host", "GET /rest/v1/users HTTP/1.1\r\nConnection: close\r\n\r\n"),
        (
            "two lengths",
            "POST /rest/v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        ),
        (
            "length and chunks",
            "POST /rest/v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("a negative length", "POST /rest/v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
        ("a blank before the colon", "GET /rest/v1/users HTTP/1.1\r\nHost : x\r\n\r\n"),
        ("no words", "\r\n\r\n\u{1}\u{2}\r\n\r\n"),
    ] {
        let reply = client.raw(bytes.as_bytes(), false);
        assert!((400..600).contains(&reply.status), "{what}: {}", reply.status);
    }
    client.get("/rest/v1/users").expect(200);
}
