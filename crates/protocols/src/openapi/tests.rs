#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use serde_json::Value as Json;
use transom_query::catalog::{
    Access, Catalog, Column, ColumnId, ForeignKey, Function, FunctionParam, Returns, Table, TableId,
    TableKind,
};
use transom_types::DataType;

use super::{Info, document};
use crate::swagger::Description;

fn column(name: &str, data_type: DataType) -> Column {
    Column {
        name: name.into(),
        data_type,
        engine_type: None,
        nullable: false,
        default: None,
        generated: false,
        identity: false,
        collation: None,
        vector: false,
        computed: false,
        representation: None,
        access: Access::ALL,
        comment: None,
    }
}

fn table(name: &str, columns: Vec<Column>) -> Table {
    Table {
        name: name.into(),
        schema: None,
        kind: TableKind::Table,
        columns,
        primary_key: vec![ColumnId(0)],
        unique_keys: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        full_text: None,
        access: Access::ALL,
        comment: None,
    }
}

fn films() -> Catalog {
    let identity = |name: &str| Column { identity: true, ..column(name, DataType::Integer) };
    let mut directors = table("directors", vec![identity("id"), column("name", DataType::Text)]);
    directors.comment = Some("Who makes films".into());
    let mut films = table(
        "films",
        vec![
            identity("id"),
            column("director_id", DataType::Integer),
            Column { default: Some("'it''s'".into()), ..column("title", DataType::Text) },
            Column { nullable: true, comment: Some("Its cover".into()), ..column("image", DataType::Bytes) },
            Column { generated: true, ..column("slug", DataType::Text) },
        ],
    );
    films.foreign_keys = vec![ForeignKey {
        name: "films_director_id_fkey".into(),
        columns: vec![ColumnId(1)],
        table: TableId(0),
        referenced: vec![ColumnId(0)],
    }];
    let best = Function {
        name: "best".into(),
        params: vec![FunctionParam {
            name: "count".into(),
            data_type: DataType::Integer,
            default: None,
            engine: None,
        }],
        columns: vec![column("title", DataType::Text)],
        read_only: true,
        returns: Returns::Rows,
        body: Vec::new(),
        executable: true,
        engine: None,
        comment: Some("The best films".into()),
    };
    Catalog::new(vec![directors, films], vec![best])
}

/// Reads the titles of films and nothing else.
fn reader() -> Catalog {
    films().narrowed(|tables, functions| {
        tables[0].access = Access::NONE;
        tables[1].access = Access { select: true, ..Access::NONE };
        for (at, column) in tables[1].columns.iter_mut().enumerate() {
            column.access = Access { select: at < 3, ..Access::NONE };
        }
        functions[0].executable = false;
    })
}

fn described(catalog: &Catalog) -> Json {
    let info = Info { title: "Films".into(), description: "All of them".into(), version: "1".into() };
    document(catalog, &info, None)
}

/// Every operation, as `METHOD path`.
fn operations(document: &Json) -> Vec<String> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Json)| {
        let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
        methods.map(|method| format!("{} {path}", method.to_uppercase())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

#[test]
fn everything_for_who_may_do_everything() {
    let mut document = described(&films());
    // The failures do not depend on the catalog, and their list has a page of its own.
    let components = document["components"].as_object_mut().unwrap();
    components.remove("responses");
    components["schemas"].as_object_mut().unwrap().remove("Problem");
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

#[test]
fn a_role_sees_what_it_may_use() {
    let document = described(&reader());
    let mut operations = operations(&document);
    operations.sort_unstable();
    assert_eq!(operations, ["GET /", "GET /films", "GET /films/{key}", "POST /$batch"]);
    let text = document.to_string();
    for hidden in ["directors", "slug", "Its cover", "rpc", "films.insert", "films.update"] {
        assert!(!text.contains(hidden), "{hidden} is shown");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    for catalog in [films(), reader(), Catalog::default()] {
        let document = described(&catalog);
        let mut open = vec![&document];
        while let Some(value) = open.pop() {
            match value {
                Json::Object(members) => {
                    if let Some(Json::String(to)) = members.get("$ref") {
                        assert!(document.pointer(&to[1..]).is_some(), "{to}");
                    }
                    open.extend(members.values());
                }
                Json::Array(items) => open.extend(items),
                _ => {}
            }
        }
    }
}

#[test]
fn where_postgrest_is_spoken_only_what_is_served_is_described() {
    let tables = ["films".into()];
    let native = Description {
        address: "http://films.example:3000/",
        tables: Some(&tables),
        functions: Some(&[]),
        ..Description::default()
    };
    let info = Info { title: "Films".into(), description: "All of them".into(), version: "1".into() };
    let document = document(&films(), &info, Some(&native));
    assert_eq!(
        operations(&document),
        ["GET /films", "POST /films", "PATCH /films", "DELETE /films", "GET /"]
    );
    assert_eq!(document["servers"], serde_json::json!([{"url": "http://films.example:3000/"}]));
    assert_eq!(document["components"]["securitySchemes"].as_object().unwrap().len(), 1);
    let text = document.to_string();
    for unknown in
        ["/parameters/cursor", "/parameters/If-Match", "Idempotency-Key", "problem+json", "urn:transom"]
    {
        assert!(!text.contains(unknown), "{unknown}");
    }
}
