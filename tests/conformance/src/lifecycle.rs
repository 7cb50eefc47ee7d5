//! From schema to close.

use std::time::{Duration, Instant};

use serde_json::json;
use transom_ports::{Fault, Migration};
use transom_query::{Catalog, catalog::RelationshipKind};
use transom_sql::{Statement, Unit, statement::Idempotency};
use transom_types::ChangePosition;

use crate::{
    Factory, Shop,
    fixture::{self, TABLES},
    request::{columns, eq, insert, read},
};

/// What introspection must find is what the fixture's own catalog says.
pub async fn the_catalog_is_introspected(factory: &dyn Factory) {
    let shop = Shop::empty(factory).await;
    let expected = fixture::catalog();
    let mut names: Vec<&str> = shop.catalog.table_names().collect();
    // An engine may show the table that its full-text index is.
    names.retain(|name| *name != "products_search");
    names.sort_unstable();
    let mut wanted = TABLES.to_vec();
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    for name in TABLES {
        assert_eq!(table(&shop.catalog, name), table(&expected, name), "{name}");
    }
}

/// A table in words, without what is an engine's own affair: ids and the text of defaults.
fn table(catalog: &Catalog, name: &str) -> Vec<String> {
    let id = catalog.table(name).expect("is there");
    let table = &catalog[id];
    let names = |columns: &[transom_query::ColumnId]| {
        columns.iter().map(|column| &*table[*column].name).collect::<Vec<_>>().join(",")
    };
    let mut said: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            // A key that the engine counts may be a default to it.
            let default = column.default.is_some() && !column.identity;
            let kind = column.data_type.name();
            format!(
                "{} {kind} nullable={} default={default} identity={}",
                column.name, column.nullable, column.identity
            )
        })
        .collect();
    said.push(format!("key {}", names(&table.primary_key)));
    said.extend(table.unique_keys.iter().map(|key| format!("unique {}", names(key))));
    let mut ways: Vec<String> = catalog
        .relationships(id)
        .iter()
        .map(|way| {
            let kind = match way.kind {
                RelationshipKind::ToOne(_) => "to one",
                RelationshipKind::ToMany(_) => "to many",
                RelationshipKind::OneToOne(_) => "one to one",
                RelationshipKind::ManyToMany { .. } => "many to many",
                RelationshipKind::Computed { .. } => "computed",
            };
            format!("{kind} {}", catalog[way.to].name)
        })
        .collect();
    ways.sort_unstable();
    said.extend(ways);
    said
}

pub async fn migrations_apply_once(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let applied = shop.database.applied_migrations().await.expect("is recorded");
    assert_eq!(applied.iter().map(|migration| &*migration.name).collect::<Vec<_>>(), ["0001_fixture"]);
    let second = Migration { number: 2, name: "0002_more".into(), checksum: "1".repeat(64).into() };
    let sql = "CREATE TABLE more (id INTEGER PRIMARY KEY)";
    let late = shop.database.apply_migration(&second, sql, 0).await.expect("is answered");
    assert!(!late, "another server was first");
    assert!(shop.database.apply_migration(&second, sql, 1).await.expect("applies"));
    assert_eq!(shop.database.applied_migrations().await.expect("is recorded")[1], second);
    if factory.traits().sql {
        assert!(shop.database.introspect().await.expect("reads").table("more").is_some());
        let third = Migration { number: 3, name: "0003_broken".into(), checksum: "2".repeat(64).into() };
        let broken = "CREATE TABLE half (id INTEGER PRIMARY KEY); CREATE TABLE more (id INTEGER)";
        assert!(shop.database.apply_migration(&third, broken, 2).await.is_err());
        assert!(shop.database.introspect().await.expect("reads").table("half").is_none(), "all or nothing");
        assert_eq!(shop.database.applied_migrations().await.expect("is recorded").len(), 2);
    }
}

pub async fn slow_reads_stop_at_their_deadline(factory: &dyn Factory) {
    if !factory.traits().deadlines {
        return;
    }
    let shop = Shop::open(factory).await;
    let customers: Vec<_> = (1_000..4_000).map(|id| json!({ "id": id, "name": "many" })).collect();
    let orders: Vec<_> = (1_000..4_000).map(|id| json!({ "id": id, "customer_id": 1 })).collect();
    shop.write(vec![insert("customers", customers.into()), insert("orders", orders.into())])
        .await
        .expect("goes in");
    // No index leads from a customer to its orders: every one meets every other.
    let ready = shop.statement(read("customers", columns("id").with("orders", columns("id"))));
    let statement = Statement { timeout: Duration::from_millis(20), ..ready };
    let begun = Instant::now();
    let error = shop.database.read(statement).await.expect_err("is stopped");
    assert_eq!(error.fault, Fault::Deadline, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "soon after it: {:?}", begun.elapsed());
    shop.check("others go on", read("tags", columns("count()")), json!([{ "count": 3 }])).await;
}

pub async fn ping_and_close_twice(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.database.ping().await.expect("answers");
    for (name, value) in shop.database.gauges() {
        assert!(
            value.is_finite()
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{name}"
        );
    }
    shop.database.close().await;
    shop.database.close().await;
    assert!(shop.write(vec![insert("tags", json!({ "label": "late" }))]).await.is_err(), "closed is closed");
}

pub async fn what_was_acknowledged_outlives_a_close(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.database.track_changes(&["tags".into()]).await.expect("is there");
    let keyed = |shop: &Shop| {
        let row = insert("tags", json!({ "label": "kept" })).returning(columns("id"));
        let idempotency = Idempotency { key: "k".into(), scope: "s".into(), fingerprint: "f".into() };
        Unit { idempotency: Some(idempotency), ..shop.unit(vec![row]) }
    };
    let first = shop.database.write(keyed(&shop)).await.expect("goes in");
    let position = shop.database.settled().await.expect("is settled");
    shop.database.close().await;
    let Some(opened) = factory.reopen(shop.keep).await else { return };
    let shop = Shop::over(opened, Vec::new()).await;
    let label = read("tags", columns("label").filter(eq("id", "4")));
    shop.check("the row", label, json!([{ "label": "kept" }])).await;
    shop.database.track_changes(&["tags".into()]).await.expect("is there");
    let again = shop.database.write(keyed(&shop)).await.expect("is answered");
    assert!(again.replayed && again.outcomes == first.outcomes, "the key");
    shop.write(vec![insert("tags", json!({ "label": "next" }))]).await.expect("goes in");
    assert_eq!(shop.database.settled().await.expect("is settled").0, position.0 + 1, "positions go on");
    let changes = shop.database.changes_after(ChangePosition::default(), 10).await.expect("the log");
    assert_eq!(changes.len(), 2);
}
