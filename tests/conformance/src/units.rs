//! Units: every step or none, and many at once.

use std::sync::Arc;

use serde_json::json;
use transom_ports::Fault;
use transom_query::request::{Expect, Operator};
use transom_types::ChangePosition;

use crate::{
    Factory, Shop,
    request::{columns, delete, eq, insert, read, test, update},
    shop::returned,
};

pub async fn all_or_nothing(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let good = insert("tags", json!({ "id": 30, "label": "thirty" }));
    let bad = insert("tags", json!({ "id": 1, "label": "taken" }));
    let after = insert("tags", json!({ "id": 31, "label": "never" }));
    let error = shop.write(vec![good.clone(), bad, after]).await.expect_err("the second fails");
    assert!(matches!(error.fault, Fault::Unique(_)), "{error}");
    assert_eq!(error.step, Some(1));
    let none = read("tags", columns("id").filter(test("id", Operator::Gte, "30")));
    shop.check("nothing of it is there", none, json!([])).await;
    assert!(shop.write(vec![good]).await.is_ok(), "the same again alone");
    let many = json!([{ "id": 40, "label": "a" }, { "id": 41, "label": null }]);
    assert!(shop.write(vec![insert("tags", many)]).await.is_err());
    shop.check("nor half a statement", read("tags", columns("id").filter(eq("id", "40"))), json!([])).await;
}

pub async fn later_steps_see_earlier_ones(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let steps = vec![
        insert("tags", json!({ "id": 30, "label": "a" })),
        update("tags", eq("id", "30"), json!({ "label": "b" })),
        read("tags", columns("label").filter(eq("id", "30"))),
        delete("tags", eq("id", "30")),
    ];
    let committed = shop.write(steps).await.expect("all succeed");
    let rows: Vec<u64> = committed.outcomes.iter().map(|outcome| outcome.rows).collect();
    assert_eq!(rows, [1, 1, 1, 1]);
    assert_eq!(returned(&committed.outcomes[2]), json!([{ "label": "b" }]));
    assert!(!committed.replayed);
}

pub async fn expectations(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let all = || test("id", Operator::Gt, "0");
    let rows = |wanted: u64| move |fault: &Fault| *fault == Fault::Expectation { rows: wanted };
    let many = update("tags", all(), json!({ "label": "same" })).expect(Expect::AtMost(2));
    shop.check_refused("more than at most", many, rows(3)).await;
    let one = update("tags", eq("id", "99"), json!({ "label": "same" })).expect(Expect::One);
    shop.check_refused("none where one is due", one, rows(0)).await;
    shop.check_refused(
        "a delete of too many",
        delete("product_tags", test("tag_id", Operator::Gt, "0")).expect(Expect::One),
        rows(3),
    )
    .await;
    let enough = update("tags", all(), json!({ "label": "same" })).expect(Expect::AtMost(3));
    assert!(shop.write_one(enough).await.is_ok_and(|outcome| outcome.rows == 3));
    shop.check(
        "only the last was done",
        read("tags", columns("label").limit(1)),
        json!([{ "label": "same" }]),
    )
    .await;
    shop.check("no junction row went", read("product_tags", columns("count()")), json!([{ "count": 3 }]))
        .await;
    let first = insert("tags", json!({ "id": 30, "label": "a" }));
    let error = shop
        .write(vec![first, read("tags", columns("id")).expect(Expect::One)])
        .await
        .expect_err("four rows");
    assert_eq!((error.fault, error.step), (Fault::Expectation { rows: 4 }, Some(1)), "a read within a unit");
    shop.check("undid what went before", read("tags", columns("id").filter(eq("id", "30"))), json!([])).await;
}

pub async fn rolled_back_on_request(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let row = insert("tags", json!({ "id": 30, "label": "a" })).returning(columns("label"));
    let mut unit = shop.unit(vec![row]);
    unit.rollback = true;
    let committed = shop.database.write(unit).await.expect("is answered");
    assert_eq!(returned(&committed.outcomes[0]), json!([{ "label": "a" }]));
    shop.check("but not there", read("tags", columns("id").filter(eq("id", "30"))), json!([])).await;
}

/// Acknowledged is there: whatever was answered Ok is found, and nothing else.
pub async fn concurrent_units_are_all_there(factory: &dyn Factory) {
    const UNITS: i64 = 100;
    let shop = Arc::new(Shop::open(factory).await);
    let mut tasks = Vec::new();
    for number in 0..UNITS {
        let shop = shop.clone();
        tasks.push(tokio::spawn(async move {
            let id = 1_000 + number;
            // Every tenth breaks in its second step, after its first went in.
            let second = if number % 10 == 0 { 1 } else { 10_000 + id };
            let unit = shop.unit(vec![
                insert("tags", json!({ "id": id, "label": "concurrent" })),
                insert("customers", json!({ "id": second, "name": "concurrent" })),
            ]);
            (id, shop.database.write(unit).await.is_ok())
        }));
    }
    let mut acknowledged = Vec::new();
    for task in tasks {
        let (id, applied) = task.await.expect("no task panics");
        assert_eq!(applied, id % 10 != 0, "unit {id}");
        if applied {
            acknowledged.push(json!({ "id": id }));
        }
    }
    acknowledged.sort_by_key(|row| row["id"].as_i64());
    let found = read("tags", columns("id").filter(eq("label", "concurrent")).order("id"));
    shop.check("all that were acknowledged, and no other", found, acknowledged.into()).await;
    let customers = read("customers", columns("count()").filter(eq("name", "concurrent")));
    shop.check("with their second steps", customers, json!([{ "count": 90 }])).await;
}

pub async fn concurrent_conflicts_have_one_winner(factory: &dyn Factory) {
    let shop = Arc::new(Shop::open(factory).await);
    let mut tasks = Vec::new();
    for number in 0..20 {
        let shop = shop.clone();
        let row = json!({ "id": 500, "label": format!("by {number}") });
        tasks.push(tokio::spawn(async move { shop.write(vec![insert("tags", row)]).await }));
    }
    let mut winners = 0;
    for task in tasks {
        match task.await.expect("no task panics") {
            Ok(committed) => {
                winners += 1;
                assert!(committed.position >= ChangePosition::default());
            }
            Err(error) => assert!(matches!(error.fault, Fault::Unique(_)), "{error}"),
        }
    }
    assert_eq!(winners, 1);
}

pub async fn errors_leave_the_database_usable(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    for _ in 0..20 {
        assert!(shop.write(vec![insert("tags", json!({ "id": 1, "label": "taken" }))]).await.is_err());
        let pattern = read("products", columns("id").filter(test("name", Operator::Match, "(")));
        assert!(shop.read(pattern).await.is_err());
    }
    shop.check("reads go on", read("tags", columns("count()")), json!([{ "count": 3 }])).await;
    assert!(shop.write(vec![insert("tags", json!({ "label": "free" }))]).await.is_ok(), "and so do writes");
}
