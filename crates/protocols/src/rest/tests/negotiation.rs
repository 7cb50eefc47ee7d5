//! Headers: `Accept`, `Range`, `Prefer` and the conditional ones.

use http::Method;
use transom_types::{Digest, Precondition, precondition::States};

use super::send;
use crate::rest::{Allowed, Asked, Headers, Window, negotiate, preferences};

#[track_caller]
fn accepts(header: &str, asked: Asked, content_type: &str) {
    assert_eq!(negotiate(Some(header), asked).unwrap().content_type(), content_type, "{header}");
}

#[test]
fn accept() {
    let json = "application/json; charset=utf-8";
    let csv = "text/csv; charset=utf-8";
    let object = "application/vnd.pgrst.object+json; charset=utf-8";
    for header in [
        "*/*",
        "",
        "application/json",
        "application/*",
        "text/html,application/xml;q=0.9,*/*;q=0.8",
        "APPLICATION/JSON; charset=utf-8",
    ] {
        accepts(header, Asked::Table, json);
    }
    accepts("text/csv", Asked::Table, csv);
    accepts("application/json;q=0.5, text/csv", Asked::Table, csv);
    accepts("text/csv;q=0.1, application/json;q=0.9", Asked::Table, json);
    accepts("application/vnd.pgrst.object+json", Asked::Table, object);
    accepts("application/vnd.pgrst.object", Asked::Table, object);
    accepts(
        "application/vnd.pgrst.object+json;nulls=stripped",
        Asked::Table,
        "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
    );
    accepts(
        "application/vnd.pgrst.array+json;nulls=stripped",
        Asked::Table,
        "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
    );
    accepts(
        "image/png, application/vnd.pgrst.array+json",
        Asked::Table,
        "application/vnd.pgrst.array+json; charset=utf-8",
    );
    accepts("text/plain", Asked::Function, "text/plain; charset=utf-8");
    accepts("application/octet-stream", Asked::Function, "application/octet-stream");
    assert!(negotiate(None, Asked::Row).unwrap().is_singular());
    assert!(!negotiate(Some("text/csv"), Asked::Row).unwrap().is_singular());
    insta::assert_debug_snapshot!(
        "plan",
        negotiate(
            Some("application/vnd.pgrst.plan+json; for=\"text/csv; x,y\"; options=analyze|verbose"),
            Asked::Table
        )
        .unwrap()
    );
}

#[track_caller]
fn window(url: &str, range: Option<&str>, unit: Option<&str>, offset: u64, limit: Option<u64>) {
    let headers = Headers { range, range_unit: unit, ..Headers::default() };
    let request = send(Method::GET, url, headers, "").unwrap();
    assert_eq!(request.window, Window { offset, limit }, "{url} {range:?}");
}

#[test]
fn ranges() {
    window("t", Some("0-9"), Some("items"), 0, Some(10));
    window("t", Some("10-"), None, 10, None);
    window("t", Some("items=5-9"), None, 5, Some(5));
    window("t?limit=3", Some("0-9"), None, 0, Some(3));
    window("t?limit=100&offset=5", Some("0-9"), None, 5, Some(5));
    window("t?limit=5", Some("7-9"), None, 7, Some(0));
    for ignored in ["bytes=0-9", "x", "-5", "1-2-3", "99999999999999999999-"] {
        window("t?limit=3", Some(ignored), None, 0, Some(3));
    }
    window("t", Some("0-9"), Some("bytes"), 0, None);
}

#[test]
fn the_first_of_a_repeated_preference_counts() {
    let preferences = preferences(
        &["count=exact, count=planned", "return=\"minimal\", tx=rollback", "timezone=UTC"],
        &Allowed::default(),
    )
    .unwrap();
    insta::assert_debug_snapshot!("preferences", preferences);
}

#[test]
fn conditions() {
    let [a, b] = [b"a", b"b"].map(|bytes| Digest::of(bytes));
    let (if_match, if_none_match) = (format!("\"{a}\", W/\"{b}\", \"other\""), format!("W/\"{b}\""));
    let headers = || Headers {
        if_match: Some(&if_match),
        if_none_match: Some(&if_none_match),
        idempotency_key: Some("\"k-1\""),
        ..Headers::default()
    };
    let expected = Precondition { within: Some(States::Of(vec![a])), without: Some(States::Of(vec![b])) };
    let write = send(Method::PATCH, "t/1", headers(), "{}").unwrap();
    assert_eq!(write.idempotency_key.as_deref(), Some("k-1"));
    assert_eq!(write.request.values.precondition.as_ref(), Some(&expected));
    let read = send(Method::GET, "t/1", headers(), "").unwrap();
    assert_eq!((read.request.values.precondition, read.conditions), (None, expected));
    let any = send(Method::GET, "t/1", Headers { if_match: Some(" * "), ..Headers::default() }, "").unwrap();
    assert_eq!(any.conditions.within, Some(States::Any));
}
