//! Two sessions that stand in each other's way, and a server that ends those that are idle in a transaction.

use serde_json::json;
use transom_pgkit::Database;
use transom_testkit::{Client, Project, Reply, Server};

use super::{asked, wait_until};

const SCHEMA: &str = "CREATE TABLE notes (id bigint PRIMARY KEY, a int NOT NULL);
INSERT INTO notes VALUES (1, 1), (2, 2);";
const POLICIES: &str =
    "GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO anon;\nALTER TABLE notes DISABLE ROW LEVEL SECURITY;";

/// Tells that a session holds its rows.
const HOLDS: &str = "SELECT pg_advisory_xact_lock(1)";

/// Goes on when another session waits for this one; fails where none ever does.
const WAITED_FOR: &str = "DO $$ BEGIN
  FOR n IN 1..2000 LOOP
    IF EXISTS (SELECT FROM pg_locks l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid))) THEN RETURN; END IF;
    PERFORM pg_sleep(0.005);
  END LOOP;
  RAISE 'nobody came';
END $$";

/// Sends a request while another session holds rows (`first`) and, once the request waits for them, does something more.
fn collide(first: &str, then: &str, send: impl FnOnce(&Client) -> Reply + Send) -> (Reply, Database) {
    let (project, database) = (Project::of(SCHEMA, POLICIES), Database::create());
    let url = database.url();
    let server = Server::start(project.dir(), &["--database-url", &url]);
    let client = server.client();
    let reply = std::thread::scope(|scope| {
        let other = format!("BEGIN; {first}; {HOLDS}; {WAITED_FOR}; {then}; COMMIT");
        let other = scope.spawn({
            let url = &url;
            move || asked(url, &other)
        });
        let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND granted \
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        wait_until(|| asked(&url, held) != "0", "the rows are held");
        let reply = send(&client);
        other.join().unwrap();
        reply
    });
    (reply, database)
}

#[test]
fn what_could_not_be_serialized_is_done_again() {
    // What the other session leaves is as it was: the condition holds when it is looked at again.
    let change = "UPDATE notes SET a = a WHERE id = 1";
    let (reply, database) = collide(change, "SELECT 1", |client| {
        let tag = client.get("/rest/v1/notes/1").expect(200).header("etag").unwrap().to_owned();
        client.with("If-Match", &tag).patch("/rest/v1/notes/1", &json!({ "a": 7 }))
    });
    reply.expect(204);
    assert_eq!(asked(&database.url(), "SELECT a FROM notes WHERE id = 1"), "7");
}

#[test]
fn what_a_deadlock_ended_is_done_again() {
    // The other session would look for a deadlock much later, so that ours is the one that is ended.
    let (reply, database) = collide(
        "SET LOCAL deadlock_timeout = '60s'; UPDATE notes SET a = 20 WHERE id = 2",
        "UPDATE notes SET a = 10 WHERE id = 1",
        |client| client.patch("/rest/v1/notes?id=in.(1,2)", &json!({ "a": 7 })),
    );
    reply.expect(204);
    assert_eq!(asked(&database.url(), "SELECT string_agg(a::text, ',' ORDER BY id) FROM notes"), "7,7");
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    // Done again at once it may be quicker than whoever waited for it, and so be ended once more.
    wait_until(|| asked(&database.url(), deadlocks) != "0", "there was a deadlock");
}

#[test]
fn a_database_that_ends_idle_transactions_at_once_ends_none_of_ours() {
    let (project, database) = (Project::of(SCHEMA, POLICIES), Database::create());
    let url = database.url();
    let name = asked(&url, "SELECT current_database()");
    asked(&url, &format!("ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '1ms'"));
    let server = Server::start(project.dir(), &["--database-url", &url]);
    let client = server.client();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let client = &client;
            scope.spawn(move || {
                for number in 0..50 {
                    let id = 100 + worker * 50 + number;
                    let write = client.with("Prefer", "return=representation");
                    // Several statements in one transaction, with our own work between them.
                    let keyed = write.with("Idempotency-Key", &format!("note {id}"));
                    keyed.post("/rest/v1/notes", &json!({ "id": id, "a": 0 })).expect(201);
                    write.patch(&format!("/rest/v1/notes?id=eq.{id}"), &json!({ "a": 1 })).expect(200);
                    client.get(&format!("/rest/v1/notes?id=eq.{id}")).expect(200);
                }
            });
        }
    });
    assert_eq!(asked(&url, "SELECT count(*) FROM notes WHERE a = 1 AND id >= 100"), "200");
}
