#![allow(clippy::unwrap_used, reason = "tests")]

use transom_query::catalog::{Access, Column, ColumnId, Table, TableKind};
use transom_types::DataType;

use super::*;

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

#[test]
fn a_project_is_described_by_its_catalog() {
    let column = |name: &str, data_type, access| Column {
        name: name.into(),
        data_type,
        engine_type: None,
        nullable: false,
        default: (name == "id").then(|| "1".into()),
        generated: false,
        identity: false,
        collation: None,
        vector: false,
        computed: false,
        representation: None,
        access,
        comment: None,
    };
    let table = Table {
        name: "films".into(),
        schema: None,
        kind: TableKind::Table,
        columns: vec![
            column("id", DataType::Integer, Access::ALL),
            column("price", DataType::Numeric, Access::ALL),
            column("secret", DataType::Text, Access::NONE),
        ],
        primary_key: vec![ColumnId(0)],
        unique_keys: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        full_text: None,
        access: Access { select: true, insert: true, update: false, delete: false },
        comment: None,
    };
    let info = Info { title: "Films".into(), description: "All".into(), version: "1".into() };
    let described = Description { info: Some(&info), address: "/rest/v1", ..Description::default() };
    let document = document(&Catalog::new(vec![table], Vec::new()), &described);
    assert_eq!((&document["basePath"], document.get("host")), (&json!("/rest/v1"), None));
    assert_eq!(document["info"]["title"], "Films");
    let methods: Vec<&String> = document["paths"]["/films"].as_object().unwrap().keys().collect();
    assert_eq!(methods, ["get", "post"]);
    let films = &document["definitions"]["films"];
    assert_eq!(films["required"], json!(["price"]));
    assert_eq!(films["properties"]["price"], json!({"format": "numeric", "type": "number"}));
    assert!(!document.to_string().contains("secret"));
}
