//! What a newcomer gets wrong on the command line: each mistake is named, with what would be right, and nothing is left behind.

use std::fs;

use serde_json::{Value as Json, json};
use transom_testkit::{Project, SECRET, Server};

use crate::commands::{good, refused, text};

const SCHEMA: &str = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT);";
const POLICIES: &str = "GRANT SELECT ON things TO anon;\nCREATE POLICY p ON things USING (true);";

#[test]
fn a_folder_that_is_none_is_named() {
    let project = Project::empty();
    project.write("a_file", "x");
    let file = project.dir().join("a_file");
    refused(&["new", text(&file)], &["a_file", "is a file", "nothing was written"]);
    refused(&["new", text(&file.join("below"))], &["a_file", "cannot make the folder"]);
    refused(&["config", text(&file)], &["a_file", "is a file"]);
    refused(&["check", text(&project.dir().join("nowhere"))], &["nowhere", "transom new"]);
}

/// An empty database would only hide that the name of the real one was mistyped.
#[test]
fn nothing_is_made_where_there_is_nothing_to_serve() {
    let project = Project::empty();
    let dir = text(project.dir());
    let words = ["nothing to serve", "data/app.db", "transom new", "--database-url"];
    refused(&["serve", dir, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"], &words);
    refused(
        &[
            "serve",
            dir,
            "--database-url",
            "sqlite:mistyped.db",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ],
        &["nothing to serve", "mistyped.db"],
    );
    good(&["check", dir]);
    good(&["migrate", dir, "status"]);
    let left: Vec<_> = fs::read_dir(project.dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["transom.toml"]);
}

/// To look is not to make.
#[test]
fn looking_at_migrations_makes_no_database() {
    let project = Project::of(SCHEMA, POLICIES);
    assert!(good(&["migrate", text(project.dir()), "status"]).contains("pending  0001_test"));
    good(&["check", text(project.dir())]);
    assert!(!project.dir().join("data").exists());
}

#[test]
fn a_folder_of_migrations_that_lost_its_files_is_refused() {
    let project = Project::of(SCHEMA, POLICIES);
    good(&["migrate", text(project.dir())]);
    fs::remove_file(project.dir().join("migrations/0001_test.sql")).unwrap();
    let printed = Server::try_start(project.dir(), &[]).err().expect("refused");
    assert!(printed.contains("0001_test") && printed.contains("missing"), "{printed}");
    refused(&["migrate", text(project.dir())], &["0001_test", "missing"]);
}

#[test]
fn a_migration_may_be_named_in_any_language() {
    let project = Project::of(SCHEMA, POLICIES);
    let dir = text(project.dir());
    assert!(good(&["migrate", dir, "new", "添加评论"]).contains("0002_添加评论.sql"));
    assert!(good(&["migrate", dir, "new", "Größe & Maße!"]).contains("0003_größe_maße.sql"));
    refused(&["migrate", dir, "new", "///"], &["no letters", "add_reviews"]);
    assert!(good(&["migrate", dir]).contains("applied 0002_添加评论"));
}

/// Before the action or after it: both are how people say it.
#[test]
fn a_folder_may_stand_on_either_side_of_the_action() {
    let project = Project::of(SCHEMA, POLICIES);
    let dir = text(project.dir());
    for arguments in [["migrate", dir, "status"], ["migrate", "status", dir]] {
        assert!(good(&arguments).contains("pending  0001_test"), "{arguments:?}");
    }
    assert!(good(&["migrate", "new", "more", dir]).contains("0002_more.sql"));
    assert!(good(&["migrate", "up", dir]).contains("applied 0002_more"));
    for arguments in [
        ["config", "--set", "rest.rows_max=7", "show", dir],
        ["config", "show", dir, "--set", "rest.rows_max=7"],
    ] {
        let shown = good(&arguments);
        assert!(
            shown.lines().any(|line| line.starts_with("rest.rows_max") && line.contains("= 7")),
            "{shown}"
        );
    }
}

/// Flags are read as the file is: the same forms, the same remedies.
#[test]
fn flags_are_explained_like_the_file() {
    let project = Project::of(SCHEMA, POLICIES);
    let dir = text(project.dir());
    refused(&["serve", dir, "--listen", "nonsense"], &["--listen", "server.listen", "127.0.0.1:8080"]);
    refused(&["serve", dir, "--admin-listen", "0.0.0.0:0"], &["--admin-listen", "other machines"]);
    refused(&["serve", dir, "--set", "rest.rows_mx=1"], &["--set", "rows_max"]);
    refused(&["serve", dir, "--set", "rest.rows_max"], &["KEY=VALUE"]);
    let shop = Project::example("shop");
    for scale in ["0", "1000000", "x"] {
        refused(&["seed", text(shop.dir()), "--scale", scale], &["--scale", "seed.scale", "from 1 to 10000"]);
    }
    refused(&["seed", dir], &["nothing to seed", "seed.toml"]);
    let server = Server::start(project.dir(), &["--set", "server.listen=localhost:0"]);
    server.client().get("/rest/v1/things").expect(200);
}

#[test]
fn a_pasted_address_is_explained() {
    let project = Project::of(SCHEMA, POLICIES);
    let dir = text(project.dir());
    refused(&["explain", "things", dir], &["no database", "transom migrate"]);
    good(&["migrate", dir]);
    let shown = good(&["explain", "http://127.0.0.1:8080/rest/v1/things?id=eq.1", dir]);
    assert!(shown.contains("SEARCH"), "{shown}");
    refused(&["explain", "things", dir, "--method", "a b"], &["--method", "GET"]);
    refused(&["explain", "things", dir, "--claim", "sub"], &["--claim", "NAME=VALUE"]);
}

/// The project says where in a token the role stands; a token that it mints has it there.
#[test]
fn a_minted_token_has_its_role_where_the_project_looks() {
    let project = Project::of(
        SCHEMA,
        "CREATE ROLE staff;\nGRANT SELECT ON things TO staff;\nCREATE POLICY p ON things USING (true);",
    );
    project.write(
        "transom.toml",
        &format!("[auth]\nsecret = \"{SECRET}\"\nrole_claim = \"app_metadata.role\"\n"),
    );
    let token = good(&["token", text(project.dir()), "--role", "staff"]);
    let server = project.serve();
    let rows = server.client().bearer(token.trim()).get("/rest/v1/things").expect(200).json();
    assert_eq!(rows, json!([]));
}

/// SIGHUP reads policies and queries again. Flags of the command line cannot be lost by it, and a fault in the file does not matter to it.
#[test]
fn a_running_server_reads_its_policies_again() {
    let project = Project::of(&format!("{SCHEMA}\nINSERT INTO things VALUES (1, 'a');"), POLICIES);
    let server = Server::start(project.dir(), &["--set", "log.level=info"]);
    let read = || server.client().get("/rest/v1/things?select=id");
    assert_eq!(read().expect(200).json(), json!([{ "id": 1 }]));
    let reread = |policies: &str, said: &str| {
        project.write("policies.sql", policies);
        server.hang_up();
        server.until_printed(said);
    };
    project.write("transom.toml", "this is broken");
    reread("", "were read again");
    read().expect(404);
    // What is wrong keeps the last good ones.
    reread("GRANT SELECT ON thinks TO anon;", "thinks");
    read().expect(404);
    reread(POLICIES, "were read again");
    read().expect(200);
}

/// What editors are told of `transom.toml` fits the example.
#[test]
fn the_schema_knows_every_section_of_the_example() {
    let schema: Json = serde_json::from_str(&good(&["config", "schema"])).unwrap();
    let text = fs::read_to_string(transom_testkit::root().join("examples/shop/transom.toml")).unwrap();
    for section in text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']')) {
        let at = section.split('.').fold(&schema, |at, part| &at["properties"][part]);
        assert!(at["properties"].is_object(), "{section}");
    }
}
