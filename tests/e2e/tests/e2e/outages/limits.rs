//! What is slow, held or too much: statements that take too long, pools that are empty, more shapes than anyone prepares.

use serde_json::json;
use transom_pgkit::Database;
use transom_testkit::{Project, Server};

use super::{asked, wait_until};

const SCHEMA: &str = "CREATE TABLE notes (id bigint PRIMARY KEY, a int, b int, c int, d int);
CREATE VIEW slow AS SELECT id, pg_sleep(20)::text AS slept FROM generate_series(1, 1) AS g(id);
INSERT INTO notes SELECT n, n, n, n, n FROM generate_series(1, 50) AS g(n);";
const POLICIES: &str = "GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO anon;\nGRANT SELECT ON slow TO anon;
ALTER TABLE notes DISABLE ROW LEVEL SECURITY;\nALTER TABLE slow DISABLE ROW LEVEL SECURITY;";

fn project() -> Project {
    Project::of(SCHEMA, POLICIES)
}

fn serve(project: &Project, database: &Database, flags: &[&str]) -> Server {
    let url = database.url();
    Server::start(project.dir(), &[&["--database-url", &url], flags].concat())
}

#[test]
fn a_statement_that_takes_too_long_is_stopped_and_its_place_is_free() {
    let (project, database) = (project(), Database::create());
    let server = serve(
        &project,
        &database,
        &["--set", "database.statement_timeout=300ms", "--set", "database.transaction_connections=1"],
    );
    let client = server.client();
    for _ in 0..3 {
        let reply = client.get("/rest/v1/slow");
        assert_eq!((reply.status, reply.code().as_str()), (504, "TR102"), "{}", reply.text());
        client.get("/rest/v1/notes?a=gt.1&limit=1").expect(200);
    }
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%slow%' AND state = 'active' AND pid <> pg_backend_pid()";
    wait_until(|| asked(&database.url(), sleeping) == "0", "what nobody waits for has ended");
}

#[test]
fn a_row_that_somebody_holds_ends_in_time() {
    let (project, database) = (project(), Database::create());
    let server = serve(&project, &database, &["--set", "database.statement_timeout=500ms"]);
    let url = database.url();
    let client = server.client();
    std::thread::scope(|scope| {
        let hold = "BEGIN; UPDATE notes SET a = 0 WHERE id = 1; SELECT pg_sleep(3); ROLLBACK";
        scope.spawn(|| asked(&url, hold));
        let held = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3)%' AND wait_event = 'PgSleep'";
        wait_until(|| asked(&url, held) != "0", "the row is held");
        let reply = client.patch("/rest/v1/notes?id=eq.1", &json!({ "a": 7 }));
        assert_eq!((reply.status, reply.code().as_str()), (504, "TR102"), "{}", reply.text());
        client.patch("/rest/v1/notes?id=eq.2", &json!({ "a": 7 })).expect(204);
    });
    assert_eq!(asked(&url, "SELECT a FROM notes WHERE id = 1"), "1", "what was refused has not happened");
}

#[test]
fn an_empty_pool_refuses_after_a_bounded_wait() {
    let (project, database) = (project(), Database::create());
    let flags = ["--set", "database.transaction_connections=1", "--set", "database.statement_timeout=2s"];
    let server = serve(&project, &database, &flags);
    let client = server.client();
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..6).map(|_| scope.spawn(|| client.get("/rest/v1/slow"))).collect();
        let replies: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
        for reply in replies {
            let said = (reply.status, reply.code());
            assert!(
                matches!((said.0, said.1.as_str()), (503, "TR101") | (504, "TR102")),
                "{} {}",
                reply.status,
                reply.text()
            );
            let full = "Every connection to the database is in use";
            assert_eq!(said.0 == 503, reply.text().contains(full), "{}", reply.text());
        }
    });
    client.get("/rest/v1/notes?a=gt.1&limit=1").expect(200);
}

#[test]
fn ten_thousand_shapes_cost_no_more_than_a_bounded_number() {
    let (project, database) = (project(), Database::create());
    let server = serve(&project, &database, &["--set", "log.level=error"]);
    let client = server.client();
    let memory = || server.memory_mib("VmRSS");
    let shapes = |from: usize, to: usize| {
        let next = std::sync::atomic::AtomicUsize::new(from);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        if number >= to {
                            break;
                        }
                        // The alias is part of the shape.
                        client.get(&format!("/rest/v1/notes?select=x{number}:a,id&id=eq.1")).expect(200);
                    }
                });
            }
        });
    };
    shapes(0, 4_000);
    let before = memory();
    shapes(4_000, 10_000);
    let after = memory();
    assert!(after <= before + 48, "{before} MiB became {after} MiB");
    let metrics = server.admin().get("/metrics").expect(200).text();
    let prepared = metrics
        .lines()
        .find(|line| line.contains("prepared_statements") && !line.starts_with('#'))
        .and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .unwrap();
    assert!(prepared <= 8_000.0, "{prepared} statements are prepared");
}
