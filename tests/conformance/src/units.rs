//! Units: every step or none, and many at once.

use std::sync::Arc;

use serde_json::json;
use transom_ports::Fault;
use transom_query::request::{Expect, Operator};
use transom_sql::Unit;
use transom_types::{Digest, Precondition, precondition::States};

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
            Ok(_) => winners += 1,
            Err(error) => assert!(matches!(error.fault, Fault::Unique(_)), "{error}"),
        }
    }
    assert_eq!(winners, 1);
}

/// Sets the label of tag 1 while it is in a state.
fn guarded_by(shop: &Shop, precondition: Precondition, label: &str) -> Unit {
    let look = read("tags", columns("label").filter(eq("id", "1")));
    let change = update("tags", eq("id", "1"), json!({ "label": label }));
    let mut unit = shop.unit(vec![look, change]);
    unit.steps[0].precondition = Some(precondition);
    unit
}

fn within(row: &str) -> Precondition {
    Precondition { within: Some(States::Of(vec![Digest::of(row.as_bytes())])), without: None }
}

/// A row as the engine writes it.
async fn label(shop: &Shop) -> String {
    let body = shop.read(read("tags", columns("label").filter(eq("id", "1")))).await.expect("it is read");
    let json = body.json.into_bytes().expect("kept");
    String::from_utf8_lossy(&json[1..json.len() - 1]).into_owned()
}

pub async fn preconditions(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let row = label(&shop).await;
    shop.database.write(guarded_by(&shop, within(&row), "second")).await.expect("it is as it was read");
    let error =
        shop.database.write(guarded_by(&shop, within(&row), "third")).await.expect_err("it is not any more");
    let current = Digest::of(label(&shop).await.as_bytes());
    assert_eq!((error.fault, error.step), (Fault::Precondition { current: Some(current) }, Some(0)));
    let absent = Precondition { within: None, without: Some(States::Any) };
    assert!(shop.database.write(guarded_by(&shop, absent.clone(), "fourth")).await.is_err());
    shop.check(
        "only the first was done",
        read("tags", columns("label").filter(eq("id", "1"))),
        json!([{ "label": "second" }]),
    )
    .await;
    let look = read("tags", columns("label").filter(eq("id", "70")));
    let make = insert("tags", json!({ "id": 70, "label": "made" }));
    let mut unit = shop.unit(vec![look, make]);
    unit.steps[0].precondition = Some(absent);
    assert!(shop.database.write(unit.clone()).await.is_ok(), "there is none");
    let error = shop.database.write(unit).await.expect_err("now there is one");
    assert!(matches!(error.fault, Fault::Precondition { current: Some(_) }), "{error}");
}

/// Writers that count up from what they have read, beside one that does not ask: no count is lost.
pub async fn preconditions_let_nothing_between(factory: &dyn Factory) {
    let shop = Arc::new(Shop::open(factory).await);
    shop.write(vec![update("tags", eq("id", "1"), json!({ "label": "0" }))]).await.expect("it begins at 0");
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let shop = shop.clone();
        tasks.push(tokio::spawn(async move {
            let mut counted = 0;
            while counted < 10 {
                let row = label(&shop).await;
                let count: u32 =
                    row.chars().filter(char::is_ascii_digit).collect::<String>().parse().expect("a number");
                match shop.database.write(guarded_by(&shop, within(&row), &(count + 1).to_string())).await {
                    Ok(_) => counted += 1,
                    Err(error) => assert!(matches!(error.fault, Fault::Precondition { .. }), "{error}"),
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("no task panics");
    }
    shop.check(
        "every one counted",
        read("tags", columns("label").filter(eq("id", "1"))),
        json!([{ "label": "40" }]),
    )
    .await;
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
