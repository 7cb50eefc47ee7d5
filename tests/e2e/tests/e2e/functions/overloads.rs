//! The engine chooses among all functions of a name: a grant on one of them must not lead to another.

use transom_pgkit::Database;
use transom_testkit::{Project, Server};

use crate::{
    commands::{good, refused, text},
    postgrest::asked,
    spec::check,
};

/// The line of a fault and what it says, and its remedy.
type Expected<'a> = (u64, &'a str, &'a str);

const TOGETHER: &str = "Grant both to the same roles, or rename one";

/// The faults of a schema with these functions and these grants, at the start and when it is checked: no others.
#[track_caller]
fn faulty(schema: &str, grants: &str, expected: &[Expected]) {
    let project = Project::of(schema, grants);
    let database = Database::create();
    let url = database.url();
    let flags = ["--database-url", &url];
    let told = Server::try_start(project.dir(), &flags).err().expect("refused");
    for (line, fault, remedy) in expected {
        let fault = format!("policies.sql:{line}: {fault}, which its calls could reach");
        assert!(told.contains(&fault), "no {fault:?} in: {told}");
        let rest = told.split_once(&fault).map_or("", |(_, rest)| rest);
        let until = rest.find("policies.sql:").unwrap_or(rest.len());
        assert!(rest[..until].contains(remedy), "no {remedy:?} for {fault:?} in: {told}");
        refused(&["check", text(project.dir()), flags[0], flags[1]], &[&fault, remedy]);
    }
    assert_eq!(told.matches("which its calls could reach").count(), expected.len(), "{told}");
}

/// Functions that say their names.
fn functions(signatures: &[&str]) -> String {
    let function = |signature: &&str| {
        let said = signature.replace('\'', "''");
        format!("CREATE FUNCTION {signature} RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '{said}' $$;\n")
    };
    signatures.iter().map(function).collect()
}

#[test]
fn a_call_cannot_reach_what_was_not_granted() {
    let schema = functions(&[
        "rev(a int)",
        "rev(a int, VARIADIC b text[] DEFAULT '{}')",
        "b1(c char(3))",
        "b1(c varchar)",
        "f(a int)",
        "f(a int, b int DEFAULT 1)",
        "whole(json)",
        "whole(how int)",
    ]);
    let grants = "GRANT EXECUTE ON FUNCTION rev(int, text[]) TO anon;
        GRANT EXECUTE ON FUNCTION b1(char) TO anon, authenticated;
        GRANT EXECUTE ON FUNCTION f(int) TO anon;
        GRANT EXECUTE ON FUNCTION whole(json) TO anon;";
    let expected = [
        (1, "function 'rev(integer, text[])' is granted to anon without 'rev(integer)'", TOGETHER),
        (
            2,
            "function 'b1(character)' is granted to anon, authenticated without 'b1(character varying)'",
            TOGETHER,
        ),
        (3, "function 'f(integer)' is granted to anon without 'f(integer, integer)'", TOGETHER),
        (4, "function 'whole(json)' is granted to anon without 'whole(integer)'", TOGETHER),
    ];
    faulty(&schema, grants, &expected);
}

#[test]
fn what_cannot_be_granted_is_in_the_way_too() {
    let schema = functions(&[
        "show_limit(a int DEFAULT 1)",
        "told(a int DEFAULT 1)",
        "summed(a int)",
        "done(a int)",
        "mixed(a char)",
        "mixed(a varchar, b int DEFAULT 1)",
        "\"any\"(a int)",
    ]);
    let schema = format!(
        "CREATE EXTENSION pg_trgm;
        {schema}
        CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE FUNCTION added(text, text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$;
        CREATE AGGREGATE summed (a text) (sfunc = added, stype = text);
        CREATE PROCEDURE done(a text, OUT b text) LANGUAGE sql AS $$ SELECT a $$;
        CREATE FUNCTION mixed(text DEFAULT '', bool DEFAULT true) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$;
        CREATE FUNCTION mixed(a anyarray) RETURNS text LANGUAGE sql AS $$ SELECT '' $$;
        CREATE FUNCTION \"any\"(a anyelement) RETURNS record LANGUAGE sql AS $$ SELECT 1, 2 $$;"
    );
    let grants = "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO authenticated;
        GRANT EXECUTE ON FUNCTION mixed(char) TO anon;
        GRANT EXECUTE ON FUNCTION \"any\"(int) TO anon;";
    let expected = [
        (
            1,
            "function 'show_limit(integer)' is granted to authenticated without 'show_limit()'",
            "Rename one: 'show_limit()' cannot be called",
        ),
        (
            1,
            "function 'told(integer)' is granted to authenticated without 'told()'",
            "Rename one: 'told()' cannot be called",
        ),
        (
            1,
            "function 'summed(integer)' is granted to authenticated without 'summed(text)'",
            "Rename one: 'summed(text)' cannot be called",
        ),
        (
            1,
            "function 'done(integer)' is granted to authenticated without 'done(text)'",
            "Rename one: 'done(text)' cannot be called",
        ),
        (
            2,
            "function 'mixed(character)' is granted to anon without 'mixed(character varying, integer)', 'mixed(anyarray)'",
            TOGETHER,
        ),
        (3, "function 'any(integer)' is granted to anon without 'any(anyelement)'", TOGETHER),
    ];
    faulty(&schema, grants, &expected);
}

#[test]
fn a_role_is_judged_with_what_it_inherits() {
    let schema = functions(&["f(a int)", "f(a text)"]);
    let grants = "CREATE ROLE staff;
        CREATE ROLE chief;
        CREATE ROLE robot;
        GRANT staff TO chief;
        GRANT service_role TO robot;
        GRANT EXECUTE ON FUNCTION f(text) TO robot, service_role;
        GRANT EXECUTE ON FUNCTION f(int) TO staff;
        GRANT EXECUTE ON FUNCTION f(text) TO chief;
        GRANT EXECUTE ON FUNCTION f(int), f(text) TO authenticated;
        REVOKE EXECUTE ON FUNCTION f(int) FROM authenticated;";
    let expected = [
        (7, "function 'f(integer)' is granted to staff without 'f(text)'", TOGETHER),
        (9, "function 'f(text)' is granted to authenticated without 'f(integer)'", TOGETHER),
    ];
    faulty(&schema, grants, &expected);
    let everybody =
        [(1, "function 'f(integer)' is granted to anon, authenticated without 'f(text)'", TOGETHER)];
    faulty(&schema, "GRANT EXECUTE ON FUNCTION f(int) TO public;", &everybody);
}

#[test]
fn a_row_is_given_to_what_takes_just_that() {
    let tables = "CREATE TABLE people (id int PRIMARY KEY); CREATE TABLE teams (id int PRIMARY KEY);";
    let schema = functions(&[
        "called(people)",
        "called(teams)",
        "called(anyelement)",
        "called(VARIADIC people[])",
        "told(people)",
        "told(people, short bool DEFAULT true)",
    ]);
    let grants = "GRANT EXECUTE ON FUNCTION called(people), told(people) TO anon;";
    let expected = [(
        1,
        "function 'told(people)' is granted to anon without 'told(people, boolean)'",
        "Rename one: 'told(people, boolean)' cannot be called",
    )];
    faulty(&format!("{tables}{schema}"), grants, &expected);
}

#[test]
fn a_function_that_is_added_later_is_judged_when_the_schema_is_read() {
    let grants = "GRANT EXECUTE ON FUNCTION f(int) TO anon;";
    let (project, database, server) = Project::of(&functions(&["f(a int)"]), grants).on_a_server();
    let url = database.url();
    asked(&url, &functions(&["f(a text)"]));
    let fault = "function 'f(integer)' is granted to anon without 'f(text)'";
    refused(&["check", text(project.dir()), "--database-url", &url], &[fault]);
    server.hang_up();
    let printed = server.until_printed(fault);
    assert!(printed.contains("last good model"), "{printed}");
    asked(&url, "DROP FUNCTION f(text)");
    server.client().get("/rest/v1/rpc/f?a=1").expect(200);
    good(&["check", text(project.dir()), "--database-url", &url]);
}

#[test]
fn functions_that_no_call_confuses_are_granted_one_by_one() {
    let schema = functions(&[
        "h(a int, b text)",
        "h(c int)",
        "each(a int)",
        "each(a text)",
        "more(a int)",
        "more(a int, b int)",
        "unnamed(a int)",
        "unnamed(json)",
    ]);
    let grants =
        "GRANT EXECUTE ON FUNCTION h(int, text), each(int), each(text), more(int), unnamed(int) TO anon;
        GRANT EXECUTE ON FUNCTION h(int), more(int, int) TO authenticated;
        GRANT EXECUTE ON FUNCTION each(text) TO service_role;";
    let project = Project::of(&schema, grants);
    let (project, database, server) = project.on_a_server();
    good(&["check", text(project.dir()), "--database-url", &database.url()]);
    check(
        &server,
        r#"
        GET /rpc/h?a=1&b=x
        => 200
        "h(a int, b text)"

        GET /rpc/h?c=1
        => 404 PGRST202

        GET /rpc/more?a=1
        => 200
        "more(a int)"

        GET /rpc/more?a=1&b=2
        => 404 PGRST202

        GET /rpc/unnamed?a=1
        => 200
        "unnamed(a int)"

        as user ada
        GET /rpc/h?c=1
        => 200
        "h(c int)"

        GET /rpc/more?a=1
        => 404 PGRST202

        GET /rpc/more?a=1&b=2
        => 200
        "more(a int, b int)"
        "#,
    );
}
