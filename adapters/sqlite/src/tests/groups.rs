//! One commit for many units, and each unit's failure its own.

use std::time::{Duration, Instant};

use transom_ports::{Database, DbError, Fault};
use transom_query::plan::Expect;
use transom_sql::{Bound, Layout, Step, Unit, statement::Idempotency};

use super::{Bench, TIMEOUT, returning, statement, step, unit};

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE child (t INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE pairs (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;";

/// Takes minutes, unless it is interrupted.
const ENDLESS: &str =
    "INSERT INTO t (name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000000)
    SELECT 'endless ' || max(i) FROM n";

fn insert(id: u32) -> Step {
    step(&format!("INSERT INTO t VALUES ({id}, 'name {id}')"))
}

/// Holds the writer until all units wait, so that they are one group. Returns their answers.
async fn together(bench: &Bench, units: Vec<Unit>) -> Vec<Result<transom_ports::Committed, DbError>> {
    let held = bench.hold_writer().await;
    let mut answers = Vec::new();
    for unit in units {
        let database = bench.database.clone();
        answers.push(tokio::spawn(async move { database.write(unit).await }));
        bench.until("writer_queue_units", answers.len() as u64).await;
    }
    drop(held);
    let mut all = Vec::new();
    for answer in answers {
        all.push(answer.await.unwrap());
    }
    all
}

/// What each unit of one group got, and the ids that are there after it.
async fn check(units: Vec<Unit>, expected: &[Option<Fault>], ids: &str) {
    let bench = Bench::new(SCHEMA).await;
    let before = bench.gauge("groups_total");
    let answers = together(&bench, units).await;
    let faults: Vec<Option<Fault>> =
        answers.into_iter().map(|answer| answer.err().map(|error| error.fault)).collect();
    assert_eq!(faults, expected);
    assert_eq!(bench.ask("SELECT group_concat(id, ' ' ORDER BY id) FROM t").await, ids);
    assert_eq!(bench.gauge("groups_total"), before + 1, "one group");
    let late = bench.write(vec![insert(99)]).await;
    assert!(late.is_ok(), "the writer goes on: {late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_units_share_a_commit() {
    let units = (1..=50).map(|id| unit(vec![insert(id)])).collect();
    let ids: Vec<String> = (1..=50).map(|id: u32| id.to_string()).collect();
    check(units, &vec![None; 50], &format!("\"{}\"", ids.join(" "))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_unit_fails_alone() {
    let twice = || unit(vec![insert(3), insert(1)]);
    let unique = Some(Fault::Unique(vec!["id".into()]));
    check(
        vec![unit(vec![insert(1)]), twice(), unit(vec![insert(1)]), unit(vec![insert(2)])],
        &[None, unique.clone(), unique, None],
        "\"1 2\"",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_unit_leaves_the_others() {
    let slow = |steps| Unit { timeout: Duration::from_millis(300), ..unit(steps) };
    check(
        vec![
            unit(vec![insert(1)]),
            slow(vec![step(ENDLESS)]),
            slow(vec![insert(2), step(ENDLESS)]),
            unit(vec![insert(3)]),
        ],
        &[None, Some(Fault::Deadline), Some(Fault::Deadline), None],
        "\"1 3\"",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_foreign_key_fails_its_unit_alone() {
    let orphan = || step("INSERT INTO child VALUES (7)");
    check(
        vec![
            unit(vec![insert(1)]),
            unit(vec![orphan()]),
            unit(vec![insert(2), orphan()]),
            unit(vec![step("INSERT INTO child VALUES (3)"), insert(3)]),
        ],
        &[None, Some(Fault::ForeignKey), Some(Fault::ForeignKey), None],
        "\"1 3\"",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_too_large_undoes_its_write() {
    let bench = Bench::with(SCHEMA, |options| options.reply_bytes_max = 1_000).await;
    let large = "INSERT INTO t VALUES (1, 'x') RETURNING json_array(hex(zeroblob(2000)))";
    let units = vec![unit(vec![insert(5)]), unit(vec![returning(large)]), unit(vec![insert(6)])];
    let answers = together(&bench, units).await;
    let faults: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().err().map(|error| &error.fault)).collect();
    assert_eq!(faults, [None, Some(&Fault::TooLarge), None]);
    assert_eq!(bench.ask("SELECT group_concat(id, ' ' ORDER BY id) FROM t").await, "\"5 6\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_expectations_and_rollbacks() {
    let layout = Layout { check: true, ..Layout::default() };
    let checked = |id: u32, passes: u8| {
        let sql = format!("INSERT INTO t VALUES ({id}, NULL) RETURNING {passes}");
        Step::any(statement(&sql, layout.clone(), Vec::new()))
    };
    let expecting = |step: Step| Step { expect: Expect::Exactly(2), ..step };
    check(
        vec![
            unit(vec![checked(1, 1)]),
            unit(vec![checked(2, 0)]),
            unit(vec![expecting(insert(3))]),
            Unit { rollback: true, ..unit(vec![insert(4)]) },
        ],
        &[None, Some(Fault::Policy), Some(Fault::Expectation { rows: 1 }), None],
        "\"1\"",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_use_what_earlier_ones_captured() {
    let bench = Bench::new(SCHEMA).await;
    let layout = Layout { capture: true, ..Layout::default() };
    let first = statement(
        "INSERT INTO t VALUES (41, 'a'), (42, 'b') RETURNING json_array(id, name)",
        layout,
        Vec::new(),
    );
    let captured = vec![Bound::Captured { step: 0, column: 0 }, Bound::CapturedRows { step: 0 }];
    let layout = Layout { body: true, ..Layout::default() };
    let second = statement("SELECT json_array(?1, json(?2))", layout, captured);
    let steps = [first, second].map(Step::any);
    let committed = bench.write(steps.to_vec()).await.unwrap();
    assert_eq!(committed.outcomes[0].captured, [r#"[41,"a"]"#, r#"[42,"b"]"#]);
    assert_eq!(committed.outcomes[1].json, r#"[[41,[[41,"a"],[42,"b"]]]]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_until_there_is_room() {
    let bench = Bench::new(SCHEMA).await;
    bench.write(vec![insert(1)]).await.unwrap();
    bench
        .on_writer(|context| {
            let pages: i64 = context.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
            context
                .connection
                .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
                .unwrap();
        })
        .await;
    let large = || unit(vec![step("INSERT INTO t (name) VALUES (hex(randomblob(100000)))")]);
    for answer in together(&bench, vec![unit(vec![insert(2)]), large()]).await {
        assert_eq!(answer.unwrap_err().fault, Fault::DiskFull, "everyone's");
    }
    assert_eq!(
        bench.ask("SELECT group_concat(id) FROM t").await,
        "\"1\"",
        "reads go on, nothing was applied"
    );
    bench
        .on_writer(|context| {
            context.connection.query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(())).unwrap();
        })
        .await;
    bench.database.write(large()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_that_writes_is_waited_for() {
    let bench = Bench::with(SCHEMA, |options| options.busy_timeout = Duration::from_millis(200)).await;
    let stranger = bench.stranger();
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = bench.write(vec![insert(1)]).await.unwrap_err();
    assert_eq!(refused.fault, Fault::Unavailable);
    let hurried = Unit { timeout: Duration::from_millis(20), ..unit(vec![insert(1)]) };
    assert_eq!(bench.database.write(hurried).await.unwrap_err().fault, Fault::Deadline);
    stranger.execute_batch("COMMIT").unwrap();
    bench.write(vec![insert(1)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_wait_than_may() {
    let bench = Bench::with(SCHEMA, |options| options.write_queue_max = 1).await;
    let held = bench.hold_writer().await;
    let database = bench.database.clone();
    let waiting = tokio::spawn(async move { database.write(unit(vec![insert(1)])).await });
    bench.until("writer_queue_units", 1).await;
    assert_eq!(bench.write(vec![insert(2)]).await.unwrap_err().fault, Fault::Overloaded);
    drop(held);
    waiting.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_kept_for_their_time() {
    let bench = Bench::new(SCHEMA).await;
    let keyed = |id: u32, fingerprint: &str| {
        let idempotency = Idempotency { key: "k".into(), scope: "s".into(), fingerprint: fingerprint.into() };
        Unit { idempotency: Some(idempotency), ..unit(vec![insert(id)]) }
    };
    let first = bench.database.write(keyed(1, "f")).await.unwrap();
    let again = bench.database.write(keyed(1, "f")).await.unwrap();
    assert!(!first.replayed && again.replayed && first.outcomes == again.outcomes);
    let other = bench.database.write(keyed(2, "g")).await.unwrap_err();
    assert_eq!(other.fault, Fault::IdempotencyMismatch);
    bench
        .on_writer(|context| {
            context
                .connection
                .execute("UPDATE _transom_idempotency SET at_ms = at_ms - 90000000", [])
                .unwrap();
        })
        .await;
    assert!(!bench.database.write(keyed(3, "g")).await.unwrap().replayed, "forgotten after a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_works_off_what_waits() {
    let bench = Bench::new(SCHEMA).await;
    let writes: Vec<_> = (1..=20)
        .map(|id| {
            let database = bench.database.clone();
            tokio::spawn(async move { database.write(unit(vec![insert(id)])).await })
        })
        .collect();
    let begun = Instant::now();
    let mut there = 0;
    bench.database.close().await;
    for write in writes {
        match write.await.unwrap() {
            Ok(_) => there += 1,
            Err(error) => assert_eq!(error.fault, Fault::Unavailable),
        }
    }
    assert!(begun.elapsed() < TIMEOUT);
    let count: i64 = bench.stranger().query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(count, there, "what was acknowledged, and no more");
    let log = std::fs::metadata(bench.directory.path().join("test.db-wal")).map_or(0, |log| log.len());
    assert_eq!(log, 0, "the file stands alone");
}
