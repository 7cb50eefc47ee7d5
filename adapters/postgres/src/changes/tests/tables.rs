//! Which tables are followed, and how long what they did is kept.

use std::time::Duration;

use transom_ports::Fault;

use super::*;
use crate::{
    changes::refresh,
    upkeep::{Keep, clean},
};

#[tokio::test]
async fn a_table_that_is_followed_is_not_touched_again() {
    let (scratch, client) = followed().await;
    let busy = scratch.client().await;
    busy.batch_execute("BEGIN; INSERT INTO t VALUES (1, 'a')").await.unwrap();
    let again = track(&client, &[("public", "t")]);
    tokio::time::timeout(Duration::from_secs(5), again).await.expect("waits for no lock").unwrap();
    busy.batch_execute("COMMIT").await.unwrap();
    assert_eq!(settled(&client, 0).await.len(), 1, "and has each change once");
    let error = track(&client, &[("public", "nothing")]).await.unwrap_err();
    assert_eq!(error.message, "changes.tables: 'public.nothing' is no table of this database");
    client.batch_execute("CREATE VIEW v AS SELECT * FROM t").await.unwrap();
    assert!(track(&client, &[("public", "v")]).await.is_err());
}

#[tokio::test]
async fn tables_are_left_and_renamed() {
    let (_scratch, client) = followed().await;
    client.batch_execute("CREATE TABLE u (id integer PRIMARY KEY, label text)").await.unwrap();
    track(&client, &[("public", "u")]).await.unwrap();
    client.batch_execute("INSERT INTO t VALUES (1, 'a'); INSERT INTO u VALUES (1, 'a')").await.unwrap();
    client.batch_execute("SELECT _transom.unfollow('t'::regclass)").await.unwrap();
    client.batch_execute("INSERT INTO t VALUES (2, 'b'); INSERT INTO u VALUES (2, 'b')").await.unwrap();
    client
        .batch_execute("ALTER TABLE u RENAME TO v; ALTER TABLE v RENAME COLUMN id TO number")
        .await
        .unwrap();
    refresh(&client).await.unwrap();
    client
        .batch_execute(
            "INSERT INTO v VALUES (3, 'c'); ALTER TABLE v DROP COLUMN number; INSERT INTO v VALUES ('d')",
        )
        .await
        .unwrap();
    let found: Vec<String> = settled(&client, 0).await.iter().map(said).collect();
    assert_eq!(
        found,
        [
            r#"Insert t {"id":1}: - > {"id":1,"label":"a"}"#,
            r#"Insert u {"id":1}: - > {"id":1,"label":"a"}"#,
            r#"Insert u {"id":2}: - > {"id":2,"label":"b"}"#,
            r#"Insert v {"number":3}: - > {"number":3,"label":"c"}"#,
            r#"Insert v {}: - > {"label":"d"}"#,
        ]
    );
}

#[tokio::test]
async fn the_log_is_kept_for_a_while() {
    let (_scratch, client) = followed().await;
    for id in 1..=10 {
        client.batch_execute(&format!("INSERT INTO t VALUES ({id}, 'x')")).await.unwrap();
    }
    settle(&client).await;
    let keep = |count, age| Keep {
        change_count_max: count,
        change_age_max: Duration::from_secs(age),
        idempotency_age_max: Duration::from_secs(60),
    };
    let first = async |from: u64| {
        after(&client, ChangePosition(from), 1).await.map(|page| page.first().map(|one| one.position.0))
    };
    assert!(!clean(&client, &keep(4, u64::MAX)).await.unwrap());
    assert_eq!(first(0).await.unwrap_err().fault, Fault::ChangesExpired);
    assert_eq!(first(5).await.unwrap_err().message, "the log begins at 7");
    assert_eq!(first(6).await.unwrap(), Some(7));
    clean(&client, &keep(4, 0)).await.unwrap();
    assert_eq!(first(0).await.unwrap_err().message, "the log begins at 10", "the newest stays");
    assert_eq!(first(10).await.unwrap(), None);
    client.batch_execute("INSERT INTO t VALUES (11, 'y')").await.unwrap();
    assert_eq!(settled(&client, 10).await[0].position.0, 11);
}

#[tokio::test]
async fn books_are_made_once_and_those_of_others_are_not_touched() {
    let scratch = Scratch::start();
    let clients = [scratch.client().await, scratch.client().await, scratch.client().await];
    assert_eq!(after(&clients[0], ChangePosition(0), 1).await.unwrap(), [], "without a log there is nothing");
    let made = tokio::join!(install(&clients[0]), install(&clients[1]), install(&clients[2]));
    assert!(made.0.is_ok() && made.1.is_ok() && made.2.is_ok(), "{made:?}");
    clients[0].batch_execute("CREATE ROLE guest").await.unwrap();
    clients[0].batch_execute("SET ROLE guest").await.unwrap();
    install(&clients[0]).await.expect("who needs to make nothing needs no right to");
    clients[1]
        .batch_execute("COMMENT ON SCHEMA _transom IS 'Transom keeps its books here: version 9'")
        .await
        .unwrap();
    let error = install(&clients[1]).await.unwrap_err();
    assert!(error.message.contains("version 9"), "{error}");
    clients[1].batch_execute("DROP SCHEMA _transom CASCADE").await.unwrap();
    let error = install(&clients[0]).await.unwrap_err();
    assert!(error.message.contains("let the role create schemas"), "{error}");
}
