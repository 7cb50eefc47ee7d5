//! Random sequences of writes: every outcome and every state on the way.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
};
use serde_json::{Value as Json, json};
use transom_ports::Fault;
use transom_query::request::{Action, Resolution};

use super::Pair;
use crate::{
    Factory, Shop,
    request::{Request, columns, delete, eq, insert, read, update},
};

/// What random units do, each of one or two requests.
pub async fn histories(left: &dyn Factory, right: &dyn Factory, cases: u32) {
    let pair = Pair::open(left, right).await;
    let differs = |request: &Request| right.traits().typed && differs_by_design(request);
    pair.run(cases, vec(vec(write(), 1..3), 1..10), async |units| {
        for shop in [&pair.left, &pair.right] {
            for table in ["product_tags", "categories", "products", "tags"] {
                shop.database
                    .write(shop.unit(vec![clear(table)]))
                    .await
                    .map_err(|error| error.to_string())?;
            }
        }
        let units = units.into_iter().filter(|unit| !unit.iter().any(differs));
        for unit in units {
            let (left, right) = (outcome(&pair.left, &unit).await, outcome(&pair.right, &unit).await);
            if left != right {
                return Err(format!("{unit:?}\n  left  {left}\n  right {right}"));
            }
            pair.same_rows("tags", read("tags", columns("*").order("id"))).await?;
            pair.same_rows("categories", read("categories", columns("*").order("id"))).await?;
        }
        Ok(())
    });
}

/// Keys that are counted without regard to the rows there are no two engines' same; and a row that comes twice in one
/// upsert is an error to a server, where others let the last one win.
fn differs_by_design(request: &Request) -> bool {
    let request = request.clone().build();
    let Action::Insert(insert) = request.shape.action else { return false };
    let keys: Vec<String> = request
        .values
        .payload
        .rows
        .iter()
        .filter_map(|row| row.first())
        .map(|key| format!("{key:?}"))
        .collect();
    let twice = keys.iter().enumerate().any(|(at, key)| keys[..at].contains(key));
    !insert.columns.iter().any(|column| **column == *"id") || (twice && insert.conflict.is_some())
}

/// A category refers to others: all go in one statement.
fn clear(table: &str) -> Request {
    let column = if table == "product_tags" { "product_id" } else { "id" };
    delete(table, crate::request::test(column, transom_query::request::Operator::Gt, "-100"))
}

async fn outcome(shop: &Shop, unit: &[Request]) -> String {
    match shop.write(unit.to_vec()).await {
        Ok(committed) => {
            let told: Vec<_> =
                committed.outcomes.iter().map(|outcome| (outcome.rows, outcome.inserted)).collect();
            format!("{told:?}")
        }
        // Which of several broken keys is named first is the engine's own affair.
        Err(error) => match error.fault {
            Fault::Unique(_) => format!("unique at {:?}", error.step),
            fault => format!("{fault:?} at {:?}", error.step),
        },
    }
}

fn write() -> impl Strategy<Value = Request> {
    let id = || 1..6_i64;
    let label = || prop_oneof!["[ab]", "[ab]"];
    let resolution = prop_oneof![Just(Resolution::Merge), Just(Resolution::Ignore)];
    let tag =
        (prop_oneof![Just(Json::Null), id().prop_map(Json::from)], label()).prop_map(
            |(id, label)| match id {
                Json::Null => json!({ "label": label }),
                id => json!({ "id": id, "label": label }),
            },
        );
    let parent = || prop_oneof![Just(Json::Null), (1..6_i64).prop_map(Json::from)];
    let category = (id(), label(), parent())
        .prop_map(|(id, name, parent)| json!({ "id": id, "name": name, "parent_id": parent }));
    prop_oneof![
        tag.prop_map(|row| insert("tags", row)),
        (vec((id(), label()), 1..4), resolution.clone()).prop_map(|(rows, resolution)| {
            let rows: Vec<Json> =
                rows.into_iter().map(|(id, label)| json!({ "id": id, "label": label })).collect();
            insert("tags", rows.into()).on_conflict(&[], resolution)
        }),
        (id(), label()).prop_map(|(id, label)| update(
            "tags",
            eq("id", &id.to_string()),
            json!({ "label": label })
        )),
        (id(), any::<bool>()).prop_map(|(id, null)| {
            let label = if null { Json::Null } else { "x".into() };
            update("tags", eq("id", &id.to_string()), json!({ "label": label }))
        }),
        id().prop_map(|id| delete("tags", eq("id", &id.to_string()))),
        category.clone().prop_map(|row| insert("categories", row)),
        (category, resolution)
            .prop_map(|(row, resolution)| insert("categories", row).on_conflict(&["name"], resolution)),
        (id(), parent()).prop_map(|(id, parent)| update(
            "categories",
            eq("id", &id.to_string()),
            json!({ "parent_id": parent })
        )),
        id().prop_map(|id| delete("categories", eq("id", &id.to_string()))),
    ]
}
