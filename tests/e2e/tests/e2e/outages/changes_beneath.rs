//! The schema is changed, and the password, while requests run.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::json;
use transom_pgkit::{Durability, Server as Database};
use transom_testkit::Server;

use super::{asked, notes, wait_until, write};

#[test]
fn a_schema_that_changes_beneath_requests_breaks_none() {
    let (project, database) = (notes(), Database::start(Durability::None));
    let url = database.url("postgres");
    let server = Server::start(project.dir(), &["--database-url", &url]);
    let client = server.client();
    let over = AtomicBool::new(false);
    let checked = |status: u16, text: &str| assert!(status < 500, "{status} {text}");
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (client, over) = (&client, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let reply = client.get("/rest/v1/notes?order=id.desc&limit=5");
                    checked(reply.status, &reply.text());
                    let reply = client
                        .with("Prefer", "return=representation")
                        .post("/rest/v1/notes", &json!({ "label": format!("from {number}") }));
                    checked(reply.status, &reply.text());
                }
            });
        }
        for round in 0..8 {
            asked(&url, &format!("ALTER TABLE notes ADD COLUMN extra_{round} int DEFAULT 1"));
            asked(&url, "ALTER TABLE notes ALTER COLUMN label TYPE varchar(100)");
            server.hang_up();
            asked(&url, &format!("ALTER TABLE notes DROP COLUMN extra_{round}"));
            asked(&url, "ALTER TABLE notes ALTER COLUMN label TYPE text");
            server.hang_up();
        }
        over.store(true, Ordering::Relaxed);
    });
    // The last of the reloads may still be under way.
    wait_until(|| client.get("/rest/v1/notes?limit=1").status == 200, "the new schema is served");
}

#[test]
fn a_rotated_password_keeps_nothing_alive_but_is_taken_up() {
    let (project, database) = (notes(), Database::start(Durability::None));
    let admin = database.socket_url("postgres");
    asked(&admin, "CREATE ROLE app LOGIN SUPERUSER PASSWORD 'first-secret'");
    let file = database.folder().join("data/pg_hba.conf");
    let rules = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("host all app 127.0.0.1/32 scram-sha-256\n{rules}")).unwrap();
    asked(&admin, "SELECT pg_reload_conf()");
    let url = format!("postgresql://app:first-secret@127.0.0.1:{}/postgres?sslmode=disable", database.port());
    wait_until(
        || {
            Server::try_start(project.dir(), &["--database-url", &url.replace("first", "wrong")]).is_err_and(
                |printed| {
                    assert!(!printed.contains("wrong-secret"), "a password is in: {printed}");
                    printed.contains("password")
                },
            )
        },
        "passwords count",
    );
    let server = Server::start(project.dir(), &["--database-url", &url]);
    let client = server.client();
    write(&client, "before", false).expect(201);
    asked(&admin, "ALTER ROLE app PASSWORD 'second-secret'");
    // Open sessions go on; new ones are refused.
    write(&client, "meanwhile", false).expect(201);
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'";
    asked(&admin, end);
    wait_until(
        || {
            let reply = write(&client, "refused", false);
            assert!(!reply.text().contains("secret"), "{}", reply.text());
            reply.status == 503 && reply.code() == "TR103"
        },
        "new sessions are refused",
    );
    asked(&admin, "ALTER ROLE app PASSWORD 'first-secret'");
    wait_until(|| write(&client, "after", false).status == 201, "it goes on by itself");
}
