//! Behind PgBouncer in transaction mode: every transaction may have another session, which other clients have before and after
//! it. Nothing of a role, a setting or a statement stays in one.

use std::process::Stdio;

use serde_json::json;
use transom_pgkit::{Durability, Pooler, Programs, Server as Database, without_pooler};
use transom_testkit::{Client, Project, Server};

const POOLED: [&str; 4] = ["--set", "database.pooled=true", "--set", "seed.on_create=false"];

/// What is different about a session that somebody has left something in.
const LEFT: &str = "SELECT concat_ws(' ', current_setting('role'), current_setting('statement_timeout'), \
    current_setting('default_transaction_read_only'), current_setting('idle_in_transaction_session_timeout'), \
    coalesce(nullif(current_setting('request.jwt.claims', true), ''), 'no claims'), \
    current_setting('search_path'), (SELECT count(*) FROM pg_prepared_statements))";
const NOTHING_LEFT: &str = "none 0 off 0 no claims \"$user\", public 0";

const NATIVE: &str = "
CREATE ROLE visitor; CREATE ROLE author; CREATE SCHEMA api; GRANT USAGE ON SCHEMA api TO visitor, author;
CREATE TABLE api.notes (id int GENERATED ALWAYS AS IDENTITY, owner text NOT NULL, at timestamptz DEFAULT '2026-01-01 00:00Z');
ALTER TABLE api.notes ENABLE ROW LEVEL SECURITY; GRANT SELECT ON api.notes TO visitor; GRANT ALL ON api.notes TO author;
CREATE POLICY own ON api.notes TO author USING (owner = current_setting('request.jwt.claims')::json ->> 'sub');
CREATE FUNCTION api.who() RETURNS text LANGUAGE sql AS 'SELECT current_user::text';";

fn asked(url: &str, sql: &str) -> String {
    let mut psql = Programs::find().command("psql");
    psql.args(["-At", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = psql.output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The settings of the pooler that are tried: whether it passes prepared statements on makes no difference.
fn poolers(database: &Database) -> Vec<Pooler> {
    let mut tried = vec![""];
    match Pooler::prepares() {
        true => tried.extend(["max_prepared_statements = 0", "max_prepared_statements = 100"]),
        #[allow(clippy::print_stdout, reason = "whoever reads the run sees what it says nothing about")]
        false => println!("this PgBouncer is older than 1.21, which first has `max_prepared_statements`"),
    }
    tried.into_iter().map(|settings| Pooler::before(database.port(), settings)).collect()
}

/// All sessions that the pooler keeps at once, each looked at while the others are held.
fn nothing_is_left(url: &str) {
    let looked = std::thread::scope(|scope| {
        let looks =
            [(); 3].map(|()| scope.spawn(|| asked(url, &format!("BEGIN; {LEFT}; SELECT pg_sleep(0.2)"))));
        looks.map(|look| look.join().unwrap())
    });
    for left in looked {
        assert!(left.contains(NOTHING_LEFT), "{left}");
    }
}

#[test]
fn the_shop_is_served_behind_a_pooler() {
    if without_pooler("the shop behind a pooler") {
        return;
    }
    let database = Database::start(Durability::None);
    for (number, pooler) in poolers(&database).iter().enumerate() {
        let name = format!("shop_{number}");
        asked(&database.url("postgres"), &format!("CREATE DATABASE {name}"));
        shop_behind(&pooler.url(&database.url(&name)));
    }
}

fn shop_behind(url: &str) {
    let shop = Project::example("shop");
    let server = Server::start(shop.dir(), &[&["--database-url", url], &POOLED[..]].concat());
    let staff = server.role("staff");
    staff
        .post("/rest/v1/categories", &json!([{ "id": 1, "name": "Home" }, { "id": 2, "name": "Garden" }]))
        .expect(201);
    staff
        .post(
            "/rest/v1/products",
            &json!({ "id": 1, "category_id": 1, "name": "Bowl", "price_cents": 100, "active": true }),
        )
        .expect(201);
    std::thread::scope(|scope| {
        for number in 0..6 {
            let subject = format!("user-{number}");
            let (own, anyone) = (server.user(&subject), server.client());
            scope.spawn(move || customer(&own, &anyone, &subject));
        }
        for round in 0..20 {
            let changed = staff.patch("/rest/v1/products?id=eq.1", &json!({ "price_cents": round }));
            assert_eq!(changed.status, 204, "{}", changed.text());
        }
    });
    let count = staff.get("/rest/v1/customers?select=count()").expect(200).json();
    assert_eq!(count, json!([{ "count": 6 }]));
    // Instants are shown as everywhere, though no session was told so.
    let shown = server.client().get("/rest/v1/products?select=created_at").expect(200).text();
    assert!(shown.contains("+00:00") || shown.contains('Z'), "{shown}");
    let again =
        staff.with("Idempotency-Key", "one").post("/rest/v1/tags", &json!({ "name": "new" })).expect(201);
    let replayed =
        staff.with("Idempotency-Key", "one").post("/rest/v1/tags", &json!({ "name": "new" })).expect(201);
    assert_eq!(again.text(), replayed.text());
    server.client().get("/rest/v1/rpc/product_count").expect(200);
    server.client().get("/rest/v1/products?id=in.(1,2,3)&select=name").expect(200);
    drop(server);
    nothing_is_left(url);
}

/// One customer's reads and writes; nobody else's rows are among them.
fn customer(own: &Client, anyone: &Client, subject: &str) {
    let row = json!({ "user_id": subject, "email": format!("{subject}@example.org"), "name": subject });
    own.post("/rest/v1/customers", &row).expect(201);
    for _ in 0..10 {
        let seen = own.get("/rest/v1/customers?select=user_id").expect(200).json();
        assert_eq!(seen, json!([{ "user_id": subject }]));
        own.patch("/rest/v1/customers", &json!({ "name": format!("{subject}'s") })).expect(204);
        let names = anyone.get("/rest/v1/products?select=name,categories(name)").expect(200).json();
        assert_eq!(names, json!([{ "name": "Bowl", "categories": { "name": "Home" } }]));
        assert_eq!(anyone.get("/rest/v1/customers").status, 404);
        assert_eq!(
            own.post("/rest/v1/customers", &row).status,
            409,
            "a refused write leaves a session that works"
        );
    }
}

#[test]
fn roles_of_the_database_are_kept_apart_behind_a_pooler() {
    if without_pooler("a PostgREST configuration behind a pooler") {
        return;
    }
    let database = Database::start(Durability::None);
    for pooler in poolers(&database) {
        asked(&database.url("postgres"), "DROP SCHEMA IF EXISTS api CASCADE");
        asked(&database.url("postgres"), "DROP ROLE IF EXISTS visitor; DROP ROLE IF EXISTS author");
        asked(&database.url("postgres"), NATIVE);
        let (project, url) = (Project::empty(), pooler.url(&database.url("postgres")));
        let secret = transom_testkit::SECRET;
        let text = format!(
            "db-uri = \"{url}\"\ndb-schemas = \"api\"\ndb-anon-role = \"visitor\"\ndb-prepared-statements = false\n\
             db-channel-enabled = false\njwt-secret = \"{secret}\"\n"
        );
        let server = project.serve_as_postgrest(&text, &[]).unwrap();
        std::thread::scope(|scope| {
            for number in 0..6 {
                let subject = format!("author-{number}");
                let client = server.claims(&json!({ "role": "author", "sub": subject }));
                scope.spawn(move || author(&client, &subject));
            }
            for _ in 0..20 {
                assert_eq!(server.client().get("/rpc/who").expect(200).json(), json!("visitor"));
                assert_eq!(server.client().get("/notes").expect(200).json(), json!([]));
            }
        });
        drop(server);
        nothing_is_left(&url);
    }
}

fn author(client: &Client, subject: &str) {
    for round in 1..=10 {
        client.post("/notes", &json!([{ "owner": subject }])).expect(201);
        let seen = client.get("/notes?select=owner,at").expect(200).json();
        let row = json!({ "owner": subject, "at": "2026-01-01T00:00:00+00:00" });
        assert_eq!(seen, json!(vec![row; round]));
        assert_eq!(client.get("/rpc/who").expect(200).json(), json!("author"));
        client.post("/notes", &json!({ "owner": "somebody" })).expect(403);
    }
}

#[test]
fn a_pooler_that_nobody_spoke_of_is_told() {
    if without_pooler("the refusal of a pooler that nobody spoke of") {
        return;
    }
    let database = Database::start(Durability::None);
    let pooler = Pooler::before(database.port(), "");
    let project = Project::empty();
    let refused =
        Server::try_start(project.dir(), &["--database-url", &pooler.url(&database.url("postgres"))]);
    let printed = refused.err().expect("it does not start");
    assert!(printed.contains("TR103") && printed.contains("database.pooled = true"), "{printed}");
}
