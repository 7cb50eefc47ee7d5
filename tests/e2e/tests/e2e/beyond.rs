//! What goes beyond PostgREST: resources by key, nested inserts, batches, idempotency, cursors, entity tags.

use serde_json::json;
use transom_testkit::{Project, Server};

use crate::spec::check;

const SCHEMA: &str = "
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL DEFAULT 1, weight REAL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, note TEXT);
CREATE TABLE lines (
  order_id INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  no INTEGER NOT NULL, product_id INTEGER NOT NULL REFERENCES products (id), quantity INTEGER NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (order_id, no)
);
CREATE TABLE pages (slug TEXT PRIMARY KEY, body TEXT);
CREATE VIEW by_price AS SELECT price, count(*) AS n FROM products GROUP BY price;
CREATE VIEW cheap AS SELECT id, name FROM products WHERE price < 5;
INSERT INTO products VALUES (1, 'pen', 1, 0.5), (2, 'ink', 4, NULL), (3, 'desk', 90, 20), (4, 'lamp', 30, NULL), (5, 'mat', 4, 0.5), (6, 'rug', 90, 3);
INSERT INTO pages VALUES ('a b/c', 'odd');
INSERT INTO orders VALUES (1, 'ada', NULL);
INSERT INTO lines VALUES (1, 1, 1, 2), (1, 2, 2, 1);
";

/// The project of this spec, served.
pub fn serve() -> (Project, Server) {
    let mut policies = String::new();
    for table in "products orders lines pages cheap by_price".split(' ') {
        policies += &format!("GRANT ALL ON {table} TO anon;\nCREATE POLICY p ON {table} USING (true);\n");
    }
    let project = Project::of(SCHEMA, &policies);
    let server = project.serve();
    (project, server)
}

#[test]
fn a_row_is_a_resource() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /products/1
        => 200
        Content-Type: ~ json
        {"id":1,"name":"pen","price":1,"weight":0.5}

        GET /products/1?select=name
        => 200
        {"name":"pen"}

        # A composite key, in the key's order.
        GET /lines/1,2?select=quantity,products(name)
        => 200
        {"quantity":1,"products":{"name":"ink"}}

        GET /pages/a%20b%2Fc
        => 200
        {"slug":"a b/c","body":"odd"}

        HEAD /products/1
        => 200

        GET /products/99
        => 404 TR016

        GET /products/abc
        => 400

        GET /lines/1
        => 400 TR015

        PATCH /products/1?select=price
        Prefer: return=representation
        {"price":2}
        => 200
        {"price":2}

        PATCH /products/1
        {"price":3}
        => 204

        PATCH /products/99
        {"price":3}
        => 404 TR016

        PUT /products/50
        Prefer: return=representation
        {"id":50,"name":"put","price":5,"weight":null}
        => 201
        {"id":50,"name":"put","price":5,"weight":null}

        PUT /products/50
        {"id":50,"name":"again","price":6,"weight":1}
        => 204

        PUT /products/50
        {"id":51,"name":"again","price":6,"weight":1}
        => 400 PGRST115

        DELETE /products/50
        => 204

        DELETE /products/50
        => 404 TR016

        GET /products/50
        => 404 TR016

        # A view that shows the key of its table has that key; one of groups has none.
        GET /cheap/1
        => 200
        {"id":1,"name":"pen"}

        GET /by_price/1
        => 400 TR015 "no primary key"

        GET /nowhere/1
        => 404 PGRST205

        GET /products/1/name
        => 404 PGRST125
        "#,
    );
}

#[test]
fn a_row_is_inserted_with_its_related_rows() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        POST /orders?select=id,customer,lines(no,quantity)&lines.order=no
        Prefer: return=representation
        {"id":10,"customer":"bob","lines":[{"no":1,"product_id":1,"quantity":3},{"no":2,"product_id":3,"quantity":1}]}
        => 201
        [{"id":10,"customer":"bob","lines":[{"no":1,"quantity":3},{"no":2,"quantity":1}]}]

        # The key may be the database's to choose.
        POST /orders?select=customer,lines(product_id)
        Prefer: return=representation
        {"customer":"eve","lines":[{"no":1,"product_id":2,"quantity":1}]}
        => 201
        [{"customer":"eve","lines":[{"product_id":2}]}]

        # The row that a foreign key is to refer to may stand in the place of its key; a key there is a key all the same.
        POST /lines?select=no,orders(customer),products(name)
        Prefer: return=representation
        {"no":1,"order_id":{"customer":"fay"},"product_id":{"name":"nib"},"quantity":1}
        => 201
        [{"no":1,"orders":{"customer":"fay"},"products":{"name":"nib"}}]

        POST /lines?select=no,products(name)
        Prefer: return=representation
        {"no":7,"order_id":1,"product_id":1,"quantity":1}
        => 201
        [{"no":7,"products":{"name":"pen"}}]

        POST /orders
        {"customer":"mal","lines":[{"no":"x","product_id":1,"quantity":1}]}
        => 400 22P02 "A row of 'lines': 'no'"

        # One bad line, and there is no order.
        POST /orders
        {"id":212,"customer":"mal","lines":[{"no":1,"product_id":1,"quantity":0}]}
        => 400 23514

        POST /orders
        {"id":212,"customer":"mal","lines":[{"no":1,"product_id":99,"quantity":1}]}
        => 409 23503

        GET /orders?id=eq.212
        => 200
        []

        POST /orders
        {"id":13,"customer":"none","lines":[]}
        => 201

        POST /orders
        {"id":14,"customer":"x","lines":[{"no":1,"product":1,"quantity":1}]}
        => 400 PGRST204
        "#,
    );
}

#[test]
fn a_batch_is_one_transaction() {
    let (_project, server) = serve();
    let client = server.client();
    let batch = json!({ "operations": [
        { "method": "POST", "path": "/rest/v1/orders", "headers": { "Prefer": "return=representation" }, "body": { "customer": "bat" } },
        { "method": "POST", "path": "/rest/v1/lines", "body": { "order_id": { "$ref": "0.id" }, "no": 1, "product_id": 3, "quantity": 1 } },
        { "method": "PATCH", "path": "/rest/v1/products?id=eq.3", "body": { "price": 91 } },
        { "method": "GET", "path": "/rest/v1/orders?customer=eq.bat&select=customer,lines(product_id)" },
    ]});
    let reply = client.post("/rest/v1/$batch", &batch).expect(200).json();
    let statuses: Vec<_> =
        reply.as_array().unwrap().iter().map(|part| part["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 201, 204, 200], "{reply}");
    assert_eq!(reply[0]["body"][0]["customer"], "bat", "{reply}");
    assert_eq!(reply[3]["body"], json!([{ "customer": "bat", "lines": [{ "product_id": 3 }] }]));

    // What a part of a batch cannot have is refused and not dropped.
    for headers in [
        json!({ "Prefer": "count=exact" }),
        json!({ "Prefer": "tx=rollback" }),
        json!({ "If-Match": "\"x\"" }),
    ] {
        let batch = json!({ "operations": [{ "method": "GET", "path": "orders", "headers": headers }] });
        let reply = client.post("/rest/v1/$batch", &batch);
        assert_eq!((reply.status, reply.code().as_str()), (400, "TR014"), "{headers}: {}", reply.text());
    }
    // The last one fails: nothing of the batch is there, and the reply names the operation.
    let batch = json!({ "operations": [
        { "method": "POST", "path": "/rest/v1/orders", "body": { "id": 77, "customer": "ghost" } },
        { "method": "DELETE", "path": "/rest/v1/lines?order_id=eq.1" },
        { "method": "POST", "path": "/rest/v1/orders", "body": { "id": 1, "customer": "twice" } },
    ]});
    let reply = client.post("/rest/v1/$batch", &batch).expect(409);
    assert_eq!(reply.code(), "23505");
    assert!(reply.text().contains('2'), "which operation: {}", reply.text());
    check(
        &server,
        r#"
        GET /orders?id=eq.77
        => 200
        []

        GET /lines?order_id=eq.1&select=no&order=no
        => 200
        [{"no":1},{"no":2}]

        # A row's state can be asked for here too, and nothing is done when it is another.
        POST /$batch
        {"operations":[{"method":"PATCH","path":"/products/1","headers":{"If-Match":"*"},"body":{"price":7}},{"method":"PATCH","path":"/products/2","headers":{"If-Match":"\"stale\""},"body":{"price":7}}]}
        => 412 TR010

        POST /$batch
        {"operations":[{"method":"GET","path":"/products?price=eq.7&select=id"},{"method":"PATCH","path":"/products/2","headers":{"If-Match":"*"},"body":{"price":7}}]}
        => 200
        ~ [{"status":200,"body":[]},{"status":204}]

        # Paths may leave the prefix out.
        POST /$batch
        {"operations":[{"method":"GET","path":"/products?id=eq.1&select=id"}]}
        => 200
        ~ [{"status":200,"body":[{"id":1}]}]

        POST /$batch
        {"operations":[]}
        => 400 TR014

        POST /$batch
        {"operations":[{"method":"GET"}]}
        => 400 TR014

        POST /$batch
        {"operations":[{"method":"POST","path":"/orders","body":{"customer":{"$ref":"5.id"}}}]}
        => 400 TR014

        POST /$batch
        {"operations":[{"method":"POST","path":"/orders","body":{"customer":{"$ref":"0.id"}}}]}
        => 400 TR014

        POST /$batch
        {"operation":[]}
        => 400 TR014

        POST /$batch
        {"operations":[{"method":"POST","path":"/$batch","body":{"operations":[]}}]}
        => 404 PGRST125

        POST /$batch
        {"operations":[{"method":"POST","path":"/nowhere","body":{}}]}
        => 404 PGRST205

        GET /$batch
        => 405
        "#,
    );
}

#[test]
fn a_repeated_write_happens_once() {
    let (project, mut server) = serve();
    check(
        &server,
        r#"
        POST /orders?select=customer
        Idempotency-Key: "key-1"
        Prefer: return=representation
        {"customer":"once"}
        => 201
        [{"customer":"once"}]

        POST /orders?select=customer
        Idempotency-Key: "key-1"
        Prefer: return=representation
        {"customer":"once"}
        => 201
        [{"customer":"once"}]

        GET /orders?customer=eq.once&select=customer
        => 200
        [{"customer":"once"}]

        # The same key for something else is a mistake.
        POST /orders?select=customer
        Idempotency-Key: "key-1"
        Prefer: return=representation
        {"customer":"other"}
        => 422 TR012

        # A refusal is not remembered: the corrected request may go on.
        POST /lines
        Idempotency-Key: "key-2"
        {"order_id":1,"no":9,"product_id":99,"quantity":1}
        => 409 23503

        POST /products
        {"id":99,"name":"late"}
        => 201

        POST /lines
        Idempotency-Key: "key-2"
        {"order_id":1,"no":9,"product_id":99,"quantity":1}
        => 201

        POST /orders
        Idempotency-Key:
        {"customer":"nobody"}
        => 400 TR013
        "#,
    );
    // Also after a crash.
    server.kill();
    let server = project.serve();
    check(
        &server,
        r#"
        POST /orders?select=customer
        Idempotency-Key: "key-1"
        Prefer: return=representation
        {"customer":"once"}
        => 201
        [{"customer":"once"}]

        GET /orders?customer=eq.once&select=customer
        => 200
        [{"customer":"once"}]
        "#,
    );
}

/// Every page by its `Link`, as one list of ids.
fn pages(server: &Server, path: &str) -> Vec<i64> {
    let (mut ids, mut path) = (Vec::new(), Some(path.to_owned()));
    while let Some(next) = path {
        let reply = server.client().get(&next).expect(200);
        ids.extend(reply.json().as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()));
        assert!(ids.len() < 100, "no end: {ids:?}");
        path = reply.header("link").map(|link| {
            assert!(link.ends_with("rel=\"next\""), "{link}");
            link.split('>').next().unwrap().trim_start_matches('<').to_owned()
        });
    }
    ids
}

#[test]
fn cursors_lead_through_every_order() {
    let (project, mut server) = serve();
    for (order, expected) in [
        ("id", [1, 2, 3, 4, 5, 6]),
        ("id.desc", [6, 5, 4, 3, 2, 1]),
        ("price,id", [1, 2, 5, 4, 3, 6]),
        ("price", [1, 2, 5, 4, 3, 6]),
        ("price.desc,name", [3, 6, 4, 2, 5, 1]),
        ("weight,id", [1, 5, 6, 3, 2, 4]),
        ("weight.desc,id.desc", [4, 2, 3, 6, 5, 1]),
        ("weight.nullsfirst,name.desc", [4, 2, 1, 5, 6, 3]),
        ("weight.desc.nullslast,price", [3, 6, 1, 5, 2, 4]),
        ("name", [3, 2, 4, 5, 1, 6]),
    ] {
        for limit in [1, 2, 3, 5, 6, 7] {
            let path = format!("/rest/v1/products?select=id&order={order}&limit={limit}&cursor=start");
            assert_eq!(pages(&server, &path), expected, "{order} by {limit}");
        }
    }
    // An empty cursor starts too.
    assert_eq!(pages(&server, "/rest/v1/products?select=id&limit=4&cursor="), [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        pages(&server, "/rest/v1/products?select=id&price=gt.3&limit=2&cursor=start"),
        [2, 3, 4, 5, 6]
    );

    // A cursor outlives the server, and rows that come and go.
    let first =
        server.client().get("/rest/v1/products?select=id&order=price,id&limit=3&cursor=start").expect(200);
    let next = first.header("link").unwrap().split('>').next().unwrap().trim_start_matches('<').to_owned();
    server.client().delete("/rest/v1/lines").expect(204);
    server.client().delete("/rest/v1/products?id=eq.5").expect(204);
    server.client().post("/rest/v1/products", &json!({ "id": 7, "name": "new", "price": 0 })).expect(201);
    server.kill();
    let server = project.serve();
    assert_eq!(pages(&server, &next), [4, 3, 6]);

    for wrong in [
        "select=id&order=id&limit=2&cursor=nonsense",
        "select=id&order=id&limit=2&offset=3&cursor=start",
        "select=id&order=id&limit=2&cursor=eyJhIjoxfQ",
    ] {
        let reply = server.client().get(&format!("/rest/v1/products?{wrong}"));
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text());
        assert!(reply.code() == "TR009" || reply.code() == "PGRST100", "{wrong}: {}", reply.text());
    }
    let other = next.replace("order=price,id", "order=name").replace("order=price%2Cid", "order=name");
    assert_eq!(server.client().get(&other).expect(400).code(), "TR009");
}
