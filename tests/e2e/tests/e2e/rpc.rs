//! Named queries, called as functions.

use transom_testkit::Project;

use crate::spec::check;

const SCHEMA: &str = "
CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL);
INSERT INTO items VALUES (1, 'one', 10), (2, 'two', 20), (3, 'three', 30);
";
const POLICIES: &str = "
GRANT EXECUTE ON FUNCTION cheaper, total, raise, whoami, clear, one_item TO anon, authenticated;
GRANT EXECUTE ON FUNCTION secret TO service_role;
";

fn project() -> Project {
    let project = Project::of(SCHEMA, POLICIES);
    for (name, text) in [
        (
            "cheaper",
            "-- Items below a price.\n-- param below INTEGER\n-- param above INTEGER default 0\n-- returns rows\n\
             SELECT id, name, price FROM items WHERE price < :below AND price > :above ORDER BY id",
        ),
        ("total", "-- returns scalar\nSELECT sum(price) AS total FROM items"),
        (
            "raise",
            "-- param id INTEGER\n-- param amount INTEGER\n-- returns row\n\
             UPDATE items SET price = price + :amount WHERE id = :id RETURNING id, price",
        ),
        ("whoami", "-- returns row\nSELECT auth.uid() AS subject, auth.role() AS role"),
        ("clear", "-- returns nothing\nDELETE FROM items"),
        ("one_item", "-- param id INTEGER\n-- returns row\nSELECT id, name FROM items WHERE id = :id"),
        ("secret", "-- returns scalar\nSELECT 42 AS answer"),
    ] {
        project.write(&format!("queries/{name}.sql"), text);
    }
    project
}

#[test]
fn functions_are_called_by_name() {
    let project = project();
    let server = project.serve();
    check(
        &server,
        r#"
        # What cannot be answered is not done either.
        POST /rpc/raise
        Accept: text/plain
        {"id":1,"amount":1000}
        => 406 PGRST107

        POST /rpc/raise
        {"id":99,"amount":1000}
        => 406 PGRST116

        POST /rpc/clear
        Prefer: handling=strict, max-affected=2
        => 400 PGRST124

        GET /rpc/one_item?id=1
        Accept: application/octet-stream
        => 406 PGRST107

        GET /rpc/total
        Accept: text/plain
        => 200
        | 60

        GET /rpc/cheaper?below=1000&select=count
        => 200
        [{"count":3}]

        POST /rpc/cheaper
        {"below":25}
        => 200
        Content-Type: ~ application/json
        [{"id":1,"name":"one","price":10},{"id":2,"name":"two","price":20}]

        GET /rpc/cheaper?below=25&above=15
        => 200
        [{"id":2,"name":"two","price":20}]

        # What is returned can be shaped like a table.
        GET /rpc/cheaper?below=99&select=id,title:name&price=gt.10&order=id.desc&limit=1
        => 200
        [{"id":3,"title":"three"}]

        GET /rpc/cheaper?below=99&limit=2
        Prefer: count=exact
        => 206
        Content-Range: 0-1/3
        [{"id":1,"name":"one","price":10},{"id":2,"name":"two","price":20}]

        POST /rpc/cheaper?select=id
        Accept: text/csv
        {"below":15}
        => 200
        | id
        | 1

        POST /rpc/total
        => 200
        60

        GET /rpc/total
        => 200
        60

        HEAD /rpc/total
        => 200

        POST /rpc/one_item
        {"id":2}
        => 200
        {"id":2,"name":"two"}

        POST /rpc/raise
        {"id":1,"amount":5}
        => 200
        {"id":1,"price":15}

        # GET promises to change nothing.
        GET /rpc/raise?id=1&amount=5
        => 405 25006

        POST /rpc/total
        {}
        => 200
        65

        # A form, and one object as the body.
        POST /rpc/cheaper?select=id
        Content-Type: application/x-www-form-urlencoded
        | below=16
        => 200
        [{"id":1}]

        # An injection stays a value.
        POST /rpc/cheaper
        {"below":"1; DROP TABLE items"}
        => 400 22P02

        POST /rpc/cheaper
        {}
        => 404 PGRST202

        POST /rpc/cheaper
        {"below":1,"beside":2}
        => 404 PGRST202

        POST /rpc/cheapest
        {"below":1}
        => 404 PGRST202 "cheaper"

        DELETE /rpc/total
        => 405 PGRST101

        # Not granted: not there, not even as a suggestion.
        POST /rpc/secret
        => 404 PGRST202

        GET /rpc/secre
        => 404 PGRST202

        as role service_role
        POST /rpc/secret
        => 200
        42

        as user ada
        GET /rpc/whoami
        => 200
        {"subject":"ada","role":"authenticated"}

        as anon
        GET /rpc/whoami
        => 200
        {"subject":null,"role":"anon"}

        POST /rpc/clear
        Prefer: tx=rollback
        => 204

        POST /rpc/total
        => 200
        65

        POST /rpc/clear
        => 204

        POST /rpc/total
        => 200
        null
        "#,
    );
}
