//! A project moved from the embedded database to a server: everything is there, and a move that was cut goes on.

use std::{
    fs,
    process::{Command, Stdio},
};

use serde_json::{Value as Json, json};
use transom_pgkit::{Database, Programs};
use transom_testkit::{Project, Server, binary, root};

use crate::commands::{good, refused, text};

/// The same with numbers as the embedded engine keeps them: the server keeps and shows every digit that was given.
fn doubles(json: Json) -> Json {
    match json {
        // Zero has one sign there.
        Json::Number(number) => Json::String((number.as_f64().unwrap() + 0.0).to_string()),
        Json::Array(elements) => elements.into_iter().map(doubles).collect(),
        Json::Object(members) => members.into_iter().map(|(name, value)| (name, doubles(value))).collect(),
        other => other,
    }
}

/// What `psql` prints; nothing where the statement fails.
fn asked(database: &Database, sql: &str) -> String {
    let mut psql = Programs::find().command("psql");
    psql.args(["-At", "-c", sql, &database.url()]).stdout(Stdio::piped()).stderr(Stdio::null());
    String::from_utf8_lossy(&psql.output().unwrap().stdout).trim().to_owned()
}

/// Paths that both servers answer alike.
const QUESTIONS: [&str; 6] = [
    "/rest/v1/products?select=id,sku,name,description,price_cents,weight_kg,attributes,active,released_on&order=id",
    "/rest/v1/products?select=name,categories(name,parent_id),tags(name)&tags.order=id&order=price_cents,id&limit=50",
    "/rest/v1/categories?order=id",
    "/rest/v1/reviews?select=id,rating,title,body&order=id&limit=500",
    "/rest/v1/rpc/best_sellers?since=2022-01-01&count=20",
    "/rest/v1/rpc/product_count",
];

#[test]
fn the_shop_moves_to_a_server() {
    let (project, database) = (Project::example("shop"), Database::create());
    let (dir, url) = (text(project.dir()), database.url());
    refused(&["migrate", dir, "--to", &url], &["there is nothing to move: no database at"]);
    good(&["seed", dir]);
    let printed = good(&["migrate", dir, "--to", &url]);
    let guides = ["grow.md", "grow.zh-CN.md"]
        .map(|name| fs::read_to_string(root().join("docs/guide").join(name)).unwrap());
    // What the guide shows is what is printed.
    for line in printed.lines().filter(|line| line.contains("applied 000") || line.starts_with("orders ")) {
        assert!(guides.iter().all(|guide| guide.contains(line)), "the guide does not show {line:?}");
    }
    assert!(printed.contains("Everything is there"), "{printed}");
    assert_eq!(asked(&database, "SELECT to_regclass('transom_move')"), "");
    refused(&["migrate", dir, "--to", &url], &["has tables already, such as", "nothing was done"]);
    refused(
        &["migrate", dir, "--database-url", &url, "--to", &url],
        &["is where the project's rows are already"],
    );

    let (before, after) =
        (Server::start(project.dir(), &[]), Server::start(project.dir(), &["--database-url", &url]));
    for path in QUESTIONS {
        let [one, other] = [&before, &after].map(|server| server.client().get(path).expect(200).json());
        assert_eq!(doubles(one), doubles(other), "{path}");
    }
    let sums = "/rest/v1/order_totals?select=status,total_cents.sum(),count()&order=status";
    let [one, other] = [&before, &after].map(|server| server.role("staff").get(sums).expect(200).json());
    assert_eq!(doubles(one), doubles(other));
    // A counted key goes on behind those that came along.
    let ada = after.user("user-1").with("Prefer", "return=representation");
    let placed = ada.post("/rest/v1/orders", &json!({ "customer_id": 1 })).expect(201).json();
    assert_eq!(placed[0]["id"], 10_001, "{placed}");
}

#[test]
fn a_move_that_was_cut_goes_on() {
    let (project, database) = (Project::example("shop"), Database::create());
    let (dir, url) = (text(project.dir()), database.url());
    good(&["seed", dir]);
    let mut moving = Command::new(binary())
        .args(["migrate", dir, "--to", &url])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while asked(&database, "SELECT 1 FROM orders LIMIT 1") != "1" {
        assert!(moving.try_wait().unwrap().is_none(), "it ended before it was cut");
    }
    moving.kill().unwrap();
    assert_eq!(moving.wait().unwrap().code(), None, "it was not cut");
    assert_ne!(asked(&database, "SELECT count(*) FROM orders"), "0");

    // Another source must not be mixed in.
    fs::rename(project.dir().join("data/shop.db"), project.dir().join("data/other.db")).unwrap();
    let other = ["migrate", dir, "--database-url", "sqlite:data/other.db", "--to", &url];
    refused(&other, &["holds a part of sqlite:data/shop.db, not of sqlite:data/other.db"]);
    fs::rename(project.dir().join("data/other.db"), project.dir().join("data/shop.db")).unwrap();

    let printed = good(&["migrate", dir, "--to", &url]);
    assert!(printed.contains("going on where the earlier move stopped"), "{printed}");
    assert!(!printed.contains("44136 rows copied"), "it began again: {printed}");
    assert_eq!(asked(&database, "SELECT count(*) FROM order_lines"), "25024");
}

/// Rows that refer to later ones, to themselves and in a circle; keys that engines sort differently; no key at all.
const HARD: &str = "
CREATE TABLE nodes (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES nodes (id), size NUMERIC);
INSERT INTO nodes (id, parent, size) VALUES ('a', 'Z', 0.10), ('_', 'a', 1e3), ('Z', NULL, NULL), ('é', 'é', -1.5);
CREATE TABLE loops (id INTEGER PRIMARY KEY NOT NULL, next INTEGER NOT NULL REFERENCES loops (id));
INSERT INTO loops (id, next) VALUES (1, 3), (2, 1), (3, 2);
CREATE TABLE lines (line TEXT);
INSERT INTO lines (line) VALUES ('twice'), ('twice'), (NULL), ('null');
";

const CIRCLE: &str = "
CREATE TABLE teams (id INTEGER PRIMARY KEY, lead INTEGER REFERENCES people (id));
CREATE TABLE people (id INTEGER PRIMARY KEY, team INTEGER NOT NULL REFERENCES teams (id));
INSERT INTO teams (id) VALUES (1), (2);
INSERT INTO people (id, team) VALUES (7, 1), (8, 2);
UPDATE teams SET lead = 7 WHERE id = 1;
";

const CIRCLE_THERE: &str = "
CREATE TABLE teams (id BIGINT PRIMARY KEY, lead BIGINT);
CREATE TABLE people (id BIGINT PRIMARY KEY, team BIGINT NOT NULL REFERENCES teams (id));
ALTER TABLE teams ADD FOREIGN KEY (lead) REFERENCES people (id);
";

#[test]
fn references_of_every_kind_move() {
    let (project, database) = (Project::of(HARD, ""), Database::create());
    project.write("migrations/0002_circle.sql", CIRCLE);
    project.write("migrations/0002_circle.postgres.sql", CIRCLE_THERE);
    let dir = text(project.dir());
    good(&["migrate", dir]);
    good(&["migrate", dir, "--to", &database.url()]);
    assert_eq!(asked(&database, "SELECT lead FROM teams ORDER BY id"), "7");
    assert_eq!(asked(&database, "SELECT parent FROM nodes WHERE id = '_'"), "a");
    assert_eq!(asked(&database, "SELECT count(*) FROM lines WHERE line = 'twice'"), "2");
}

#[test]
fn a_schema_that_does_not_hold_everything_is_refused() {
    let (project, database) =
        (Project::of("CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT, y INTEGER);", ""), Database::create());
    project.write("migrations/0002_b.sql", "CREATE TABLE b (id INTEGER PRIMARY KEY);");
    let dir = text(project.dir());
    good(&["migrate", dir]);
    project.write(
        "migrations/0001_test.postgres.sql",
        "CREATE TABLE a (id BIGINT PRIMARY KEY, y TEXT, z TEXT NOT NULL);",
    );
    project.write("migrations/0002_b.postgres.sql", "SELECT 1;");
    refused(
        &["migrate", dir, "--to", &database.url()],
        &[
            "nothing was copied",
            "column a.x is missing",
            "column a.y is text there, and bigint here",
            "column a.z is only there, must not be NULL, and has no default",
            "table b is missing",
        ],
    );
}
