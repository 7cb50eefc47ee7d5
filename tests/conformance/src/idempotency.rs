//! A unit with a key happens once, however often it is sent.

use serde_json::json;
use transom_ports::Fault;
use transom_sql::{Unit, statement::Idempotency};

use crate::{
    Factory, Shop,
    request::{columns, insert, read},
};

fn keyed(shop: &Shop, label: &str, scope: &str, fingerprint: &str) -> Unit {
    let row = insert("tags", json!({ "label": label })).returning(columns("id,label"));
    let idempotency =
        Idempotency { key: "key-1".into(), scope: scope.into(), fingerprint: fingerprint.into() };
    Unit { idempotency: Some(idempotency), ..shop.unit(vec![row]) }
}

pub async fn replays_once(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let first = shop.database.write(keyed(&shop, "once", "author:1", "abc")).await.expect("goes in");
    assert!(!first.replayed);
    for _ in 0..3 {
        let again = shop.database.write(keyed(&shop, "once", "author:1", "abc")).await.expect("is answered");
        assert!(again.replayed);
        assert_eq!(again.outcomes, first.outcomes);
    }
    shop.check("one row", read("tags", columns("count()")), json!([{ "count": 4 }])).await;
}

pub async fn refuses_another_request(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.database.write(keyed(&shop, "once", "author:1", "abc")).await.expect("goes in");
    let error = shop.database.write(keyed(&shop, "other", "author:1", "def")).await.expect_err("is refused");
    assert_eq!(error.fault, Fault::IdempotencyMismatch);
    shop.check("one row", read("tags", columns("count()")), json!([{ "count": 4 }])).await;
}

pub async fn scopes_are_apart(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.database.write(keyed(&shop, "one", "author:1", "abc")).await.expect("goes in");
    let other = shop.database.write(keyed(&shop, "two", "author:2", "def")).await.expect("goes in");
    assert!(!other.replayed);
    shop.check("two rows", read("tags", columns("count()")), json!([{ "count": 5 }])).await;
}

pub async fn failed_units_may_try_again(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let mut failing = keyed(&shop, "x", "author:1", "abc");
    failing.steps.extend(shop.unit(vec![insert("tags", json!({ "id": 1, "label": "taken" }))]).steps);
    assert!(shop.database.write(failing).await.is_err());
    let again = shop.database.write(keyed(&shop, "x", "author:1", "abc")).await.expect("goes in");
    assert!(!again.replayed);
}
