//! The change log beyond what every engine promises: positions, images of odd values, retention.

use std::time::Duration;

use serde_json::json;
use transom_ports::{Change, Database, Fault};
use transom_sql::Unit;
use transom_types::ChangePosition;

use super::{Bench, step, unit};

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, anything, amount REAL);
    CREATE TABLE pairs (a, b, n, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE VIEW v AS SELECT * FROM t;";

async fn tracking() -> Bench {
    let bench = Bench::new(SCHEMA).await;
    bench.database.track_changes(&["t".into(), "pairs".into()]).await.unwrap();
    bench
}

async fn all(bench: &Bench) -> Vec<Change> {
    bench.database.changes_after(ChangePosition::default(), 1_000).await.unwrap()
}

#[tokio::test]
async fn undone_units_leave_no_gap() {
    let bench = tracking().await;
    bench.write(vec![step("INSERT INTO t (id) VALUES (1)")]).await.unwrap();
    let twice = step("INSERT INTO t (id) VALUES (2), (1)");
    bench.write(vec![step("INSERT INTO t (id) VALUES (3)"), twice]).await.unwrap_err();
    let undone = Unit { rollback: true, ..unit(vec![step("INSERT INTO t (id) VALUES (4)")]) };
    bench.database.write(undone).await.unwrap();
    bench.write(vec![step("DELETE FROM t")]).await.unwrap();
    let changes = all(&bench).await;
    assert_eq!(changes.iter().map(|change| change.position.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(&*changes[1].cause, "a-test");
    assert_eq!(*bench.database.changes().await.unwrap().borrow(), ChangePosition(2));
}

#[tokio::test]
async fn odd_values_have_images() {
    let bench = tracking().await;
    let odd = "INSERT INTO t VALUES (1, x'00ff', x'61', 9e999), (2, CAST(x'c328' AS TEXT), 'it''s', -9e999)";
    bench.write(vec![step(odd)]).await.unwrap();
    let images: Vec<_> = all(&bench).await.into_iter().map(|change| change.after.unwrap()).collect();
    assert_eq!(
        serde_json::to_value(&images).unwrap(),
        json!([
            { "id": 1, "name": "\\x00ff", "anything": "\\x61", "amount": "Infinity" },
            { "id": 2, "name": "\u{FFFD}(", "anything": "it's", "amount": "-Infinity" },
        ])
    );
}

#[tokio::test]
async fn only_tables_are_followed() {
    let bench = Bench::new(SCHEMA).await;
    for name in ["v", "nowhere"] {
        let error = bench.database.track_changes(&[name.into()]).await.unwrap_err();
        assert!(error.message.contains(name), "{error}");
    }
    bench.write(vec![step("INSERT INTO t (id) VALUES (1)")]).await.unwrap();
}

#[tokio::test]
async fn the_schema_may_change_meanwhile() {
    let bench = tracking().await;
    bench.stranger().execute_batch("ALTER TABLE t ADD COLUMN more TEXT DEFAULT 'm'").unwrap();
    bench.write(vec![step("INSERT INTO t (id) VALUES (1)")]).await.unwrap();
    bench.stranger().execute_batch("ALTER TABLE t DROP COLUMN amount; DROP TABLE pairs").unwrap();
    bench.write(vec![step("INSERT INTO t (id) VALUES (2)")]).await.unwrap();
    let images: Vec<_> = all(&bench).await.into_iter().map(|change| change.after.unwrap()).collect();
    assert_eq!(
        serde_json::to_value(&images).unwrap(),
        json!([
            { "id": 1, "name": null, "anything": null, "amount": null, "more": "m" },
            { "id": 2, "name": null, "anything": null, "more": "m" },
        ])
    );
}

#[tokio::test]
async fn old_changes_are_removed_and_positions_never_come_again() {
    let bench = Bench::with(SCHEMA, |options| options.change_count_max = 3).await;
    bench.database.track_changes(&["t".into()]).await.unwrap();
    for id in 1..=10 {
        bench.write(vec![step(&format!("INSERT INTO t (id) VALUES ({id})"))]).await.unwrap();
    }
    bench.on_writer(|context| while crate::changes::clean(context).unwrap() {}).await;
    let expired = bench.database.changes_after(ChangePosition(6), 10).await.unwrap_err();
    assert_eq!(expired.fault, Fault::ChangesExpired);
    assert_eq!(bench.database.changes_after(ChangePosition(7), 10).await.unwrap().len(), 3);
    bench
        .on_writer(|context| {
            let mut options = (*context.options).clone();
            options.change_age_max = Duration::ZERO;
            context.options = options.into();
            context.connection.execute("UPDATE _transom_changes SET at_ms = 1", []).unwrap();
            while crate::changes::clean(context).unwrap() {}
        })
        .await;
    // The newest stays.
    bench.until("changes_retained", 1).await;
    assert!(bench.database.changes_after(ChangePosition(10), 10).await.unwrap().is_empty());
    bench.write(vec![step("INSERT INTO t (id) VALUES (11)")]).await.unwrap();
    assert_eq!(bench.database.settled().await.unwrap(), ChangePosition(11));
}

#[tokio::test]
async fn what_others_write_is_seen_but_not_logged() {
    let bench = tracking().await;
    bench.stranger().execute_batch("INSERT INTO t (id) VALUES (1)").unwrap();
    assert_eq!(bench.ask("SELECT count(*) FROM t").await, "1");
    assert!(all(&bench).await.is_empty());
}
