//! The API's description: what each role sees of it, and what published programs say of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use transom_testkit::{Client, Project, Server, embedded_only, root, token};

use crate::spec::check;

/// How long one role's API is tried by drawn requests.
const TRIAL_SECONDS: &str = "20";
/// What a reply must keep to: no failure of the server, and what the document says of statuses, types, headers, bodies.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";

/// A published program out of `requirements.txt`.
fn published(name: &str) -> PathBuf {
    let program = root().join("target/python-clients/bin").join(name);
    assert!(program.exists(), "{} is not there: `cargo xtask test` installs it", program.display());
    program
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}\n{}", text(&output.stdout), text(&output.stderr));
}

/// Writes the document to a file and has it validated.
fn valid(client: &Client, folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(format!("{name}.json"));
    fs::write(&file, client.get("/rest/v1/").expect(200).body).unwrap();
    succeeds(Command::new(published("openapi-spec-validator")).arg(&file));
    file
}

/// Where the server's API is.
fn api(server: &Server) -> String {
    format!("http://{}/rest/v1", server.client().connect().peer_addr().unwrap())
}

/// Draws requests from the document and sends them.
fn tried(api: &str, project: &Project, file: &Path, token: Option<&str>) {
    let mut command = Command::new(published("schemathesis"));
    command.current_dir(project.dir()).arg("run").arg(file);
    command.args(["--url", api, "--checks", CHECKS, "--phases", "examples,coverage,fuzzing"]);
    command.args(["--max-examples", "5", "--max-time", TRIAL_SECONDS, "--seed", "1", "--no-color"]);
    command.args(["--generation-database", "none", "--suppress-health-check", "all", "--warnings", "off"]);
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {}", token.trim())]);
    }
    succeeds(&mut command);
}

#[test]
fn the_shops_description_is_valid_and_kept_to() {
    if embedded_only("the example's migrations are the embedded engine's") {
        return;
    }
    let project = Project::example("shop");
    let server = project.serve();
    let (folder, api) = (project.dir(), api(&server));
    let anonymous = valid(&server.client(), folder, "anonymous");
    valid(&server.user("ada"), folder, "customer");
    let staff = valid(&server.role("staff"), folder, "staff");
    tried(&api, &project, &anonymous, None);
    let token = token(&json!({ "role": "staff", "exp": 4_102_444_800_u64 }));
    tried(&api, &project, &staff, Some(&token));
    // Had every request been refused, nothing would have been tried.
    let metrics = server.admin().get("/metrics").expect(200).text();
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        let label = format!("route=\"rest/table\",method=\"{method}\",status=\"2xx\"");
        assert!(metrics.contains(&label), "no {method} succeeded");
    }
}

#[test]
fn each_role_gets_its_own_and_may_keep_it() {
    let project = Project::of(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL); CREATE TABLE secrets (id INTEGER PRIMARY KEY);",
        "GRANT SELECT ON notes TO anon; CREATE POLICY everyone ON notes FOR SELECT TO anon USING (true);
         GRANT ALL ON notes, secrets TO authenticated;
         CREATE POLICY all_notes ON notes FOR ALL TO authenticated USING (true);",
    );
    let server = project.serve();
    let of_anybody = server.client().get("/rest/v1/").expect(200).text();
    assert!(!of_anybody.contains("secrets") && !of_anybody.contains("notes.insert"));
    let of_user = server.user("ada").get("/rest/v1/").expect(200).json();
    assert!(of_user["paths"]["/notes"]["post"].is_object() && of_user["paths"]["/secrets/{key}"].is_object());
    check(
        &server,
        r#"
        GET //rest/v1/
        => 200
        Content-Type: application/openapi+json; charset=utf-8
        keep tag = header etag

        GET //rest/v1/
        Accept: application/json
        If-None-Match: $tag
        => 304
        ETag: $tag

        HEAD //rest/v1/
        => 200
        ETag: $tag

        # Another role's document is another document.
        as user ada
        GET //rest/v1/
        If-None-Match: $tag
        => 200

        GET //rest/v1/
        Accept: application/openapi+json;version=2.0
        => 406 PGRST107
        "#,
    );
}
