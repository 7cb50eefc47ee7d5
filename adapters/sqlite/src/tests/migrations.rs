//! Migrations and scripts: each once, whole, and in bounds.

use std::sync::Arc;

use transom_ports::{Database, DbError, Fault, Migration};

use super::{Bench, step};

fn migration(number: u32) -> Migration {
    Migration { number, name: format!("{number:04}_test").into(), checksum: "0".repeat(64).into() }
}

async fn refused(script: &str) -> DbError {
    let bench = Bench::new("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)").await;
    bench.database.track_changes(&["t".into()]).await.unwrap();
    let error = bench.database.apply_migration(&migration(1), script, 0).await.unwrap_err();
    assert!(bench.database.applied_migrations().await.unwrap().is_empty(), "{script}");
    assert_eq!(bench.ask("SELECT count(*) FROM t").await, "1", "{script}: nothing was done");
    bench.write(vec![step("INSERT INTO t VALUES (2)")]).await.unwrap();
    assert_eq!(bench.gauge("change_position"), 1, "the log goes on");
    error
}

#[tokio::test]
async fn what_is_not_for_a_migration_is_refused_with_its_line() {
    for (statement, says) in [
        ("COMMIT", "transaction of its own"),
        ("BEGIN", "transaction of its own"),
        ("SAVEPOINT s", "transaction of its own"),
        ("ATTACH 'x.db' AS x", "one database"),
        ("PRAGMA journal_mode = DELETE", "PRAGMA journal_mode is Transom's"),
        ("PRAGMA query_only = ON", "PRAGMA query_only is Transom's"),
        ("DELETE FROM _transom_changes", "_transom_changes is Transom's own"),
        ("SELECT * FROM _transom_migrations", "_transom_migrations is Transom's own"),
        ("CREATE TABLE _transom_x (a)", "_transom_x is Transom's own"),
        ("INSERT INTO t VALUES (1)", "UNIQUE constraint failed"),
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("SELEKT 1", "syntax error"),
    ] {
        let script =
            format!("-- INSERT INTO t VALUES (1)\nINSERT INTO t VALUES (7);\n/* a; b */\n\n{statement};\n");
        let error = refused(&script).await;
        assert!(error.message.starts_with("line 5: "), "{statement}: {}", error.message);
        assert!(error.message.contains(says), "{statement}: {}", error.message);
    }
}

#[tokio::test]
async fn a_table_can_be_rebuilt_without_losing_its_children() {
    let schema = "
        CREATE TABLE t (id INTEGER PRIMARY KEY);
        CREATE TABLE child (t INTEGER REFERENCES t ON DELETE CASCADE);
        INSERT INTO t VALUES (1), (2); INSERT INTO child VALUES (1), (2);";
    let rebuild = "PRAGMA foreign_keys = OFF;
        CREATE TABLE new (id INTEGER PRIMARY KEY, more TEXT);
        INSERT INTO new (id) SELECT id FROM t WHERE id <= LIMITED;
        DROP TABLE t; ALTER TABLE new RENAME TO t;";
    let bench = Bench::new(schema).await;
    bench.database.track_changes(&["t".into()]).await.unwrap();
    let dangling = rebuild.replace("LIMITED", "1");
    let error = bench.database.apply_migration(&migration(1), &dangling, 0).await.unwrap_err();
    assert_eq!(error.fault, Fault::ForeignKey);
    assert!(error.message.contains("'child'"), "{error}");
    assert!(
        bench.database.apply_migration(&migration(1), &rebuild.replace("LIMITED", "2"), 0).await.unwrap()
    );
    assert_eq!(bench.ask("SELECT count(*) FROM child").await, "2");
    let orphan = bench.write(vec![step("INSERT INTO child VALUES (9)")]).await.unwrap_err();
    assert_eq!(orphan.fault, Fault::ForeignKey, "foreign keys hold again");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_apply_each_once() {
    let first = Bench::new("").await;
    let second = Bench::open(first.directory.clone(), |_| {});
    let run = |database: Arc<crate::Sqlite>| async move {
        let mut applied = 0;
        loop {
            let count = database.applied_migrations().await.unwrap().len() as u32;
            if count == 20 {
                return applied;
            }
            let sql =
                format!("CREATE TABLE t{count} (id INTEGER PRIMARY KEY); INSERT INTO t{count} VALUES (1)");
            let done = database.apply_migration(&migration(count + 1), &sql, count).await.unwrap();
            applied += u32::from(done);
        }
    };
    let runs = [first.database.clone(), second.database.clone()].map(|database| tokio::spawn(run(database)));
    let mut applied = 0;
    for run in runs {
        applied += run.await.unwrap();
    }
    assert_eq!(applied, 20);
    assert_eq!(second.ask("SELECT count(*) FROM sqlite_schema WHERE name GLOB 't[0-9]*'").await, "20");
}

#[tokio::test]
async fn scripts_are_logged_and_triggers_may_be_made() {
    let bench = Bench::new("CREATE TABLE t (id INTEGER PRIMARY KEY)").await;
    bench.database.track_changes(&["t".into()]).await.unwrap();
    let script =
        "CREATE TRIGGER again AFTER INSERT ON t WHEN NEW.id < 3 BEGIN INSERT INTO t VALUES (NEW.id + 1); END;
        INSERT INTO t VALUES (2); PRAGMA user_version = 7;";
    bench.database.run_script(script).await.unwrap();
    assert_eq!(bench.gauge("change_position"), 2);
}
