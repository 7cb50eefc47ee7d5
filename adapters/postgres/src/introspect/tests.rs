//! What is found in a schema with something of everything.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fmt::Write, time::Instant};

use tokio_postgres::NoTls;
use transom_pgkit::Database;
use transom_query::{Catalog, catalog::RelationshipKind};

use super::introspect;

const SCHEMA: &str = "
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN positive AS integer NOT NULL CHECK (VALUE > 0);
CREATE TABLE people (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE, \"the mood\" mood DEFAULT 'glad', tags text[],
  age positive, born date, twice int GENERATED ALWAYS AS (1 + 1) STORED, words tsvector);
COMMENT ON TABLE people IS 'who';
COMMENT ON COLUMN people.email IS 'where';
CREATE UNIQUE INDEX ON people (born, age);
CREATE UNIQUE INDEX ON people (age) WHERE age > 3;
CREATE INDEX ON people (lower(email));
CREATE TABLE letters (no serial PRIMARY KEY, sender int REFERENCES people, \"to\" int CONSTRAINT addressee REFERENCES people (id), body varchar(10));
CREATE VIEW posted AS SELECT l.no AS number, l.sender AS by, upper(l.body) AS loud FROM letters l;
CREATE VIEW persons AS SELECT p.id, p.email FROM people p;
CREATE VIEW counted AS SELECT sender, count(*) AS n FROM letters GROUP BY sender;
CREATE MATERIALIZED VIEW kept AS SELECT by, number FROM posted;
CREATE TABLE parted (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
";

async fn catalog(schema: &str) -> (Database, Catalog) {
    let database = Database::create();
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(schema).await.unwrap();
    let begun = Instant::now();
    let found = introspect(&client, &["public".to_owned()]).await.unwrap();
    eprintln!("{} tables in {:?}", found.tables().count(), begun.elapsed());
    assert!(begun.elapsed().as_secs() < 2, "two seconds are the most");
    (database, found)
}

fn said(catalog: &Catalog) -> String {
    let mut text = String::new();
    for (id, table) in catalog.tables() {
        let names = |columns: &[transom_query::ColumnId]| {
            columns.iter().map(|column| &*table[*column].name).collect::<Vec<_>>().join(",")
        };
        let comment = table.comment.as_deref().map(|comment| format!(" -- {comment}")).unwrap_or_default();
        writeln!(text, "{} {:?}{comment}", table.name, table.kind).unwrap();
        for column in &table.columns {
            let flag = |is: bool, word: &'static str| if is { word } else { "" };
            let default = column.default.as_deref().map(|sql| format!(" default {sql}")).unwrap_or_default();
            let comment =
                column.comment.as_deref().map(|comment| format!(" -- {comment}")).unwrap_or_default();
            writeln!(
                text,
                "  {} {} as {}{}{}{}{default}{comment}",
                column.name,
                column.engine_type.as_deref().unwrap(),
                column.data_type.name(),
                flag(!column.nullable, " not null"),
                flag(column.identity, " counted"),
                flag(column.generated, " generated"),
            )
            .unwrap();
        }
        let keys: Vec<String> = table.unique_keys.iter().map(|key| names(key)).collect();
        let indexes: Vec<String> = table.indexes.iter().map(|index| names(index)).collect();
        writeln!(
            text,
            "  key {}; unique {}; indexes {}",
            names(&table.primary_key),
            keys.join(" "),
            indexes.join(" ")
        )
        .unwrap();
        let mut ways: Vec<String> = catalog
            .relationships(id)
            .iter()
            .map(|way| {
                let kind = match way.kind {
                    RelationshipKind::ToOne(_) => "one",
                    RelationshipKind::ToMany(_) => "many",
                    RelationshipKind::OneToOne(_) => "its one",
                    RelationshipKind::ManyToMany { .. } => "many through",
                };
                format!("  to {kind} {} by {}", catalog[way.to].name, way.name)
            })
            .collect();
        ways.sort_unstable();
        ways.iter().for_each(|way| writeln!(text, "{way}").unwrap());
    }
    text
}

#[tokio::test]
async fn everything_is_found() {
    let (_database, catalog) = catalog(SCHEMA).await;
    insta::assert_snapshot!(said(&catalog));
}

#[tokio::test]
async fn a_thousand_tables_are_read_at_once() {
    let mut schema = String::from("CREATE TABLE t0 (id int PRIMARY KEY);");
    for number in 1..1_000 {
        write!(
            schema,
            "CREATE TABLE t{number} (id int PRIMARY KEY, name text, other int REFERENCES t{}, c1 int, c2 text, c3 date, c4 numeric, c5 jsonb);",
            number - 1
        )
        .unwrap();
    }
    let (_database, catalog) = catalog(&schema).await;
    assert_eq!(catalog.tables().count(), 1_000);
}
