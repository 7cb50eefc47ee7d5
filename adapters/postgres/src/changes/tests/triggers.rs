//! What the triggers note.

use std::time::{Duration, Instant};

use super::*;

const SCHEMA: &str = "
CREATE TABLE plain (id integer PRIMARY KEY, label text, price numeric, made timestamptz, bytes bytea, extra jsonb);
CREATE TABLE owner (id integer PRIMARY KEY);
CREATE TABLE owned (a integer, b integer, owner_id integer REFERENCES owner ON DELETE CASCADE, PRIMARY KEY (b, a));
CREATE TABLE keyless (x integer, y text);
CREATE TABLE parted (id integer, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parted_east PARTITION OF parted FOR VALUES IN ('east');
CREATE TABLE parted_west PARTITION OF parted FOR VALUES IN ('west');
CREATE TABLE twice (id integer PRIMARY KEY, root integer);
CREATE FUNCTION rooted() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN UPDATE twice SET root = NEW.id WHERE id = NEW.id; RETURN NULL; END';
CREATE TRIGGER rooted AFTER INSERT ON twice FOR EACH ROW EXECUTE FUNCTION rooted();
CREATE TABLE \"Quoted \"\"name\" (\"the key\" integer PRIMARY KEY);
CREATE ROLE writer;
GRANT INSERT ON plain TO writer;
";
const TABLES: [&str; 7] = ["plain", "owner", "owned", "keyless", "parted", "twice", "Quoted \"name"];

/// Statements, and what the log says of them.
const CASES: &[(&str, &[&str])] = &[
    (
        "INSERT INTO plain VALUES (1, 'ä\"', 1.50, '2024-01-02 03:04:05+02', '\\xff00', '{\"a\": [1]}')",
        &[
            r#"Insert plain {"id":1}: - > {"id":1,"label":"ä\"","price":1.50,"made":"2024-01-02T01:04:05+00:00","bytes":"\\xff00","extra":{"a":[1]}}"#,
        ],
    ),
    (
        "SET timezone = 'Asia/Tokyo'; SET bytea_output = 'escape'; SET extra_float_digits = -10; UPDATE plain SET price = 'NaN'; RESET ALL",
        &[
            r#"Update plain {"id":1}: {"id":1,"label":"ä\"","price":1.50,"made":"2024-01-02T01:04:05+00:00","bytes":"\\xff00","extra":{"a":[1]}} > {"id":1,"label":"ä\"","price":"NaN","made":"2024-01-02T01:04:05+00:00","bytes":"\\xff00","extra":{"a":[1]}}"#,
        ],
    ),
    ("UPDATE plain SET label = 'x' WHERE id = 99; DELETE FROM plain WHERE id = 99", &[]),
    (
        "DELETE FROM plain; SET ROLE writer; INSERT INTO plain (id) VALUES (2); RESET ROLE",
        &[
            r#"Delete plain {"id":1}: {"id":1,"label":"ä\"","price":"NaN","made":"2024-01-02T01:04:05+00:00","bytes":"\\xff00","extra":{"a":[1]}} > -"#,
            r#"Insert plain {"id":2}: - > {"id":2,"label":null,"price":null,"made":null,"bytes":null,"extra":null}"#,
        ],
    ),
    (
        "TRUNCATE plain; INSERT INTO owner VALUES (1), (2); UPDATE owner SET id = id + 10",
        &[
            r#"Delete plain {"id":2}: {"id":2,"label":null,"price":null,"made":null,"bytes":null,"extra":null} > -"#,
            r#"Insert owner {"id":1}: - > {"id":1}"#,
            r#"Insert owner {"id":2}: - > {"id":2}"#,
            r#"Update owner {"id":11}: {"id":1} > {"id":11}"#,
            r#"Update owner {"id":12}: {"id":2} > {"id":12}"#,
        ],
    ),
    (
        "INSERT INTO owned VALUES (1, 2, 11); DELETE FROM owner WHERE id = 11",
        &[
            r#"Insert owned {"b":2,"a":1}: - > {"a":1,"b":2,"owner_id":11}"#,
            r#"Delete owner {"id":11}: {"id":11} > -"#,
            r#"Delete owned {"b":2,"a":1}: {"a":1,"b":2,"owner_id":11} > -"#,
        ],
    ),
    (
        "INSERT INTO owner VALUES (13), (12) ON CONFLICT (id) DO UPDATE SET id = 14; INSERT INTO owner VALUES (13) ON CONFLICT DO NOTHING",
        &[r#"Update owner {"id":14}: {"id":12} > {"id":14}"#, r#"Insert owner {"id":13}: - > {"id":13}"#],
    ),
    ("INSERT INTO keyless VALUES (1, 'a')", &[r#"Insert keyless {"x":1,"y":"a"}: - > {"x":1,"y":"a"}"#]),
    (
        "INSERT INTO parted VALUES (1, 'east'); UPDATE parted_east SET id = 2; UPDATE parted SET region = 'west'",
        &[
            r#"Insert parted {"id":1,"region":"east"}: - > {"id":1,"region":"east"}"#,
            r#"Update parted {"id":2,"region":"east"}: {"id":1,"region":"east"} > {"id":2,"region":"east"}"#,
            r#"Delete parted {"id":2,"region":"east"}: {"id":2,"region":"east"} > -"#,
            r#"Insert parted {"id":2,"region":"west"}: - > {"id":2,"region":"west"}"#,
        ],
    ),
    (
        "INSERT INTO twice VALUES (1)",
        &[
            r#"Insert twice {"id":1}: - > {"id":1,"root":null}"#,
            r#"Update twice {"id":1}: {"id":1,"root":null} > {"id":1,"root":1}"#,
        ],
    ),
    (
        "INSERT INTO \"Quoted \"\"name\" VALUES (1)",
        &[r#"Insert Quoted "name {"the key":1}: - > {"the key":1}"#],
    ),
];

#[tokio::test]
async fn whatever_is_written_is_noted() {
    let scratch = Scratch::start();
    let client = scratch.client().await;
    client.batch_execute(SCHEMA).await.unwrap();
    track(&client, &TABLES.map(|table| ("public", table))).await.unwrap();
    let mut position = 0;
    for (sql, expected) in CASES {
        client.batch_execute(sql).await.unwrap();
        let changes = settled(&client, position).await;
        position += changes.len() as u64;
        let found: Vec<String> = changes.iter().map(said).collect();
        assert_eq!(found, *expected, "{sql}");
    }
}

#[tokio::test]
async fn a_change_has_its_cause_and_its_time() {
    let (_scratch, client) = followed().await;
    client.batch_execute("INSERT INTO t VALUES (1)").await.unwrap();
    client
        .batch_execute("BEGIN; SET LOCAL transom.cause = 'request-1'; INSERT INTO t VALUES (2); COMMIT")
        .await
        .unwrap();
    client.batch_execute("INSERT INTO t VALUES (3)").await.unwrap();
    let changes = settled(&client, 0).await;
    assert_eq!(changes.iter().map(|change| &*change.cause).collect::<Vec<_>>(), ["", "request-1", ""]);
    let now_ms =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    assert!(changes.iter().all(|change| (now_ms - change.at_ms).abs() < 60_000));
}

/// The engine keeps the plan that it made for one row.
#[tokio::test]
async fn many_rows_after_one_are_quick_too() {
    let (_scratch, client) = followed().await;
    for sql in ["INSERT INTO t VALUES (0, 'a')", "UPDATE t SET label = 'b'", "UPDATE t SET label = 'c'"] {
        client.batch_execute(sql).await.unwrap();
    }
    client.batch_execute("INSERT INTO t SELECT id, 'a' FROM generate_series(1, 10000) AS id").await.unwrap();
    let began = Instant::now();
    client.batch_execute("UPDATE t SET label = 'd' || id").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let changes = settled(&client, 10_003).await;
    assert_eq!(changes.len(), 10_001);
    let same = |change: &Change| {
        let (before, after) = (change.before.as_ref().unwrap(), change.after.as_ref().unwrap());
        before["id"] == after["id"] && after["label"] == format!("d{}", after["id"])
    };
    assert!(changes.iter().all(same), "old and new rows are paired");
}
