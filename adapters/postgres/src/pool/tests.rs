//! What a connection is given back as.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{sync::Arc, time::Duration};

use transom_pgkit::Database;

use super::*;
use crate::options::Options;

const WAIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_dropped_transaction_is_not_given_to_the_next() {
    let database = Database::create();
    let connector = Arc::new(Connector::new(&Options::url(database.url())).unwrap());
    let pool = Pool::new(connector.clone(), Purpose::Write, 1, (WAIT, WAIT)).unwrap();
    let lease = Lease::new(pool.get(WAIT).await.unwrap(), connector.tls());
    lease.connection().unwrap().client.batch_execute("BEGIN; CREATE TABLE half (id int)").await.unwrap();
    drop(lease);
    let next = pool.get(WAIT).await.unwrap();
    let found = next.client.query_one("SELECT to_regclass('half') IS NULL", &[]).await.unwrap();
    assert!(found.get::<_, bool>(0), "the next sees nothing of it");
}
