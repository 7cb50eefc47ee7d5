#![allow(clippy::unwrap_used, clippy::expect_used)]

mod order;
mod relay;
pub(crate) mod scratch;
mod tables;
mod triggers;

use tokio_postgres::Client;
use transom_ports::Change;
use transom_types::ChangePosition;

use super::{after, install, track};

use self::scratch::Scratch;

const TABLE: &str = "CREATE TABLE t (id integer PRIMARY KEY, label text)";

/// A server with the table `t`, which is followed.
async fn followed() -> (Scratch, Client) {
    let scratch = Scratch::start();
    let client = scratch.client().await;
    client.batch_execute(TABLE).await.unwrap();
    track(&client, &[("public", "t")]).await.unwrap();
    (scratch, client)
}

async fn settle(client: &Client) {
    client.batch_execute("SELECT _transom.settle(50000)").await.unwrap();
}

async fn settled(client: &Client, from: u64) -> Vec<Change> {
    settle(client).await;
    after(client, ChangePosition(from), 100_000).await.unwrap()
}

/// What a change says, in one line.
fn said(change: &Change) -> String {
    let object = |object: &Option<serde_json::Map<String, serde_json::Value>>| {
        object.as_ref().map_or("-".to_owned(), |object| serde_json::to_string(object).unwrap())
    };
    let key = serde_json::to_string(&change.key).unwrap();
    let (before, after) = (object(&change.before), object(&change.after));
    format!("{:?} {} {key}: {before} > {after}", change.kind, change.table)
}

/// Row ids and labels after each change, in order.
fn labels(changes: &[Change]) -> Vec<String> {
    let label = |change: &Change| {
        let row = change.after.as_ref().or(change.before.as_ref()).unwrap();
        format!("{}{}", row["id"], row["label"].as_str().unwrap_or_default())
    };
    changes.iter().map(label).collect()
}
