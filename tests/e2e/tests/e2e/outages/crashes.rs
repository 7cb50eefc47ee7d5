//! Crashes of the database server and of ours, and connections that are cut between a commit and its answer.

use serde_json::json;
use transom_pgkit::{Durability, Server as Database};
use transom_testkit::{Project, Server};

use super::{
    Fate, asked, copies, notes, nothing_lost_or_twice, proxy::Proxy, wait_until, write, written_while,
};

fn serve(project: &Project, url: &str) -> Server {
    Server::start(project.dir(), &["--database-url", url])
}

/// The database is killed under load and comes back; ours goes on by itself.
fn check_killed_database(project: &Project, keyed: bool) {
    let database = Database::start(Durability::Full);
    let url = database.url("postgres");
    let server = serve(project, &url);
    let client = server.client();
    let fates = written_while(&client, keyed, || {
        database.kill();
        let reply = client.get("/rest/v1/notes?limit=1");
        assert_eq!((reply.status, reply.code().as_str()), (503, "TR103"), "{}", reply.text());
        assert!(reply.header("retry-after").is_some());
        database.resume();
    });
    nothing_lost_or_twice(&url, &fates);
    assert!(fates.iter().any(|(_, fate)| *fate != Fate::Acknowledged), "nothing was under way");
    if keyed {
        // Whoever does not know asks again, and the note is there once.
        for (label, _) in fates.iter().filter(|(_, fate)| *fate == Fate::Unknown) {
            write(&client, label, true).expect(201);
            assert_eq!(copies(&url, label), 1, "{label}");
        }
    }
}

#[test]
fn a_killed_database_loses_nothing_acknowledged() {
    check_killed_database(&notes(), false);
}

#[test]
fn a_killed_database_does_nothing_twice_that_has_a_key() {
    check_killed_database(&notes(), true);
}

#[test]
fn a_killed_database_keeps_its_change_log_whole() {
    let project = notes();
    project.configure("[changes]\ntables = [\"notes\"]");
    let database = Database::start(Durability::Full);
    let url = database.url("postgres");
    let server = serve(&project, &url);
    let fates = written_while(&server.client(), false, || {
        database.kill();
        database.resume();
    });
    nothing_lost_or_twice(&url, &fates);
    // Every note has one change, in one order, once all are numbered.
    let counts =
        || asked(&url, "SELECT (SELECT count(*) FROM notes) - (SELECT count(*) FROM _transom.changes)");
    wait_until(|| counts() == "0", "every note has its change");
}

#[test]
fn ours_killed_under_load_loses_nothing_acknowledged() {
    let (project, database) = (notes(), Database::start(Durability::Full));
    let url = database.url("postgres");
    for round in 0..3 {
        let mut server = serve(&project, &url);
        let client = server.client();
        let acknowledged = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let (client, acknowledged) = (&client, &acknowledged);
                scope.spawn(move || {
                    for number in 0.. {
                        let label = format!("note {round} {worker} {number}");
                        match super::super::bad_days::try_post(
                            client,
                            "/rest/v1/notes",
                            &json!({ "label": label }),
                        ) {
                            Some(201) => acknowledged.lock().unwrap().push((label, Fate::Acknowledged)),
                            _ => break,
                        }
                    }
                });
            }
            wait_until(|| acknowledged.lock().unwrap().len() >= 60, "writes run");
            server.kill();
        });
        nothing_lost_or_twice(&url, &acknowledged.into_inner().unwrap());
    }
}

/// The answer to a write is lost after the database has it: what is said is that nobody knows, and a key settles it.
fn check_cut(project: &Project, headers: &[(&str, &str)]) {
    let database = Database::start(Durability::None);
    let direct = database.url("postgres");
    let proxy = Proxy::to(database.port());
    let url = format!("postgresql://postgres@127.0.0.1:{}/postgres?sslmode=disable", proxy.port());
    let server = serve(project, &url);
    let client = headers.iter().fold(server.client(), |client, (name, value)| client.with(name, value));
    client.post("/rest/v1/notes", &json!({ "label": "warm" })).expect(201);
    proxy.cut_next_confirmation();
    let reply = client.post("/rest/v1/notes", &json!({ "label": "cut" }));
    assert!(proxy.has_cut());
    assert_eq!((reply.status, reply.code().as_str()), (500, "TR105"), "{}", reply.text());
    assert_eq!(copies(&direct, "cut"), 1, "the database had confirmed it");
    client.post("/rest/v1/notes", &json!({ "label": "after" })).expect(201);
}

#[test]
fn an_answer_lost_after_the_commit_is_called_unknown() {
    check_cut(&notes(), &[]);
    check_cut(&notes(), &[("Prefer", "return=representation")]);
    let tracked = notes();
    tracked.configure("[changes]\ntables = [\"notes\"]");
    check_cut(&tracked, &[]);
}

#[test]
fn a_read_whose_end_is_lost_is_asked_again() {
    let (project, database) = (Project::empty(), Database::start(Durability::None));
    asked(&database.url("postgres"), "CREATE TABLE notes AS SELECT 1 AS id");
    let proxy = Proxy::to(database.port());
    let server = project
        .serve_as_postgrest(
            &format!(
                "db-uri = \"postgresql://postgres@127.0.0.1:{}/postgres?sslmode=disable\"\n\
                 db-anon-role = \"postgres\"\n",
                proxy.port()
            ),
            &[],
        )
        .unwrap();
    // A statement that is not known yet is answered before its transaction ends.
    for number in 0..30 {
        proxy.cut_next_commit();
        let reply = server.client().get(&format!("/notes?select=id,n{number}:id")).expect(200);
        assert_eq!(reply.json()[0]["id"], 1);
        assert!(proxy.has_cut());
    }
}

#[test]
fn a_key_settles_what_is_unknown() {
    let (project, database) = (notes(), Database::start(Durability::None));
    let proxy = Proxy::to(database.port());
    let url = format!("postgresql://postgres@127.0.0.1:{}/postgres?sslmode=disable", proxy.port());
    let server = serve(&project, &url);
    let client = server.client();
    write(&client, "warm", true).expect(201);
    // The commit's own confirmation: the insert's comes first and is passed on.
    let mut unknown = 0;
    for number in 0..8 {
        let label = format!("cut {number}");
        proxy.cut_next_commit();
        let first = write(&client, &label, true);
        unknown += u32::from(first.status == 500);
        let again = write(&client, &label, true).expect(201);
        assert_eq!(copies(&database.url("postgres"), &label), 1, "{label}: {} {again:?}", first.text());
    }
    assert!(unknown > 0, "no answer was lost");
}

#[test]
fn a_restart_in_the_middle_of_a_migration_applies_it_once() {
    let (project, database) = (notes(), Database::start(Durability::Full));
    let url = database.url("postgres");
    drop(serve(&project, &url));
    project.write(
        "migrations/0002_slow.sql",
        "CREATE TABLE slow (id int);\nINSERT INTO slow VALUES (1);\nSELECT pg_sleep(1.5);",
    );
    let mut child = std::process::Command::new(transom_testkit::binary())
        .args(["migrate", project.dir().to_str().unwrap(), "--database-url", &url])
        .spawn()
        .unwrap();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1.5)%' AND pid <> pg_backend_pid()";
    wait_until(|| asked(&url, sleeping) != "0", "the migration runs");
    child.kill().unwrap();
    child.wait().unwrap();
    database.kill();
    database.resume();
    assert_eq!(
        asked(&url, "SELECT to_regclass('slow') IS NULL"),
        "t",
        "a migration happens whole or not at all"
    );
    let server = serve(&project, &url);
    assert_eq!(asked(&url, "SELECT count(*) FROM slow"), "1");
    server.client().get("/rest/v1/notes").expect(200);
}

#[test]
fn sessions_that_an_operator_ends_are_replaced() {
    let (project, database) = (notes(), Database::start(Durability::None));
    let url = database.url("postgres");
    let server = serve(&project, &url);
    let client = server.client();
    for round in 0..5 {
        asked(
            &url,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'transom'",
        );
        // A read that was lost with its connection is asked again, for nothing can have come of it.
        client.get("/rest/v1/notes?limit=1").expect(200);
        wait_until(|| write(&client, &format!("round {round}"), false).status == 201, "writes go on");
    }
}
