//! What a read's reply looks like: in which order, how many rows, in which form.

use transom_testkit::embedded_only;

use crate::{reading::serve, spec::check};

#[test]
fn rows_come_in_order_and_in_parts() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        # NULL counts as the greatest, as in PostgreSQL.
        GET /people?select=id&order=age,id
        => 200
        [{"id":2},{"id":1},{"id":4},{"id":3}]

        GET /people?select=id&order=age.desc,id.desc
        => 200
        [{"id":3},{"id":4},{"id":1},{"id":2}]

        GET /people?select=id&order=age.nullsfirst,id
        => 200
        [{"id":3},{"id":2},{"id":1},{"id":4}]

        GET /people?select=id&order=age.desc.nullslast,id.asc
        => 200
        [{"id":1},{"id":4},{"id":2},{"id":3}]

        GET /people?select=id&order=id&limit=2
        => 200
        Content-Range: 0-1/*
        [{"id":1},{"id":2}]

        GET /people?select=id&order=id&limit=2&offset=3
        => 200
        Content-Range: 3-3/*
        [{"id":4}]

        GET /people?select=id&order=id&offset=2
        => 200
        Content-Range: 2-3/*
        [{"id":3},{"id":4}]

        GET /people?select=id&limit=0
        => 200
        Content-Range: */*
        []

        GET /people?select=id&order=id
        Range-Unit: items
        Range: 1-2
        => 200
        Content-Range: 1-2/*
        [{"id":2},{"id":3}]

        GET /people?select=id&order=id
        Range: 2-
        => 200
        Content-Range: 2-3/*
        [{"id":3},{"id":4}]

        GET /people?select=id&order=id&limit=2
        Prefer: count=exact
        => 206
        Content-Range: 0-1/4
        Preference-Applied: count=exact
        [{"id":1},{"id":2}]

        GET /people?select=id&order=id
        Prefer: count=exact
        => 200
        Content-Range: 0-3/4
        [{"id":1},{"id":2},{"id":3},{"id":4}]

        # The total counts what the filter lets through.
        GET /people?select=id&age=eq.36&limit=1
        Prefer: count=exact
        => 206
        Content-Range: 0-0/2
        [{"id":1}]

        GET /people?select=id&age=eq.99
        Prefer: count=exact
        => 200
        Content-Range: */0
        []

        # Past the last row there is nothing; past the end there is no such range.
        GET /people?select=id&offset=4&limit=5
        Prefer: count=exact
        => 206
        Content-Range: */4
        []

        GET /people?select=id&offset=5&limit=5
        Prefer: count=exact
        => 416 PGRST103
        Content-Range: */4

        GET /people?select=id
        Range: 7-9
        => 200
        Content-Range: */*
        []

        GET /people?select=id
        Range: 5-2
        => 416 PGRST103

        GET /people?limit=-1
        => 416 PGRST103

        GET /people?limit=some
        => 400 PGRST100

        GET /people?order=age.sideways
        => 400 PGRST100
        "#,
    );
    let reply = server.client().with("Prefer", "count=planned").get("/rest/v1/people?select=id");
    assert!([200, 206, 400].contains(&reply.status), "planned: {reply:?}");
    let reply =
        server.client().with("Prefer", "count=estimated").get("/rest/v1/people?select=id").expect(200);
    assert_eq!(reply.header("content-range"), Some("0-3/4"), "few rows are counted exactly");
}

#[test]
fn the_reply_takes_the_form_that_is_accepted() {
    if embedded_only("a part of a document as text has its own white space") {
        return;
    }
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /people?select=id,name&id=eq.1
        Accept: application/vnd.pgrst.object+json
        => 200
        Content-Type: ~ application/vnd.pgrst.object+json
        {"id":1,"name":"Ada"}

        GET /people?select=id
        Accept: application/vnd.pgrst.object+json
        => 406 PGRST116 "4 rows"

        GET /people?select=id&id=eq.99
        Accept: application/vnd.pgrst.object+json
        => 406 PGRST116 "0 rows"

        GET /people?select=id,name,data->tags,age&order=id
        Accept: text/csv
        => 200
        Content-Type: ~ text/csv
        | id,name,tags,age
        | 1,Ada,"[""a"",""b""]",36
        | 2,Bob,"[""b""]",17
        | 3,Émile,,
        | 4,dan,,36

        GET /words?select=word,note&word=in.("a,b","\"f\"")&order=word.desc
        Accept: text/csv
        => 200
        | word,note
        | "a,b",comma
        | """f""",quote

        GET /people?select=id,age,name&id=eq.3
        Accept: application/vnd.pgrst.array+json;nulls=stripped
        => 200
        Content-Type: ~ nulls=stripped
        [{"id":3,"name":"Émile"}]

        GET /people?select=id,age,name&id=eq.3
        Accept: application/vnd.pgrst.object+json;nulls=stripped
        => 200
        {"id":3,"name":"Émile"}

        GET /people?select=id&id=eq.1
        Accept: */*
        => 200
        Content-Type: ~ application/json
        [{"id":1}]

        GET /people?select=id&id=eq.1
        Accept: text/html, application/json;q=0.5
        => 200
        [{"id":1}]

        GET /people
        Accept: application/pdf
        => 406 PGRST107

        HEAD /people?select=id
        Prefer: count=exact
        => 200
        Content-Range: 0-3/4
        Content-Type: ~ application/json

        HEAD /nowhere
        => 404

        OPTIONS /people
        => 200
        Allow: ~ GET

        OPTIONS /nowhere
        => 404

        # A schema by name: there is one.
        GET /people?select=id&id=eq.1
        Accept-Profile: public
        => 200
        [{"id":1}]

        GET /people
        Accept-Profile: secret
        => 406 PGRST106

        TRACE /people
        => 405
        "#,
    );
}

#[test]
fn plans_are_shown_in_development() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /people?select=id&name=eq.Ada
        Accept: application/vnd.pgrst.plan+json
        => 200
        Content-Type: ~ application/vnd.pgrst.plan

        GET /people?select=id&name=eq.Ada
        Accept: application/vnd.pgrst.plan
        => 200 "people"
        "#,
    );
}
