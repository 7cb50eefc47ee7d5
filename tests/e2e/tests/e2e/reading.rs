//! Reading rows: which columns, which rows, in which order, how many, in which form.

use transom_testkit::{Project, Server, embedded_only};

use crate::spec::check;

const SCHEMA: &str = "
CREATE TABLE people (
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL,
  age     INTEGER,
  height  REAL,
  student BOOLEAN,
  born    DATE,
  seen    TIMESTAMP,
  data    JSON,
  photo   BLOB,
  balance NUMERIC(10, 2)
);
INSERT INTO people VALUES
  (1, 'Ada',   36,   1.65, false, '1815-12-10', '2026-01-02T03:04:05Z', '{\"blood\":\"A-\",\"age\":36,\"phones\":[{\"code\":\"61\",\"number\":\"917\"},{\"code\":\"62\",\"number\":\"918\"}],\"tags\":[\"a\",\"b\"]}', x'00ff', 10.5),
  (2, 'Bob',   17,   1.80, true, '1999-02-28', NULL, '{\"blood\":\"O+\",\"age\":17,\"phones\":[],\"tags\":[\"b\"]}', NULL, -3),
  (3, 'Émile', NULL, NULL, NULL, NULL,         NULL, NULL, NULL, NULL),
  (4, 'dan',   36,   1.65, true, '2000-02-29', '2026-05-06T07:08:09Z', '{\"blood\":null,\"deep\":{\"er\":[1,2,3]}}', NULL, 0);
CREATE TABLE words (word TEXT PRIMARY KEY, note TEXT);
INSERT INTO words VALUES ('a,b', 'comma'), ('(c)', 'paren'), ('d.e', 'dot'), ('\"f\"', 'quote'), ('null', NULL), ('100%', 'percent'), ('a_b', 'under'), ('x\\y', 'back');
CREATE VIEW adults AS SELECT id, name FROM people WHERE age >= 18;
CREATE TABLE \"odd names\" (\"a b\" INTEGER PRIMARY KEY, \"sé:x\" TEXT, \"order\" TEXT);
INSERT INTO \"odd names\" VALUES (1, 'one', 'first');
";
const POLICIES: &str = "
GRANT SELECT ON people, words, adults, \"odd names\" TO anon;
CREATE POLICY p ON people USING (true);
CREATE POLICY p ON words USING (true);
CREATE POLICY p ON adults USING (true);
CREATE POLICY p ON \"odd names\" USING (true);
";

/// The project of this spec, served.
pub fn serve() -> (Project, Server) {
    let project = Project::of(SCHEMA, POLICIES);
    let server = project.serve();
    (project, server)
}

#[test]
fn columns_are_chosen_renamed_and_cast() {
    if embedded_only("instants are shown with +00:00, decimals with all their digits") {
        return;
    }
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /people?id=eq.1
        => 200
        Content-Type: ~ application/json
        [{"id":1,"name":"Ada","age":36,"height":1.65,"student":false,"born":"1815-12-10","seen":"2026-01-02T03:04:05Z",
          "data":{"blood":"A-","age":36,"phones":[{"code":"61","number":"917"},{"code":"62","number":"918"}],"tags":["a","b"]},
          "photo":"\\x00ff","balance":10.5}]

        GET /people?select=id,name&order=id
        => 200
        [{"id":1,"name":"Ada"},{"id":2,"name":"Bob"},{"id":3,"name":"Émile"},{"id":4,"name":"dan"}]

        GET /people?select=fullName:name,years:age&id=eq.2
        => 200
        [{"fullName":"Bob","years":17}]

        # A view is read like a table.
        GET /adults?order=id
        => 200
        [{"id":1,"name":"Ada"},{"id":4,"name":"dan"}]

        GET /people?select=age::text,h:height::text,id::text&id=eq.1
        => 200
        [{"age":"36","h":"1.65","id":"1"}]

        GET /people?select=balance::int,name::varchar&id=eq.2
        => 200
        [{"balance":-3,"name":"Bob"}]

        # Spaces and other letters in names.
        GET /odd names?select="a b","sé:x","order"
        => 200
        [{"a b":1,"sé:x":"one","order":"first"}]

        GET /odd%20names?"a b"=eq.1&select=x:"order"
        => 200
        [{"x":"first"}]

        GET /people?select=*,again:name&id=eq.3
        => 200
        [{"id":3,"name":"Émile","age":null,"height":null,"student":null,"born":null,"seen":null,"data":null,"photo":null,"balance":null,"again":"Émile"}]

        # An unknown cast is refused, not passed on.
        GET /people?select=id::nonsense
        => 400
        "#,
    );
}

#[test]
fn paths_lead_into_json() {
    if embedded_only("a part of a document as text has its own white space") {
        return;
    }
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /people?select=id,data->>blood,data->phones&id=in.(1,2)&order=id
        => 200
        [{"id":1,"blood":"A-","phones":[{"code":"61","number":"917"},{"code":"62","number":"918"}]},{"id":2,"blood":"O+","phones":[]}]

        GET /people?select=data->phones->0->>number&id=eq.1
        => 200
        [{"number":"917"}]

        GET /people?select=last:data->phones->-1->>number&id=eq.1
        => 200
        [{"last":"918"}]

        GET /people?select=data->deep->er->1,t:data->deep->>er&id=eq.4
        => 200
        [{"er":2,"t":"[1,2,3]"}]

        GET /people?select=id,data->missing->further&order=id
        => 200
        [{"id":1,"further":null},{"id":2,"further":null},{"id":3,"further":null},{"id":4,"further":null}]

        # ->> compares as text, -> as JSON: the number is a number.
        GET /people?select=id&data->>blood=eq.A-
        => 200
        [{"id":1}]

        GET /people?select=id&data->age=gt.20
        => 200
        [{"id":1}]

        GET /people?select=id&data->>blood=is.null&order=id
        => 200
        [{"id":3},{"id":4}]

        GET /people?select=id&order=data->>blood.desc.nullslast,id
        => 200
        [{"id":2},{"id":1},{"id":3},{"id":4}]

        GET /people?select=id&or=(data->>blood.eq.O%2B,data->deep->er->>0.eq.1)&order=id
        => 200
        [{"id":2},{"id":4}]

        # Contains, on JSON.
        GET /people?select=id&data=cs.{"tags":["b"]}&order=id
        => 200
        [{"id":1},{"id":2}]

        GET /people?select=id&data->tags=cs.["a"]
        => 200
        [{"id":1}]

        GET /people?select=id&data->tags=cd.["b","c"]
        => 200
        [{"id":2}]

        GET /people?select=data->>age::int&id=eq.1
        => 200
        [{"age":36}]
        "#,
    );
}

#[test]
fn operators_choose_rows() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /people?select=id&age=eq.36&order=id
        => 200 
        [{"id":1},{"id":4}]

        # NULL is neither equal nor different.
        GET /people?select=id&age=neq.36
        => 200
        [{"id":2}]

        GET /people?select=id&age=gt.17&order=id
        => 200
        [{"id":1},{"id":4}]

        GET /people?select=id&age=gte.17&order=id
        => 200
        [{"id":1},{"id":2},{"id":4}]

        GET /people?select=id&age=lt.36
        => 200
        [{"id":2}]

        GET /people?select=id&age=lte.36&order=id.desc
        => 200
        [{"id":4},{"id":2},{"id":1}]

        GET /people?select=id&name=like.A*
        => 200
        [{"id":1}]

        GET /people?select=id&name=like.*a*&order=id
        => 200
        [{"id":1},{"id":4}]

        GET /people?select=id&name=ilike.D%25
        => 200
        [{"id":4}]

        # Unicode letters have cases too.
        GET /people?select=id&name=ilike.éMILE
        => 200
        [{"id":3}]

        GET /people?select=id&name=match.^[AB]&order=id
        => 200
        [{"id":1},{"id":2}]

        GET /people?select=id&name=imatch.^D.n$
        => 200
        [{"id":4}]

        GET /people?select=id&id=in.(1,3,99)&order=id
        => 200
        [{"id":1},{"id":3}]

        GET /people?select=id&id=in.()
        => 200
        []

        GET /people?select=id&age=is.null
        => 200
        [{"id":3}]

        GET /people?select=id&age=is.not_null&order=id
        => 200
        [{"id":1},{"id":2},{"id":4}]

        GET /people?select=id&student=is.true&order=id
        => 200
        [{"id":2},{"id":4}]

        GET /people?select=id&student=is.false
        => 200
        [{"id":1}]

        GET /people?select=id&student=is.unknown
        => 200
        [{"id":3}]

        GET /people?select=id&student=is.TRUE&order=id
        => 200
        [{"id":2},{"id":4}]

        GET /people?select=id&student=eq.true&order=id
        => 200
        [{"id":2},{"id":4}]

        GET /people?select=id&age=isdistinct.36&order=id
        => 200
        [{"id":2},{"id":3}]

        GET /people?select=id&born=gte.1999-02-28&order=id
        => 200
        [{"id":2},{"id":4}]

        GET /people?select=id&height=eq.1.65&order=id
        => 200
        [{"id":1},{"id":4}]

        GET /people?select=id&balance=lt.0
        => 200
        [{"id":2}]

        # Ranges do not exist on this engine: that is said, not ignored.
        GET /people?age=sl.(1,10)
        => 400

        GET /people?age=adj.(1,10)
        => 400

        # A value that is not of the column's type.
        GET /people?age=eq.old
        => 400 22P02

        GET /people?born=eq.yesterday-ish
        => 400

        GET /people?student=is.maybe
        => 400 PGRST100

        GET /people?name=match.(
        => 400 2201B

        GET /people?age=nonsense.1
        => 400 PGRST100

        GET /people?age=36
        => 400 PGRST100
        
        # A moment is the same in every zone; a day that no calendar has is none.
        GET /people?select=id&seen=eq.2026-01-02T05:04:05%2B02:00
        => 200
        [{"id":1}]

        GET /people?select=id&born=gt.2023-02-29
        => 400 22P02
        "#,
    );
}

#[test]
fn conditions_are_negated_quantified_and_combined() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /people?select=id&age=not.eq.36
        => 200
        [{"id":2}]

        GET /people?select=id&age=not.is.null&order=id
        => 200
        [{"id":1},{"id":2},{"id":4}]

        GET /people?select=id&id=not.in.(1,2)&order=id
        => 200
        [{"id":3},{"id":4}]

        GET /people?select=id&name=like(any).{A*,B*}&order=id
        => 200
        [{"id":1},{"id":2}]

        GET /people?select=id&name=like(all).{*a*,d*}
        => 200
        [{"id":4}]

        GET /people?select=id&name=not.ilike(any).{a*,b*}&order=id
        => 200
        [{"id":3},{"id":4}]

        GET /people?select=id&age=eq(any).{17,36}&order=id
        => 200
        [{"id":1},{"id":2},{"id":4}]

        GET /people?select=id&age=gt(all).{10,20}&order=id
        => 200
        [{"id":1},{"id":4}]

        GET /people?select=id&name=imatch(any).{^a,^e,^b}&order=id
        => 200
        [{"id":1},{"id":2}]

        GET /people?select=id&or=(age.lt.18,age.is.null)&order=id
        => 200
        [{"id":2},{"id":3}]

        GET /people?select=id&not.or=(age.lt.18,age.is.null)&order=id
        => 200
        [{"id":1},{"id":4}]

        GET /people?select=id&and=(age.gte.17,student.is.true)&order=id
        => 200
        [{"id":2},{"id":4}]

        GET /people?select=id&not.and=(age.eq.36,student.is.true)&order=id
        => 200
        [{"id":1},{"id":2},{"id":3}]

        GET /people?select=id&or=(id.eq.3,not.and(age.gte.18,name.like.*a*),and(id.eq.4,age.eq.36))&order=id
        => 200
        [{"id":2},{"id":3},{"id":4}]

        GET /people?select=id&or=(name.in.(Ada,Bob),id.not.lt.4)&order=id
        => 200
        [{"id":1},{"id":2},{"id":4}]

        # Several conditions on one column are joined by AND; two `or` too.
        GET /people?select=id&id=gt.1&id=lt.4&order=id
        => 200
        [{"id":2},{"id":3}]

        GET /people?select=id&or=(id.eq.1,id.eq.2)&or=(id.eq.2,id.eq.3)
        => 200
        [{"id":2}]

        GET /people?or=(id.eq.1
        => 400 PGRST100

        GET /people?or=()
        => 400 PGRST100
        "#,
    );
}

#[test]
fn values_may_hold_reserved_letters() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /words?select=note&word=eq.a,b
        => 200
        [{"note":"comma"}]

        GET /words?select=note&word=in.("a,b","(c)")&order=note
        => 200
        [{"note":"comma"},{"note":"paren"}]

        GET /words?select=note&word=eq.d.e
        => 200
        [{"note":"dot"}]

        GET /words?select=note&or=(word.eq."a,b",word.eq."(c)")&order=note
        => 200
        [{"note":"comma"},{"note":"paren"}]

        GET /words?select=note&word=in.("\"f\"","x\\y")&order=note
        => 200
        [{"note":"back"},{"note":"quote"}]

        # A quote outside of a list is a letter.
        GET /words?select=note&word=eq."f"
        => 200
        [{"note":"quote"}]

        # The word null is a word, not NULL.
        GET /words?select=word&word=eq.null
        => 200
        [{"word":"null"}]

        GET /words?select=word&word=in.(null)
        => 200
        [{"word":"null"}]

        GET /words?select=word&word=like.100\%25
        => 200
        [{"word":"100%"}]

        GET /words?select=word&word=like.a\_b
        => 200
        [{"word":"a_b"}]

        GET /words?select=word&word=eq.
        => 200
        []
        "#,
    );
}

/// `curl` and most hand-written clients do not encode these, and the documentation's examples are written so.
#[test]
fn arrows_and_quotes_are_accepted_as_they_are() {
    let (_project, server) = serve();
    for path in
        ["/rest/v1/people?select=data->>blood&id=eq.1", "/rest/v1/people?select=\"name\"&id=in.(\"1\")"]
    {
        server.client().get(path).expect(200);
    }
}

/// A column of a type that the embedded engine does not know makes numbers of texts that look like some.
#[test]
fn a_number_beyond_what_json_holds_is_shown_as_none() {
    if embedded_only("the engine knows every type that a column has") {
        return;
    }
    let migration = "CREATE TABLE odd (id INTEGER PRIMARY KEY, size WEIGHT);
                     INSERT INTO odd VALUES (1, '1e400'), (2, '-1e400'), (3, '7'), (4, 'seven');";
    let project =
        Project::of(migration, "GRANT SELECT ON odd TO anon;\nALTER TABLE odd DISABLE ROW LEVEL SECURITY;");
    let sizes = project.serve().client().get("/rest/v1/odd?select=size&order=id").expect(200).json();
    assert_eq!(
        sizes,
        serde_json::json!([{ "size": null }, { "size": null }, { "size": 7 }, { "size": "seven" }])
    );
}
