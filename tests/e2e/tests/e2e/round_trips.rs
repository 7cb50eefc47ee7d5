//! How often a request waits for the database server: once. The server is made far away, and the quickest of several requests
//! takes hardly longer than one way there and back.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use transom_pgkit::Database;
use transom_testkit::{Project, Reply, Server};

use crate::postgrest::asked;

/// One way.
const AWAY: Duration = Duration::from_millis(40);
/// What one round trip takes, and what two would take less a little.
const ONCE: Duration = AWAY.saturating_mul(2);
const TWICE: Duration = ONCE.saturating_mul(2).saturating_sub(Duration::from_millis(10));

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, label TEXT NOT NULL);
INSERT INTO notes VALUES (1, 'a'), (2, 'b');";
const POLICIES: &str = "GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO anon;
CREATE POLICY everything ON notes TO anon USING (id > 0) WITH CHECK (id > 0);";

/// The database's address, and far away.
fn far(database: &Database) -> String {
    let url = database.url();
    let after = url.split("127.0.0.1:").nth(1).unwrap();
    let port: String = after.chars().take_while(char::is_ascii_digit).collect();
    url.replace(&port, &proxy(port.parse().unwrap()).to_string())
}

/// A port from which this one of this machine is far away.
fn proxy(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
            for (from, to) in [(&client, &server), (&server, &client)] {
                from.set_nodelay(true).unwrap();
                carry(from.try_clone().unwrap(), to.try_clone().unwrap());
            }
        }
    });
    address.port()
}

/// Carries bytes, each as long as the others however many are on their way.
fn carry(mut from: TcpStream, mut to: TcpStream) {
    let (sent, arriving) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = [0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if sent.send((Instant::now() + AWAY, buffer[..read].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in arriving {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

#[track_caller]
fn check(what: &str, mut request: impl FnMut() -> Reply, status: u16) {
    // The first ones open connections, prepare statements and learn that these are quick.
    let took = (0..12).map(|_| {
        let begun = Instant::now();
        request().expect(status);
        begun.elapsed()
    });
    let quickest = took.min().unwrap();
    assert!(quickest >= ONCE, "{what}: {quickest:?}: the database was not asked");
    assert!(quickest < TWICE, "{what}: {quickest:?}, where one round trip takes {ONCE:?}");
}

#[test]
fn a_guarded_read_and_a_guarded_write_are_one_round_trip() {
    if transom_pgkit::missing() {
        return;
    }
    let (project, database) = (Project::of(SCHEMA, POLICIES), Database::create());
    let url = far(&database);
    let server = Server::start(project.dir(), &["--database-url", &url]);
    let client = server.client();
    check("a read by key", || client.get("/rest/v1/notes?id=eq.1"), 200);
    check("a read of several rows", || client.get("/rest/v1/notes?label=neq.c&order=label"), 200);
    let returned = client.with("Prefer", "return=representation");
    let mut id = 10;
    let insert = || {
        id += 1;
        returned.post("/rest/v1/notes", &json!({ "id": id, "label": "new" }))
    };
    check("an insert, its row returned", insert, 201);
    check("an update", || client.patch("/rest/v1/notes?id=eq.2", &json!({ "label": "c" })), 204);
}

#[test]
fn a_session_is_one_round_trip() {
    if transom_pgkit::missing() {
        return;
    }
    let (project, database) = (Project::empty(), Database::create());
    let role = "DO $$ BEGIN CREATE ROLE far_anon NOLOGIN; \
                EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;";
    asked(&database.url(), &format!("{role} {SCHEMA} GRANT SELECT, INSERT, UPDATE ON notes TO far_anon;"));
    let url = far(&database);
    let text = format!(
        "db-uri = \"{url}\"\ndb-schemas = \"public\"\ndb-anon-role = \"far_anon\"\nserver-port = 0\n"
    );
    let server = project.serve_as_postgrest(&text, &[]).unwrap();
    let client = server.client();
    check("a read by key", || client.get("/notes?id=eq.1"), 200);
    let mut id = 10;
    let insert = || {
        id += 1;
        client.post("/notes", &json!({ "id": id, "label": "new" }))
    };
    check("an insert", insert, 201);
    check("an update", || client.patch("/notes?id=eq.2", &json!({ "label": "c" })), 204);
}
