//! The way out: forms of rows, ranges, links and problems.

use bytes::Bytes;
use serde_json::json;
use transom_query::{
    catalog::Returns,
    request::{Action, Insert},
};
use transom_types::{Code, Problem};

use crate::rest::{
    Asked, BASE, BatchPart, ReplyKind, Shape, Window, batch_reply, location, negotiate, next_link,
    problem_body, shape, write_reply,
};

#[track_caller]
fn shaped(accept: &str, returns: Option<Returns>, json: &str, expected: &str) {
    let form = negotiate(Some(accept), Asked::Function).unwrap();
    let rows = serde_json::from_str::<Vec<serde_json::Value>>(json).unwrap().len() as u64;
    let shaped = match shape(&form, returns, rows).unwrap() {
        Shape::Plain => json.to_owned().into(),
        Shape::Nothing => Bytes::new(),
        Shape::Made(shaping) => shaping.whole(&json.to_owned().into()).unwrap(),
    };
    assert_eq!(std::str::from_utf8(&shaped).unwrap(), expected, "{accept}");
}

const OBJECT: &str = "application/vnd.pgrst.object+json";

#[test]
fn forms() {
    let rows = r#"[{"a":1,"b":null},{"a":"x,\"y\"\n","b":{"c":null}}]"#;
    shaped("*/*", None, rows, rows);
    shaped(
        "application/vnd.pgrst.array+json;nulls=stripped",
        None,
        rows,
        r#"[{"a":1},{"a":"x,\"y\"\n","b":{}}]"#,
    );
    shaped("text/csv", None, rows, "a,b\n1,\n\"x,\"\"y\"\"\n\",\"{\"\"c\"\":null}\"");
    shaped("text/csv", None, r#"[{"a,\u0041":"","b":true},{"b":2}]"#, "\"a,A\",b\n\"\",true\n,2");
    shaped("text/csv", None, "[]", "");
    shaped(OBJECT, None, " [ {\"a\":[1]} ] ", "{\"a\":[1]}");
    shaped("application/json", Some(Returns::Row), r#"[{"a":1}]"#, r#"{"a":1}"#);
    shaped("application/json", Some(Returns::Scalar), r#"[{"a":[1, 2]}]"#, "[1, 2]");
    shaped("application/json", Some(Returns::Scalar), "[]", "null");
    let several = |parts| Some(Returns::Scalars { parts });
    shaped("application/json", several(false), r#"[{"a":1}, {"a":[2]}, {"a":null}]"#, "[1, [2], null]");
    shaped("application/json", several(true), r#"[{"a":[1]},{"a":null},{"a":[2]}]"#, "[[1], null, \n [2]]");
    shaped("application/json", several(false), "[]", "[]");
    shaped("text/plain", Some(Returns::Scalar), r#"[{"a":"x\ny"}]"#, "x\ny");
    shaped("application/octet-stream", Some(Returns::Scalar), r#"[{"a":"\\x4142"}]"#, "AB");
    shaped("application/json", Some(Returns::Nothing), "[]", "");
    let form = negotiate(Some(OBJECT), Asked::Table).unwrap();
    for rows in [0, 2] {
        assert_eq!(shape(&form, None, rows).unwrap_err().code(), Code::SingularExpected);
    }
    let plain = negotiate(Some("text/plain"), Asked::Function).unwrap();
    assert_eq!(shape(&plain, None, 1).unwrap_err().code(), Code::MediaTypeUnacceptable);
}

#[test]
fn content_ranges() {
    let window = |offset, limit| Window { offset, limit };
    let read = |window: Window, rows, total| window.read(rows, total).unwrap();
    assert_eq!(read(window(0, Some(10)), 10, Some(100)), (ReplyKind::Partial, "0-9/100".into()));
    assert_eq!(read(window(0, None), 0, Some(0)), (ReplyKind::Ok, "*/0".into()));
    assert_eq!(read(window(0, Some(10)), 10, None), (ReplyKind::Ok, "0-9/*".into()));
    assert_eq!(read(window(90, None), 10, Some(100)), (ReplyKind::Partial, "90-99/100".into()));
    assert_eq!(read(window(0, None), 7, Some(7)), (ReplyKind::Ok, "0-6/7".into()));
    insta::assert_debug_snapshot!("range_beyond", window(100, None).read(0, Some(15)).unwrap_err());
    let insert = Action::Insert(Insert {
        columns: vec![],
        single: true,
        conflict: None,
        missing_default: false,
        objects: vec![],
    });
    let update = Action::Update { columns: vec![], missing_default: false };
    assert_eq!(write_reply(&insert, 3, 3, true, true), (ReplyKind::Created, "*/3".into()));
    assert_eq!(write_reply(&insert, 3, 0, true, false), (ReplyKind::Ok, "*/*".into()));
    assert_eq!(write_reply(&update, 3, 0, false, false), (ReplyKind::NoContent, "0-2/*".into()));
    assert_eq!(write_reply(&update, 0, 0, true, false), (ReplyKind::Ok, "*/*".into()));
    assert_eq!(write_reply(&Action::Delete, 2, 0, false, true), (ReplyKind::NoContent, "*/2".into()));
    assert_eq!(write_reply(&Action::Put { columns: vec![] }, 1, 1, false, false).0, ReplyKind::Created);
}

#[test]
fn links() {
    assert_eq!(
        next_link("/products", "order=a&cursor=start&name=eq.a>b\"&cursor=eq.1", "TOKEN"),
        "</rest/v1/products?order=a&name=eq.a%3Eb%22&cursor=eq.1&cursor=TOKEN>; rel=\"next\""
    );
    assert_eq!(next_link("x", "cursor", "T"), "</rest/v1/x?cursor=T>; rel=\"next\"");
    let key = [("id".into(), json!(5)), ("a b".into(), json!("x&y=é")), ("c.d".into(), json!(null))];
    assert_eq!(
        location(BASE, "Order Items", &key).unwrap(),
        "/rest/v1/Order%20Items?id=eq.5&a%20b=eq.x%26y%3D%C3%A9&%22c.d%22=is.null"
    );
    assert_eq!(location(BASE, "t", &[]), None);
}

#[test]
fn problems() {
    let problem = Problem::new(Code::TableMissing, "no table \"x\"")
        .with_hint("Perhaps you meant 'y'")
        .caused_by("secret");
    insta::assert_snapshot!("problem", String::from_utf8_lossy(&problem_body(&problem)));
}

#[test]
fn batches() {
    let parts = [
        BatchPart {
            status: 201,
            headers: vec![("location", "/a\"b".into())],
            body: Some("[{\"id\":1}]".into()),
            text: false,
        },
        BatchPart { status: 204, ..BatchPart::default() },
        BatchPart { status: 200, body: Some("a,b\n1,2".into()), text: true, ..BatchPart::default() },
    ];
    let reply: serde_json::Value = serde_json::from_slice(&batch_reply(&parts)).unwrap();
    assert_eq!(
        reply,
        json!([
            {"status": 201, "headers": {"location": "/a\"b"}, "body": [{"id": 1}]},
            {"status": 204, "body": null},
            {"status": 200, "body": "a,b\n1,2"},
        ])
    );
}
