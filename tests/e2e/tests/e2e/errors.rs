//! What a refusal says: what was wrong, where, and what would be right; to each only what they may know.

use transom_testkit::Project;

use crate::spec::check;

const SCHEMA: &str = "
CREATE TABLE makers (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price INTEGER, cost INTEGER, maker_id INTEGER REFERENCES makers (id));
CREATE TABLE invoices (id INTEGER PRIMARY KEY, product_id INTEGER REFERENCES products (id));
INSERT INTO products VALUES (1, 'a', 1, 1, NULL);
";
const POLICIES: &str = "
GRANT SELECT (id, name, price, maker_id), INSERT ON products TO anon;
GRANT SELECT ON makers TO anon;
CREATE POLICY p ON products USING (true);
CREATE POLICY p ON makers USING (true);
GRANT EXECUTE ON FUNCTION add_up TO anon;
";

#[test]
fn a_refusal_names_the_part_and_the_remedy() {
    let project = Project::of(SCHEMA, POLICIES);
    project.write("queries/add_up.sql", "-- returns scalar\nSELECT 1 AS one");
    project.write("queries/add_in.sql", "-- returns scalar\nSELECT 1 AS one");
    let server = project.serve();
    check(
        &server,
        r#"
        # RFC 9457, and PostgREST's four fields beside it.
        GET /product
        => 404 PGRST205 "product"
        Content-Type: ~ application/problem+json
        ~ {"type":"urn:transom:problem:PGRST205","status":404,"code":"PGRST205","title":"No such table or view","hint":"Perhaps you meant 'products'"}

        GET /products?select=prise
        => 400 42703 "prise"
        ~ {"hint":"Perhaps you meant 'price'"}

        GET /products?nmae=eq.1
        => 400 42703 "nmae"
        ~ {"hint":"Perhaps you meant 'name'"}

        GET /products?order=prce.desc
        => 400 42703
        ~ {"hint":"Perhaps you meant 'price'"}

        GET /products?select=id,maker(name)
        => 400 PGRST200
        ~ {"hint":"Perhaps you meant 'makers'"}

        POST /products
        {"nme":"x"}
        => 400 PGRST204 "nme"

        GET /rpc/add_upp
        => 404 PGRST202 "add_up"

        GET /products?price=equals.1
        => 400 PGRST100 "equals"

        GET /products?price=eq.cheap
        => 400 22P02 "cheap"

        GET /products?select=id,
        => 400 PGRST100

        GET /products?select=name(
        => 400 PGRST100

        GET //nowhere
        => 404 PGRST125

        GET //rest/v2/products
        => 404 PGRST125

        # What one may not see is not betrayed: neither table, nor column, nor function, nor relationship.
        GET /invoice
        => 404 PGRST205
        ~ {"hint":null}

        GET /products?select=cots
        => 400 42703
        ~ {"hint":null}

        GET /products?select=cost
        => 400 42703

        GET /products?select=id,invoices(id)
        => 400 PGRST200

        GET /rpc/add_inn
        => 404 PGRST202

        # The same words for what is hidden and for what is not there.
        GET /invoices
        => 404 PGRST205 "invoices"

        GET /unknowns
        => 404 PGRST205 "unknowns"
        "#,
    );
    let hidden = server.client().get("/rest/v1/invoices").text();
    let missing = server.client().get("/rest/v1/invoicez").text();
    assert_eq!(hidden.replace("invoices", "invoicez"), missing);
    let hidden = server.client().get("/rest/v1/products?select=cost").text();
    let missing = server.client().get("/rest/v1/products?select=zzzz").text();
    assert_eq!(hidden.replace("cost", "zzzz"), missing);
    let hidden = server.client().get("/rest/v1/rpc/add_in").json();
    assert_eq!(hidden["code"], "PGRST202");
}

#[test]
fn inner_matters_are_not_shown() {
    let project = Project::of(SCHEMA, POLICIES);
    project.write("queries/add_up.sql", "-- returns scalar\nSELECT 1 AS one");
    let server = project.serve();
    for path in [
        "/rest/v1/products?price=eq.x",
        "/rest/v1/products?name=match.(",
        "/rest/v1/sqlite_schema",
        "/rest/v1/sqlite_sequence",
        "/rest/v1/_transom_migrations",
        "/rest/v1/_transom_idempotency",
        "/rest/v1/_transom_changes",
        "/rest/v1/pragma_table_info",
    ] {
        for client in [server.client(), server.role("service_role")] {
            let reply = client.get(path);
            assert!((400..500).contains(&reply.status), "{path}: {} {}", reply.status, reply.text());
            let text = reply.text().to_lowercase();
            for word in ["sqlite error", "select json", "rusqlite", "panicked", "/work/", "/tmp/", ".rs:"] {
                assert!(!text.contains(word), "{path}: {text}");
            }
        }
    }
}
