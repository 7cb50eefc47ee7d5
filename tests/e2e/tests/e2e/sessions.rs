//! Sessions of many callers on few connections: each keeps its role, its claims and its mistakes to itself.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value as Json, json};
use transom_pgkit::Database;
use transom_testkit::{Client, Project, SECRET, Server, token};

use crate::postgrest::asked;

const SCHEMA: &str = "
DO $$ BEGIN CREATE ROLE sessions_anon NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
DO $$ BEGIN CREATE ROLE sessions_user NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
CREATE TABLE notes (id int PRIMARY KEY, owner text NOT NULL, words text[] NOT NULL DEFAULT '{}');
INSERT INTO notes SELECT n, 'user-' || n % 4, ARRAY['a', 'b, c'] FROM generate_series(1, 40) AS n;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes TO sessions_user
  USING (owner = current_setting('request.jwt.claims')::json ->> 'sub');
GRANT SELECT ON notes TO sessions_user;
-- Whether this is a connection that sessions share: what ends each of them is prepared there under this name.
CREATE FUNCTION who() RETURNS json STABLE LANGUAGE sql AS $$
  SELECT json_build_object('role', current_user, 'sub', current_setting('request.jwt.claims')::json ->> 'sub',
    'read_only', current_setting('transaction_read_only'),
    'shared', EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'asked')) $$;
CREATE FUNCTION half(n int) RETURNS int STABLE LANGUAGE sql AS 'SELECT 4 / n';
CREATE FUNCTION told(word text) RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('response.headers', format('[{\"X-Word\": \"%s\"}]', word), true);
  PERFORM set_config('response.status', '203', true);
  RETURN word; END $$;
CREATE FUNCTION loosened() RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('default_transaction_read_only', 'off', false);
  RETURN current_setting('transaction_read_only'); END $$;";

fn served() -> (Project, Database, Server) {
    let (project, database) = (Project::empty(), Database::create());
    asked(&database.url(), SCHEMA);
    let text = format!(
        "db-uri = \"{}\"\ndb-schemas = \"public\"\ndb-anon-role = \"sessions_anon\"\njwt-secret = \"{SECRET}\"\n",
        database.url()
    );
    let server = project.serve_as_postgrest(&text, &[]).unwrap();
    (project, database, server)
}

/// What one caller asks for in turn, and must get.
fn calls(anybody: &Client, caller: usize, shared: &AtomicBool) {
    let name = format!("user-{caller}");
    let (role, client) = match caller {
        0 => ("sessions_anon", anybody.clone()),
        _ => {
            let claims = json!({ "role": "sessions_user", "sub": name });
            ("sessions_user", anybody.bearer(&token(&claims)))
        }
    };
    for turn in 0..24 {
        let who = client.get("/rpc/who").expect(200).json();
        let sub = if caller == 0 { Json::Null } else { json!(name) };
        assert_eq!((&who["role"], &who["sub"], &who["read_only"]), (&json!(role), &sub, &json!("on")));
        shared.fetch_or(who["shared"] == true, Ordering::Relaxed);
        match caller {
            0 => drop(client.get("/notes").expect(401)),
            _ => {
                let notes = client.get("/notes?select=owner&words=cs.{\"b, c\"}&order=id").expect(200).json();
                assert_eq!(notes, json!(vec![json!({ "owner": name }); 10]));
            }
        }
        let n = turn % 3;
        let half = client.get(&format!("/rpc/half?n={n}"));
        match n {
            0 => assert_eq!(half.expect(400).code(), "22012"),
            _ => assert_eq!(half.expect(200).json(), json!(4 / n)),
        }
        let told = client.get(&format!("/rpc/told?word={name}-{turn}")).expect(203);
        assert_eq!(told.header("x-word"), Some(format!("{name}-{turn}").as_str()));
        assert_eq!(client.get("/rpc/loosened").expect(200).json(), "on");
    }
}

#[test]
fn sessions_that_share_connections_keep_to_themselves() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, _database, server) = served();
    let shared = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for caller in 0..4 {
            let (client, shared) = (server.client(), &shared);
            threads.spawn(move || calls(&client, caller, shared));
        }
    });
    assert!(shared.into_inner(), "no session ran on a connection that they share");
}

#[test]
fn shared_connections_that_are_lost_cost_no_read() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, database, server) = served();
    let client = server.client();
    let until_shared = || {
        let shared = (0..1_000).any(|_| client.get("/rpc/who").expect(200).json()["shared"] == true);
        assert!(shared, "no session ran on a connection that they share");
    };
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid() AND query NOT LIKE 'LISTEN%'";
    for _ in 0..3 {
        until_shared();
        asked(&database.url(), others);
    }
    until_shared();
    // A table that has changed under a statement that is prepared is read as it is now.
    asked(
        &database.url(),
        "GRANT SELECT ON notes TO sessions_anon; ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
    );
    let notes = || client.get("/notes?limit=1&order=id").expect(200).json();
    (0..50).for_each(|_| drop(notes()));
    asked(&database.url(), "DROP POLICY own ON notes; ALTER TABLE notes ALTER owner TYPE int USING 7");
    assert_eq!(notes()[0]["owner"], 7);
    until_shared();
}
