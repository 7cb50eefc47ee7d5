//! Functions of a table's row, named as its columns: by whom the function was granted to, and who may read all of the row.

use serde_json::json;
use transom_pgkit::Database;
use transom_testkit::{Project, Server};

use crate::{changes::Stream, commands::refused, spec::check};

const SCHEMA: &str = r#"
CREATE TABLE teams (id int PRIMARY KEY, name text, code text);
CREATE TABLE people (id int PRIMARY KEY, first text, last text, wage int, team_id int REFERENCES teams (id));
INSERT INTO teams VALUES (1, 'red', 'R');
INSERT INTO people VALUES (1, 'Ada', 'Lovelace', 10, 1), (2, 'Alan', 'Turing', 20, 1), (3, 'Eve', 'Hidden', 30, NULL);
CREATE FUNCTION full_name(people) RETURNS text LANGUAGE sql STABLE AS $$ SELECT $1.first || ' ' || $1.last $$;
CREATE FUNCTION full_name(teams) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'team ' || $1.name $$;
CREATE FUNCTION rich(person people) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT person.wage > 15 $$;
CREATE FUNCTION secret(people) RETURNS int LANGUAGE sql STABLE AS $$ SELECT $1.wage * 2 $$;
CREATE FUNCTION everybody() RETURNS SETOF people LANGUAGE sql STABLE AS $$ SELECT * FROM people $$;
CREATE FUNCTION last(people) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'not the column' $$;
"#;

const POLICIES: &str = "
GRANT SELECT, INSERT, UPDATE, DELETE ON people TO authenticated;
GRANT SELECT (id, first) ON people TO anon;
GRANT SELECT ON teams TO anon, authenticated;
ALTER TABLE teams DISABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON people TO anon, authenticated USING (last <> 'Hidden');
GRANT EXECUTE ON FUNCTION full_name(people), full_name(teams), everybody TO authenticated;
GRANT EXECUTE ON FUNCTION full_name(people), rich TO anon;
";

fn serve(configured: &str) -> (Project, Database, Server) {
    let project = Project::of(SCHEMA, POLICIES);
    project.configure(configured);
    project.on_a_server()
}

#[test]
fn what_a_function_computes_of_a_row_is_a_column_of_it() {
    let (_project, _database, server) = serve("[rest]\naggregates = true\n");
    check(
        &server,
        r#"
        as user ada
        GET /people?select=id,full_name&full_name=like.A*&order=full_name.desc
        => 200
        [{"id":2,"full_name":"Alan Turing"},{"id":1,"full_name":"Ada Lovelace"}]

        # Who names no columns gets those that are stored.
        GET /people?id=eq.1
        => 200
        [{"id":1,"first":"Ada","last":"Lovelace","wage":10,"team_id":1}]

        GET /people/1?select=*,called:full_name
        => 200
        {"id":1,"first":"Ada","last":"Lovelace","wage":10,"team_id":1,"called":"Ada Lovelace"}

        GET /teams?select=full_name,people(full_name)&people.order=full_name&people.limit=1
        => 200
        [{"full_name":"team red","people":[{"full_name":"Ada Lovelace"}]}]

        GET /people?select=id,...teams(full_name)&order=teams(full_name),id&limit=1
        Prefer: count=exact
        => 206
        Content-Range: 0-0/2
        [{"id":1,"full_name":"team red"}]

        GET /people?select=full_name.max()
        => 200
        [{"max":"Alan Turing"}]

        GET /people?select=id&order=full_name&limit=1&cursor=start
        => 200
        Link: ~ cursor=
        [{"id":1}]

        POST /people?select=id,full_name
        Prefer: return=representation
        {"id":7,"first":"Grace","last":"Hopper"}
        => 201
        [{"id":7,"full_name":"Grace Hopper"}]

        PATCH /people?full_name=eq.Grace%20Hopper&select=full_name,teams(full_name)
        Prefer: return=representation
        {"team_id":1}
        => 200
        [{"full_name":"Grace Hopper","teams":{"full_name":"team red"}}]

        DELETE /people?full_name=eq.Grace%20Hopper&select=full_name
        Prefer: return=representation
        => 200
        [{"full_name":"Grace Hopper"}]

        # A column of the table goes before a function of its name, and none of them is written.
        GET /people?select=last&id=eq.1
        => 200
        [{"last":"Lovelace"}]

        PATCH /people?id=eq.1
        {"full_name":"x"}
        => 400

        POST /people
        {"id":8,"full_name":"x"}
        => 400

        # Rows of a function have them too.
        GET /rpc/everybody?select=id,full_name&id=eq.3
        => 200
        [{"id":3,"full_name":"Eve Hidden"}]
        "#,
    );
}

#[test]
fn it_needs_the_function_and_all_of_the_row() {
    let (_project, _database, server) = serve("");
    check(
        &server,
        r#"
        # Granted the functions, but not all that they see.
        GET /people?select=id,full_name
        => 400 42703
        ~ {"hint":null}

        GET /people?select=id&rich=is.true
        => 400 42703

        GET /people?select=id&order=full_name
        => 400 42703

        GET /teams?select=full_name
        => 400 42703

        GET /teams?select=name,people(full_name)
        => 400 42703

        # Granted all of the row, but not the function.
        as user ada
        GET /people?select=id,secret
        => 400 42703
        ~ {"hint":null}

        GET /people?select=id&secret=gt.1
        => 400 42703

        GET /people?select=id&rich=is.true
        => 400 42703

        GET /rpc/everybody?select=id,secret
        => 400 42703

        GET /rpc/everybody?select=id&order=secret
        => 400 42703

        # A row without a name is nothing that can be given in a call.
        POST /rpc/full_name
        {"":{"first":"a","last":"b"}}
        => 404 PGRST202

        GET /rpc/full_name
        => 404 PGRST202

        as role service_role
        GET /people?select=secret,rich&id=eq.1
        => 200
        [{"secret":20,"rich":false}]

        POST /rpc/rich
        {"person":{"wage":16}}
        => 200
        true

        POST /rpc/secret
        {"":{"wage":16}}
        => 404 PGRST202
        "#,
    );
}

#[test]
fn changes_are_judged_and_shown_without_them() {
    let (_project, _database, server) = serve("[changes]\ntables = [\"people\"]\n");
    let claims = json!({ "role": "authenticated", "sub": "ada", "exp": 4_102_444_800_u64 });
    let mut stream = Stream::open(&server.client(), &claims, "people", None);
    let person = |id: i64, last: &str| json!({ "id": id, "first": "x", "last": last });
    let writer = server.role("service_role");
    writer.post("/rest/v1/people", &person(10, "Hidden")).expect(201);
    writer.post("/rest/v1/people", &person(11, "Seen")).expect(201);
    stream.expect("INSERT", 11);
}

#[test]
fn a_policy_is_about_what_rows_hold() {
    let policies = format!(
        "{POLICIES}CREATE POLICY p ON people TO anon USING (full_name = 'x');\nGRANT SELECT (full_name) ON people TO anon;"
    );
    let project = Project::of(SCHEMA, &policies);
    let database = Database::create();
    let url = database.url();
    let told = Server::try_start(project.dir(), &["--database-url", &url]).err().expect("refused");
    assert_eq!(told.matches("column 'full_name' does not exist").count(), 2, "{told}");
    let dir = crate::commands::text(project.dir());
    refused(&["check", dir, "--database-url", &url], &["column 'full_name' does not exist"]);
}
