//! Types that a database server has of its own or by an extension: read, written and found in a project, as JSON.

use transom_pgkit::Database;
use transom_testkit::{Project, Server};

use crate::{outages::asked, spec::check};

const SCHEMA: &str = r#"
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE TYPE place AS (street text, number int);
CREATE TYPE "Mood" AS ENUM ('sad', 'glad');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE colors (id int PRIMARY KEY, name text);
CREATE TABLE things (
  id int PRIMARY KEY, color_id int REFERENCES colors (id), name text, labels hstore, email citext, span int4range,
  spans int4multirange, price money, lasts interval, at place, count positive, words tsvector, mood "Mood", list int[],
  exact numeric, double float8, day date, moment timestamptz, raw bytea
);
CREATE TABLE parts (id int) PARTITION BY RANGE (id);
INSERT INTO colors VALUES (1, 'red');
INSERT INTO things (id, color_id, name, labels, email, span, spans, price, lasts, at, count, words, mood, list) VALUES
  (1, 1, 'pen', 'a=>1', 'Ada@example.org', '[1,5)', '{[1,3),[5,8)}', '12345678901234567.89', '1 day', '(High,7)', 3, 'quick pen', 'glad', '{1,2}');
"#;
const TABLES: [&str; 3] = ["things", "colors", "parts"];

/// The project of this spec on a database of its own, whatever engine the run is about.
fn serve(schema: &str, tables: &[&str]) -> (Project, Database, Server) {
    let grant = |table: &&str| {
        format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO anon;\nALTER TABLE {table} DISABLE ROW LEVEL SECURITY;\n"
        )
    };
    serve_under(schema, &tables.iter().map(grant).collect::<String>())
}

fn serve_under(schema: &str, policies: &str) -> (Project, Database, Server) {
    Project::of(schema, policies).on_a_server()
}

/// Values of every type are held against a policy as their columns would have them.
#[test]
fn a_policy_on_them_is_told_before_a_constraint() {
    let policies = "GRANT ALL ON things TO anon;\nCREATE POLICY whole ON things TO anon USING (
        name <> 'theirs' AND labels IS NOT NULL AND email = 'ADA@example.org' AND span IS NOT NULL AND at IS NOT NULL AND count > 2
        AND mood IS NOT NULL AND list IS NOT NULL AND exact = 1.50 AND day > '2020-01-01' AND moment IS NOT NULL AND raw IS NOT NULL
        AND price IS NOT NULL AND lasts IS NOT NULL AND words IS NOT NULL AND spans IS NOT NULL AND double < 1);";
    let (_project, _database, server) = serve_under(SCHEMA, policies);
    let client = server.client();
    let row = |id: i64, name: &str| {
        serde_json::json!({
            "id": id, "name": name, "labels": { "a": "1" }, "email": "ada@EXAMPLE.org", "span": "[1,5)", "spans": "{[1,3)}",
            "price": "1.00", "lasts": "1 day", "at": { "street": "High", "number": 7 }, "count": 3, "words": "pen", "mood": "glad",
            "list": [1, 2], "exact": 1.5, "double": 0.5, "day": "2024-02-29", "moment": "2024-02-29T12:00:00Z", "raw": "\\x00ff"
        })
    };
    let both = |id: i64, name: &str| serde_json::json!([row(id, name), row(id + 1, name)]);
    client.post("/rest/v1/things", &row(5, "mine")).expect(201);
    for (body, status) in [
        (row(1, "mine"), 409),
        (row(1, "theirs"), 401),
        (both(0, "mine"), 409),
        (both(0, "theirs"), 401),
        (both(6, "mine"), 201),
    ] {
        client.post("/rest/v1/things", &body).expect(status);
    }
    for (body, status) in [(row(1, "mine"), 409), (row(1, "theirs"), 401)] {
        client.patch("/rest/v1/things?id=eq.5", &body).expect(status);
    }
}

#[test]
fn what_cannot_be_read_is_the_callers_fault() {
    let (_project, _database, server) = serve(SCHEMA, &TABLES);
    check(
        &server,
        r#"
        GET /things?select=id::intger
        => 400 PGRST100 "type \"intger\" does not exist"
        ~ {"hint":"Perhaps you meant 'integer'"}

        GET /things?select=id,colors(id::nope)
        => 400 PGRST100 "nope"

        # A word of the language, and a type of the schema.
        GET /things?select=id::select
        => 400 PGRST100 "select"

        GET /things?select=n:count::positive
        => 200
        [{"n":3}]

        GET /things?select=l:list::_int8
        => 200
        [{"l":[1,2]}]

        GET /things?select=name::regclass
        => 400 22P02 "pen"

        GET /things?select=name::regtype
        => 400 22P02 "pen"

        GET /things?name=fts(germn).pen
        => 400 TR001 "germn"
        ~ {"hint":"Perhaps you meant 'german'"}

        GET /things?select=id&name=fts(German).pen
        => 200
        [{"id":1}]

        GET /things?at=eq.(High,7)
        => 400 22P02

        GET /things?words=eq.'
        => 400 22P02

        POST /things
        {"id":90,"words":"'"}
        => 400 22P02

        POST /things
        [{"id":90,"words":"a"},{"id":91,"words":"'"}]
        => 400 22P02

        # An extension has no code for a text that it cannot read.
        GET /things?labels=cs.===
        => 400 22P02

        POST /things
        {"id":90,"labels":"==="}
        => 400 22P02

        POST /things
        [{"id":90,"labels":"a=>1"},{"id":91,"labels":"==="}]
        => 400 22P02

        GET /things?mood=eq.angry
        => 400 22P02 "angry"

        POST /things
        {"id":90,"count":-1}
        => 400 23514 "positive_check"

        POST /parts
        {"id":50}
        => 400 23514 "no partition"

        GET /things?select=id&id=gte.90
        => 200
        []
        "#,
    );
}

#[test]
fn what_is_shown_can_be_written() {
    let (_project, _database, server) = serve(SCHEMA, &TABLES);
    check(
        &server,
        r#"
        GET /things?select=labels
        => 200
        [{"labels":{"a":"1"}}]

        POST /things?select=id,labels
        Prefer: return=representation
        {"id":2,"labels":{"a":"1","b c":null,"\"":"=>"}}
        => 201
        [{"id":2,"labels":{"a":"1","b c":null,"\"":"=>"}}]

        POST /things?select=labels
        Prefer: return=representation
        [{"id":3,"labels":{}},{"id":4,"labels":"a=>2"},{"id":5,"labels":null},{"id":6,"labels":{"n":2}}]
        => 201
        [{"labels":{}},{"labels":{"a":"2"}},{"labels":null},{"labels":{"n":"2"}}]

        PATCH /things?id=eq.3&select=labels
        Prefer: return=representation
        {"labels":{"x":"y"}}
        => 200
        [{"labels":{"x":"y"}}]

        GET /things?select=id&labels=cs.x=>y
        => 200
        [{"id":3}]

        POST /things
        {"id":90,"labels":["a"]}
        => 400 22P02
        "#,
    );
}

#[test]
fn every_value_of_a_type_is_shown_written_and_found() {
    let (_project, _database, server) = serve(SCHEMA, &TABLES);
    check(
        &server,
        r#"
        # Shown.
        GET /things?select=email,span,spans,price,lasts,at,count,words,mood,list
        => 200
        [{"email":"Ada@example.org","span":"[1,5)","spans":"{[1,3),[5,8)}","price":"$12,345,678,901,234,567.89",
          "lasts":"1 day","at":{"street":"High","number":7},"count":3,"words":"'pen' 'quick'","mood":"glad","list":[1,2]}]

        # Written back as they are shown, one row and several.
        POST /things?select=id,span,spans,price,lasts,at,count,words,mood,list,email
        Prefer: return=representation
        {"id":2,"email":"Bo@example.org","span":"[2,4)","spans":"{[2,4),[7,9)}","price":"$12,345,678,901,234,567.88",
         "lasts":"02:00:00","at":{"street":"Low","number":1},"count":4,"words":"'ink'","mood":"sad","list":[3,null]}
        => 201
        [{"id":2,"span":"[2,4)","spans":"{[2,4),[7,9)}","price":"$12,345,678,901,234,567.88","lasts":"02:00:00",
          "at":{"street":"Low","number":1},"count":4,"words":"'ink'","mood":"sad","list":[3,null],"email":"Bo@example.org"}]

        POST /things
        [{"id":3,"span":"empty","spans":"{}","price":"12345678901234567.87","at":"(Mid,2)","list":"{5,6}","lasts":"P1Y"},
         {"id":4,"span":"[9,)","spans":"{[9,)}","price":null,"at":null,"list":[],"lasts":null}]
        => 201

        # Found.
        GET /things?select=id&spans=cs.{[1,2)}
        => 200
        [{"id":1}]

        GET /things?select=id&spans=cs.{[1,2),[6,7)}
        => 200
        [{"id":1}]

        GET /things?select=id&order=id&or=(spans.ov.{[8,9),[1,2)},id.eq.4)
        => 200
        [{"id":1},{"id":2},{"id":4}]

        GET /things?select=id&spans=cd.{[0,10)}&order=id
        => 200
        [{"id":1},{"id":2},{"id":3}]

        GET /things?select=id&spans=eq.{[2,4),[7,9)}
        => 200
        [{"id":2}]

        GET /things?select=id&span=cs.[1,2)
        => 200
        [{"id":1}]

        GET /things?select=id&span=adj.[5,6)
        => 200
        [{"id":1}]

        GET /things?select=id&list=cs.{1}
        => 200
        [{"id":1}]

        GET /things?select=id&list=ov.{"6",1}&order=id
        => 200
        [{"id":1},{"id":3}]

        GET /things?select=id&price=eq.12345678901234567.89
        => 200
        [{"id":1}]

        GET /things?select=id&price=in.("$12,345,678,901,234,567.88",12345678901234567.87)&order=id
        => 200
        [{"id":2},{"id":3}]

        GET /things?select=id&lasts=gt.12:00:00&order=id
        => 200
        [{"id":1},{"id":3}]

        GET /things?select=id&at->>street=eq.Low
        => 200
        [{"id":2}]

        GET /things?select=id&email=eq.ADA@EXAMPLE.ORG
        => 200
        [{"id":1}]

        GET /things?select=id&count=gte.4
        => 200
        [{"id":2}]

        GET /things?select=id&mood=gt.sad
        => 200
        [{"id":1}]

        GET /things?select=id&labels->>a=eq.1
        => 200
        [{"id":1}]

        GET /things?select=id&words=fts.pen
        => 200
        [{"id":1}]
        "#,
    );
}

#[test]
fn what_is_beyond_numbers_and_years_is_a_value() {
    let (_project, _database, server) = serve(SCHEMA, &TABLES);
    check(
        &server,
        r#"
        POST /things?select=exact,double,day,moment,raw
        Prefer: return=representation
        {"id":2,"exact":"NaN","double":"-Infinity","day":"infinity","moment":"-infinity","raw":"plain"}
        => 201
        [{"exact":"NaN","double":"-Infinity","day":"infinity","moment":"-infinity","raw":"\\x706c61696e"}]

        POST /things?select=exact,double,day,moment,raw
        Prefer: return=representation
        [{"id":3,"exact":"-Infinity","double":"NaN","day":"0044-03-15 BC","moment":"0044-03-15T00:00:00+00:00 BC","raw":"a\\000"},
         {"id":4,"exact":"1.5","double":"1.5","day":"12024-02-29","moment":"12024-02-29T00:00:00+00:00","raw":"\\x00"}]
        => 201
        [{"exact":"-Infinity","double":"NaN","day":"0044-03-15 BC","moment":"0044-03-15T00:00:00+00:00 BC","raw":"\\x6100"},
         {"exact":1.5,"double":1.5,"day":"12024-02-29","moment":"12024-02-29T00:00:00+00:00","raw":"\\x00"}]

        GET /things?select=id&exact=eq.NaN
        => 200
        [{"id":2}]

        GET /things?select=id&exact=in.(NaN,-Infinity)&order=id
        => 200
        [{"id":2},{"id":3}]

        GET /things?select=id&double=in.(NaN,-Infinity)&order=id
        => 200
        [{"id":2},{"id":3}]

        GET /things?select=id&double=eq(any).{NaN,1.5}&order=id
        => 200
        [{"id":3},{"id":4}]

        GET /things?select=id&day=eq.infinity
        => 200
        [{"id":2}]

        GET /things?select=id&day=lt.0001-01-01
        => 200
        [{"id":3}]

        GET /things?select=id&day=in.("0044-03-15 BC",12024-02-29)&order=id
        => 200
        [{"id":3},{"id":4}]

        GET /things?select=id&moment=lte.0044-03-15 00:00:00Z BC&order=id
        => 200
        [{"id":2},{"id":3}]

        GET /things?select=id&raw=eq.plain
        => 200
        [{"id":2}]

        GET /things?day=eq.12024-02-30
        => 400 22P02

        GET /things?moment=eq.yesterday
        => 400 22P02

        POST /things
        {"id":90,"raw":"\\x0"}
        => 400 22P02
        "#,
    );
}

#[test]
fn shapes_are_read_written_and_found() {
    let database = Database::create();
    let there = "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'";
    if asked(&database.url(), there) == "0" {
        #[allow(clippy::print_stdout, reason = "whoever reads the run sees what it says nothing about")]
        {
            println!("not here: PostGIS is not installed");
        }
        return;
    }
    let schema = "CREATE EXTENSION postgis;
CREATE TABLE places (id int PRIMARY KEY, geo geometry(Point, 4326));
INSERT INTO places VALUES (1, 'SRID=4326;POINT(1 2)');";
    let (_project, _database, server) = serve(schema, &["places"]);
    check(
        &server,
        r#"
        GET /places
        => 200
        ~ [{"id":1,"geo":{"type":"Point","coordinates":[1,2]}}]

        POST /places?select=geo
        Prefer: return=representation
        {"id":2,"geo":{"type":"Point","coordinates":[3,4]}}
        => 201
        ~ [{"geo":{"type":"Point","coordinates":[3,4]}}]

        POST /places
        [{"id":3,"geo":"SRID=4326;POINT(5 6)"},{"id":4,"geo":null}]
        => 201

        GET /places?select=id&geo=eq.SRID=4326;POINT(5 6)
        => 200
        [{"id":3}]

        GET /places?select=id&geo=ov.SRID=4326;POLYGON((0 0,3.5 0,3.5 4.5,0 4.5,0 0))&order=id
        => 200
        [{"id":1},{"id":2}]

        GET /places?geo=eq.x
        => 400 22P02

        POST /places
        {"id":90,"geo":"x"}
        => 400 22P02

        POST /places
        [{"id":90,"geo":"x"},{"id":91,"geo":null}]
        => 400 22P02
        "#,
    );
}
