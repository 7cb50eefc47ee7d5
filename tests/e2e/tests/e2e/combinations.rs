//! Features meet each other: whatever is combined with whatever, the answer is rows or a clear refusal, never a failure.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use transom_testkit::{Client, Project};

use crate::spec::{check, target};

const SCHEMA: &str = "
CREATE TABLE makers (id INTEGER PRIMARY KEY, name TEXT, boss_id INTEGER REFERENCES makers (id));
CREATE TABLE goods (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER, weight NUMERIC(8, 2), live BOOLEAN, day DATE, data JSON, image BLOB,
  maker_id INTEGER REFERENCES makers (id)
);
CREATE TABLE tags (id INTEGER PRIMARY KEY, word TEXT);
CREATE TABLE good_tags (good_id INTEGER REFERENCES goods (id), tag_id INTEGER REFERENCES tags (id), PRIMARY KEY (good_id, tag_id));
CREATE TABLE stock (good_id INTEGER PRIMARY KEY REFERENCES goods (id) ON DELETE CASCADE, amount INTEGER);
CREATE VIEW goods_view AS SELECT id, name, price, maker_id FROM goods;
CREATE VIEW sums AS SELECT maker_id, sum(price) AS total FROM goods GROUP BY maker_id;
CREATE VIRTUAL TABLE goods_fts USING fts5 (name, content = 'goods', content_rowid = 'id');
INSERT INTO makers VALUES (1, 'x', NULL), (2, 'y', 1);
INSERT INTO goods VALUES (1, 'a b', 5, 1.5, true, '2026-01-01', '{\"k\": [1, {\"z\": null}]}', x'01', 1), (2, 'b', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (3, 'c', 5, 2, false, '2026-01-02', '[1, 2]', x'', 2);
INSERT INTO tags VALUES (1, 'red'), (2, 'blue');
INSERT INTO good_tags VALUES (1, 1), (1, 2), (3, 2);
INSERT INTO stock VALUES (1, 9);
INSERT INTO goods_fts (goods_fts) VALUES ('rebuild');
";
const TABLES: [&str; 7] = ["makers", "goods", "tags", "good_tags", "stock", "goods_view", "sums"];

fn project() -> Project {
    let mut policies = String::from("GRANT EXECUTE ON FUNCTION all_goods TO anon;\n");
    for table in TABLES {
        let _ = writeln!(
            policies,
            "GRANT ALL ON {table} TO anon, authenticated;\nCREATE POLICY p ON {table} TO anon USING (true);"
        );
        let own = if table == "goods" {
            "maker_id IN (SELECT id FROM makers WHERE name = auth.uid())"
        } else {
            "true"
        };
        let _ = writeln!(policies, "CREATE POLICY q ON {table} TO authenticated USING ({own});");
    }
    let project = Project::of(SCHEMA, &policies);
    project.write("queries/all_goods.sql", "-- returns rows\nSELECT id, name, price FROM goods");
    project.configure("[rest]\naggregates = true");
    project
}

/// Sends one request and notes it when the server itself failed.
fn ask(client: &Client, failures: &mut Vec<String>, method: &str, path: &str, body: Option<&Json>) {
    let path = target(path);
    let reply = match body {
        Some(body) => client.json(method, &path, body),
        None => client.send(method, &path, None),
    };
    if reply.status >= 500 {
        failures.push(format!(
            "{method} {path} {} => {} {}",
            body.unwrap_or(&Json::Null),
            reply.status,
            reply.text()
        ));
    }
    let json = method != "HEAD" && reply.header("content-type").is_some_and(|kind| kind.contains("json"));
    if json && serde_json::from_slice::<Json>(&reply.body).is_err() {
        failures.push(format!("{method} {path} => {}, but no JSON: {}", reply.status, reply.text()));
    }
}

#[track_caller]
fn none(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
}

const SELECTS: &[&str] = &[
    "*",
    "id",
    "*,makers(*)",
    "id,makers!inner(name,makers!boss_id(*))",
    "id,tags(word)",
    "id,...makers(maker:name)",
    "id,...tags(word)",
    "id,stock(*)",
    "id,...stock(amount)",
    "id,good_tags(tags(word))",
    "price,count()",
    "price.sum(),makers(name)",
    "price.avg(),...makers(name)",
    "id,tags(count())",
    "count(),...makers(id.max())",
    "data->k->0,data->>k",
    "price::text,weight::int",
    "*,tags(*,goods(*,makers(*)))",
    "id,makers(),tags()",
    "*,x:id,x:name",
    "live,live.count(),day.max(),weight.sum()",
    "image,data,weight",
    "*,count()",
    "maker_id,...tags(word.max())",
    "id,tags(...goods(name))",
    "",
];
const FILTERS: &[&str] = &[
    "",
    "price=gt.1",
    "or=(price.is.null,name.like.*b*)",
    "makers=not.is.null",
    "tags=is.null",
    "tags.word=eq.red",
    "makers.name=eq.x&tags.limit=1",
    "data->k->>0=eq.1",
    "name=fts.b",
    "or=(makers.is.null,name.eq.b)",
    "day=gte.2026-01-01&live=is.true",
    "id=in.(1,3)",
    "data=cs.{\"k\":[1]}",
    "not.and=(id.eq.1,not.or(id.eq.2,price.eq.5))",
    "stock.amount=gt.5&stock=not.is.null",
    "name=not.like(any).{a*,b*}",
    "having=count().gt.0",
    "having=price.sum().gte.5",
];
const ORDERS: &[&str] = &[
    "",
    "order=price.desc.nullslast,id",
    "order=makers(name)",
    "order=data->k->>0",
    "order=tags(word)",
    "tags.order=word.desc&tags.limit=1",
    "order=name&limit=2&offset=1",
    "order=price&limit=1&cursor=start",
    "order=makers(name).desc&limit=1&cursor=start",
    "order=price.sum()",
    "order=count",
    "limit=0",
];

#[test]
fn every_read_is_answered() {
    let project = project();
    let server = project.serve();
    let mut failures = Vec::new();
    for (number, client) in [server.client(), server.user("x")].into_iter().enumerate() {
        let counted = client.with("Prefer", "count=exact");
        let singular = client.with("Accept", "application/vnd.pgrst.object+json");
        let csv = client.with("Accept", "text/csv");
        let stripped = client.with("Accept", "application/vnd.pgrst.array+json;nulls=stripped");
        for (place, select) in SELECTS.iter().enumerate() {
            for (middle, filter) in FILTERS.iter().enumerate() {
                for (last, order) in ORDERS.iter().enumerate() {
                    // A third of the triples still holds every pair.
                    if !(place + middle + last + number).is_multiple_of(3) {
                        continue;
                    }
                    let table = if place % 5 == 4 { "goods_view" } else { "goods" };
                    let path = format!("/{table}?select={select}&{filter}&{order}");
                    let who = match (place + last + number) % 5 {
                        0 => &counted,
                        1 => &singular,
                        2 => &csv,
                        3 => &stripped,
                        _ => &client,
                    };
                    ask(who, &mut failures, "GET", &path, None);
                    if table == "goods_view" {
                        ask(who, &mut failures, "GET", &path.replace("goods_view", "goods"), None);
                    }
                }
            }
        }
        for select in SELECTS {
            for table in ["sums", "rpc/all_goods", "goods/1", "makers", "good_tags", "stock/1"] {
                ask(&client, &mut failures, "GET", &format!("/{table}?select={select}"), None);
                ask(&counted, &mut failures, "HEAD", &format!("/{table}?select={select}&limit=1"), None);
            }
        }
    }
    none(&failures);
}

#[test]
fn every_write_is_answered() {
    let project = project();
    let server = project.serve();
    let mut failures = Vec::new();
    let bodies = [
        json!({ "id": 1, "name": "n" }),
        json!([{ "id": 50, "name": "n" }, { "id": 51, "name": "m" }]),
        json!([]),
        json!({}),
        json!({ "name": "n", "data": { "a": 1 }, "live": true, "weight": 1.25, "image": "\\x00ff", "day": "2026-02-03" }),
        json!({ "name": "n", "tags": [{ "word": "new" }] }),
        json!({ "name": "n", "makers": { "name": "new" } }),
        json!({ "name": "n", "stock": { "amount": 3 } }),
        json!({ "name": "n", "stock": [{ "amount": 3 }] }),
        json!({ "word": "w" }),
        json!({ "good_id": 1, "amount": 1 }),
        json!({ "maker_id": null }),
        json!({ "price": 1, "maker_id": 2 }),
    ];
    let mut turn = 0_usize;
    for client in [server.client(), server.user("x")] {
        for prefer in [
            "tx=rollback",
            "tx=rollback, return=representation",
            "tx=rollback, return=headers-only, resolution=merge-duplicates",
            "tx=rollback, return=representation, resolution=merge-duplicates, missing=default, count=exact",
            "tx=rollback, return=representation, resolution=ignore-duplicates",
            "tx=rollback, handling=strict, max-affected=1",
        ] {
            let client = client.with("Prefer", prefer);
            for select in [
                "",
                "*",
                "id,makers(name),tags(word)",
                "id,...makers(name),stock(*)",
                "count()",
                "tags(count())",
            ] {
                for table in ["goods", "goods_view", "sums", "stock", "goods/1", "tags", "rpc/all_goods"] {
                    for query in [
                        "",
                        "id=eq.1",
                        "maker_id=is.null",
                        "makers.name=eq.x&makers=not.is.null",
                        "order=id&limit=1",
                        "on_conflict=id",
                        "columns=name,id",
                        "name=fts.b",
                    ] {
                        let path = format!("/{table}?select={select}&{query}").replace("select=&", "");
                        // Some of the bodies each time: together all of them meet every query and every preference.
                        for (place, body) in bodies.iter().enumerate() {
                            turn += 1;
                            if (place + turn).is_multiple_of(11) {
                                ask(
                                    &client,
                                    &mut failures,
                                    ["POST", "PATCH", "PUT"][turn / 11 % 3],
                                    &path,
                                    Some(body),
                                );
                            }
                        }
                        if turn.is_multiple_of(2) {
                            ask(&client, &mut failures, "DELETE", &path, None);
                        }
                    }
                }
            }
        }
    }
    none(&failures);
    assert_eq!(
        server.role("service_role").get("/rest/v1/goods?select=id&order=id").json(),
        json!([{ "id": 1 }, { "id": 2 }, { "id": 3 }])
    );
}

/// Each of these once failed inside.
#[test]
fn corners_are_answered() {
    let project = project();
    let server = project.serve();
    check(
        &server,
        r#"
        PATCH /tags?id=eq.1
        Prefer: return=representation
        {}
        => 200
        []

        PUT /tags?id=eq.1
        {}
        => 400

        POST /tags?select=word
        Prefer: tx=rollback, resolution=merge-duplicates, return=representation
        {}
        => 201
        [{"word":null}]

        POST /tags?select=word
        Prefer: tx=rollback, resolution=ignore-duplicates, return=representation
        {}
        => 201
        [{"word":null}]

        GET /goods?select=price&order=price.sum()
        => 400

        GET /goods?select=count()&having=count().gt.0
        Prefer: count=exact
        => 200
        Content-Range: 0-0/1
        [{"count":3}]

        DELETE /stock?select=good_id,amount
        Prefer: tx=rollback, return=representation
        => 200
        [{"good_id":1,"amount":9}]
        "#,
    );
}

/// A limit on a write is obeyed or refused: to ignore it would change rows that nobody meant.
#[test]
fn a_limited_write_never_goes_beyond_its_limit() {
    let project = project();
    let server = project.serve();
    let client = server.client();
    for (method, body) in [("PATCH", Some(json!({ "price": 77 }))), ("DELETE", None)] {
        let reply = match body {
            Some(body) => client.json(
                method,
                "/rest/v1/tags?limit=1&order=id",
                &json!({ "word": body["price"].to_string() }),
            ),
            None => client.send(method, "/rest/v1/stock?limit=0", None),
        };
        let tags = client.get("/rest/v1/tags?word=eq.77").json().as_array().unwrap().len();
        let stock = client.get("/rest/v1/stock").json().as_array().unwrap().len();
        assert!(
            reply.status >= 400 || (tags <= 1 && stock == 1),
            "{method}: {} {}",
            reply.status,
            reply.text()
        );
    }
}
