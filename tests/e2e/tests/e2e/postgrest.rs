//! A database that PostgREST served, served from the same configuration: what the edge says, and how schema and
//! configuration are read again while requests run.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::json;
use transom_pgkit::{Database, Programs};
use transom_testkit::{Project, Server};

/// How long anything may take to come right.
const PATIENCE: Duration = Duration::from_secs(30);

const SCHEMA: &str = "
DO $$ BEGIN CREATE ROLE e2e_anon NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
CREATE TYPE mood AS ENUM ('calm', 'wild');
CREATE TABLE public.songs (id int PRIMARY KEY, title varchar(40) NOT NULL DEFAULT 'untitled', mood mood);
CREATE TABLE public.hidden (id int);
COMMENT ON TABLE songs IS E'Songs\\n\\nAll that are sung';
GRANT SELECT, INSERT ON songs TO e2e_anon;
CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO e2e_anon;
CREATE VIEW other.titles AS SELECT DISTINCT title FROM public.songs; GRANT SELECT ON other.titles TO e2e_anon;";

pub(crate) fn asked(url: &str, sql: &str) {
    let mut psql = Programs::find().command("psql");
    psql.args(["-At", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = psql.output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn wait_until(mut done: impl FnMut() -> bool, what: &str) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "it did not come to this in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn configuration(database: &Database, schemas: &str) -> String {
    format!(
        "db-uri = \"{}\"\ndb-schemas = \"{schemas}\"\ndb-anon-role = \"e2e_anon\"\nlog-level = \"info\"\n\
         server-trace-header = \"X-Trace\"\njwt-secret = \"reallyreallyreallyreallyverysafe\"\n",
        database.url()
    )
}

pub(crate) fn served(schemas: &str) -> (Project, Database, Server) {
    let (project, database) = (Project::empty(), Database::create());
    asked(&database.url(), SCHEMA);
    let server = project.serve_as_postgrest(&configuration(&database, schemas), &[]).unwrap();
    (project, database, server)
}

#[test]
fn the_edge_says_what_postgrest_says() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, _database, server) = served("public");
    let client = server.client();
    let missing = client.with("X-Trace", "abc").get("/song").expect(404);
    assert_eq!(missing.header("proxy-status"), Some("PostgREST; error=PGRST205"));
    assert_eq!(missing.header("x-trace"), Some("abc"));
    let body = json!({
        "code": "PGRST205", "details": null, "hint": "Perhaps you meant the table 'public.songs'",
        "message": "Could not find the table 'public.song' in the schema cache",
    });
    assert_eq!(missing.json(), body);
    assert_eq!(client.get("/songs/1").expect(404).code(), "PGRST125");
    let forbidden = client.get("/hidden").expect(401);
    assert_eq!((forbidden.code().as_str(), forbidden.header("www-authenticate")), ("42501", Some("Bearer")));
    assert_eq!(client.bearer("a.b").get("/songs").expect(401).code(), "PGRST301");
    client.with("apikey", "a.b").get("/songs").expect(200);
    let options = client.send("OPTIONS", "/songs", None).expect(200);
    assert_eq!(options.header("allow"), Some("OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"));
    let document = client.get("/").expect(200).json();
    assert_eq!(document["swagger"], "2.0");
    assert_eq!(document["paths"]["/songs"]["get"]["summary"], "Songs");
    assert!(document["paths"].get("/hidden").is_none(), "what nobody gave is not told");
    let title =
        json!({"format": "character varying", "type": "string", "maxLength": 40, "default": "untitled"});
    assert_eq!(document["definitions"]["songs"]["properties"]["title"], title);
    assert_eq!(document["definitions"]["songs"]["properties"]["mood"]["enum"], json!(["calm", "wild"]));
}

#[test]
fn mistakes_in_names_are_told_as_there() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, database, server) = served("public");
    let schema = "CREATE TABLE singers (id int PRIMARY KEY, name text);
        CREATE TABLE duets (id int PRIMARY KEY, high int REFERENCES singers, low int REFERENCES singers);
        CREATE TABLE parts (id int PRIMARY KEY, part_of int REFERENCES parts);
        GRANT SELECT ON singers, duets, parts TO e2e_anon; NOTIFY pgrst";
    asked(&database.url(), schema);
    let client = server.client();
    wait_until(|| client.get("/duets").status == 200, "the schema was read again");
    let told = |path: &str, code: &str, message: &str, hint: Option<&str>| {
        let body = json!({"code": code, "message": message, "details": null, "hint": hint});
        assert_eq!(client.get(path).expect(400).json(), body, "{path}");
    };
    let twice = |source: &str| format!("table name \"{source}\" specified more than once");
    told("/duets?select=singers!high(*),singers!low(*)", "42712", &twice("duets_singers_1"), None);
    told(
        "/singers?select=duets!high(one:singers!high(*),one:singers!low(*))",
        "42712",
        &twice("duets_one_2"),
        None,
    );
    client.get("/duets?select=high:singers!high(*),low:singers!low(*)").expect(200);
    let missing = |column: &str| format!("column {column} does not exist");
    told("/duets?select=singers!high(pitch)", "42703", &missing("singers_1.pitch"), None);
    told("/duets?select=singers!high(name)&singers.sum=eq.1", "42703", &missing("singers_1.sum"), None);
    told("/duets?select=singers", "42703", &missing("duets.singers"), None);
    let meant = "Perhaps you meant to reference the column \"singers.name\".";
    told("/singers?select=nam", "42703", &missing("singers.nam"), Some(meant));
    client.get("/parts?select=parts!part_of(*)").expect(200);
    let both_ways = client.get("/parts?select=parts!parts_part_of_fkey(*)").expect(400);
    assert_eq!(both_ways.code(), "PGRST200");
    let unnamed = client.post("/rpc/sing", &json!({"": 1})).expect(404).json();
    assert_eq!(unnamed["message"], "Could not find the function public.sing() in the schema cache");
}

#[test]
fn a_sequence_counts_every_row_that_may_take_its_default() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, database, server) = served("public");
    let schema = "CREATE TABLE shows (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, town text);
        GRANT SELECT, INSERT ON shows TO e2e_anon; GRANT USAGE ON SEQUENCE shows_id_seq TO e2e_anon; NOTIFY pgrst";
    asked(&database.url(), schema);
    let client = server.client().with("Prefer", "return=representation,missing=default");
    wait_until(|| client.get("/shows").status == 200, "the schema was read again");
    let rows = json!([{"id": 50}, {"town": "Ghent"}]);
    let made = client.post("/shows?columns=id,town", &rows).expect(201).json();
    assert_eq!(made, json!([{"id": 50, "town": null}, {"id": 2, "town": "Ghent"}]));
}

#[test]
fn lists_that_are_spread_from_the_same_rows_have_one_order() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, database, server) = served("public");
    let schema = "CREATE TABLE yards (id int PRIMARY KEY);
        CREATE TABLE ships (id int PRIMARY KEY, yard_id int REFERENCES yards, name text);
        CREATE TABLE prices (ship_id int PRIMARY KEY REFERENCES ships, price int);
        INSERT INTO yards VALUES (1), (2);
        INSERT INTO ships VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 1, 'c'), (4, 1, 'd');
        INSERT INTO prices VALUES (1, 7), (2, 9), (3, 5);
        GRANT SELECT ON yards, ships, prices TO e2e_anon; NOTIFY pgrst";
    asked(&database.url(), schema);
    let client = server.client();
    wait_until(|| client.get("/yards").status == 200, "the schema was read again");
    let found = |select: &str, more: &str| {
        let path = format!("/yards?select=id,...ships({select},...prices(price))&ships.order=prices(price)");
        let rows = client.get(&format!("{path}{more}")).expect(200).json();
        assert_eq!((&rows[1]["name"], &rows[1]["price"]), (&json!([]), &json!([])), "{select} {more}");
        (rows[0]["name"].clone(), rows[0]["price"].clone())
    };
    let ordered = (json!(["c", "a", "b", "d"]), json!([5, 7, 9, null]));
    assert_eq!(found("name", "&order=id"), ordered);
    assert_eq!(found("name", "&order=id&limit=2"), ordered);
    assert_eq!(found("name,there:id", "&order=id"), ordered, "a name that the join has itself");
    let nowhere = client.get("/yards?select=id,...ships!inner(name)&order=id").expect(200).json();
    assert_eq!(nowhere, json!([{ "id": 1, "name": ["a", "b", "c", "d"] }]));
}

#[test]
fn related_rows_are_written_as_the_engine_writes_documents() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, database, server) = served("public");
    let schema = "CREATE TABLE bands (id int PRIMARY KEY, name text);
        CREATE TABLE tours (id int PRIMARY KEY, band_id int REFERENCES bands, town text);
        INSERT INTO bands VALUES (1, 'x'), (2, 'y');
        INSERT INTO tours VALUES (1, 1, 'Ghent'), (2, 1, 'Bruges');
        GRANT SELECT ON bands, tours TO e2e_anon; NOTIFY pgrst";
    asked(&database.url(), schema);
    let client = server.client();
    wait_until(|| client.get("/tours").status == 200, "the schema was read again");
    let said = |path: &str| client.get(path).expect(200).text();
    let one = r#"[{"id":1,"bands":{"id": 1, "name": "x"}}]"#;
    // Asked for row by row, joined for an order, and joined for its being there.
    for more in ["", "&order=id", "&bands=not.is.null"] {
        assert_eq!(said(&format!("/tours?select=id,bands(name,id)&id=eq.1{more}")), one, "{more}");
    }
    let list = r#"[{"name":"x","tours":[{"id": 1, "town": "Ghent"}, {"id": 2, "town": "Bruges"}]}]"#;
    for more in ["", "&tours=not.is.null"] {
        let path = format!("/bands?select=name,tours(id,town)&tours.order=id&id=eq.1{more}");
        assert_eq!(said(&path), list, "{more}");
    }
    assert_eq!(said("/bands?select=name,tours(id)&id=eq.2"), r#"[{"name":"y","tours":[]}]"#);
}

#[test]
fn values_are_written_as_the_engine_writes_them() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, database, server) = served("public");
    let function = |name: &str, of: &str, values: &str| {
        format!("CREATE FUNCTION {name}() RETURNS SETOF {of} STABLE LANGUAGE sql AS $$ VALUES {values} $$;")
    };
    let schema = function("ints", "int", "(1), (2), (NULL)")
        + &function("words", "text", "('a'), ('b')")
        + &function("docs", "jsonb", "('{\"a\":1}'::jsonb), ('[2]')")
        + &function("lists", "int[]", "(array[1]), (NULL), (array[2, 3])");
    asked(&database.url(), &format!("{schema} NOTIFY pgrst"));
    let client = server.client();
    wait_until(|| client.get("/rpc/lists").status == 200, "the schema was read again");
    for (name, expected) in [
        ("ints", "[1, 2, null]"),
        ("words", r#"["a", "b"]"#),
        ("docs", r#"[{"a": 1}, [2]]"#),
        ("lists", "[[1], null, \n [2,3]]"),
    ] {
        assert_eq!(client.get(&format!("/rpc/{name}")).expect(200).text(), expected, "{name}");
    }
}

#[test]
fn rows_are_lines_as_the_engine_writes_them() {
    if transom_pgkit::missing() {
        return;
    }
    let (_project, database, server) = served("public");
    // A column by the name that the statement has for rows is a column all the same.
    asked(
        &database.url(),
        "CREATE TABLE odd (id int, r text, \"a,b\" json);
         INSERT INTO odd VALUES (1, 'a,\"b', '[1, null]'), (2, '', NULL), (3, NULL, 'null'), (NULL, NULL, NULL);
         GRANT SELECT ON odd TO e2e_anon; NOTIFY pgrst",
    );
    let client = server.client().with("Accept", "text/csv");
    wait_until(|| client.get("/odd").status == 200, "the schema was read again");
    let all = "id,r,a,b\n1,\"a,\"\"b\",\"[1, null]\"\n2,\"\",\n3,,null\n,,";
    let counted = client.with("Prefer", "count=exact");
    for (query, lines, range) in [
        ("order=id", all, "0-3/4"),
        ("order=id&limit=1&offset=3&select=r,id", "r,id\n,", "3-3/4"),
        ("id=eq.9", "\n", "*/0"),
        ("limit=0", "\n", "*/4"),
    ] {
        // The second time the statement is known, and the third it may share a connection.
        for _ in 0..3 {
            let reply = counted.get(&format!("/odd?{query}"));
            assert_eq!(
                (reply.text().as_str(), reply.header("content-range")),
                (lines, Some(range)),
                "{query}"
            );
        }
    }
    assert_eq!(client.get("/odd?order=id").expect(200).text(), all);
    assert_eq!(counted.get("/odd?offset=9").expect(416).code(), "PGRST103");
}

#[test]
fn schema_and_configuration_are_read_again_when_the_database_says_so() {
    if transom_pgkit::missing() {
        return;
    }
    let (project, database, server) = served("public");
    let (client, url) = (server.client(), database.url());
    let add = |name: &str| format!("CREATE TABLE {name} (id int); GRANT SELECT ON {name} TO e2e_anon;");
    let there = |path: &str| client.get(path).status == 200;
    asked(&url, &format!("{} NOTIFY pgrst, 'reload schema'", add("first")));
    wait_until(|| there("/first"), "the schema was read again");
    // What is said while nobody hears is made good.
    let deaf = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE query LIKE 'LISTEN%' AND datname = current_database()";
    asked(&url, &format!("{} {deaf}", add("second")));
    wait_until(|| there("/second"), "the listener came back");
    project.write("postgrest.conf", &configuration(&database, "other"));
    asked(&url, "NOTIFY pgrst, 'reload config'");
    wait_until(|| there("/titles"), "the configuration was read again");
    client.get("/songs").expect(404);
    project.write("postgrest.conf", "db-schemes = \"public\"\n");
    asked(&url, "NOTIFY pgrst, 'reload config'");
    let said = server.until_printed("the last good configuration keeps serving");
    assert!(said.contains("db-schemes"), "{said}");
    client.get("/titles").expect(200);
}

#[test]
fn a_project_hears_the_same_channel() {
    if transom_pgkit::missing() {
        return;
    }
    let (project, database) = (Project::empty(), Database::create());
    let policies = "GRANT SELECT ON notes TO anon;\nALTER TABLE notes DISABLE ROW LEVEL SECURITY;";
    project.write("migrations/0001_test.sql", "CREATE TABLE notes (id bigint PRIMARY KEY);");
    project.write("policies.sql", policies);
    let server = Server::start(project.dir(), &["--database-url", &database.url()]);
    let added = || server.client().get("/rest/v1/notes?select=added").status == 200;
    assert!(!added());
    asked(&database.url(), "ALTER TABLE notes ADD COLUMN added int; NOTIFY pgrst");
    wait_until(added, "the new column is served");
}
