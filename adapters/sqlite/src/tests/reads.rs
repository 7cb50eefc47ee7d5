//! Where reads run, and what stops them.

use std::time::{Duration, Instant};

use transom_ports::{Database, Fault};
use transom_sql::Statement;
use transom_types::{DataType, Value};

use super::{Bench, reading, statement, step, with_values};

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO t VALUES (1, 'one'), (2, 'two');";

/// So many rows that it takes more steps than a read may where the request is.
const DEAR: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT json_array(count(*)) FROM n";
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000000) SELECT json_array(count(*)) FROM n";

#[tokio::test]
async fn cheap_reads_stay_and_dear_ones_go() {
    let bench = Bench::new(SCHEMA).await;
    let cheap = reading("SELECT json_object('id', id) FROM t WHERE id = 1");
    let dear = reading(DEAR);
    for _ in 0..3 {
        assert_eq!(bench.database.read(cheap.clone()).await.unwrap().json, r#"[{"id":1}]"#);
        assert_eq!(bench.database.read(dear.clone()).await.unwrap().json, "[[50000]]");
    }
    assert_eq!((bench.gauge("reads_local_total"), bench.gauge("reads_demoted_total")), (3, 1), "remembered");
}

#[tokio::test]
async fn a_deadline_stops_what_runs() {
    let bench = Bench::new(SCHEMA).await;
    let begun = Instant::now();
    let hurried = Statement { timeout: Duration::from_millis(50), ..reading(ENDLESS) };
    assert_eq!(bench.database.read(hurried).await.unwrap_err().fault, Fault::Deadline);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(bench.ask("SELECT count(*) FROM t").await, "2", "connections are clean");
}

#[tokio::test]
async fn waiting_counts_and_queues_are_bounded() {
    let bench =
        Bench::with(SCHEMA, |options| (options.reader_threads, options.read_queue_max) = (1, 1)).await;
    let slow = |ms| Statement { timeout: Duration::from_millis(ms), ..reading(ENDLESS) };
    let database = bench.database.clone();
    let running = tokio::spawn(async move { database.read(slow(600)).await });
    bench.until("reads_demoted_total", 1).await;
    bench.until("reader_queue_statements", 0).await;
    let database = bench.database.clone();
    let waiting = tokio::spawn(async move { database.read(slow(100)).await });
    bench.until("reader_queue_statements", 1).await;
    assert_eq!(bench.database.read(slow(100)).await.unwrap_err().fault, Fault::Overloaded);
    assert_eq!(waiting.await.unwrap().unwrap_err().message, "the statement waited too long");
    assert_eq!(running.await.unwrap().unwrap_err().fault, Fault::Deadline);
}

#[tokio::test]
async fn dear_reads_stand_back_and_hold_up_nothing_short() {
    let bench = Bench::with(SCHEMA, |options| options.reader_threads = 1).await;
    let database = bench.database.clone();
    let endless = Statement { timeout: Duration::from_secs(2), ..reading(ENDLESS) };
    let running = tokio::spawn(async move { database.read(endless).await });
    bench.until("reads_demoted_total", 1).await;
    bench.until("reader_queue_statements", 0).await;
    bench.database.ping().await.unwrap();
    assert!(!running.is_finished(), "the only reader thread is still busy");
    #[cfg(target_os = "linux")]
    assert!(niceness("sqlite-reader-0") > niceness("sqlite-tasks"), "dear reads have the lower priority");
    running.abort();
}

/// The greatest niceness of this process's threads of a name: other tests have threads too.
#[cfg(target_os = "linux")]
fn niceness(thread: &str) -> i32 {
    let of = |path: std::path::PathBuf| -> Option<i32> {
        let stat = std::fs::read_to_string(path.join("stat")).ok()?;
        let (head, rest) = stat.rsplit_once(") ")?;
        // The name is cut to fifteen bytes; the niceness is the nineteenth field, and the third stands first here.
        let name = head.split_once('(')?.1;
        (name == &thread[..thread.len().min(15)]).then(|| rest.split(' ').nth(16)?.parse().ok())?
    };
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    threads.filter_map(|entry| of(entry.unwrap().path())).max().unwrap()
}

#[tokio::test]
async fn readers_do_not_wait_for_a_writer() {
    let bench = Bench::new(SCHEMA).await;
    let stranger = bench.stranger();
    stranger.execute_batch("BEGIN EXCLUSIVE; DELETE FROM t").unwrap();
    let begun = Instant::now();
    assert_eq!(bench.ask("SELECT count(*) FROM t").await, "2");
    assert_eq!(bench.database.read(reading(DEAR)).await.unwrap().rows, 1);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    stranger.execute_batch("ROLLBACK").unwrap();
}

#[tokio::test]
async fn reads_see_what_was_acknowledged() {
    let bench = Bench::new(SCHEMA).await;
    for count in 3..50 {
        bench.write(vec![step("INSERT INTO t (name) VALUES ('more')")]).await.unwrap();
        assert_eq!(bench.ask("SELECT count(*) FROM t").await, count.to_string());
    }
}

#[tokio::test]
async fn results_are_bounded() {
    let bench = Bench::with(SCHEMA, |options| options.reply_bytes_max = 1_000).await;
    for sql in ["SELECT json_array(hex(zeroblob(300))) FROM t", "SELECT json_array(hex(zeroblob(5000)))"] {
        assert_eq!(bench.database.read(reading(sql)).await.unwrap_err().fault, Fault::TooLarge, "{sql}");
    }
}

#[tokio::test]
async fn handwritten_statements_are_shown_by_type() {
    let bench = Bench::new(SCHEMA).await;
    let columns = [
        ("b", DataType::Bool),
        ("j", DataType::Json),
        ("x", DataType::Any),
        ("n", DataType::Integer),
        ("odd", DataType::Text),
    ];
    let layout = transom_sql::Layout {
        columns: columns.map(|(name, data_type)| (name.into(), data_type)).to_vec(),
        ..transom_sql::Layout::default()
    };
    let sql = "SELECT 1, '{\"a\":[1]}', x'0aff', NULL, CAST(x'c328' AS TEXT)";
    let body = bench.database.read(statement(sql, layout, Vec::new())).await.unwrap();
    assert_eq!(
        body.json,
        "[{\"b\":true,\"j\":{\"a\":[1]},\"x\":\"\\\\x0aff\",\"n\":null,\"odd\":\"\u{FFFD}(\"}]"
    );
}

#[tokio::test]
async fn nothing_is_read_when_closed() {
    let bench = Bench::new(SCHEMA).await;
    assert_eq!(bench.ask("SELECT 1").await, "1");
    bench.database.close().await;
    assert_eq!(bench.database.read(reading("SELECT '1'")).await.unwrap_err().fault, Fault::Unavailable);
}

#[tokio::test]
async fn functions_of_patterns_and_time() {
    let bench = Bench::new(SCHEMA).await;
    for (sql, expected) in [
        ("transom_ilike('ÉT_', 'été')", "1"),
        ("transom_like('%5', 2.5)", "1"),
        ("transom_like(NULL, 'x') IS NULL", "1"),
        ("transom_regexp('^É.$', 'ÉA', 0)", "1"),
        ("transom_regexp('^é.$', 'ÉA', 1)", "1"),
        ("transom_lower('ÀÉ') || transom_upper('ß')", "\"àéSS\""),
        ("transom_json_contains('{\"a\":[1,2]}', '{\"a\":[2.0]}')", "1"),
        ("transom_json_contains('no json', '1') IS NULL", "1"),
        ("length(uuid_v7()) + length(uuid())", "72"),
        ("now() GLOB '20??-??-??T??:??:??.???Z'", "1"),
        ("(SELECT count(DISTINCT now()) FROM t, t AS u, t AS w)", "1"),
    ] {
        assert_eq!(bench.ask(&format!("SELECT {sql}")).await, expected, "{sql}");
    }
    let wrong = reading("SELECT json_array(transom_regexp('(', name, 0)) FROM t");
    let error = bench.database.read(wrong).await.unwrap_err();
    assert_eq!(error.fault, Fault::Pattern);
    assert!(error.message.starts_with("regex parse error"), "{}", error.message);
}

#[tokio::test]
async fn values_go_in_as_they_are() {
    let bench =
        Bench::new("CREATE TABLE v (b BOOLEAN, i INTEGER, r REAL, n NUMERIC, t TEXT, j JSON, x BLOB, z)")
            .await;
    let values = vec![
        Value::Bool(true),
        Value::Integer(i64::MIN),
        Value::Real(0.1),
        Value::Numeric("12.50".into()),
        Value::text("a\0b"),
        Value::Json("[1]".into()),
        Value::Bytes([0, 255].into()),
        Value::Null,
    ];
    bench
        .write(vec![with_values("INSERT INTO v VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", values)])
        .await
        .unwrap();
    let types = "SELECT concat_ws(' ', typeof(b), typeof(i), typeof(r), typeof(n), typeof(t), typeof(j), hex(x), typeof(z)) FROM v";
    assert_eq!(bench.ask(types).await, "\"integer integer real real text text 00FF null\"");
}
