//! The API's description: what each role sees of it, and what published programs say of it.

mod tried;

use std::{collections::BTreeSet, fs};

use serde_json::{Value as Json, json};
use transom_pgkit::Database;
use transom_testkit::{Client, Project, Server, embedded_only, token};
use tried::{Trial, likely, valid};

use crate::{
    commands::{good, text},
    spec::check,
};

/// The shop with a few rows, on the engine that this run is about.
fn shop() -> (Project, Option<Database>, Server) {
    let project = Project::example("shop");
    let database = embedded_only("the example has migrations of its own for a server").then(Database::create);
    let url = database.as_ref().map(Database::url);
    let on: Vec<&str> = url.iter().flat_map(|url| ["--database-url", url]).collect();
    // A hundredth of what the example calls one.
    let seeds = fs::read_to_string(project.dir().join("seed.toml")).unwrap();
    project.write("seed.toml", &seeds.replace("000\n[table.columns]", "0\n[table.columns]"));
    good(&[&["seed", text(project.dir())], &*on].concat());
    let server = Server::start(project.dir(), &on);
    (project, database, server)
}

fn staff() -> String {
    token(&json!({ "role": "staff", "exp": 4_102_444_800_u64 }))
}

#[test]
fn the_shops_description_is_valid_and_kept_to() {
    let (project, _database, server) = shop();
    let anonymous = valid(&server.client(), project.dir(), "anonymous");
    valid(&server.user("ada"), project.dir(), "customer");
    let token = staff();
    let document = valid(&server.role("staff"), project.dir(), "staff");
    let trial = Trial { server: &server, project: &project, token: None, allowed_only: false };
    trial.run(&anonymous);
    Trial { token: Some(&token), ..trial }.run(&document);
}

#[test]
fn what_succeeds_has_the_form_that_is_described() {
    let (project, _database, server) = shop();
    let (document, token) = (valid(&server.role("staff"), project.dir(), "staff"), staff());
    let trial = Trial { server: &server, project: &project, token: Some(&token), allowed_only: true };
    let exchanges = trial.run(&likely(document));
    // Had every request been refused, or found no row, nothing would have been looked at. How many are drawn is a matter of
    // time, so no more is asked than that each method returned rows somewhere.
    let mut with_rows = BTreeSet::new();
    for (method, path, status, body) in &exchanges {
        if matches!(status, 200 | 201) && serde_json::from_str::<Json>(body).is_ok_and(|rows| !empty(&rows)) {
            with_rows.insert(format!("{method} {path}"));
        }
    }
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let returned = with_rows.iter().any(|with_rows| with_rows.starts_with(method));
        assert!(returned, "no {method} in {with_rows:?}");
    }
}

fn empty(rows: &Json) -> bool {
    rows.is_null() || rows.as_array().is_some_and(Vec::is_empty)
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
        => 200
        Content-Type: application/openapi+json; charset=utf-8
        ~ {"swagger":"2.0","basePath":"/rest/v1"}

        GET //rest/v1/
        Accept: application/vnd.oai.openapi+json;version=3.1
        => 200
        Content-Type: application/vnd.oai.openapi+json;version=3.1
        ~ {"openapi":"3.1.0"}

        GET //rest/v1/
        Accept: application/openapi+json;version=1.2
        => 406 PGRST107 "version=2.0 and version=3.1"
        "#,
    );
    let in_two = |client: Client, name: &str| {
        let client = client.with("Accept", "application/openapi+json;version=2.0");
        valid(&client, project.dir(), name)
    };
    let of_anybody = in_two(server.client(), "anonymous-2");
    assert!(!of_anybody.to_string().contains("secrets") && of_anybody["paths"]["/notes"]["post"].is_null());
    let of_user = in_two(server.user("ada"), "user-2");
    // Whether a key is given by the engine is the engine's matter.
    let required = of_user["definitions"]["notes"]["required"].as_array().unwrap();
    assert!(required.contains(&json!("body")), "{required:?}");
    assert!(of_user["paths"]["/notes"]["post"].is_object() && of_user["paths"]["/secrets"].is_object());
}

#[test]
fn both_versions_are_to_be_had_where_postgrest_is_spoken() {
    if transom_pgkit::missing() {
        return;
    }
    let (project, database, server) = crate::postgrest::served("public");
    let schema = "CREATE TYPE tone AS ENUM ('loud', 'soft');
        CREATE TABLE tunes (id int PRIMARY KEY, tone tone NOT NULL, words text[]);
        CREATE FUNCTION is_loud(tunes) RETURNS boolean STABLE LANGUAGE sql AS $$ SELECT $1.tone = 'loud' $$;
        CREATE TABLE drafts (id int PRIMARY KEY);
        CREATE FUNCTION loudest(most int DEFAULT 1) RETURNS SETOF tunes STABLE LANGUAGE sql AS $$ TABLE tunes $$;
        CREATE FUNCTION counts() RETURNS SETOF int STABLE LANGUAGE sql AS $$ VALUES (1) $$;
        CREATE FUNCTION whole(json) RETURNS json LANGUAGE sql AS $$ SELECT $1 $$;
        GRANT SELECT ON tunes TO e2e_anon; NOTIFY pgrst";
    crate::postgrest::asked(&database.url(), schema);
    let client = server.client();
    crate::postgrest::wait_until(|| client.get("/rpc/counts").status == 200, "the schema was read again");
    let of = |accept: &str, name: &str| {
        (tried::valid_at("/", &client.with("Accept", accept), project.dir(), name), accept.to_owned())
    };
    for (document, accept) in [of("*/*", "usual"), of("application/openapi+json;version=2.0", "two")] {
        assert_eq!(document["swagger"], "2.0", "{accept}");
    }
    let vendor = "application/vnd.oai.openapi+json;version=3.1";
    for (document, accept) in [of("application/openapi+json;version=3.1", "three"), of(vendor, "vendor")] {
        assert_eq!(document["openapi"], "3.1.0", "{accept}");
        let paths = &document["paths"];
        assert!(paths["/tunes"]["get"].is_object() && paths["/rpc/whole"]["post"].is_object());
        assert!(paths["/drafts"].is_null() && paths["/tunes/{key}"].is_null() && paths["/$batch"].is_null());
        let tunes = &document["components"]["schemas"]["tunes"];
        assert_eq!(tunes["properties"]["tone"]["enum"], json!(["loud", "soft"]));
        assert_eq!(tunes["examples"][0]["tone"], "loud");
        assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
        let counts = &paths["/rpc/counts"]["get"]["responses"]["200"]["content"]["application/json"];
        assert_eq!(counts["schema"]["items"]["format"], "int64");
    }
    let problem = client.with("Accept", "application/openapi+json;version=3.0").get("/").expect(406).json();
    assert!(problem["message"].as_str().unwrap().ends_with("OpenAPI has version=2.0 and version=3.1 here"));
}

/// Types that only a server has, and one column that not everybody may see.
const GALLERY: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'glad');
    CREATE TYPE secret_mood AS ENUM ('hidden');
    CREATE DOMAIN feeling AS mood DEFAULT 'glad';
    CREATE DOMAIN few AS integer CHECK (VALUE < 10);
    CREATE TABLE pictures (
      id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, mood mood NOT NULL DEFAULT 'sad', feeling feeling,
      moods mood[], numbers integer[] NOT NULL DEFAULT '{}', words text[], exact numeric[], few few[], at timestamptz[],
      seen timestamp, grid integer[][], span int4range, lasts interval, address inet, secret secret_mood);
    INSERT INTO pictures (moods, numbers, words, exact, few, at, seen, grid, span, lasts, address, secret) VALUES
      ('{sad,NULL}', '{1,NULL,-3}', '{a,\"b c\",NULL}', '{1.50,2}', '{1,2}', '{2024-05-01 10:00:00+02}', '2024-05-01 10:00:00.5',
       '{{1,2},{3,4}}', '[1,5)', '1 day 02:00', '10.0.0.1/8', 'hidden'), (NULL, '{}', '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);";

#[test]
fn a_servers_own_types_are_described() {
    if embedded_only("it was tried with the other tests") {
        return;
    }
    let project = Project::of(
        GALLERY,
        "CREATE ROLE curator;
         GRANT SELECT (id, mood, numbers) ON pictures TO anon; CREATE POLICY everyone ON pictures FOR SELECT TO anon USING (true);
         GRANT ALL ON pictures TO curator; CREATE POLICY curators ON pictures FOR ALL TO curator USING (true);",
    );
    let database = Database::create();
    let server = Server::start(project.dir(), &["--database-url", &database.url()]);
    let document = valid(&server.role("curator"), project.dir(), "curator");
    let of = |schema: &str| document["components"]["schemas"][schema]["properties"].clone();
    let labels = json!(["sad", "it's ok", "glad"]);
    let or_null = json!(["sad", "it's ok", "glad", null]);
    for properties in [of("pictures"), of("pictures.insert"), of("pictures.update")] {
        assert_eq!(properties["mood"], json!({"type": "string", "enum": labels, "default": "sad"}));
        assert_eq!(
            properties["feeling"],
            json!({"type": ["string", "null"], "enum": or_null, "default": "glad"})
        );
        let list = |items: Json| json!({"type": ["array", "null"], "items": items});
        assert_eq!(properties["moods"], list(json!({"type": ["string", "null"], "enum": or_null})));
        let whole = json!({"type": ["integer", "null"], "format": "int64"});
        assert_eq!(properties["numbers"], json!({"type": "array", "items": whole}));
        assert_eq!(properties["few"], list(whole));
        assert_eq!(properties["words"], list(json!({"type": ["string", "null"]})));
        assert_eq!(properties["exact"], list(json!({"type": ["number", "null"]})));
        assert_eq!(properties["at"], list(json!({"type": ["string", "null"], "format": "date-time"})));
        assert_eq!(properties["seen"], json!({"type": ["string", "null"], "format": "date-time-local"}));
        assert_eq!(properties["grid"], json!({"type": ["array", "null"]}));
    }
    let examples = &document["components"]["schemas"]["pictures"]["examples"][0];
    assert_eq!(
        (&examples["mood"], &examples["moods"], &examples["numbers"]),
        (&json!("sad"), &json!(["sad"]), &json!([1]))
    );
    let of_anybody = valid(&server.client(), project.dir(), "anonymous");
    let text = of_anybody.to_string();
    assert!(text.contains("it's ok") && !text.contains("hidden") && !text.contains("feeling"), "{text}");
    let curator = token(&json!({ "role": "curator", "exp": 4_102_444_800_u64 }));
    let trial = Trial { server: &server, project: &project, token: Some(&curator), allowed_only: true };
    let exchanges = trial.run(&likely(document));
    let created = exchanges.iter().filter(|(method, _, status, _)| method == "POST" && *status == 201);
    assert!(created.count() > 0, "nothing was written");
}
