//! Inserting, changing and removing rows.

use transom_pgkit::Database;
use transom_testkit::{Project, Server, embedded_only};

use crate::{postgrest::asked, spec::check};

const SCHEMA: &str = "
CREATE TABLE items (
  id    INTEGER PRIMARY KEY,
  name  TEXT NOT NULL UNIQUE,
  price INTEGER NOT NULL DEFAULT 5 CHECK (price >= 0),
  note  TEXT DEFAULT 'none',
  live  BOOLEAN NOT NULL DEFAULT TRUE,
  data  JSON,
  twice INTEGER GENERATED ALWAYS AS (price * 2) VIRTUAL
);
CREATE TABLE parts (item_id INTEGER NOT NULL REFERENCES items (id), no INTEGER NOT NULL, label TEXT, PRIMARY KEY (item_id, no));
CREATE TABLE pages (slug TEXT PRIMARY KEY, body TEXT, visits INTEGER NOT NULL DEFAULT 0);
INSERT INTO items (id, name, price) VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3);
INSERT INTO pages VALUES ('home', 'hello', 7), ('about', 'us', 1);
";
const POLICIES: &str = "
GRANT ALL ON items, parts, pages TO anon;
CREATE POLICY p ON items USING (true);
CREATE POLICY p ON parts USING (true);
CREATE POLICY p ON pages USING (true);
";

/// The project of this spec, served.
pub fn serve() -> (Project, Server) {
    let project = Project::of(SCHEMA, POLICIES);
    let server = project.serve();
    (project, server)
}

#[test]
fn one_row_is_inserted() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        POST /items
        {"name":"ten"}
        => 201
        Location: -
        Content-Length: 0

        GET /items?name=eq.ten
        => 200
        [{"id":4,"name":"ten","price":5,"note":"none","live":true,"data":null,"twice":10}]

        POST /items
        Prefer: return=headers-only
        {"id":20,"name":"twenty"}
        => 201
        Location: /rest/v1/items?id=eq.20
        Preference-Applied: return=headers-only

        # A row that is new has a place, whatever of it is returned; one that was merged is not new.
        POST /items?select=name
        Prefer: return=representation
        {"id":22,"name":"twenty-two"}
        => 201
        Location: /rest/v1/items?id=eq.22
        [{"name":"twenty-two"}]

        POST /items?select=id
        Prefer: return=representation, resolution=merge-duplicates
        {"id":22,"name":"twenty-two"}
        => 200
        Location: -
        [{"id":22}]

        POST /items
        Prefer: return=minimal
        {"id":21,"name":"twenty-one"}
        => 201
        Preference-Applied: return=minimal

        POST /items
        Prefer: return=representation
        {"id":30,"name":"thirty","price":9,"note":null,"live":false,"data":{"a":[1,null,"x"]}}
        => 201
        Content-Type: ~ application/json
        Preference-Applied: return=representation
        [{"id":30,"name":"thirty","price":9,"note":null,"live":false,"data":{"a":[1,null,"x"]},"twice":18}]

        POST /items?select=id,double:twice
        Prefer: return=representation
        Accept: application/vnd.pgrst.object+json
        {"id":31,"name":"thirty-one","price":7}
        => 201
        {"id":31,"double":14}

        # Only defaults: NOT NULL name is missing.
        POST /items
        {}
        => 400 23502

        POST /pages
        {"slug":"new/page?x=1","body":"ü"}
        => 201

        POST /parts
        Prefer: return=headers-only
        {"item_id":1,"no":2,"label":"p"}
        => 201
        Location: /rest/v1/parts?item_id=eq.1&no=eq.2

        POST /items
        {"name":"one"}
        => 409 23505

        POST /items
        {"name":"bad","price":-1}
        => 400 23514

        POST /parts
        {"item_id":99,"no":1}
        => 409 23503

        POST /items
        {"name":"bad","price":"cheap"}
        => 400 22P02

        POST /items
        {"name":"bad","colour":"red"}
        => 400 PGRST204 "colour"

        POST /items
        {"name":"bad","twice":8}
        => 400 428C9

        POST /items
        {"name":
        => 400 PGRST102

        POST /items
        Content-Type: application/xml
        | <a/>
        => 415

        POST /items
        Content-Type: application/json
        => 400 PGRST102

        # Nothing of what was refused is there.
        GET /items?select=id&name=eq.bad
        => 200
        []
        "#,
    );
}

#[test]
fn many_rows_are_inserted_at_once() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        POST /items?select=id,name,price
        Prefer: return=representation
        [{"id":10,"name":"a","price":1},{"id":11,"name":"b","price":2}]
        => 201
        [{"id":10,"name":"a","price":1},{"id":11,"name":"b","price":2}]

        # All or none.
        POST /items
        [{"id":12,"name":"c"},{"id":13,"name":"a"}]
        => 409 23505

        GET /items?select=id&id=in.(12,13)
        => 200
        []

        # Every object has the same keys...
        POST /items
        [{"id":12,"name":"c"},{"id":13,"name":"d","price":3}]
        => 400 PGRST102

        # ...unless the columns are named: what is missing is NULL, or the default when one asks for it.
        POST /items?columns=id,name,note&select=id,note
        Prefer: return=representation
        [{"id":12,"name":"c","note":"n"},{"id":13,"name":"d","unknown":"ignored"}]
        => 201
        [{"id":12,"note":"n"},{"id":13,"note":null}]

        POST /items?columns=id,name,note,price&select=id,note,price
        Prefer: return=representation, missing=default
        [{"id":14,"name":"e","note":"n"},{"id":15,"name":"f","price":8}]
        => 201
        Preference-Applied: missing=default, return=representation
        [{"id":14,"note":"n","price":5},{"id":15,"note":"none","price":8}]

        POST /items?columns=id,nonsense
        {"id":16}
        => 400 PGRST204 "nonsense"

        POST /items
        Prefer: return=representation
        []
        => 201
        []

        POST /items?select=id,name,note
        Content-Type: text/csv
        Prefer: return=representation
        | id,name,note
        | 40,"x, y",NULL
        | 41,"say ""hi""",
        => 201
        [{"id":40,"name":"x, y","note":null},{"id":41,"name":"say \"hi\"","note":""}]

        POST /items
        Content-Type: text/csv
        | id,name
        | 42
        => 400 PGRST102

        POST /items?select=id,name,price
        Content-Type: application/x-www-form-urlencoded
        Prefer: return=representation
        | id=50&name=form+one&price=12
        => 201
        [{"id":50,"name":"form one","price":12}]

        # In CSV out.
        POST /items?select=id,name
        Accept: text/csv
        Prefer: return=representation
        [{"id":60,"name":"csv"}]
        => 201
        | id,name
        | 60,csv

        GET /items?select=id&id=gte.40&order=id
        Prefer: count=exact
        => 200
        Content-Range: 0-3/4
        [{"id":40},{"id":41},{"id":50},{"id":60}]
        "#,
    );
}

#[test]
fn a_row_is_put() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        PUT /pages?slug=eq.fresh
        Prefer: return=representation
        {"slug":"fresh","body":"1","visits":3}
        => 201
        [{"slug":"fresh","body":"1","visits":3}]

        PUT /pages?slug=eq.fresh
        {"slug":"fresh","body":"2","visits":4}
        => 204

        PUT /pages?slug=eq.fresh
        Prefer: return=representation
        {"slug":"fresh","body":"2","visits":5}
        => 200
        [{"slug":"fresh","body":"2","visits":5}]

        PUT /pages?slug=eq.fresh
        {"slug":"other","body":"2","visits":4}
        => 400 PGRST115

        PUT /pages?slug=eq.fresh&visits=eq.4
        {"slug":"fresh","body":"2","visits":4}
        => 405 PGRST105

        PUT /pages?slug=like.fresh
        {"slug":"fresh","body":"2","visits":4}
        => 405 PGRST105

        PUT /pages
        {"slug":"fresh","body":"2","visits":4}
        => 405 PGRST105

        PUT /pages?slug=eq.fresh&limit=1
        {"slug":"fresh","body":"2","visits":4}
        => 400 PGRST114

        PUT /parts?item_id=eq.1&no=eq.1
        {"item_id":1,"no":1,"label":"put"}
        => 201

        GET /parts
        => 200
        [{"item_id":1,"no":1,"label":"put"}]
        "#,
    );
}

#[test]
fn rows_are_changed_and_removed_by_filter() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        PATCH /items?id=eq.1
        {"price":100}
        => 204
        Content-Range: 0-0/*

        PATCH /items?price=lt.50&select=id,price
        Prefer: return=representation
        {"price":60,"note":null}
        => 200
        [{"id":2,"price":60},{"id":3,"price":60}]

        PATCH /items?id=eq.99
        {"price":1}
        => 204
        Content-Range: */*

        PATCH /items?id=eq.99
        Prefer: return=representation
        {"price":1}
        => 200
        []

        PATCH /items?id=in.(1,2)
        Prefer: count=exact
        {"live":false}
        => 204
        Content-Range: 0-1/2

        # Nothing to change.
        PATCH /items?id=eq.1
        {}
        => 204

        PATCH /items?id=eq.1&columns=price&select=price,note
        Prefer: return=representation
        {"price":5,"note":"left alone"}
        => 200
        [{"price":5,"note":"none"}]

        PATCH /items?id=eq.1
        {"nonsense":1}
        => 400 PGRST204

        PATCH /items?id=eq.1
        {"price":-4}
        => 400 23514

        PATCH /items?id=eq.1
        {"name":"two"}
        => 409 23505

        PATCH /items?id=gt.0
        {"name":"all the same"}
        => 409 23505

        DELETE /items?id=eq.3&select=id,name
        Prefer: return=representation
        => 200
        [{"id":3,"name":"three"}]

        DELETE /items?id=eq.3
        => 204

        DELETE /items?id=in.(1,2)
        Prefer: count=exact
        => 204
        Content-Range: */2

        GET /items
        => 200
        []
        "#,
    );
}

#[test]
fn strange_values_come_back_as_they_went() {
    if embedded_only("its text holds no NUL") {
        return;
    }
    let (_project, server) = serve();
    check(
        &server,
        r#"
        POST /items?select=name,price,note
        Prefer: return=representation
        {"name":"nul \u0000 inside"}
        => 201
        [{"name":"nul \u0000 inside","price":5,"note":"none"}]

        POST /items?select=name,price,note
        Prefer: return=representation
        {"name":"🦀 \u00e9\t\"quoted\" 'single' \\ end","price":4611686018427387903,"note":"line\nbreak"}
        => 201
        [{"name":"🦀 é\t\"quoted\" 'single' \\ end","price":4611686018427387903,"note":"line\nbreak"}]

        POST /items
        {"name":"huge","price":99999999999999999999}
        => 400

        POST /items
        {"name":"fraction","price":1.5}
        => 400

        POST /items?select=data
        Prefer: return=representation
        {"name":"json text","data":"a string"}
        => 201
        [{"data":"a string"}]

        POST /items?select=data
        Prefer: return=representation
        {"name":"json number","data":12.50}
        => 201
        [{"data":12.5}]

        POST /items?select=live
        Prefer: return=representation
        {"name":"bool","live":"false"}
        => 201
        [{"live":false}]
        "#,
    );
}

#[test]
fn numbers_keep_their_digits() {
    if transom_pgkit::missing() {
        return;
    }
    let (project, database) = (Project::empty(), Database::create());
    asked(
        &database.url(),
        "CREATE TABLE sums (id int PRIMARY KEY, sum numeric, paid money, data jsonb, note text, list numeric[]);
         CREATE TABLE shares (id int PRIMARY KEY, sum_id int REFERENCES sums (id), part numeric);",
    );
    project.write(
        "policies.sql",
        "GRANT ALL ON sums, shares TO anon; CREATE POLICY p ON sums USING (true); CREATE POLICY p ON shares USING (true);
         GRANT EXECUTE ON FUNCTION told TO anon;",
    );
    project.write(
        "queries/told.sql",
        "-- returns row\n-- param sum numeric\n-- param data json\nSELECT :sum AS sum, :data AS data\n",
    );
    check(
        &Server::start(project.dir(), &["--database-url", &database.url()]),
        r#"
        POST /sums
        Prefer: return=representation
        {"id":1,"sum":123456789012345678901234567890.123456789,"paid":12345678901234567.25,"data":{"x":12345678901234567890.10},"note":1.10,"list":[1.10,null]}
        => 201
        [{"id":1,"sum":123456789012345678901234567890.123456789,"paid":"$12,345,678,901,234,567.25","data":{"x":12345678901234567890.10},"note":"1.10","list":[1.10,null]}]

        POST /sums?select=sum,paid,data
        Prefer: return=representation, resolution=merge-duplicates
        [{"id":1,"sum":12345678901234567.25,"paid":92233720368547758.07,"data":[1.10]},{"id":2,"sum":1.10,"paid":0,"data":1.0}]
        => 201
        [{"sum":12345678901234567.25,"paid":"$92,233,720,368,547,758.07","data":[1.10]},{"sum":1.10,"paid":"$0.00","data":1.0}]

        PATCH /sums?id=eq.1&select=sum,data
        Prefer: return=representation
        {"sum":-98765432109876543210.5,"data":{"y":0.10}}
        => 200
        [{"sum":-98765432109876543210.5,"data":{"y":0.10}}]

        PUT /sums?id=eq.2&select=sum,data
        Prefer: return=representation
        {"id":2,"sum":12345678901234567.25}
        => 200
        [{"sum":12345678901234567.25,"data":1.0}]

        POST /sums?select=sum,shares(part)
        Prefer: return=representation
        {"id":3,"sum":12345678901234567.25,"shares":[{"id":1,"part":98765432109876543.75}]}
        => 201
        [{"sum":12345678901234567.25,"shares":[{"part":98765432109876543.75}]}]

        POST /$batch
        {"operations":[{"method":"PATCH","path":"sums?id=eq.3&select=sum","headers":{"Prefer":"return=representation"},"body":{"sum":1.10}}]}
        => 200
        ~ [{"body":[{"sum":1.10}]}]

        POST /rpc/told
        {"sum":12345678901234567.250,"data":[12345678901234567890.10]}
        => 200
        {"sum":12345678901234567.250,"data":[12345678901234567890.10]}

        # Engines have numbers that are smaller than this.
        POST /sums
        {"id":9,"sum":1e999}
        => 400 PGRST102 "number out of range"
        "#,
    );
}
