#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn the_document_goes_by_what_is_accepted() {
    let own = Some("application/openapi+json; charset=utf-8");
    for (accept, expected) in [
        (None, own),
        (Some("*/*"), own),
        (Some("application/openapi+json"), own),
        (Some("application/json"), Some("application/json; charset=utf-8")),
        (Some("text/html, */*;q=0.1"), own),
        (Some("text/csv"), None),
    ] {
        assert_eq!(content_type(accept).ok(), expected, "{accept:?}");
    }
}

#[test]
fn addresses_always_have_a_port_and_a_path() {
    assert_eq!(
        address("https://a.example/openapi.json"),
        ("https", "a.example:443".to_owned(), "/openapi.json")
    );
    assert_eq!(address("http://127.0.0.1:3000"), ("http", "127.0.0.1:3000".to_owned(), "/"));
    assert_eq!(address("http://[::]:3000/"), ("http", "[::]:3000".to_owned(), "/"));
}

#[test]
fn comments_begin_with_a_summary() {
    assert_eq!(summary("One\n\nTwo\nthree"), (Some("One"), Some("Two\nthree")));
    assert_eq!(summary("One"), (Some("One"), None));
}

#[test]
fn defaults_are_read_where_they_are_constants() {
    let default = |type_name, text| types::default(type_name, text);
    assert_eq!(default("text", "'it''s'::text"), Some(json!("it's")));
    assert_eq!(default("text", "now()"), Some(json!("now()")));
    assert_eq!(default("integer", "42"), Some(json!(42)));
    assert_eq!(default("numeric", "'-1.5'::numeric"), Some(json!(-1.5)));
    assert_eq!(default("integer", "nextval('s'::regclass)"), None);
    assert_eq!(default("boolean", "false"), Some(json!(false)));
}

#[test]
fn types_have_the_names_of_json() {
    assert_eq!(
        Json::Object(types::schema("integer[]")),
        json!({"format": "integer[]", "type": "array", "items": {"type": "integer"}})
    );
    assert_eq!(
        Json::Object(types::schema("jsonb[]")),
        json!({"format": "jsonb[]", "type": "array", "items": {}})
    );
    for (name, format) in [("smallint", "int32"), ("integer", "int32"), ("bigint", "int64")] {
        assert_eq!(Json::Object(types::schema(name)), json!({"format": format, "type": "integer"}));
    }
    assert_eq!(Json::Object(types::schema("jsonb")), json!({"format": "jsonb"}));
}

#[test]
fn a_parameter_lists_what_there_is_to_choose_from() {
    let parameters = tables::shared_parameters();
    assert_eq!(parameters["preferCount"]["enum"], json!(["count=none"]));
    assert_eq!(parameters["preferParams"].get("enum"), None);
}
