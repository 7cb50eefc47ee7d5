//! Writes: what they change, what they return, and when nothing is done.

use crate::harness::{Project, Said, json, said, text};

const ROWS: &str = "return=representation";

/// Each write on a project of its own: (method, URL, preferences, body, what is returned or refused).
#[track_caller]
fn check(cases: &[(&str, &str, &str, &str, &str)]) {
    let mut project = Project::new();
    project.rollback = true;
    let mut wrong = Vec::new();
    for (method, url, prefer, body, expected) in cases {
        let found = match project.run(method, url, Said { prefer, accept: None }, body) {
            Ok(reply) if reply.json.is_empty() => format!("{} rows", reply.rows),
            Ok(reply) => text(&reply),
            Err(problem) => said(&problem),
        };
        let same = match (
            serde_json::from_str::<serde_json::Value>(&found),
            serde_json::from_str::<serde_json::Value>(expected),
        ) {
            (Ok(found), Ok(expected)) => found == expected,
            _ => found.starts_with(expected),
        };
        if !same {
            wrong.push(format!("{method} {url} {body}\n    expected {expected}\n    found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn inserts() {
    check(&[
        ("POST", "labels", "", r#"{"name":"a"}"#, "1 rows"),
        ("POST", "labels", ROWS, r#"{"name":"a"}"#, r#"[{"id":4,"name":"a"}]"#),
        (
            "POST",
            "labels?select=name",
            ROWS,
            r#"[{"name":"b"},{"name":"a"}]"#,
            r#"[{"name":"b"},{"name":"a"}]"#,
        ),
        (
            "POST",
            "labels?order=name",
            ROWS,
            r#"[{"name":"b"},{"name":"a"}]"#,
            r#"[{"id":5,"name":"a"},{"id":4,"name":"b"}]"#,
        ),
        ("POST", "labels", ROWS, "[]", "[]"),
        ("POST", "kinds?select=id,words", ROWS, "{}", r#"[{"id":4,"words":null}]"#),
        (
            "POST",
            "products?select=id,active,shout",
            ROWS,
            r#"{"name":"n"}"#,
            r#"[{"id":6,"active":true,"shout":"N"}]"#,
        ),
        (
            "POST",
            "products?select=name,active&columns=name,active",
            &format!("{ROWS},missing=default"),
            r#"[{"name":"n"},{"name":"m","active":false}]"#,
            r#"[{"name":"n","active":true},{"name":"m","active":false}]"#,
        ),
        ("POST", "products?select=name&columns=name", ROWS, r#"[{"name":"n","wat":1}]"#, r#"[{"name":"n"}]"#),
        (
            "POST",
            "kinds?select=flag,whole,fraction,amount,words,bytes,doc,uid,day,loose",
            ROWS,
            r#"{"flag":true,"whole":"7","fraction":2,"amount":1.50,"words":5,"bytes":"\\xff","doc":{"k":[1]},"uid":"0B0E8400E29B41D4A716446655440000","day":"2026-01-01","loose":"5"}"#,
            r#"[{"flag":true,"whole":7,"fraction":2.0,"amount":1.5,"words":"5","bytes":"\\xff","doc":{"k":[1]},"uid":"0b0e8400-e29b-41d4-a716-446655440000","day":"2026-01-01","loose":5}]"#,
        ),
        (
            "POST",
            "kinds?select=flag,whole,fraction,amount,words,bytes,doc,uid,day",
            ROWS,
            r#"[{"flag":false,"whole":9223372036854775807,"fraction":2.5,"amount":"12.10","words":"{}","bytes":"\\xff00","doc":"text","uid":null,"day":"2026-01-01"}]"#,
            r#"[{"flag":false,"whole":9223372036854775807,"fraction":2.5,"amount":12.1,"words":"{}","bytes":"\\xff00","doc":"text","uid":null,"day":"2026-01-01"}]"#,
        ),
        (
            "POST",
            "lines?select=line,products(name)&order=line.desc",
            ROWS,
            r#"[{"order_id":3,"line":2,"product_id":1},{"order_id":3,"line":1,"product_id":2}]"#,
            r#"[{"line":2,"products":{"name":"Hammer"}},{"line":1,"products":{"name":"Saw"}}]"#,
        ),
        ("POST", "labels", "", r#"{"id":1,"name":"a"}"#, "23505: "),
        ("POST", "labels", "", r#"{"id":9}"#, "23502: "),
        ("POST", "lines", "", r#"{"order_id":77,"line":1}"#, "23503: "),
        ("POST", "lines", "", r#"{"order_id":1,"line":9,"quantity":0}"#, "23514: "),
        ("POST", "labels", "", r#"{"nam":"a"}"#, "PGRST204: "),
        ("POST", "products", "", r#"{"name":"a","shout":"b"}"#, "428C9: "),
        ("POST", "kinds", "", r#"{"whole":"x"}"#, "22P02: "),
        ("POST", "kinds", "", r#"[{"whole":1},{"whole":1.5}]"#, "22P02: "),
        ("POST", "cheap", "", r#"{"id":1}"#, "TR001: "),
    ]);
}

#[test]
fn merges_and_puts() {
    let merge = "return=representation,resolution=merge-duplicates";
    let ignore = "return=representation,resolution=ignore-duplicates";
    check(&[
        (
            "POST",
            "labels",
            merge,
            r#"[{"id":1,"name":"a"},{"id":9,"name":"b"}]"#,
            r#"[{"id":1,"name":"a"},{"id":9,"name":"b"}]"#,
        ),
        (
            "POST",
            "labels",
            ignore,
            r#"[{"id":1,"name":"a"},{"id":9,"name":"b"}]"#,
            r#"[{"id":9,"name":"b"}]"#,
        ),
        ("POST", "labels", merge, "[]", "[]"),
        (
            "POST",
            "products?on_conflict=sku&select=id,name,price",
            merge,
            r#"{"sku":"S-2","name":"Saw 2"}"#,
            r#"[{"id":2,"name":"Saw 2","price":9}]"#,
        ),
        (
            "POST",
            "product_labels",
            merge,
            r#"[{"product_id":1,"label_id":1}]"#,
            r#"[{"product_id":1,"label_id":1}]"#,
        ),
        ("POST", "products?on_conflict=name", merge, r#"{"name":"Saw"}"#, "42P10: "),
        ("POST", "plain", merge, r#"{"a":1}"#, "42P10: "),
        ("PUT", "labels?id=eq.1", ROWS, r#"{"id":1,"name":"z"}"#, r#"[{"id":1,"name":"z"}]"#),
        ("PUT", "labels?id=eq.7", ROWS, r#"{"id":7,"name":"z"}"#, r#"[{"id":7,"name":"z"}]"#),
        ("PUT", "labels/7", ROWS, r#"{"name":"z"}"#, r#"[{"id":7,"name":"z"}]"#),
        (
            "PUT",
            "lines/1,1?select=quantity,products(name)",
            ROWS,
            r#"{"product_id":2,"quantity":4}"#,
            r#"[{"quantity":4,"products":{"name":"Saw"}}]"#,
        ),
        ("PUT", "labels?id=eq.1", ROWS, r#"{"id":2,"name":"z"}"#, "PGRST115: "),
        ("PUT", "labels?id=gt.1", ROWS, r#"{"id":2,"name":"z"}"#, "PGRST105: "),
        ("PUT", "labels?name=eq.x", ROWS, r#"{"id":2,"name":"z"}"#, "PGRST105: "),
        ("PUT", "labels?id=eq.1&name=eq.x", ROWS, r#"{"id":1,"name":"z"}"#, "PGRST105: "),
        ("PUT", "lines?order_id=eq.1", ROWS, r#"{"order_id":1}"#, "PGRST105: "),
        (
            "PUT",
            "notes/ALPHA",
            ROWS,
            r#"{"owner":"x"}"#,
            r#"[{"title":"Alpha","owner":"x","stars":3,"tags":["p"]}]"#,
        ),
    ]);
}

#[test]
fn updates_and_deletes() {
    check(&[
        ("PATCH", "products?id=in.(1,2)", "", r#"{"price":1}"#, "2 rows"),
        (
            "PATCH",
            "products?id=in.(1,2)&select=id,price&order=id.desc",
            ROWS,
            r#"{"price":1}"#,
            r#"[{"id":2,"price":1},{"id":1,"price":1}]"#,
        ),
        (
            "PATCH",
            "products?id=eq.1&select=data,active",
            ROWS,
            r#"{"data":[1],"active":false}"#,
            r#"[{"data":[1],"active":false}]"#,
        ),
        ("PATCH", "products?id=eq.1&select=data", ROWS, r#"{"data":null}"#, r#"[{"data":null}]"#),
        ("PATCH", "products?id=eq.1", ROWS, "{}", "[]"),
        ("PATCH", "products?id=eq.77", ROWS, r#"{"price":1}"#, "[]"),
        (
            "PATCH",
            "products?select=id,categories!inner(name)&categories.name=eq.Toys",
            ROWS,
            r#"{"price":1}"#,
            r#"[{"id":3,"categories":{"name":"Toys"}}]"#,
        ),
        ("PATCH", "products?price=lt.50", "max-affected=2,handling=strict", r#"{"price":1}"#, "PGRST124: "),
        ("PATCH", "products/77", "", r#"{"price":1}"#, "TR016: "),
        ("PATCH", "products/1?select=id,price", ROWS, r#"{"price":1}"#, r#"[{"id":1,"price":1}]"#),
        // A row whose key changes is found again.
        ("PATCH", "labels?id=eq.3&select=id,name", ROWS, r#"{"name":"n"}"#, r#"[{"id":3,"name":"n"}]"#),
        (
            "PATCH",
            "products?id=eq.3&select=id,details(weight)",
            ROWS,
            r#"{"name":"n"}"#,
            r#"[{"id":3,"details":{"weight":0.5}}]"#,
        ),
        (
            "PATCH",
            "categories?id=eq.1&select=id,name,products(name)",
            ROWS,
            r#"{"name":"n"}"#,
            r#"[{"id":1,"name":"n","products":[{"name":"Drill"}]}]"#,
        ),
        ("DELETE", "deliveries?id=gt.1", "", "", "2 rows"),
        (
            "DELETE",
            "deliveries?id=gt.1&select=carrier",
            ROWS,
            "",
            r#"[{"carrier":"rail"},{"carrier":"lost"}]"#,
        ),
        (
            "DELETE",
            "deliveries?id=eq.1&select=carrier,lines(quantity,orders(customer))",
            ROWS,
            "",
            r#"[{"carrier":"ship","lines":{"quantity":5,"orders":{"customer":"ada"}}}]"#,
        ),
        (
            "DELETE",
            "deliveries?lines.quantity=eq.5&select=id,lines!inner(quantity)",
            ROWS,
            "",
            r#"[{"id":1,"lines":{"quantity":5}}]"#,
        ),
        ("DELETE", "deliveries", "max-affected=2,handling=strict", "", "PGRST124: "),
        ("DELETE", "deliveries/9", "", "", "TR016: "),
        ("DELETE", "categories?id=eq.1", "", "", "23503: "),
        // What goes with the row is still shown.
        (
            "DELETE",
            "orders?id=eq.2&select=id,lines(line,products(name))",
            ROWS,
            "",
            r#"[{"id":2,"lines":[{"line":1,"products":{"name":"Hammer"}}]}]"#,
        ),
    ]);
}

#[test]
fn the_key_of_a_single_row_is_named() {
    let project = Project::new();
    let key = |url: &str, prefer: &str, body: &str| {
        let reply = project.run("POST", url, Said { prefer, accept: None }, body).unwrap();
        reply.key.map(|key| {
            key.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
        })
    };
    assert_eq!(key("labels", "return=headers-only", r#"{"name":"a"}"#).as_deref(), Some("id=4"));
    assert_eq!(
        key("lines", "return=headers-only", r#"{"order_id":3,"line":7}"#).as_deref(),
        Some("order_id=3,line=7")
    );
    assert_eq!(key("labels?select=name", ROWS, r#"{"name":"a"}"#).as_deref(), Some("id=5"));
    assert_eq!(
        key("lines?select=line,products(name)", ROWS, r#"{"order_id":3,"line":8}"#).as_deref(),
        Some("order_id=3,line=8")
    );
    assert_eq!(key("labels", "return=headers-only", r#"[{"name":"a"}]"#), None);
    assert_eq!(key("labels", "return=minimal", r#"{"name":"a"}"#), None);
    assert_eq!(key("plain", "return=headers-only", r#"{"a":1}"#), None);
}

#[test]
fn how_many_were_inserted_and_how_many_changed() {
    let project = Project::new();
    let merge = Said { prefer: "resolution=merge-duplicates", accept: None };
    let reply = project.run("POST", "labels", merge, r#"[{"id":1,"name":"a"},{"id":9,"name":"b"}]"#).unwrap();
    assert_eq!((reply.rows, reply.inserted), (2, 1));
    let reply = project.run("PUT", "labels?id=eq.1", Said::default(), r#"{"id":1,"name":"z"}"#).unwrap();
    assert_eq!((reply.rows, reply.inserted), (1, 0));
    let reply = project.run("PUT", "labels?id=eq.20", Said::default(), r#"{"id":20,"name":"z"}"#).unwrap();
    assert_eq!((reply.rows, reply.inserted), (1, 1));
}

#[test]
fn what_is_expected_of_the_number_of_rows() {
    let project = Project::new();
    let before = project.contents(&["products", "labels"]);
    let one = Said { prefer: ROWS, accept: Some("application/vnd.pgrst.object+json") };
    let refused =
        |method: &str, url: &str, body: &str| said(&project.run(method, url, one, body).unwrap_err());
    assert!(refused("GET", "products", "").starts_with("PGRST116: "));
    assert!(refused("GET", "products?id=eq.0", "").contains("0 rows"));
    assert!(refused("PATCH", "products?id=in.(1,2)", r#"{"price":0}"#).contains("2 rows"));
    assert!(
        refused("PATCH", "products?id=in.(1,2)&select=id,categories(name)", r#"{"price":0}"#)
            .contains("2 rows")
    );
    assert!(refused("POST", "labels", r#"[{"name":"a"},{"name":"b"}]"#).contains("2 rows"));
    assert!(refused("DELETE", "labels?id=eq.77", "").contains("0 rows"));
    assert!(said(&project.get("products/77").unwrap_err()).starts_with("TR016: "));
    assert_eq!(project.contents(&["products", "labels"]), before);
    let reply = project.run("PATCH", "products?id=eq.1&select=id", one, r#"{"price":0}"#).unwrap();
    assert_eq!(json(&reply), serde_json::json!([{"id": 1}]));
}
