//! Types that a database server has of its own or by an extension: read, written and found in a project, as JSON.

use transom_pgkit::Database;
use transom_testkit::{Project, Server};

use crate::spec::check;

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
    let project = Project::of(schema, &tables.iter().map(grant).collect::<String>());
    let database = Database::create();
    let server = Server::start(project.dir(), &["--database-url", &database.url()]);
    (project, database, server)
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
