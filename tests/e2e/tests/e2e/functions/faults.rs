//! What a project may not say of functions, told at its start.

use transom_pgkit::Database;
use transom_testkit::{Project, Server};

use super::{POLICIES, SCHEMA};
use crate::commands::{good, refused, text};

/// The faults of the project with these grants beside its own, at the start and when it is checked.
#[track_caller]
fn faulty(grants: &str, query: Option<&str>, words: &[&str]) {
    let project = Project::of(SCHEMA, &format!("{POLICIES}{grants}"));
    if let Some(name) = query {
        project.write(&format!("queries/{name}.sql"), "-- returns scalar\nSELECT 1 AS one");
    }
    let database = Database::create();
    let url = database.url();
    let flags = ["--database-url", &url];
    let told = Server::try_start(project.dir(), &flags).err().expect("refused");
    for word in words {
        assert!(told.contains(word), "no {word:?} in: {told}");
    }
    refused(&["check", text(project.dir()), flags[0], flags[1]], words);
}

#[test]
fn a_grant_names_what_is_there() {
    let grants = "
        GRANT EXECUTE ON FUNCTION forgett TO anon;
        GRANT EXECUTE ON FUNCTION over TO anon;
        GRANT EXECUTE ON FUNCTION over(text) TO anon;
        GRANT EXECUTE ON FUNCTION show_limit TO anon;
        REVOKE EXECUTE ON FUNCTION on_change FROM anon;";
    let words = [
        "'forgett' does not exist",
        "Perhaps you meant 'forget'",
        "several functions 'over'",
        "Say which: over(integer), over(integer, text)",
        "'over(text)' does not exist",
        "There is over(integer), over(integer, text)",
        "'show_limit' does not exist",
        "'on_change' does not exist",
        "but for triggers', extensions'",
    ];
    faulty(grants, None, &words);
}

#[test]
fn a_query_has_a_name_of_its_own() {
    faulty("", Some("add"), &["queries/add.sql", "public.add", "Rename one of the two"]);
}

#[test]
fn every_function_is_granted_at_once() {
    let project = Project::of(SCHEMA, "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO anon;");
    project.write("queries/handwritten.sql", "-- returns scalar\nSELECT 1 AS one");
    let database = Database::create();
    let url = database.url();
    let server = Server::start(project.dir(), &["--database-url", &url]);
    good(&["check", text(project.dir()), "--database-url", &url]);
    let client = server.client();
    for (path, status) in [
        ("handwritten", 200),
        ("hidden_thing", 200),
        ("over?n=1&deep=x", 200),
        ("show_limit", 404),
        ("on_change", 404),
    ] {
        client.get(&format!("/rest/v1/rpc/{path}")).expect(status);
    }
    server.user("ada").get("/rest/v1/rpc/hidden_thing").expect(404);
}
