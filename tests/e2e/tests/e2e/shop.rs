//! The example shop, as its README says and as its three roles live in it.

use serde_json::{Value as Json, json};
use transom_testkit::{Client, Project, embedded_only};

use crate::spec::check;

fn total(client: &Client, path: &str) -> i64 {
    let reply = client.with("Prefer", "count=exact").send("HEAD", path, None);
    reply
        .header("content-range")
        .and_then(|range| range.split('/').nth(1)?.parse().ok())
        .unwrap_or_else(|| panic!("{reply:?}"))
}

/// One server for all of it: seeding takes a moment.
#[test]
fn the_shop_lives() {
    if embedded_only("the example's migrations are the embedded engine's") {
        return;
    }
    let project = Project::example("shop");
    let server = project.serve();
    let staff = server.role("staff");
    assert_eq!(total(&staff, "/rest/v1/products"), 1000);
    assert_eq!(total(&staff, "/rest/v1/orders"), 10_000);
    let sold = total(&server.client(), "/rest/v1/products");
    assert!((1..1000).contains(&sold), "the policy shows active products only: {sold}");

    // The README's questions.
    let client = server.client();
    let rows = client.get("/rest/v1/products?select=name,price_cents,categories(name),tags(name)&price_cents=lt.20000&order=price_cents&limit=5");
    let rows = rows.expect(200).json();
    assert_eq!(rows.as_array().unwrap().len(), 5);
    assert!(rows[0]["categories"]["name"].is_string() && rows[0]["tags"].is_array(), "{rows}");
    let rows = client
        .get("/rest/v1/products?select=name,description&description=fts.bamboo&limit=5")
        .expect(200)
        .json();
    assert!(
        rows.as_array().unwrap().iter().all(|row| row["description"]
            .as_str()
            .unwrap()
            .to_lowercase()
            .contains("bamboo"))
    );
    assert_eq!(
        client
            .get("/rest/v1/rpc/best_sellers?since=2025-01-01&count=5")
            .expect(200)
            .json()
            .as_array()
            .unwrap()
            .len(),
        5
    );
    assert_eq!(client.get("/rest/v1/rpc/product_count").expect(200).json(), json!(sold));
    let sums = staff.get("/rest/v1/order_totals?select=status,total_cents.sum(),count()").expect(200).json();
    let count: i64 = sums.as_array().unwrap().iter().map(|row| row["count"].as_i64().unwrap()).sum();
    assert_eq!(count, 10_000);
    let ada = server.user("user-1");
    let mine = ada.get("/rest/v1/orders?select=id,customers(user_id),order_lines(quantity,products(name))&order=placed_at.desc&limit=3");
    for order in mine.expect(200).json().as_array().unwrap() {
        assert_eq!(order["customers"]["user_id"], "user-1");
    }
    assert_eq!(
        ada.get("/rest/v1/customers?select=user_id").expect(200).json(),
        json!([{ "user_id": "user-1" }])
    );
    every_page(&ada);

    let product = client.get("/rest/v1/products?select=id,price_cents&limit=1&order=id").expect(200).json();
    let (id, price) = (&product[0]["id"], &product[0]["price_cents"]);
    let order = json!({ "customer_id": 1, "order_lines": [{ "line_no": 1, "product_id": id, "quantity": 2, "unit_price_cents": price }] });
    let placed = ada
        .with("Prefer", "return=representation")
        .post("/rest/v1/orders?select=id,status,order_lines(total_cents)", &order);
    let placed = placed.expect(201).json();
    assert_eq!(placed[0]["order_lines"][0]["total_cents"], json!(2 * price.as_i64().unwrap()), "{placed}");
    // At another price, for somebody else, or already paid: refused, and nothing is there.
    let before = total(&staff, "/rest/v1/orders");
    let wrong = |name: &str, value: Json| {
        let mut order = order.clone();
        order[name] = value;
        order
    };
    let cheap = json!([{ "line_no": 1, "product_id": id, "quantity": 2, "unit_price_cents": 0 }]);
    for bad in [wrong("order_lines", cheap), wrong("customer_id", json!(2)), wrong("status", json!("paid"))] {
        let reply = ada.post("/rest/v1/orders", &bad);
        assert_eq!((reply.status, reply.code().as_str()), (403, "42501"), "{bad}: {}", reply.text());
    }
    assert_eq!(total(&staff, "/rest/v1/orders"), before);
    roles(&server, &placed[0]["id"]);
}

/// The cursor finds each of the customer's orders exactly once.
fn every_page(client: &Client) {
    let (mut seen, mut path) =
        (0, Some("/rest/v1/orders?select=id&order=placed_at.desc&limit=2&cursor=start".to_owned()));
    while let Some(next) = path {
        let reply = client.get(&next).expect(200);
        seen += i64::try_from(reply.json().as_array().unwrap().len()).unwrap();
        path = reply
            .header("link")
            .map(|link| link.split('>').next().unwrap().trim_start_matches('<').to_owned());
    }
    assert_eq!(seen, total(client, "/rest/v1/orders"));
}

fn roles(server: &transom_testkit::Server, order: &Json) {
    check(
        server,
        &r#"
        as anon
        GET /customers
        => 404 PGRST205

        GET /orders
        => 404 PGRST205

        GET /reviews?select=customer_id
        => 400 42703

        GET /stock?select=shelf
        => 400 42703

        as user user-1
        PATCH /orders?id=eq.ORDER&select=status
        Prefer: return=representation
        {"status":"cancelled"}
        => 200
        [{"status":"cancelled"}]

        PATCH /orders?id=eq.ORDER&select=status
        Prefer: return=representation
        {"status":"pending"}
        => 200
        []

        DELETE /orders?id=eq.ORDER
        => 403 42501

        PATCH /customers?user_id=eq.user-1
        {"user_id":"user-2"}
        => 403 42501

        POST /rpc/restock
        {"product_id":1,"quantity":5}
        => 404 PGRST202

        as role staff
        POST /rpc/restock
        {"product_id":1,"quantity":5}
        => 200

        GET /customers?select=born_on
        => 400 42703

        PATCH /orders?id=eq.ORDER&select=status
        Prefer: return=representation
        {"status":"paid"}
        => 200
        [{"status":"paid"}]

        as claims {"role":"staff","level":"trainee"}
        PATCH /orders?id=eq.ORDER&select=status
        Prefer: return=representation
        {"status":"shipped"}
        => 200
        []

        GET /products?select=id,stock(quantity),product_ratings(average_rating)&limit=1
        => 200

        as user user-1
        GET /rpc/my_spending
        => 200
        "#
        .replace("ORDER", &order.to_string()),
    );
}
