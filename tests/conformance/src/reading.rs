//! What is read: values, order, pages, totals.

use serde_json::{Value as Json, json};

use crate::{
    Factory, Shop,
    json::assert_same,
    request::{columns, eq, is, read},
};
use transom_query::request::IsValue;

pub async fn values_are_shown_by_their_type(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let all = "id,name,category_id,price,weight,stock,active,attributes,image,code,released,opens,updated_at";
    let one = |id| read("products", columns(all).filter(eq("id", id)));
    shop.check(
        "a row with every value",
        one("1"),
        json!([{ "id": 1, "name": "Emma", "category_id": 2, "price": 9.5, "weight": 0.3, "stock": 10, "active": true,
            "attributes": { "size": "m", "pages": [1, 2, 3], "deep": { "a": null, "b": true } }, "image": "\\x00ff",
            "code": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "released": "1815-12-23", "opens": "09:30:00",
            "updated_at": "2024-05-01T10:00:00Z" }]),
    )
    .await;
    shop.check(
        "a row with few",
        one("5"),
        json!([{ "id": 5, "name": "Zange", "category_id": 3, "price": 24.99, "weight": 2.0, "stock": 5, "active": null,
            "attributes": null, "image": null, "code": null, "released": "1999-12-31", "opens": null, "updated_at": null }]),
    )
    .await;
    shop.check(
        "empty bytes, a JSON string, a false",
        read(
            "products",
            columns("image,attributes,active")
                .filter(is("id", IsValue::NotNull))
                .order("id")
                .limit(4)
                .offset(1),
        ),
        json!([
            { "image": null, "attributes": ["a", "b"], "active": false },
            { "image": "\\x", "attributes": { "size": "l", "pages": [] }, "active": true },
            { "image": null, "attributes": "text", "active": true },
            { "image": null, "attributes": null, "active": null },
        ]),
    )
    .await;
    shop.check(
        "aliases, paths and casts",
        read(
            "products",
            columns(
                "key:id,text:id::text,size:attributes->>size,attributes->pages,last:attributes->pages->-1",
            )
            .filter(eq("id", "1")),
        ),
        json!([{ "key": 1, "text": "1", "size": "m", "pages": [1, 2, 3], "last": 3 }]),
    )
    .await;
}

/// Booleans are words as text, as in PostgreSQL.
pub async fn booleans_as_text(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check(
        "true, false and NULL",
        read("products", columns("active::text").order("id")),
        json!([{ "active": "true" }, { "active": "false" }, { "active": "true" }, { "active": "true" }, { "active": null }]),
    )
    .await;
}

pub async fn order_places_nulls(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let check = async |order: &str, expected: [i64; 5]| {
        let expected: Vec<Json> = expected.iter().map(|id| json!({ "id": id })).collect();
        shop.check(order, read("products", columns("id").order(order)), expected.into()).await;
    };
    check("weight,id", [1, 3, 5, 2, 4]).await;
    check("weight.desc,id", [2, 4, 5, 3, 1]).await;
    check("weight.asc.nullsfirst,id", [2, 4, 1, 3, 5]).await;
    check("weight.desc.nullslast,id", [5, 3, 1, 2, 4]).await;
    check("active,id", [2, 1, 3, 4, 5]).await;
    check("name", [1, 3, 5, 2, 4]).await;
    check("price.desc,id.desc", [5, 3, 2, 1, 4]).await;
    check("attributes->>size.nullsfirst,id", [2, 4, 5, 3, 1]).await;
}

pub async fn limits_and_offsets(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let ids = |wanted| read("products", wanted);
    let check = async |what, request, expected: Json| shop.check(what, request, expected).await;
    check("limit", ids(columns("id").order("id").limit(2)), json!([{ "id": 1 }, { "id": 2 }])).await;
    check(
        "limit and offset",
        ids(columns("id").order("id").limit(2).offset(3)),
        json!([{ "id": 4 }, { "id": 5 }]),
    )
    .await;
    check("only an offset", ids(columns("id").order("id").offset(4)), json!([{ "id": 5 }])).await;
    check("beyond the end", ids(columns("id").order("id").offset(5)), json!([])).await;
    check("limit zero", ids(columns("id").order("id").limit(0)), json!([])).await;
}

pub async fn totals(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let total = async |wanted| {
        let body = shop.read(read("products", wanted).counted()).await.expect("counts");
        (body.rows, body.total)
    };
    assert_eq!(total(columns("id").limit(2)).await, (2, Some(5)));
    assert_eq!(total(columns("id").limit(0)).await, (0, Some(5)));
    assert_eq!(total(columns("id").offset(9)).await, (0, Some(5)));
    assert_eq!(total(columns("id").filter(eq("stock", "5"))).await, (2, Some(2)));
    assert_eq!(total(columns("id").filter(eq("stock", "77"))).await, (0, Some(0)));
    let uncounted = shop.read(read("products", columns("id"))).await.expect("reads");
    assert_eq!(uncounted.total, None);
}

/// Every order, nulls first and last, with ties: the pages hold every row once, in the order of the whole.
pub async fn cursors_page_in_any_order(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let orders = [
        "id",
        "weight",
        "weight.desc",
        "weight.asc.nullsfirst",
        "weight.desc.nullslast,name",
        "price.desc,stock",
        "updated_at.desc",
    ];
    for order in orders {
        let wanted = || columns("id,name").order(order);
        let whole = shop.read(read("products", wanted()).page(None)).await.expect("the whole");
        let whole: Vec<Json> = serde_json::from_slice(&whole.json.into_bytes().expect("kept")).expect("rows");
        let (mut seen, mut after): (Vec<Json>, Option<String>) = (Vec::new(), None);
        for _ in 0..whole.len() + 1 {
            let page =
                shop.read(read("products", wanted().limit(2)).page(after.as_deref())).await.expect("a page");
            seen.extend(
                serde_json::from_slice::<Vec<Json>>(&page.json.into_bytes().expect("kept")).expect("rows"),
            );
            match page.cursor {
                Some(cursor) => after = Some(cursor.into()),
                None => break,
            }
        }
        assert_same(order, &seen.into(), &whole.into());
    }
}

pub async fn missing_tables_and_empty_results(factory: &dyn Factory) {
    let shop = Shop::empty(factory).await;
    shop.check("no rows", read("products", columns("id,name")), json!([])).await;
    let body = shop.read(read("products", columns("id")).counted()).await.expect("counts");
    assert_eq!((body.rows, body.total, body.json == "[]"), (0, Some(0), true));
    let unknown = shop.ready(read("nothing", columns("id")), &shop.everyone(), 0);
    assert!(unknown.is_err());
}
