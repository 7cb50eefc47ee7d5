//! Inserts, merges, updates, deletes and what they return.

use serde_json::{Value as Json, json};
use transom_ports::Fault;
use transom_query::request::{Operator, Resolution};

use crate::{
    Factory, Shop, fixture,
    json::assert_same,
    request::{among, columns, delete, eq, insert, read, test, update},
    shop::returned,
};

pub async fn insert_one(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let outcome = shop.write_one(insert("tags", json!({ "id": 9, "label": "nine" }))).await.expect("goes in");
    assert_eq!((outcome.rows, outcome.inserted, &*outcome.json), (1, 1, ""));
    shop.check_write(
        "the row is returned",
        insert("tags", json!({ "id": 10, "label": "ten" })).returning(columns("label,id")),
        json!([{ "label": "ten", "id": 10 }]),
    )
    .await;
    let expected = json!([{ "id": 9, "label": "nine" }, { "id": 10, "label": "ten" }]);
    shop.check(
        "both are there",
        read("tags", columns("*").filter(test("id", Operator::Gt, "3")).order("id")),
        expected,
    )
    .await;
}

pub async fn insert_many(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let rows: Vec<Json> = (100..1_100).map(|id| json!({ "id": id, "label": format!("tag {id}") })).collect();
    let outcome = shop.write_one(insert("tags", rows.into())).await.expect("goes in");
    assert_eq!((outcome.rows, outcome.inserted), (1_000, 1_000));
    let last = json!([{ "id": 1_099, "label": "tag 1099" }]);
    shop.check("the last", read("tags", columns("*").order("id.desc").limit(1)), last).await;
}

pub async fn insert_of_no_rows(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let outcome =
        shop.write_one(insert("tags", json!([])).returning(columns("id"))).await.expect("is no error");
    assert_eq!(outcome.rows, 0);
    assert_same("an empty list", &crate::shop::returned(&outcome), &json!([]));
    shop.check("nothing went in", read("tags", columns("count()")), json!([{ "count": 3 }])).await;
}

pub async fn defaults_and_missing_cells(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let rows = || json!([{ "id": 20, "name": "a", "price": 1, "stock": 3 }, { "id": 21, "name": "b", "price": 1, "active": false }]);
    let wanted = || columns("id,stock,active");
    let some_default = insert("products", rows()).returning(wanted());
    let expected =
        json!([{ "id": 20, "stock": 3, "active": true }, { "id": 21, "stock": 0, "active": false }]);
    shop.check_write("a missing cell takes the default", some_default, expected).await;
    shop.check_write(
        "a column that no row gives takes its default anyway",
        insert("products", json!({ "id": 22, "name": "c", "price": 1 })).missing_null().returning(wanted()),
        json!([{ "id": 22, "stock": 0, "active": true }]),
    )
    .await;
    shop.check_write(
        "an explicit null stays null",
        insert("products", json!({ "id": 23, "name": "d", "price": 1, "active": null })).returning(wanted()),
        json!([{ "id": 23, "stock": 0, "active": null }]),
    )
    .await;
    shop.check_write(
        "a quoted default",
        insert("product_details", json!({ "product_id": 2 })).returning(columns("text")),
        json!([{ "text": "it's new" }]),
    )
    .await;
}

pub async fn missing_cells_become_null(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    shop.check_write(
        "a missing cell becomes NULL when asked",
        insert(
            "customers",
            json!([{ "id": 20, "name": "x", "email": "x@example.org" }, { "id": 21, "name": "y" }]),
        )
        .missing_null()
        .returning(columns("id,email")),
        json!([{ "id": 20, "email": "x@example.org" }, { "id": 21, "email": null }]),
    )
    .await;
    shop.check_write(
        "also with defaults, where the column has none",
        insert(
            "customers",
            json!([{ "id": 22, "name": "x", "email": "z@example.org" }, { "id": 23, "name": "y" }]),
        )
        .returning(columns("id,email")),
        json!([{ "id": 22, "email": "z@example.org" }, { "id": 23, "email": null }]),
    )
    .await;
    let mixed =
        insert("tags", json!([{ "id": 50, "label": "x" }, { "label": "y" }])).returning(columns("id"));
    let keys = returned(&shop.write_one(mixed).await.expect("a missing key is generated"));
    assert!(keys[0]["id"] == 50 && keys[1]["id"].as_i64().is_some_and(|id| id != 50), "{keys}");
}

pub async fn generated_keys(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let request = insert("tags", json!([{ "label": "a" }, { "label": "b" }])).returning(columns("id"));
    shop.check_write("the next numbers", request, json!([{ "id": 4 }, { "id": 5 }])).await;
}

pub async fn unique_keys(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let on = |wanted: &'static str| move |fault: &Fault| matches!(fault, Fault::Unique(columns) if columns.is_empty() || columns == &[wanted.to_owned()]);
    shop.check_refused("a primary key", insert("tags", json!({ "id": 1, "label": "again" })), on("id")).await;
    shop.check_refused("a unique column", insert("categories", json!({ "name": "Tools" })), on("name")).await;
    shop.check_refused(
        "by an update",
        update("categories", eq("id", "1"), json!({ "name": "Tools" })),
        on("name"),
    )
    .await;
    let twice = json!([{ "name": "x", "email": "same" }, { "name": "y", "email": "same" }]);
    shop.check_refused("within one statement", insert("customers", twice), on("email")).await;
    let lines = json!({ "order_id": 1, "line": 1, "product_id": 1, "quantity": 1 });
    shop.check_refused("of two columns", insert("order_lines", lines), |fault| {
        matches!(fault, Fault::Unique(_))
    })
    .await;
    let nulls = insert("customers", json!([{ "name": "n", "email": null }, { "name": "m", "email": null }]));
    assert!(shop.write_one(nulls).await.is_ok(), "NULLs are not equal");
}

pub async fn required_columns(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let on = |wanted: &'static str| move |fault: &Fault| *fault == Fault::NotNull(wanted.into());
    shop.check_refused("missing", insert("products", json!({ "price": 1 })), on("name")).await;
    shop.check_refused("null", insert("tags", json!({ "label": null })), on("label")).await;
    shop.check_refused("set to null", update("tags", eq("id", "1"), json!({ "label": null })), on("label"))
        .await;
    shop.check("nothing went in", read("tags", columns("count()")), json!([{ "count": 3 }])).await;
}

pub async fn foreign_keys(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let broken = |fault: &Fault| *fault == Fault::ForeignKey;
    shop.check_refused("no such parent", insert("orders", json!({ "customer_id": 99 })), broken).await;
    shop.check_refused("changed away", update("orders", eq("id", "1"), json!({ "customer_id": 99 })), broken)
        .await;
    shop.check_refused("still referred to", delete("customers", eq("id", "1")), broken).await;
    shop.check_refused("a junction's end", delete("tags", eq("id", "2")), broken).await;
    let moved = update("customers", eq("id", "1"), json!({ "id": 77 }));
    shop.check_refused("a key still referred to", moved, broken).await;
    assert!(shop.write_one(delete("tags", eq("id", "3"))).await.is_ok(), "what nobody refers to may go");
    let tree = json!([{ "id": 50, "name": "child", "parent_id": 51 }, { "id": 51, "name": "parent", "parent_id": null }]);
    assert!(shop.write_one(insert("categories", tree)).await.is_ok(), "checked when the statement is done");
}

pub async fn merge(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let rows = json!([{ "id": 1, "label": "changed" }, { "id": 8, "label": "fresh" }]);
    let outcome = shop
        .write_one(insert("tags", rows).on_conflict(&[], Resolution::Merge).returning(columns("*")))
        .await
        .expect("merges");
    assert_eq!((outcome.rows, outcome.inserted), (2, 1));
    assert_same(
        "both are returned",
        &crate::shop::returned(&outcome),
        &json!([{ "id": 1, "label": "changed" }, { "id": 8, "label": "fresh" }]),
    );
    let partial = insert("products", json!([{ "id": 1, "name": "E.", "price": 1 }]))
        .on_conflict(&[], Resolution::Merge);
    shop.check_write(
        "other columns stay",
        partial.returning(columns("id,name,stock,weight")),
        json!([{ "id": 1, "name": "E.", "stock": 10, "weight": 0.3 }]),
    )
    .await;
    let outcome = shop
        .write_one(insert("tags", json!({ "id": 2, "label": "x" })).on_conflict(&[], Resolution::Merge))
        .await
        .expect("merges");
    assert_eq!((outcome.rows, outcome.inserted), (1, 0));
}

pub async fn ignore(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let rows = json!([{ "id": 1, "label": "changed" }, { "id": 8, "label": "fresh" }]);
    let outcome = shop
        .write_one(insert("tags", rows).on_conflict(&[], Resolution::Ignore).returning(columns("id")))
        .await
        .expect("goes in");
    assert_eq!((outcome.rows, outcome.inserted), (1, 1));
    assert_same("only what went in", &crate::shop::returned(&outcome), &json!([{ "id": 8 }]));
    shop.check(
        "the old one stays",
        read("tags", columns("label").filter(eq("id", "1"))),
        json!([{ "label": "new" }]),
    )
    .await;
}

pub async fn merge_by_unique_key(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let row = json!({ "name": "Tools", "parent_id": 1 });
    shop.check_write(
        "the row with the same name",
        insert("categories", row)
            .on_conflict(&["name"], Resolution::Merge)
            .returning(columns("id,parent_id")),
        json!([{ "id": 3, "parent_id": 1 }]),
    )
    .await;
    let row =
        insert("categories", json!({ "id": 1, "name": "New" })).on_conflict(&["name"], Resolution::Merge);
    shop.check_refused("another key is still unique", row, |fault| matches!(fault, Fault::Unique(_))).await;
}

pub async fn updates(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let request =
        update("products", eq("category_id", "3"), json!({ "stock": 7, "active": false, "weight": null }));
    let outcome =
        shop.write_one(request.returning(columns("id,stock,active,weight"))).await.expect("changes");
    assert_eq!(outcome.rows, 2);
    let mut rows = crate::shop::returned(&outcome);
    rows.as_array_mut().expect("rows").sort_by_key(|row| row["id"].as_i64());
    let expected = json!([{ "id": 3, "stock": 7, "active": false, "weight": null }, { "id": 5, "stock": 7, "active": false, "weight": null }]);
    assert_same("the new rows", &rows, &expected);
    shop.check(
        "others stay",
        read("products", columns("stock").filter(eq("id", "1"))),
        json!([{ "stock": 10 }]),
    )
    .await;
    let document = update(
        "products",
        eq("id", "2"),
        json!({ "attributes": { "k": [1, null, "ü"] }, "image": "\\xdead" }),
    );
    shop.check_write(
        "documents and bytes",
        document.returning(columns("attributes,image")),
        json!([{ "attributes": { "k": [1, null, "ü"] }, "image": "\\xdead" }]),
    )
    .await;
}

pub async fn updates_of_nothing(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let request = update("products", eq("id", "99"), json!({ "stock": 7 }));
    let outcome = shop.write_one(request.returning(columns("id"))).await.expect("is no error");
    assert_eq!(outcome.rows, 0);
    assert_same("an empty list", &crate::shop::returned(&outcome), &json!([]));
}

pub async fn deletes(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let outcome = shop
        .write_one(delete("order_lines", eq("order_id", "1")).returning(columns("line,quantity")))
        .await
        .expect("goes");
    assert_eq!(outcome.rows, 2);
    let mut rows = crate::shop::returned(&outcome);
    rows.as_array_mut().expect("rows").sort_by_key(|row| row["line"].as_i64());
    assert_same("the old rows", &rows, &json!([{ "line": 1, "quantity": 2 }, { "line": 2, "quantity": 1 }]));
    shop.check("they are gone", read("order_lines", columns("count()")), json!([{ "count": 2 }])).await;
    let outcome = shop.write_one(delete("orders", among("id", &["1", "99"]))).await.expect("goes");
    assert_eq!((outcome.rows, &*outcome.json), (1, ""));
}

pub async fn returned_rows_with_embeds(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let line = json!({ "order_id": 2, "line": 2, "product_id": 3, "quantity": 9 });
    shop.check_write(
        "after an insert",
        insert("order_lines", line).returning(columns("quantity").with("products", columns("name"))),
        json!([{ "quantity": 9, "products": { "name": "Hammer" } }]),
    )
    .await;
    shop.check_write(
        "after an update, ordered",
        update("orders", eq("customer_id", "1"), json!({ "note": "n" }))
            .returning(columns("id,note").with("customers", columns("name")).order("id.desc")),
        json!([{ "id": 2, "note": "n", "customers": { "name": "Ada" } }, { "id": 1, "note": "n", "customers": { "name": "Ada" } }]),
    )
    .await;
    shop.check_write(
        "before a delete",
        delete("order_lines", eq("order_id", "3"))
            .returning(columns("line").with("products", columns("name"))),
        json!([{ "line": 1, "products": { "name": "Zange" } }]),
    )
    .await;
    shop.check("and it is gone", read("order_lines", columns("line").filter(eq("order_id", "3"))), json!([]))
        .await;
}

pub async fn returned_keys(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let captured = async |request| {
        let outcome = shop.write_one(request).await.expect("goes in");
        serde_json::from_str::<Json>(&outcome.captured[0]).expect("a JSON array")
    };
    assert_same(
        "one column",
        &captured(insert("tags", json!({ "label": "a" })).returning_key()).await,
        &json!([4]),
    );
    let line = json!({ "order_id": 3, "line": 7, "product_id": 1, "quantity": 1 });
    assert_same("two columns", &captured(insert("order_lines", line).returning_key()).await, &json!([3, 7]));
}

pub async fn every_type_comes_back(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let edges = json!([
        { "id": 9_007_199_254_740_993_i64, "name": "", "price": 0, "weight": -0.1, "stock": i64::MIN, "active": false,
          "attributes": {}, "image": "\\x", "code": "00000000-0000-0000-0000-000000000000", "released": "0001-01-01",
          "opens": "23:59:59", "updated_at": "2024-02-29T23:59:59.999Z" },
        { "id": i64::MAX, "name": "日本語 \u{1F600} \" \\ \n \u{7f} ' --", "price": -12345.675, "weight": 1e300,
          "stock": i64::MAX, "active": true, "attributes": [null, 1.5, "\u{1F600}\\\"", { "a": { "b": [] } }], "image": "\\x00ff10",
          "code": null, "released": null, "opens": null, "updated_at": null },
    ]);
    let names = "id,name,price,weight,stock,active,attributes,image,code,released,opens,updated_at";
    shop.check_write(
        "as written",
        insert("products", edges.clone()).returning(columns(names)),
        edges.clone(),
    )
    .await;
    let written = read("products", columns(names).filter(test("id", Operator::Gt, "5")).order("id"));
    shop.check("as read", written, edges).await;
    for (table, rows) in fixture::ROWS {
        let rows: Json = serde_json::from_str(rows).expect("the fixture is JSON");
        let body = shop.read(read(table, columns("*"))).await.expect("reads");
        assert!(body.rows as usize >= rows.as_array().map_or(0, Vec::len), "{table}");
    }
}

pub async fn nested_insert(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let order = json!({ "customer_id": 3, "note": "nested", "order_lines": [
        { "line": 1, "product_id": 1, "quantity": 1 },
        { "line": 2, "product_id": 5, "quantity": 2 },
    ] });
    shop.check_write(
        "the lines take the order's generated key",
        insert("orders", order).returning(
            columns("id,note").with("order_lines", columns("order_id,line,quantity").order("line")),
        ),
        json!([{ "id": 4, "note": "nested", "order_lines": [
            { "order_id": 4, "line": 1, "quantity": 1 },
            { "order_id": 4, "line": 2, "quantity": 2 },
        ] }]),
    )
    .await;
    let broken = json!({ "customer_id": 3, "order_lines": [{ "line": 1, "product_id": 99, "quantity": 1 }] });
    shop.check_refused("a line refused takes the order with it", insert("orders", broken), |fault| {
        *fault == Fault::ForeignKey
    })
    .await;
    shop.check("no order without its lines", read("orders", columns("count()")), json!([{ "count": 4 }]))
        .await;
    let upwards = json!({ "placed_at": "2025-01-01T00:00:00Z", "customers": { "name": "Dora" } });
    shop.check_write(
        "a referenced row goes in first",
        // Which number comes after a refused one is the engine's affair.
        insert("orders", upwards).returning(columns("placed_at").with("customers", columns("id,name"))),
        json!([{ "placed_at": "2025-01-01T00:00:00Z", "customers": { "id": 4, "name": "Dora" } }]),
    )
    .await;
}
