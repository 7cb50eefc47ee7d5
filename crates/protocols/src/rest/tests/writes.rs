//! Writing: methods, bodies, preferences and batches.

use http::Method;
use insta::assert_debug_snapshot;
use serde_json::{Value as Json, json};
use transom_query::request::{Action, Cell, Earlier, Expect, Literal, Returning};
use transom_types::Code;

use super::{functions, send};
use crate::rest::{Headers, RestRequest, parse_batch, print};

fn post(url: &str, content_type: Option<&'static str>, body: &str) -> RestRequest {
    send(Method::POST, url, Headers { content_type, ..Headers::default() }, body).unwrap()
}

/// The rows as a JSON table: the columns, then the cells, with `"-"` for a missing one.
#[track_caller]
fn rows(request: &RestRequest, expected: Json) {
    let payload = &request.request.values.payload;
    let cell = |cell: &Cell| match cell {
        Cell::Missing => json!("-"),
        Cell::Json(value) => value.clone(),
        Cell::Earlier(earlier) => json!([earlier.operation, earlier.column]),
    };
    let rows: Vec<_> = payload.rows.iter().map(|row| row.iter().map(cell).collect()).collect::<Vec<Json>>();
    assert_eq!(json!([payload.columns, rows]), expected);
}

#[test]
fn json() {
    rows(&post("t", None, r#"{"a":1,"b":{"c":[2]}}"#), json!([["a", "b"], [[1, {"c": [2]}]]]));
    let uneven = r#"[{"a":1},{"b":2,"a":null},{}]"#;
    let headers = Headers {
        content_type: Some("application/json; charset=UTF-8"),
        prefer: vec!["missing=default"],
        ..Headers::default()
    };
    let request = send(Method::POST, "t", headers, uneven).unwrap();
    rows(&request, json!([["a", "b"], [[1, "-"], [null, 2], ["-", "-"]]]));
    let problem = send(Method::POST, "t", Headers::default(), uneven).unwrap_err();
    assert_eq!((problem.code(), problem.message()), (Code::BodyInvalid, "All object keys must match"));
    assert_eq!(problem.details(), Some("Row 1 of the body has no 'b'"));
    rows(&post("t", None, r#"{"a":1,"a":2}"#), json!([["a"], [[2]]]));
    rows(&post("t", None, "[]"), json!([[], []]));
    rows(&post("t", None, "{}"), json!([[], [[]]]));
    rows(&post("t?columns=b,c", None, r#"[{"a":1,"b":2}]"#), json!([["b", "c"], [[2, "-"]]]));
    rows(&post("t", None, r#"{"é\u0000\"":"\ud83d\ude00"}"#), json!([["é\u{0}\""], [["😀"]]]));
    let many: Json =
        (0..40).map(|at| (format!("k{at}"), json!(at))).collect::<serde_json::Map<_, _>>().into();
    let twice = json!([many, many]).to_string();
    assert_eq!(post("t", None, &twice).request.values.payload.rows[1][39], Cell::Json(json!(39)));
}

#[test]
fn csv_and_forms() {
    let csv = Some("text/csv");
    rows(
        &post("t", csv, "a,b\n1,NULL\r\n\"x,\"\"y\"\"\n\",\"NULL\"\n"),
        json!([["a", "b"], [["1", null], ["x,\"y\"\n", "NULL"]]]),
    );
    rows(&post("t", csv, "\u{feff}\"a\",b\n,\"\""), json!([["a", "b"], [["", ""]]]));
    rows(&post("t", csv, "a,b\n"), json!([["a", "b"], []]));
    rows(&post("t?columns=b", csv, "a,b\n1,2"), json!([["b"], [["2"]]]));
    for (body, details) in [
        ("", "the first line"),
        ("a,a\n1,2", "column 2"),
        ("a,\n1,2", "column 2"),
        ("a,b\n1,2\n3", "line 3 has 1"),
        ("a\n\"x", "begins in line 2"),
        ("a\n\"x\"y", "line 2"),
    ] {
        let headers = Headers { content_type: csv, ..Headers::default() };
        let problem = send(Method::POST, "t", headers, body).unwrap_err();
        assert_eq!(problem.code(), Code::BodyInvalid);
        assert!(problem.details().unwrap().contains(details), "{body:?} {problem:?}");
    }
    let form = Some("application/x-www-form-urlencoded");
    rows(&post("t", form, "name=John+Doe&age=%350&name=J%2B"), json!([["name", "age"], [["J+", "50"]]]));
}

#[test]
fn actions() {
    let headers = || Headers {
        prefer: vec!["return=representation, resolution=merge-duplicates", "missing=default"],
        ..Headers::default()
    };
    assert_debug_snapshot!(
        "upsert",
        send(Method::POST, "t?on_conflict=a,b&select=a", headers(), r#"{"a":1}"#).unwrap()
    );
    let put = send(Method::PUT, "t?id=eq.4", headers(), r#"{"id":4}"#).unwrap();
    assert_eq!(put.request.shape.action, Action::Put { columns: vec!["id".into()] });
    assert_eq!(put.preferences.applied().as_deref(), Some("return=representation"));
    let patch = send(Method::PATCH, "t/4", Headers::default(), r#"{"n":4}"#).unwrap().request.shape;
    assert_eq!((patch.expect, patch.returning), (Expect::One, Returning::Minimal));
    let delete = send(
        Method::DELETE,
        "t?a=eq.1",
        Headers { prefer: vec!["handling=strict, max-affected=3"], ..Headers::default() },
        "",
    )
    .unwrap();
    assert_eq!(
        (&delete.request.shape.action, delete.request.shape.expect),
        (&Action::Delete, Expect::AtMost(3))
    );
    assert_eq!(delete.preferences.applied().as_deref(), Some("handling=strict, max-affected=3"));
    let lenient = Headers { prefer: vec!["max-affected=3; x=1, handling=lenient"], ..Headers::default() };
    assert_eq!(send(Method::DELETE, "t", lenient, "").unwrap().request.shape.expect, Expect::Any);
    let call = send(Method::POST, "rpc/add", Headers::default(), r#"{"a":1,"b":[2]}"#).unwrap();
    rows(&call, json!([["a", "b"], [[1, [2]]]]));
    rows(&send(Method::POST, "rpc/add", Headers::default(), "").unwrap(), json!([[], [[]]]));
}

#[test]
fn writes_are_printed_too() {
    let headers = || Headers { prefer: vec!["resolution=ignore-duplicates"], ..Headers::default() };
    for (method, url) in [
        (Method::POST, "t?columns=\"b c\",a&on_conflict=a,\"order\"&select=a"),
        (Method::POST, "t"),
        (Method::PATCH, "t?a=eq.1&order=a&limit=2"),
        (Method::PUT, "t/1"),
        (Method::DELETE, "t?a=in.(1,2)&select=e(*)&e.b=eq.1"),
    ] {
        let request = send(method.clone(), url, headers(), r#"{"b c":1,"a":[{"x":null}]}"#).unwrap();
        let printed = print::url(&request.request);
        let again = send(method, &printed, headers(), r#"{"b c":1,"a":[{"x":null}]}"#).unwrap();
        assert_eq!(again, request, "{printed}");
    }
}

#[test]
fn rows_may_have_their_keys_in_any_order() {
    let forth: Vec<_> = (0..20).map(|at| format!("\"k{at}\":{at}")).collect();
    let back: Vec<_> = forth.iter().rev().cloned().collect();
    let rows = vec![format!("{{{}}}", back.join(",")); 60_000];
    let body = format!("[{{{}}},{}]", forth.join(","), rows.join(","));
    let payload = post("t", None, &body).request.values.payload;
    assert_eq!(payload.rows[0], payload.rows[60_000]);
}

#[test]
fn location_needs_the_key() {
    let headers = Headers { prefer: vec!["return=headers-only"], ..Headers::default() };
    assert_eq!(send(Method::POST, "t", headers, "{}").unwrap().request.shape.returning, Returning::Key);
}

#[test]
fn batches() {
    let body = json!({"operations": [
        {"method": "POST", "path": "orders?select=id", "headers": {"Prefer": "return=representation"}, "body": {"customer": 1}},
        {"method": "POST", "path": "/rest/v1/lines", "body": [{"order": {"$ref": "0.id"}, "data": {"$ref": "0.a.b", "x": 1}}]},
        {"method": "PATCH", "path": "orders/$ref(0.id)?owner=eq.$ref(1.line owner)", "body": {"done": true}},
        {"method": "POST", "path": "notes", "headers": {"content-type": "text/csv"}, "body": "a\nx"},
        {"method": "DELETE", "path": "drafts?or=(id.eq.\"$ref(0.id)\",id.is.null)"},
    ]});
    let requests = parse_batch(body.to_string().as_bytes(), &functions).unwrap();
    rows(&requests[1], json!([["order", "data"], [[[0, "id"], {"$ref": "0.a.b", "x": 1}]]]));
    let earlier = |operation, column: &str| Literal::Earlier(Earlier { operation, column: column.into() });
    assert_eq!(requests[2].request.values.literals, [earlier(1, "line owner"), earlier(0, "id")]);
    rows(&requests[3], json!([["a"], [["x"]]]));
    assert_eq!(requests[4].request.values.literals, [earlier(0, "id")]);
    // Outside a batch these are plain values.
    rows(&post("t", None, r#"{"a":{"$ref":"0.id"}}"#), json!([["a"], [[{"$ref": "0.id"}]]]));
}

#[test]
fn bad_batches() {
    let mut table = Vec::new();
    for body in [
        "{}",
        "[]",
        r#"{"operations":[]}"#,
        r#"{"operations":[{"method":"GET"}]}"#,
        r#"{"operations":[{"method":"GET","path":"t","extra":1}]}"#,
        r#"{"operations":[{"method":"G T","path":"t"}]}"#,
        r#"{"operations":[{"method":"GET","path":"t"},{"method":"GET","path":"t?a=5"}]}"#,
        r#"{"operations":[{"method":"POST","path":"$batch"}]}"#,
        r#"{"operations":[{"method":"GET","path":"t","headers":{"cookie":"x"}}]}"#,
        r#"{"operations":[{"method":"POST","path":"t","body":{"a":{"$ref":"0.id"}}}]}"#,
        r#"{"operations":[{"method":"GET","path":"t"},{"method":"POST","path":"t","body":{"a":{"$ref":"id"}}}]}"#,
        r#"{"operations":[{"method":"GET","path":"t"},{"method":"GET","path":"t?a=eq.$ref(x.id)"}]}"#,
        r#"{"operations":[{"method":"POST","path":"t"}]}"#,
    ] {
        table.push(format!("{body}\n    {:?}", parse_batch(body.as_bytes(), &functions).expect_err(body)));
    }
    insta::assert_snapshot!("bad_batches", table.join("\n"));
    let many = json!({"operations": vec![json!({"method": "GET", "path": "t"}); 1_001]}).to_string();
    assert_eq!(parse_batch(many.as_bytes(), &functions).unwrap_err().code(), Code::BatchInvalid);
    assert_eq!(
        parse_batch("[".repeat(1_000_000).as_bytes(), &functions).unwrap_err().code(),
        Code::TooManyParts
    );
}
