//! Related rows inside rows.

use serde_json::json;
use transom_query::request::{IsValue, Operator};

use crate::{
    Factory, Shop,
    request::{columns, eq, is, not, read, test},
};

pub async fn to_one(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "the row or null",
        read(
            "products",
            columns("id")
                .with("categories", columns("name"))
                .filter(test("id", Operator::Gte, "3"))
                .order("id"),
        ),
        json!([
            { "id": 3, "categories": { "name": "Tools" } },
            { "id": 4, "categories": null },
            { "id": 5, "categories": { "name": "Tools" } },
        ]),
    )
    .await;
}

pub async fn to_many(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "a list, empty where there is none",
        read("customers", columns("name").with("orders", columns("id,note").order("id")).order("id")),
        json!([
            { "name": "Ada", "orders": [{ "id": 1, "note": "first" }, { "id": 2, "note": null }] },
            { "name": "Bob", "orders": [{ "id": 3, "note": "" }] },
            { "name": "Cleo", "orders": [] },
        ]),
    )
    .await;
}

pub async fn many_to_many(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "through the junction",
        read(
            "products",
            columns("id")
                .with("tags", columns("label").order("label"))
                .filter(test("id", Operator::Lte, "3"))
                .order("id"),
        ),
        json!([
            { "id": 1, "tags": [{ "label": "new" }, { "label": "sale" }] },
            { "id": 2, "tags": [] },
            { "id": 3, "tags": [{ "label": "sale" }] },
        ]),
    )
    .await;
    shop.check(
        "and the other way",
        read("tags", columns("label").with("products", columns("name").order("name")).order("id")),
        json!([
            { "label": "new", "products": [{ "name": "Emma" }] },
            { "label": "sale", "products": [{ "name": "Emma" }, { "name": "Hammer" }] },
            { "label": "unused", "products": [] },
        ]),
    )
    .await;
}

pub async fn one_to_one(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "an object, not a list",
        read("products", columns("id").with("product_details", columns("text")).order("id").limit(2)),
        json!([{ "id": 1, "product_details": { "text": "By Jane" } }, { "id": 2, "product_details": null }]),
    )
    .await;
}

pub async fn self_reference(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "the parent, by its column",
        read("categories", columns("name").with("parent:parent_id", columns("name")).order("id")),
        json!([
            { "name": "Books", "parent": null },
            { "name": "Fiction", "parent": { "name": "Books" } },
            { "name": "Tools", "parent": null },
            { "name": "Empty", "parent": { "name": "Books" } },
        ]),
    )
    .await;
}

pub async fn nested(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let lines = columns("quantity")
        .with("products", columns("name").with("categories", columns("name")))
        .order("line");
    shop.check(
        "four tables deep",
        read("customers", columns("name").with("orders", columns("id").with("order_lines", lines).order("id")).filter(eq("id", "1"))),
        json!([{ "name": "Ada", "orders": [
            { "id": 1, "order_lines": [
                { "quantity": 2, "products": { "name": "Emma", "categories": { "name": "Fiction" } } },
                { "quantity": 1, "products": { "name": "Hammer", "categories": { "name": "Tools" } } },
            ] },
            { "id": 2, "order_lines": [{ "quantity": 1, "products": { "name": "Emma", "categories": { "name": "Fiction" } } }] },
        ] }]),
    )
    .await;
}

pub async fn inner_and_anti(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "rows without a match are left out",
        read(
            "customers",
            columns("name").with("orders!inner", columns("id").filter(eq("note", "first"))).order("id"),
        ),
        json!([{ "name": "Ada", "orders": [{ "id": 1 }] }]),
    )
    .await;
    shop.check(
        "an anti-join",
        read("customers", columns("name").with("orders", columns("")).filter(is("orders", IsValue::Null))),
        json!([{ "name": "Cleo" }]),
    )
    .await;
    shop.check(
        "and its opposite",
        read(
            "customers",
            columns("name").with("orders", columns("")).filter(not(is("orders", IsValue::Null))).order("id"),
        ),
        json!([{ "name": "Ada" }, { "name": "Bob" }]),
    )
    .await;
}

pub async fn filters_order_and_limits(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "inside the embedded rows",
        read(
            "categories",
            columns("name")
                .with(
                    "products",
                    columns("id").filter(test("stock", Operator::Gt, "0")).order("id.desc").limit(1),
                )
                .order("id"),
        ),
        json!([
            { "name": "Books", "products": [] },
            { "name": "Fiction", "products": [{ "id": 1 }] },
            { "name": "Tools", "products": [{ "id": 5 }] },
            { "name": "Empty", "products": [] },
        ]),
    )
    .await;
    shop.check(
        "with an offset",
        read(
            "customers",
            columns("id").with("orders", columns("id").order("id").limit(1).offset(1)).filter(eq("id", "1")),
        ),
        json!([{ "id": 1, "orders": [{ "id": 2 }] }]),
    )
    .await;
}

pub async fn spread(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "a to-one resource's columns stand in the row",
        read("products", columns("id").with("...categories", columns("category:name")).order("id").filter(test("id", Operator::Gte, "3"))),
        json!([{ "id": 3, "category": "Tools" }, { "id": 4, "category": null }, { "id": 5, "category": "Tools" }]),
    )
    .await;
    shop.check(
        "a to-many resource's columns become lists",
        read(
            "customers",
            columns("name").with("...orders", columns("order_ids:id,note").order("id")).order("id"),
        ),
        json!([
            { "name": "Ada", "order_ids": [1, 2], "note": ["first", null] },
            { "name": "Bob", "order_ids": [3], "note": [""] },
            { "name": "Cleo", "order_ids": [], "note": [] },
        ]),
    )
    .await;
}

pub async fn related_order(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "by a column of a to-one resource",
        read(
            "products",
            columns("id").with("categories", columns("name")).order("categories(name).desc.nullslast,id"),
        ),
        json!([
            { "id": 3, "categories": { "name": "Tools" } },
            { "id": 5, "categories": { "name": "Tools" } },
            { "id": 1, "categories": { "name": "Fiction" } },
            { "id": 2, "categories": { "name": "Fiction" } },
            { "id": 4, "categories": null },
        ]),
    )
    .await;
}
