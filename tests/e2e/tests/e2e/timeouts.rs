//! Whose limit ends a statement, where a database is served as PostgREST serves it; and schemas that are not there.

use serde_json::json;
use transom_pgkit::Database;
use transom_testkit::{Project, SECRET, Server, token};

use crate::postgrest::asked;

const SCHEMA: &str = "
DO $$ BEGIN CREATE ROLE timeouts_plain NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
DO $$ BEGIN CREATE ROLE timeouts_long NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
DO $$ BEGIN CREATE ROLE timeouts_short NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
DO $$ BEGIN CREATE ROLE timeouts_none NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
ALTER ROLE timeouts_long SET statement_timeout = '25s';
ALTER ROLE timeouts_short SET statement_timeout = '250ms';
ALTER ROLE timeouts_none SET statement_timeout = 0;
CREATE FUNCTION nap(seconds float) RETURNS text STABLE LANGUAGE sql AS $$ SELECT 'rested' FROM pg_sleep(seconds) $$;
CREATE FUNCTION patient(seconds float) RETURNS text STABLE LANGUAGE sql SET statement_timeout = '25s'
  AS $$ SELECT 'rested' FROM pg_sleep(seconds) $$;";

fn serve(project: &Project, database: &Database, schemas: &str, flags: &[&str]) -> Result<Server, String> {
    let text = format!(
        "db-uri = \"{}\"\ndb-schemas = \"{schemas}\"\ndb-anon-role = \"timeouts_plain\"\njwt-secret = \"{SECRET}\"\n",
        database.url()
    );
    project.serve_as_postgrest(&text, flags)
}

#[test]
fn the_limit_of_the_role_or_the_function_holds() {
    if transom_pgkit::missing() {
        return;
    }
    let (project, database) = (Project::empty(), Database::create());
    asked(&database.url(), SCHEMA);
    let flags = ["--set", "database.statement_timeout=1s", "--set", "server.limits.request_timeout=4s"];
    let server = serve(&project, &database, "public", &flags).unwrap();
    let role = |name: &str| server.client().bearer(&token(&json!({ "role": name })));
    let nap = |seconds: &str| format!("/rpc/nap?seconds={seconds}");
    // The second time it is known, and could be put with others.
    for _ in 0..2 {
        for name in ["timeouts_long", "timeouts_none"] {
            assert_eq!(role(name).get(&nap("1.5")).expect(200).json(), json!("rested"), "{name}");
        }
        assert_eq!(
            role("timeouts_plain").get("/rpc/patient?seconds=1.5").expect(200).json(),
            json!("rested")
        );
    }
    let short = role("timeouts_short").get(&nap("0.7")).expect(500);
    assert_eq!(short.json()["code"], "57014", "{}", short.text());
    let plain = role("timeouts_plain").get(&nap("3"));
    assert!(matches!(plain.code().as_str(), "57014" | "TR102"), "{} {}", plain.status, plain.text());
    let endless = role("timeouts_none").get(&nap("60")).expect(504);
    assert_eq!(endless.code(), "TR102");
    assert!(endless.text().contains("server.limits.request_timeout"), "{}", endless.text());
}

#[test]
fn a_schema_that_is_not_there_is_told_at_the_start() {
    if transom_pgkit::missing() {
        return;
    }
    let (project, database) = (Project::empty(), Database::create());
    asked(&database.url(), SCHEMA);
    let refused = serve(&project, &database, "public, nowhere", &[]).err().unwrap();
    assert!(refused.contains("schema \"nowhere\" does not exist"), "{refused}");
    asked(&database.url(), "CREATE SCHEMA passing");
    let server = serve(&project, &database, "public, passing", &[]).unwrap();
    asked(&database.url(), "DROP SCHEMA passing; NOTIFY pgrst, 'reload schema'");
    let printed = server.until_printed("last good model");
    assert!(printed.contains("passing"), "{printed}");
    server.client().get("/rpc/nap?seconds=0").expect(200);
}
