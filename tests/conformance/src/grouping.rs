//! Aggregates.

use serde_json::json;
use transom_query::request::{Aggregate, Operator};

use crate::{
    Factory, Shop,
    request::{columns, eq, read},
};

pub async fn counts(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check("rows", read("products", columns("count()")), json!([{ "count": 5 }])).await;
    shop.check("values", read("products", columns("weight.count()")), json!([{ "count": 3 }])).await;
    shop.check("none", read("products", columns("count()").filter(eq("id", "99"))), json!([{ "count": 0 }]))
        .await;
}

pub async fn sums_and_means(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "over all",
        read("products", columns("s:stock.sum(),least:price.min(),most:price.max(),mean:stock.avg(),w:weight.sum(),last:name.max()")),
        json!([{ "s": 19, "least": 0.5, "most": 24.99, "mean": 3.8, "w": 3.8, "last": "Ärmel_50%" }]),
    )
    .await;
    shop.check(
        "over nothing",
        read("products", columns("stock.sum(),stock.avg(),stock.max()").filter(eq("id", "99"))),
        json!([{ "sum": null, "avg": null, "max": null }]),
    )
    .await;
    shop.check("cast", read("products", columns("text:stock.sum()::text")), json!([{ "text": "19" }])).await;
}

pub async fn grouped(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "NULLs are one group",
        read("products", columns("category_id,count(),stock.sum()").order("category_id")),
        json!([
            { "category_id": 2, "count": 2, "sum": 10 },
            { "category_id": 3, "count": 2, "sum": 10 },
            { "category_id": null, "count": 1, "sum": -1 },
        ]),
    )
    .await;
    shop.check(
        "inside an embedded resource",
        read("customers", columns("name").with("orders", columns("count()")).order("id")),
        json!([
            { "name": "Ada", "orders": [{ "count": 2 }] },
            { "name": "Bob", "orders": [{ "count": 1 }] },
            { "name": "Cleo", "orders": [{ "count": 0 }] },
        ]),
    )
    .await;
}

pub async fn having(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "only groups of some size",
        read("order_lines", columns("order_id,count()").having(Aggregate::Count, Operator::Gt, "1")),
        json!([{ "order_id": 1, "count": 2 }]),
    )
    .await;
}
