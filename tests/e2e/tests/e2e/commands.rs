//! The commands, as typed.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use transom_testkit::{Project, Server, binary, embedded_only, run};

/// Runs a command: whether it succeeded, and all that it printed.
pub fn output(arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } = run(arguments);
    (status.success(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

#[track_caller]
pub fn good(arguments: &[&str]) -> String {
    let (success, text) = output(arguments);
    assert!(success, "{arguments:?}: {text}");
    text
}

/// Refused, with all these words, and without a word of Rust.
#[track_caller]
pub fn refused(arguments: &[&str], words: &[&str]) -> String {
    let (success, text) = output(arguments);
    assert!(!success, "{arguments:?}: {text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
    for word in ["panicked", "RUST_BACKTRACE", "Some(", "Err(", "Unique(", "Unavailable:"] {
        assert!(!text.contains(word), "{text}");
    }
    text
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const SCHEMA: &str = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, size INTEGER);\nCREATE INDEX things_size ON things (size);";
const POLICIES: &str = "GRANT SELECT ON things TO anon;\nCREATE POLICY p ON things USING (true);";

#[test]
fn a_new_project_is_made_checked_and_served() {
    let folder = Project::empty();
    for template in ["blank", "shop"] {
        let dir = folder.dir().join(template);
        let printed = good(&["new", text(&dir), "--template", template]);
        assert!(printed.contains("transom serve"), "{printed}");
        good(&["check", text(&dir)]);
        let server = Server::start(&dir, &[]);
        server.admin().get("/readyz").expect(200);
        refused(&["new", text(&dir)], &["not empty"]);
    }
}

#[test]
fn every_fault_of_a_project_is_reported_at_once() {
    let project = Project::of(
        SCHEMA,
        "GRANT SELECT ON thinks TO anon;\nCREATE POLICY p ON things USING (nmae = 'x');\n",
    );
    good(&["check", "--help"]);
    refused(
        &["check", text(project.dir())],
        &["policies.sql:1", "thinks", "things", "policies.sql:2", "nmae", "name"],
    );
    project.write("policies.sql", "GRANT SELCT ON things TO anon;");
    refused(&["check", text(project.dir())], &["policies.sql:1"]);
    project.write("policies.sql", POLICIES);
    project.write("transom.toml", "[rest]\nrows_mx = 5\nplan = \"yes\"\n\n[srver]\n");
    refused(
        &["check", text(project.dir())],
        &[
            "transom.toml:2",
            "rows_mx",
            "rows_max",
            "transom.toml:3",
            "true or false",
            "transom.toml:5",
            "srver",
            "server",
        ],
    );
    project.write("transom.toml", "");
    project.write("migrations/0002_bad.sql", "CREATE TABLE x (;");
    refused(&["check", text(project.dir())], &["0002_bad"]);
    assert!(!project.database().exists(), "check changes nothing");
    refused(&["check", "/nowhere/at/all"], &["/nowhere/at/all"]);
    assert!(Server::try_start(project.dir(), &[]).is_err());
}

#[test]
fn the_configuration_is_shown_with_its_origins_and_without_secrets() {
    let project = Project::of(SCHEMA, POLICIES);
    project.write(
        "transom.toml",
        "[auth]\nsecret = \"a-very-secret-secret-of-32-letters\"\n\n[rest]\nrows_max = 7\n",
    );
    let shown = good(&["config", text(project.dir()), "show"]);
    assert!(!shown.contains("very-secret"), "{shown}");
    let rows = shown.lines().find(|line| line.starts_with("rest.rows_max")).unwrap();
    assert!(rows.contains("= 7") && rows.contains("transom.toml:5"), "{rows}");
    assert!(
        shown.lines().any(|line| line.starts_with("server.listen") && line.contains("default")),
        "{shown}"
    );
    let shown = good(&["config", text(project.dir()), "--set", "rest.rows_max=9", "show"]);
    assert!(shown.lines().any(|line| line.starts_with("rest.rows_max") && line.contains("= 9")), "{shown}");
    refused(&["config", text(project.dir()), "--set", "rest.rows_mx=9", "show"], &["rows_max"]);
    let schema: serde_json::Value =
        serde_json::from_str(&good(&["config", text(project.dir()), "schema"])).unwrap();
    assert!(schema["properties"]["rest"].is_object());
    project.write("transom.toml", "[auth]\nsecret = \"${NOBODY_SET_THIS}\"\n");
    refused(&["config", text(project.dir())], &["NOBODY_SET_THIS", "transom.toml:2"]);
}

#[test]
fn migrations_are_applied_once_and_the_past_stays() {
    let project = Project::of(SCHEMA, POLICIES);
    let dir = text(project.dir());
    assert!(good(&["migrate", dir, "status"]).contains("pending"));
    assert!(good(&["migrate", dir]).contains("0001_test"));
    assert!(!good(&["migrate", dir, "status"]).contains("pending"));
    assert!(!good(&["migrate", dir, "up"]).contains("applied 0001_test"));

    good(&["migrate", dir, "new", "more"]);
    let made = project.dir().join("migrations/0002_more.sql");
    assert!(made.exists());
    fs::write(&made, "CREATE TABLE more (id INTEGER PRIMARY KEY);\nINSERT INTO nowhere VALUES (1);\n")
        .unwrap();
    refused(&["migrate", dir], &["0002_more", "nowhere"]);
    // All or nothing: the table of the failed migration is not there, so the corrected one passes.
    fs::write(&made, "CREATE TABLE more (id INTEGER PRIMARY KEY);\n").unwrap();
    good(&["migrate", dir]);

    // A changed, a missing, and a late migration are refused and change nothing.
    project.write("migrations/0001_test.sql", "CREATE TABLE things (id INTEGER PRIMARY KEY);");
    refused(&["migrate", dir], &["0001_test", "changed"]);
    assert!(Server::try_start(project.dir(), &[]).is_err());
    project.write("migrations/0001_test.sql", SCHEMA);
    fs::remove_file(&made).unwrap();
    refused(&["migrate", dir], &["0002_more"]);
    fs::write(&made, "CREATE TABLE more (id INTEGER PRIMARY KEY);\n").unwrap();
    project.write("migrations/0001_a_late_one.sql", "CREATE TABLE late (id INTEGER PRIMARY KEY);");
    refused(&["migrate", dir], &["0001"]);
    fs::remove_file(project.dir().join("migrations/0001_a_late_one.sql")).unwrap();
    let server = project.serve();
    assert_eq!(server.role("service_role").get("/rest/v1/more").expect(200).json(), serde_json::json!([]));
    server.role("service_role").get("/rest/v1/late").expect(404);
}

#[test]
fn two_servers_at_once_migrate_once() {
    let project = Project::of(SCHEMA, POLICIES);
    project.write("migrations/0002_row.sql", "INSERT INTO things (name) VALUES ('only one');");
    let dir = project.dir();
    let servers: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..3).map(|_| scope.spawn(|| Server::try_start(dir, &[]))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    for server in &servers {
        let server = server.as_ref().unwrap_or_else(|printed| panic!("{printed}"));
        assert_eq!(
            server.client().get("/rest/v1/things?select=name").json(),
            serde_json::json!([{ "name": "only one" }])
        );
    }
}

#[test]
fn a_minted_token_is_accepted() {
    let project = Project::of(
        SCHEMA,
        "CREATE ROLE staff;\nGRANT SELECT ON things TO staff;\nCREATE POLICY p ON things USING (id = (auth.jwt() ->> 'n')::int);",
    );
    project.write("migrations/0002_rows.sql", "INSERT INTO things (id) VALUES (1), (2);");
    let server = project.serve();
    let token = good(&["token", text(project.dir()), "--role", "staff", "--sub", "me", "--claim", "n=2"]);
    let client = server.client().bearer(token.trim());
    assert_eq!(client.get("/rest/v1/things?select=id").expect(200).json(), serde_json::json!([{ "id": 2 }]));
    server.client().get("/rest/v1/things").expect(404);
}

#[test]
fn explain_shows_the_plan_and_the_missing_index() {
    let project = Project::of(SCHEMA, POLICIES);
    let dir = text(project.dir());
    good(&["migrate", dir]);
    let shown = good(&["explain", "/rest/v1/things?name=eq.x", dir]);
    for word in ["SELECT", "SCAN", "warning", "CREATE INDEX things_name ON things (name)"] {
        assert!(shown.contains(word), "no {word} in {shown}");
    }
    // Values are bound, never part of the statement.
    assert!(!shown.contains("'x'"), "{shown}");
    let shown = good(&["explain", "things?size=eq.3", dir]);
    assert!(shown.contains("things_size") && !shown.contains("warning"), "{shown}");
    // To walk a whole index is to scan the table.
    let shown = good(&["explain", "things?name=eq.x&order=size", dir]);
    assert!(shown.contains("warning"), "{shown}");
    refused(&["explain", "nowhere", dir], &["nowhere"]);
    refused(&["explain", "things?nmae=eq.1", dir], &["nmae", "name"]);
    good(&[
        "explain",
        "--role",
        "service_role",
        "--method",
        "PATCH",
        "--body",
        "{\"name\":\"y\"}",
        "things?id=eq.1",
        dir,
    ]);
}

#[test]
fn a_database_that_exists_is_served_as_it_is() {
    let project = Project::of(&format!("{SCHEMA}\nINSERT INTO things VALUES (1, 'a', 1);"), POLICIES);
    good(&["migrate", text(project.dir())]);
    let other = Project::empty();
    let url = format!("sqlite:{}", text(&project.database()));
    let server = Server::start(other.dir(), &["--database-url", &url]);
    let rows = server.role("service_role").get("/rest/v1/things").expect(200).json();
    assert_eq!(rows, serde_json::json!([{ "id": 1, "name": "a", "size": 1 }]));
    // Nobody else has a grant.
    server.client().get("/rest/v1/things").expect(404);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let project = Project::of(SCHEMA, POLICIES);
    project.write("data/app.db", "This is a letter to my grandmother, and not a database at all.");
    let printed = Server::try_start(project.dir(), &[]).err().expect("refused");
    assert!(printed.contains("app.db"), "{printed}");
    assert!(fs::read_to_string(project.database()).unwrap().starts_with("This is a letter"));
}

#[test]
fn a_server_stops_when_asked() {
    let project = Project::of(SCHEMA, POLICIES);
    let mut server = project.serve();
    server.client().get("/rest/v1/things").expect(200);
    server.admin().get("/livez").expect(200);
    assert!(server.admin().get("/metrics").expect(200).text().contains("# TYPE"));
    server.terminate();
    assert_eq!(server.wait(), Some(0));
}

/// `transom config show | head -1`: a reader that has seen enough is no reason to panic.
#[test]
fn a_reader_may_stop_reading() {
    let project = Project::of(SCHEMA, POLICIES);
    for arguments in
        [["config", text(project.dir())].as_slice(), &["config", text(project.dir()), "schema"], &["--help"]]
    {
        let mut child = Command::new(binary())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(!printed.contains("panicked"), "{arguments:?}: {printed}");
    }
}

#[test]
fn sample_data_is_the_same_every_time() {
    if embedded_only("it looks into the database's file") {
        return;
    }
    let rows = |scale: &str| {
        let project = Project::example("shop");
        good(&["migrate", text(project.dir())]);
        good(&["seed", text(project.dir()), "--scale", scale]);
        // A second time there is something already; that is said, with what to do about it.
        refused(
            &["seed", text(project.dir())],
            &[
                "categories",
                "rows already",
                "nothing was written",
                "(id)",
                "empty database",
                "--database-url",
            ],
        );
        let server = project.serve();
        let rows = server
            .role("service_role")
            .get("/rest/v1/products?select=id,name,price_cents,attributes&order=id&limit=50");
        rows.expect(200).json()
    };
    assert_eq!(rows("1"), rows("1"));
}
