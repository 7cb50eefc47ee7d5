//! Positions follow commit order, and nobody who has read up to one misses anything.

use super::*;

#[tokio::test]
async fn a_late_committer_and_nothing_missed() {
    let (scratch, late) = followed().await;
    let (early, reader) = (scratch.client().await, scratch.client().await);
    late.batch_execute("BEGIN; INSERT INTO t VALUES (1, 'late')").await.unwrap();
    early.batch_execute("INSERT INTO t VALUES (2, 'early')").await.unwrap();
    let first = settled(&reader, 0).await;
    assert_eq!(labels(&first), ["2early"], "what is committed is not held back by what is not");
    early.batch_execute("INSERT INTO t VALUES (3, 'early')").await.unwrap();
    late.batch_execute("COMMIT").await.unwrap();
    let second = settled(&reader, 1).await;
    assert_eq!(labels(&second), ["1late", "3early"]);
    let positions: Vec<_> = second.iter().map(|change| change.position.0).collect();
    assert_eq!(positions, [2, 3]);
    late.batch_execute("BEGIN; INSERT INTO t VALUES (4, 'never'); SAVEPOINT a; ROLLBACK").await.unwrap();
    late.batch_execute("BEGIN; INSERT INTO t VALUES (5, 'a'); SAVEPOINT s; INSERT INTO t VALUES (6, 'never'); ROLLBACK TO s; COMMIT")
        .await
        .unwrap();
    assert_eq!(labels(&settled(&reader, 3).await), ["5a"], "what was rolled back left no gap");
}

/// Who began first may change a row last.
#[tokio::test]
async fn a_rows_changes_are_in_the_order_in_which_they_happened() {
    let (scratch, older) = followed().await;
    let newer = scratch.client().await;
    older.batch_execute("INSERT INTO t VALUES (1, 'a')").await.unwrap();
    older.batch_execute("BEGIN; INSERT INTO t VALUES (2, 'x')").await.unwrap();
    newer
        .batch_execute("BEGIN; UPDATE t SET label = 'b' WHERE id = 1; INSERT INTO t VALUES (3, 'y'); COMMIT")
        .await
        .unwrap();
    older.batch_execute("UPDATE t SET label = 'c' WHERE id = 1; COMMIT").await.unwrap();
    let changes = settled(&older, 0).await;
    assert_eq!(labels(&changes), ["1a", "1b", "3y", "2x", "1c"]);
}

#[tokio::test]
async fn a_follower_of_many_writers_sees_each_change_once_and_whole_transactions() {
    const WRITERS: u64 = 6;
    const UNITS: u64 = 40;
    let (scratch, reader) = followed().await;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let client = scratch.client().await;
        writers.push(tokio::spawn(async move {
            for unit in 0..UNITS {
                let id = writer * 1_000 + unit * 2;
                let pause = if unit % 7 == 0 { "SELECT pg_sleep(0.003);" } else { "" };
                let sql = format!(
                    "BEGIN; INSERT INTO t VALUES ({id}, 'a'); {pause} INSERT INTO t VALUES ({}, 'b'); COMMIT",
                    id + 1
                );
                client.batch_execute(&sql).await.unwrap();
            }
        }));
    }
    // Two settle at once, as two servers would.
    let other = scratch.client().await;
    let (mut position, mut seen) = (0, Vec::new());
    while (seen.len() as u64) < WRITERS * UNITS * 2 {
        tokio::join!(settle(&reader), settle(&other));
        for change in after(&reader, ChangePosition(position), 7).await.unwrap() {
            assert_eq!(change.position.0, position + 1, "no gaps");
            position = change.position.0;
            seen.push(change.key["id"].as_u64().unwrap());
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(seen.chunks(2).all(|pair| pair[0] + 1 == pair[1]), "a transaction's changes stand together");
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len() as u64, WRITERS * UNITS * 2);
    assert_eq!(settled(&reader, position).await, []);
}

#[tokio::test]
async fn what_is_settled_at_once_is_bounded_and_whole() {
    let (_scratch, client) = followed().await;
    for first in [1, 11, 21] {
        let sql = format!("INSERT INTO t SELECT id, 'x' FROM generate_series({first}, {first} + 3) AS id");
        client.batch_execute(&sql).await.unwrap();
    }
    let mut counts = Vec::new();
    for _ in 0..3 {
        client.batch_execute("SELECT _transom.settle(5)").await.unwrap();
        counts.push(after(&client, ChangePosition(0), 100).await.unwrap().len());
    }
    assert_eq!(counts, [8, 12, 12]);
    let changes = after(&client, ChangePosition(0), 100).await.unwrap();
    assert_eq!(changes[7].key["id"], 14);
}
