//! Policies in the plan decide: which rows are seen, made, changed, dropped.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use transom_ports::Fault;
use transom_query::{
    plan::{Cost, Judge, ParamId, ParamKind, ParamSource, Parameter, Plan, QueryId, Step},
    request::Resolution,
};
use transom_sql::{Bound, Statement};
use transom_types::Value;

use crate::{
    Factory, Shop,
    request::{Request, columns, delete, eq, insert, read, update},
    shop::TIMEOUT,
};

pub async fn reads_are_guarded(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let author = shop.author("Ada");
    let ids = read("products", columns("id").order("id"));
    shop.check_as(
        "only what is seen",
        ids,
        &author,
        json!([{ "id": 1 }, { "id": 2 }, { "id": 3 }, { "id": 5 }]),
    )
    .await;
    let hidden = read("products", columns("id").filter(eq("id", "4")));
    shop.check_as("not by its key either", hidden, &author, json!([])).await;
    let count = read("products", columns("count()"));
    shop.check_as("nor counted", count, &author, json!([{ "count": 4 }])).await;
    let body = shop.read_as(read("products", columns("id")).counted(), &author).await.expect("reads");
    assert_eq!(body.total, Some(4));
}

pub async fn inserts_are_checked(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let author = shop.author("Ada");
    let row = |id: i64, stock: i64| {
        insert("products", json!({ "id": id, "name": "n", "price": 1, "stock": stock }))
    };
    assert!(shop.write_one_as(row(20, 1), &author).await.is_ok());
    let error = shop.write_one_as(row(21, 0), &author).await.expect_err("breaks the policy");
    assert_eq!(error.fault, Fault::Policy, "{error}");
    let rows = json!([{ "id": 22, "name": "n", "price": 1, "stock": 1 }, { "id": 23, "name": "n", "price": 1, "stock": 0 }]);
    let error =
        shop.write_one_as(insert("products", rows), &author).await.expect_err("one of them breaks it");
    assert_eq!(error.fault, Fault::Policy, "{error}");
    let there =
        read("products", columns("id").filter(crate::request::among("id", &["20", "21", "22", "23"])));
    shop.check("only the first is there", there, json!([{ "id": 20 }])).await;
    let merged = insert("products", json!({ "id": 4, "name": "n", "price": 1, "stock": 1 }))
        .on_conflict(&[], Resolution::Merge);
    let refused = shop.write_one_as(merged, &author).await;
    shop.check(
        "a hidden row is not merged into",
        read("products", columns("stock").filter(eq("id", "4"))),
        json!([{ "stock": -1 }]),
    )
    .await;
    assert_eq!(refused.expect("is passed over").rows, 0);
}

pub async fn updates_are_guarded_and_checked(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let author = shop.author("Ada");
    let hidden = update("products", eq("id", "4"), json!({ "stock": 1 }));
    assert_eq!(shop.write_one_as(hidden, &author).await.expect("finds nothing").rows, 0);
    let breaking = update("products", eq("id", "1"), json!({ "stock": -5 }));
    assert_eq!(
        shop.write_one_as(breaking, &author).await.expect_err("breaks the policy").fault,
        Fault::Policy
    );
    let fine = update("products", eq("id", "1"), json!({ "stock": 4 }));
    assert_eq!(shop.write_one_as(fine, &author).await.expect("is fine").rows, 1);
    let stocks =
        read("products", columns("stock").filter(crate::request::among("id", &["1", "4"])).order("id"));
    shop.check("only that", stocks, json!([{ "stock": 4 }, { "stock": -1 }])).await;
}

pub async fn deletes_are_guarded(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let author = shop.author("Ada");
    let all = delete("products", crate::request::test("id", transom_query::request::Operator::Gt, "0"));
    assert_eq!(shop.write_one_as(all, &author).await.expect("goes").rows, 1);
    shop.check("only what may go went", read("products", columns("count()")), json!([{ "count": 4 }])).await;
}

pub async fn guards_hold_inside_embeds(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let steps = vec![update("products", eq("id", "4"), json!({ "category_id": 3 }))];
    assert!(shop.write(steps).await.is_ok());
    let author = shop.author("Ada");
    let tools =
        read("categories", columns("name").with("products", columns("id").order("id")).filter(eq("id", "3")));
    shop.check_as(
        "the hidden product is not embedded",
        tools,
        &author,
        json!([{ "name": "Tools", "products": [{ "id": 3 }, { "id": 5 }] }]),
    )
    .await;
}

pub async fn claims_decide(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    for name in ["Ada", "Bob"] {
        let own = read("customers", columns("name"));
        shop.check_as("one's own row", own, &shop.author(name), json!([{ "name": name }])).await;
    }
    let nobody = read("customers", columns("name"));
    shop.check_as("a stranger sees none", nobody, &shop.author("Mallory"), json!([])).await;
}

/// Who may not make a row is told just that, whatever else it would break.
pub async fn they_come_before_constraints(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let author = shop.author("Ada");
    let row = |id: i64, stock: i64, category: i64| {
        insert(
            "products",
            json!({ "id": id, "name": "n", "price": 1, "stock": stock, "category_id": category }),
        )
    };
    let merged = |row: Request| row.on_conflict(&[], Resolution::Merge);
    let change = |stock: i64| update("products", eq("id", "1"), json!({ "stock": stock, "category_id": 99 }));
    let (unique, foreign) =
        (|fault: &Fault| matches!(fault, Fault::Unique(_)), |fault: &Fault| *fault == Fault::ForeignKey);
    for (allowed, refused, expected) in [
        (row(4, 1, 1), row(4, 0, 1), &unique as &dyn Fn(&Fault) -> bool),
        (row(20, 1, 99), row(20, 0, 99), &foreign),
        (merged(row(1, 1, 99)), merged(row(1, 0, 99)), &foreign),
        (change(1), change(-5), &foreign),
    ] {
        let error = shop.write_one_as(allowed, &author).await.expect_err("breaks a constraint");
        assert!(expected(&error.fault), "{error}");
        let error = shop.write_one_as(refused, &author).await.expect_err("breaks the policy too");
        assert_eq!(error.fault, Fault::Policy, "{error}");
    }
    // What stands before in the unit has been done when policy is asked, and is taken back.
    let steps = vec![row(20, 1, 1), row(20, 0, 1)];
    let (unit, _) = shop.unit_as(steps, &author);
    let error = transom_ports::write(&*shop.database, unit).await.expect_err("is refused");
    assert_eq!((error.fault, error.step), (Fault::Policy, Some(1)));
    shop.check("nothing of it is there", read("products", columns("id").filter(eq("id", "20"))), json!([]))
        .await;
}

/// Realtime asks which row images a role may see.
pub async fn judges_rows(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let (grant, _) = shop.author("Ada");
    let table = shop.catalog.table("products").expect("is there");
    let types: Vec<_> = shop.catalog[table].columns.iter().map(|column| column.data_type).collect();
    let stock = shop.catalog[table].column("stock").expect("is there").0 as usize;
    let row = |value: i64| -> Vec<Json> {
        (0..types.len()).map(|at| if at == stock { json!(value) } else { Json::Null }).collect()
    };
    let rows = json!([row(5), row(-1), row(0)]).to_string();
    let rows_param =
        Parameter { source: ParamSource::Payload, kind: ParamKind::Rows(types.clone()), name: "rows".into() };
    let judge = Judge { id: QueryId(0), table, rows: ParamId(0), guard: None };
    let plan = Plan {
        steps: vec![Step::Judge(judge)],
        reply: Some(0),
        params: vec![rows_param],
        cost: Cost::Scan,
        cacheable: true,
        query_ids: 1,
        form: Default::default(),
    };
    let rendered = shop.rendered(plan, &grant).expect("is rendered");
    // The policy may have added parameters of its own; this one needs none.
    let mut params = vec![Bound::Value(Value::Json(rows.into()))];
    params.resize(rendered.plan.plan().params.len(), Bound::Value(Value::Null));
    let statement =
        Statement { prepared: rendered.steps[0].clone(), params: Arc::from(params), timeout: TIMEOUT };
    let body = shop.database.read(statement).await.expect("judges");
    assert_eq!(
        serde_json::from_slice::<Json>(&body.json.into_bytes().expect("kept")).expect("places"),
        json!([0, 2])
    );
}
