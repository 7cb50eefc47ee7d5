//! A row and the rows that belong to it, in one body.

use crate::harness::{Project, Said, json, said, text};

fn insert(project: &Project, url: &str, body: &str) -> String {
    match project.run("POST", url, Said { prefer: "return=representation", accept: None }, body) {
        Ok(reply) => text(&reply),
        Err(problem) => said(&problem),
    }
}

#[test]
fn rows_that_refer_to_the_row() {
    let project = Project::new();
    let body = r#"{"customer":"eve","lines":[{"line":1,"product_id":1},{"line":2,"product_id":2,"quantity":3,"deliveries":[{"carrier":"bike"}]}]}"#;
    let found = insert(
        &project,
        "orders?select=id,customer,lines(line,quantity,deliveries(order_id,line,carrier))&lines.order=line",
        body,
    );
    assert_eq!(
        found,
        r#"[{"id":4,"customer":"eve","lines":[{"line":1,"quantity":1,"deliveries":[]},{"line":2,"quantity":3,"deliveries":[{"order_id":4,"line":2,"carrier":"bike"}]}]}]"#
    );
}

#[test]
fn rows_that_the_row_refers_to() {
    let project = Project::new();
    let body = r#"{"name":"Plane","categories":{"name":"Fine tools"},"details":{"weight":2}}"#;
    let found = insert(&project, "products?select=name,details(weight),categories(name)", body);
    assert_eq!(found, r#"[{"name":"Plane","details":{"weight":2.0},"categories":{"name":"Fine tools"}}]"#);
    let found = insert(
        &project,
        "products?select=name,categories(name)",
        r#"{"name":"X","categories":{"name":"By table"}}"#,
    );
    assert_eq!(found, r#"[{"name":"X","categories":{"name":"By table"}}]"#);
    let body = r#"{"customer":"x","addresses!billing_id":{"city":"A"},"addresses!shipping_id":{"city":"B"}}"#;
    let found =
        insert(&project, "orders?select=b:addresses!billing_id(city),s:addresses!shipping_id(city)", body);
    assert_eq!(found, r#"[{"b":{"city":"A"},"s":{"city":"B"}}]"#);
}

#[test]
fn several_roots_and_a_junction() {
    let project = Project::new();
    let body = r#"[{"customer":"x","lines":[{"line":1}]},{"customer":"y","lines":[]},{"customer":"z","lines":null}]"#;
    let found = insert(&project, "orders?select=customer,lines(line)&order=customer", body);
    assert_eq!(
        found,
        r#"[{"customer":"x","lines":[{"line":1}]},{"customer":"y","lines":[]},{"customer":"z","lines":[]}]"#
    );
    let found = insert(
        &project,
        "products?select=name,labels(name)",
        r#"{"name":"J","product_labels":[{"label_id":1},{"labels":{"name":"new"}}]}"#,
    );
    assert_eq!(found, r#"[{"name":"J","labels":[{"name":"steel"},{"name":"new"}]}]"#);
    assert!(
        insert(&project, "products", r#"{"name":"J","labels":[{"name":"new"}]}"#).contains("product_labels")
    );
}

#[test]
fn all_or_nothing() {
    let project = Project::new();
    let tables = ["orders", "lines", "products", "categories", "details"];
    let before = project.contents(&tables);
    for (url, body, words) in [
        ("orders", r#"{"customer":"x","lines":[{"line":1},{"line":1}]}"#, "23505: "),
        ("orders", r#"{"customer":"x","lines":[{"line":1,"quantity":0}]}"#, "23514: "),
        ("orders", r#"{"customer":"x","lines":[{"lin":1}]}"#, "PGRST204: "),
        ("orders", r#"{"customer":"x","lines":[5]}"#, "PGRST102: "),
        ("orders", r#"{"customer":"x","lines":5}"#, "PGRST102: "),
        ("orders", r#"{"customer":"x","addresses":{"city":"A"}}"#, "PGRST204: "),
        (
            "products",
            r#"{"name":"x","categories":{"name":"new"},"details":[{"weight":1},{"weight":2}]}"#,
            "PGRST102: ",
        ),
    ] {
        let found = insert(&project, url, body);
        assert!(found.starts_with(words), "{body}: {found}");
        assert_eq!(project.contents(&tables), before, "{body}");
    }
}

#[test]
fn the_key_is_the_roots() {
    let project = Project::new();
    let said = Said { prefer: "return=headers-only", accept: None };
    let body = r#"{"customer":"x","lines":[{"line":1}],"addresses!billing_id":{"city":"A"}}"#;
    let reply = project.run("POST", "orders", said, body).unwrap();
    assert_eq!(reply.key, Some(vec![("id".into(), 4.into())]));
    assert_eq!(
        json(&project.get("orders/4?select=billing_id").unwrap()),
        serde_json::json!([{"billing_id": 3}])
    );
}
