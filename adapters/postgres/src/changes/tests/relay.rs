//! The relay settles by itself, tells, and comes back.

use std::time::Duration;

use super::*;
use crate::{changes::Relay, upkeep::Keep};

const PATIENCE: Duration = Duration::from_secs(20);

const KEEP: Keep = Keep {
    change_count_max: 1_000_000,
    change_age_max: Duration::from_secs(3_600),
    idempotency_age_max: Duration::from_secs(3_600),
};

async fn heard(relay: &Relay, position: u64) {
    let mut newest = relay.subscribe();
    let told = tokio::time::timeout(PATIENCE, newest.wait_for(|newest| newest.0 >= position)).await;
    assert_eq!(told.expect("in time").unwrap().0, position);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_tells_of_what_is_written() {
    let (scratch, client) = followed().await;
    let relay = Relay::start(scratch.connect(), KEEP).await.unwrap();
    let other = Relay::start(scratch.connect(), KEEP).await.unwrap();
    client.batch_execute("INSERT INTO t VALUES (1, 'a')").await.unwrap();
    assert_eq!(relay.settled().await.unwrap().0, 1, "whoever asks has a position at once");
    client.batch_execute("INSERT INTO t VALUES (2, 'b')").await.unwrap();
    relay.poke();
    heard(&relay, 2).await;
    heard(&other, 2).await;
    client.batch_execute("INSERT INTO t VALUES (3, 'c')").await.unwrap();
    heard(&relay, 3).await;
    client.batch_execute("NOTIFY _transom_changes, '99'").await.unwrap();
    let asked = tokio::join!(relay.settled(), relay.settled(), other.settled());
    assert_eq!(
        [asked.0.unwrap().0, asked.1.unwrap().0, asked.2.unwrap().0],
        [3; 3],
        "what others say is not believed"
    );
    let gauges = relay.gauges();
    assert!(gauges.contains(&("change_log_position", 3.0)), "{gauges:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_comes_back_with_the_server() {
    let (scratch, client) = followed().await;
    let relay = Relay::start(scratch.connect(), KEEP).await.unwrap();
    client.batch_execute("INSERT INTO t VALUES (1, 'a')").await.unwrap();
    heard(&relay, 1).await;
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    client.batch_execute(others).await.unwrap();
    client.batch_execute("INSERT INTO t VALUES (2, 'b')").await.unwrap();
    heard(&relay, 2).await;
    scratch.restart();
    let client = scratch.client().await;
    client.batch_execute("INSERT INTO t VALUES (3, 'c')").await.unwrap();
    heard(&relay, 3).await;
    relay.close();
    assert!(relay.settled().await.is_err(), "closed is closed");
    assert_eq!(labels(&settled(&client, 0).await), ["1a", "2b", "3c"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_bulk_leaves_no_room_behind() {
    let (scratch, client) = followed().await;
    let relay = Relay::start(scratch.connect(), KEEP).await.unwrap();
    for first in [0, 60_000] {
        let sql =
            format!("INSERT INTO t SELECT id, 'x' FROM generate_series({first} + 1, {first} + 60000) AS id");
        client.batch_execute(&sql).await.unwrap();
    }
    assert_eq!(relay.settled().await.unwrap().0, 120_000, "as many rounds as it takes");
    let tidy = "SELECT FROM pg_class WHERE oid = '_transom.inbox'::regclass AND pg_relation_size(oid) = 0";
    let waited = async {
        while client.query_typed(tidy, &[]).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.expect("is tidied");
}

#[tokio::test]
async fn it_does_not_start_without_a_server() {
    let scratch = Scratch::start();
    let connect = scratch.connect();
    drop(scratch);
    assert!(Relay::start(connect, KEEP).await.is_err());
}
