#![allow(clippy::unwrap_used)]

use super::*;
use crate::changes::{after, tests::scratch::Scratch, track};

fn migration(number: u32) -> Migration {
    Migration { number, name: format!("{number:04}_some").into(), checksum: "0".repeat(64).into() }
}

#[tokio::test]
async fn each_is_applied_once_and_whole() {
    let scratch = Scratch::start();
    let (one, two) = (scratch.client().await, scratch.client().await);
    assert_eq!(applied(&one).await.unwrap(), []);
    let sql = "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1);";
    let (first, second) = (migration(1), migration(1));
    let (a, b) = tokio::join!(apply(&one, &first, sql, 0), apply(&two, &second, sql, 0));
    let mut done = [a.unwrap(), b.unwrap()];
    done.sort_unstable();
    assert_eq!(done, [false, true], "one was first");
    assert_eq!(applied(&one).await.unwrap(), [migration(1)]);
    assert!(!apply(&one, &migration(2), "SELECT 1", 0).await.unwrap());
    track(&one, &[("public", "t")]).await.unwrap();
    let renames = "SET ROLE pg_monitor; RESET ROLE; ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (2); SET search_path = '';";
    assert!(apply(&one, &migration(2), renames, 1).await.unwrap());
    two.batch_execute("INSERT INTO u VALUES (3); SELECT _transom.settle(50000)").await.unwrap();
    let changes = after(&two, transom_types::ChangePosition(0), 10).await.unwrap();
    let said: Vec<_> = changes.iter().map(|change| (&*change.table, &*change.cause)).collect();
    assert_eq!(said, [("t", "migration"), ("u", "")], "the triggers know the table's new name");
    let empty = scratch.client().await;
    assert!(apply(&empty, &migration(3), "-- nothing yet", 2).await.unwrap());
}

/// A script, and what is said of it.
const REFUSED: &[(&str, &str)] = &[
    (
        "CREATE TABLE a (id int);\n\nCOMMIT;",
        "line 3: it runs in a transaction of its own: COMMIT is not for it, leave it away",
    ),
    ("-- ä\nSELECT 1;\nSELECT no_such_column;", "line 3: column \"no_such_column\" does not exist"),
    ("SELECT 1;\nSELECT 2 FRM x y z;", "line 2: syntax error at or near \"x\""),
    (
        "CREATE TABLE a (id int);\n\n-- again\nCREATE TABLE a (id int);",
        "line 4: relation \"a\" already exists",
    ),
    ("CREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1),\n(1);", "line 2: duplicate key value"),
    (
        "SELECT 1;\nDO $$BEGIN\n RAISE EXCEPTION 'no' USING HINT = 'do it so';\nEND$$;",
        "line 2: no (do it so)",
    ),
    (
        "CREATE TABLE a (id int);\nCREATE INDEX CONCURRENTLY i ON a (id);",
        "line 2: CREATE INDEX CONCURRENTLY cannot run inside a transaction block; leave CONCURRENTLY away",
    ),
    ("DO $$BEGIN COMMIT; END$$", "line 1: invalid transaction termination"),
    ("SELECT 1;\nDELETE FROM _transom.migrations;", "line 2: the schema _transom is Transom's own"),
    ("SELECT 'never ends", "line 1: unterminated quoted string"),
];

#[tokio::test]
async fn what_fails_leaves_nothing_and_has_its_line() {
    let scratch = Scratch::start();
    for (sql, expected) in REFUSED {
        let client = scratch.client().await;
        let error = apply(&client, &migration(1), sql, 0).await.unwrap_err();
        assert!(error.message.starts_with(expected), "{sql}: {}", error.message);
        assert_ne!(error.fault, Fault::Unavailable, "{sql}");
        assert_eq!(run_script(&client, sql).await.unwrap_err().message, error.message, "{sql}");
        let left = client.query_typed("SELECT to_regclass('a') IS NULL", &[]).await.unwrap();
        assert!(left[0].get::<_, bool>(0), "{sql}");
        assert_eq!(applied(&client).await.unwrap(), [], "{sql}");
    }
}

#[tokio::test]
async fn functions_with_bodies_of_statements_are_made() {
    let scratch = Scratch::start();
    let client = scratch.client().await;
    let sql = "CREATE FUNCTION f() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END;
        CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN PERFORM f(); END $$; CALL p();";
    run_script(&client, sql).await.unwrap();
    let two = client.query_typed("SELECT f()", &[]).await.unwrap();
    assert_eq!(two[0].get::<_, i32>(0), 2);
}

#[tokio::test]
async fn a_script_that_leaves_its_transaction_is_found_out() {
    let scratch = Scratch::start();
    let client = scratch.client().await;
    client.batch_execute("BEGIN").await.unwrap();
    let error = confined(&client, "CREATE TABLE a (id int); COMMIT; BEGIN").await.unwrap_err();
    assert!(error.message.starts_with("the script has ended its transaction"), "{error}");
}
