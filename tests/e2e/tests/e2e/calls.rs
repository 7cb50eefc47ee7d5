//! Calls of a project's functions on a database server that go another way than most.

use serde_json::json;
use transom_pgkit::Database;
use transom_testkit::{Project, Server};

use crate::spec::check;

const SCHEMA: &str = "
CREATE TABLE visits (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, who text);
CREATE FUNCTION visit(who text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
  IF current_setting('request.jwt.claims', true)::json ->> 'role' = 'anon' THEN RAISE 'not for anon'; END IF;
  INSERT INTO visits (who) VALUES (visit.who); RETURN 'done'; END $$;
CREATE FUNCTION told(word text) RETURNS text STABLE LANGUAGE sql AS 'SELECT upper(word)';
";
const POLICIES: &str = "
GRANT SELECT ON visits TO anon;
ALTER TABLE visits DISABLE ROW LEVEL SECURITY;
GRANT EXECUTE ON FUNCTION visit, told TO anon, authenticated;
";

/// What cannot be told to the engine is told before anything is done, not beside it.
#[test]
fn a_call_whose_headers_cannot_be_written_does_nothing() {
    if transom_pgkit::missing() {
        return;
    }
    let (project, database) = (Project::of(SCHEMA, POLICIES), Database::encoded("LATIN1"));
    let server = Server::start(project.dir(), &["--database-url", &database.url()]);
    let client = server.client();
    let call = |header: &str, method: &str, path: &str| {
        let body = (method == "POST").then(|| json!({ "who": "euro" }).to_string());
        let client = client.with("x-told", header).with("content-type", "application/json");
        client.send(method, path, body.as_deref().map(str::as_bytes))
    };
    for _ in 0..3 {
        call("€", "POST", "/rest/v1/rpc/visit").expect(400);
        call("€", "GET", "/rest/v1/rpc/visit?who=euro").expect(400);
        call("e", "POST", "/rest/v1/rpc/visit").expect(400);
    }
    assert_eq!(client.get("/rest/v1/visits").expect(200).json(), json!([]));
}

#[test]
fn a_function_that_only_reads_takes_a_key() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, _database, server) = Project::of(SCHEMA, POLICIES).on_a_server();
    check(
        &server,
        r#"
        POST /rpc/told
        Idempotency-Key: "key-1"
        {"word":"x"}
        => 200
        "X"

        POST /rpc/told
        Idempotency-Key: "key-1"
        {"word":"x"}
        => 200
        "X"

        GET /rpc/told?word=y
        Idempotency-Key: "key-2"
        => 200
        "Y"
        "#,
    );
}
