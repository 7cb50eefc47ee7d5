//! What only an engine with SQL does: handwritten statements, scripts, and what the schema itself decides.

use serde_json::{Value as Json, json};
use transom_ports::{ChangeKind, Database, Fault};
use transom_query::catalog::{Access, Column, Function};
use transom_sql::named;
use transom_types::{ChangePosition, DataType};

use crate::{
    Factory, Shop,
    json::assert_same,
    request::{call, columns, delete, eq, insert, read},
    shop::returned,
};

const DEAR: &str = "-- Products that cost at least so much.
-- param least numeric
-- param most numeric default 100
SELECT id, name, price FROM products WHERE price >= :least AND price <= :most ORDER BY id";
const RENAME: &str = "-- param id integer
-- param label text
UPDATE tags SET label = :label WHERE id = :id RETURNING id, label";

/// A statement as the data room makes it a function: parsed, then described by the engine.
async fn function(database: &dyn Database, file: &str, text: &str) -> Function {
    let parsed = named::parse(file, text).expect("the file is right");
    let described = database
        .describe(&named::described_text(database.dialect(), &parsed))
        .await
        .expect("the engine knows it");
    let column = |(name, data_type): &(String, DataType)| Column {
        name: name.as_str().into(),
        data_type: *data_type,
        nullable: true,
        default: None,
        generated: false,
        identity: false,
        engine_type: None,
        collation: None,
        vector: false,
        computed: false,
        representation: None,
        access: Access { select: true, ..Access::NONE },
        comment: None,
    };
    let columns = described.columns.iter().map(column).collect();
    Function { columns, read_only: described.read_only, ..parsed }
}

async fn with_functions(factory: &dyn Factory) -> Option<Shop> {
    if !factory.traits().sql {
        return None;
    }
    let shop = Shop::open(factory).await;
    let dear = function(&*shop.database, "dear.sql", DEAR).await;
    let rename = function(&*shop.database, "rename.sql", RENAME).await;
    assert!(dear.read_only && !rename.read_only);
    let opened = crate::Opened { database: shop.database, keep: shop.keep };
    Some(Shop::over(opened, vec![dear, rename]).await)
}

pub async fn reading_functions(factory: &dyn Factory) {
    let Some(shop) = with_functions(factory).await else { return };
    let dear = |arguments: Json| call("dear", arguments, true);
    let hammer = json!({ "id": 3, "name": "Hammer", "price": 24.99 });
    let zange = json!({ "id": 5, "name": "Zange", "price": 24.99 });
    shop.check("with its default", dear(json!({ "least": 20 })), json!([hammer, zange])).await;
    shop.check("with both", dear(json!({ "least": 20, "most": 21 })), json!([])).await;
}

pub async fn writing_functions(factory: &dyn Factory) {
    let Some(shop) = with_functions(factory).await else { return };
    let outcome =
        shop.write_one(call("rename", json!({ "id": 1, "label": "named" }), false)).await.expect("runs");
    assert_same("what it returns", &returned(&outcome), &json!([{ "id": 1, "label": "named" }]));
    let label = read("tags", columns("label").filter(eq("id", "1")));
    shop.check("what it did", label, json!([{ "label": "named" }])).await;
}

pub async fn descriptions(factory: &dyn Factory) {
    if !factory.traits().sql {
        return;
    }
    let shop = Shop::open(factory).await;
    let mut asked = String::from("SELECT id, name AS title, active FROM products WHERE id = ");
    shop.database.dialect().placeholder(&mut asked, 1);
    let described = shop.database.describe(&asked).await.expect("is right");
    let expected = [("id", DataType::Integer), ("title", DataType::Text), ("active", DataType::Bool)];
    assert_eq!(described.columns, expected.map(|(name, data_type)| (name.to_owned(), data_type)));
    assert!(described.read_only);
    assert!(!shop.database.describe("DELETE FROM tags").await.expect("is right").read_only);
    assert!(shop.database.describe("SELECT nothing FROM nowhere").await.is_err());
    shop.check("describing runs nothing", read("tags", columns("count()")), json!([{ "count": 3 }])).await;
    let plan =
        shop.database.explain(shop.statement(read("tags", columns("id")))).await.expect("is explained");
    assert!(!plan.is_empty());
}

pub async fn scripts(factory: &dyn Factory) {
    if !factory.traits().sql {
        return;
    }
    let shop = Shop::open(factory).await;
    let seed = "INSERT INTO tags (id, label) VALUES (50, 'a'); UPDATE tags SET label = 'b;c' WHERE id = 50;";
    shop.database.run_script(seed).await.expect("runs");
    let label = || read("tags", columns("label").filter(eq("id", "50")));
    shop.check("both statements", label(), json!([{ "label": "b;c" }])).await;
    let broken =
        "UPDATE tags SET label = 'half' WHERE id = 50; INSERT INTO tags (id, label) VALUES (1, 'taken');";
    assert!(shop.database.run_script(broken).await.is_err());
    shop.check("all or nothing", label(), json!([{ "label": "b;c" }])).await;
}

pub async fn constraints_of_the_schema(factory: &dyn Factory) {
    if !factory.traits().sql {
        return;
    }
    let shop = Shop::open(factory).await;
    let stars = |stars: i64| insert("ratings", json!({ "product_id": 1, "stars": stars }));
    let refused = |fault: &Fault| matches!(fault, Fault::Check(name) if name.contains("stars"));
    shop.check_refused("a check constraint", stars(6), refused).await;
    assert!(shop.write_one(stars(5)).await.is_ok());
}

/// What the engine does by itself is logged like what was asked of it.
pub async fn cascades_are_logged(factory: &dyn Factory) {
    if !factory.traits().sql {
        return;
    }
    let shop = Shop::open(factory).await;
    shop.write(vec![insert(
        "ratings",
        json!([{ "product_id": 2, "stars": 1 }, { "product_id": 2, "stars": 2 }]),
    )])
    .await
    .expect("goes in");
    shop.database.track_changes(&["ratings".into(), "products".into()]).await.expect("are there");
    let outcome = shop.write_one(delete("products", eq("id", "2"))).await.expect("goes");
    assert_eq!(outcome.rows, 1, "only what was asked for counts");
    shop.database.settled().await.expect("is settled");
    let changes = shop.database.changes_after(ChangePosition::default(), 10).await.expect("the log");
    let mut tables: Vec<&str> = changes.iter().map(|change| &*change.table).collect();
    tables.sort_unstable();
    assert_eq!(tables, ["products", "ratings", "ratings"]);
    assert!(changes.iter().all(|change| change.kind == ChangeKind::Delete));
}
