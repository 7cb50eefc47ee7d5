//! The statements of the important shapes, as the engine gets them.

use crate::harness::{Project, Said};

fn check(method: &str, url: &str, said: Said, body: &str) -> String {
    let project = Project::new();
    project.statements(method, url, said, body).unwrap_or_else(|problem| panic!("{url}: {problem:?}"))
}

fn read(url: &str) -> String {
    check("GET", url, Said::default(), "")
}

const ROWS: Said = Said { prefer: "return=representation", accept: None };
const MERGE: Said = Said { prefer: "return=representation,resolution=merge-duplicates", accept: None };

#[test]
fn reads() {
    let statements = [
        ("a point read", read("orders?id=eq.1")),
        ("a resource by its key", read("lines/1,2?select=quantity")),
        (
            "a filtered page with an embedded row",
            read(
                "products?select=id,name,categories(name)&price=gt.5&active=is.true&order=price.desc,id&limit=20&offset=5",
            ),
        ),
        (
            "a page without a dear output",
            read("products?select=id&price=in.(1,2)&order=price.nullsfirst&limit=20"),
        ),
        (
            "many-to-many",
            read("products?select=id,labels!inner(name)&labels.name=eq.x&labels.order=name&labels.limit=3"),
        ),
        ("a spread", read("products?select=id,...details(extra),...categories(category:name)")),
        ("an anti-join", read("categories?select=name,products()&products=is.null")),
        (
            "groups",
            read("products?select=category_id,price.sum(),count()&having=count().gt.1&order=count().desc"),
        ),
        ("groups in an embedded resource", read("categories?select=id,products(active,count())")),
        (
            "documents",
            read("products?select=data->a,t:data->>a&data->a=gt.5&data->>a=eq.x&data=cs.{}&order=data->a"),
        ),
        ("a quantifier", read("products?select=id&name=like(any).{a*,b*}&price=gt(all).{1,2}")),
        ("a search", read("products?select=id&name=plfts.hammer")),
        ("related order", read("products?select=id,categories(name)&order=categories(name).desc&limit=2")),
        ("the first page of a cursor", read("products?select=id,name&order=price.desc,name&cursor=&limit=2")),
    ];
    insta::assert_snapshot!(joined(&statements));
}

#[test]
fn counts() {
    let said = |prefer| Said { prefer, accept: None };
    let count = |prefer| check("GET", "products?select=id&price=gt.1&order=id&limit=2", said(prefer), "");
    let all = |url| check("GET", url, said("count=exact"), "");
    let statements = [
        ("exact", count("count=exact")),
        ("exact, of all rows: they are counted as they come", all("products?select=id&price=gt.1&order=id")),
        ("exact, behind an offset", all("products?select=id&order=id&offset=3")),
        ("planned", count("count=planned")),
        ("estimated", count("count=estimated")),
    ];
    insta::assert_snapshot!(joined(&statements));
}

#[test]
fn writes() {
    let statements = [
        ("one row", check("POST", "orders", Said::default(), r#"{"customer":"x"}"#)),
        (
            "one row, returned",
            check("POST", "orders?select=id,customer", ROWS, r#"{"customer":"x","billing_id":1}"#),
        ),
        ("many rows", check("POST", "labels", Said::default(), r#"[{"name":"a"},{"name":"b"}]"#)),
        (
            "many rows with defaults",
            check(
                "POST",
                "products?columns=id,name,active,data",
                Said { prefer: "missing=default", accept: None },
                r#"[{"id":9,"name":"n"}]"#,
            ),
        ),
        ("a row of defaults", check("POST", "kinds", ROWS, "{}")),
        (
            "returned with an embedded row",
            check("POST", "lines?select=line,products(name)", ROWS, r#"{"order_id":3,"line":1}"#),
        ),
        ("a merge", check("POST", "labels?select=id", MERGE, r#"[{"id":1,"name":"a"}]"#)),
        (
            "a merge on another key",
            check("POST", "products?on_conflict=sku", MERGE, r#"{"sku":"a","name":"b"}"#),
        ),
        (
            "ignored duplicates",
            check(
                "POST",
                "labels",
                Said { prefer: "resolution=ignore-duplicates", accept: None },
                r#"[{"id":1,"name":"a"}]"#,
            ),
        ),
        ("an update", check("PATCH", "products?id=eq.1", Said::default(), r#"{"name":"x","data":{"a":1}}"#)),
        (
            "an update, returned",
            check("PATCH", "products?id=in.(1,2)&select=id,price,data", ROWS, r#"{"price":1}"#),
        ),
        ("a delete", check("DELETE", "lines?order_id=eq.1&line=gt.1", Said::default(), "")),
        ("a delete, returned", check("DELETE", "lines?order_id=eq.1&select=line,products(name)", ROWS, "")),
        ("a put", check("PUT", "labels?id=eq.1", ROWS, r#"{"id":1,"name":"x"}"#)),
        (
            "a nested insert",
            check("POST", "orders?select=id,lines(line)", ROWS, r#"{"customer":"x","lines":[{"line":1}]}"#),
        ),
    ];
    insta::assert_snapshot!(joined(&statements));
}

#[test]
fn policies() {
    let policies = "
        GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO authenticated;
        CREATE POLICY own ON notes USING (owner = auth.uid()) WITH CHECK (owner = auth.uid() AND stars < 10);
        GRANT SELECT (id, name), UPDATE (name) ON products TO authenticated;
        CREATE POLICY active ON products USING (active AND EXISTS (SELECT 1 FROM notes WHERE notes.title = products.name));
    ";
    let claims = serde_json::json!({"sub": "ada"});
    let project = Project::policed(policies, transom_types::Principal::with_claims("authenticated", claims));
    let check = |method, url, said, body| project.statements(method, url, said, body).unwrap();
    let statements = [
        ("a read", check("GET", "notes?stars=gt.1", Said::default(), "")),
        ("a policy over another table", check("GET", "products", Said::default(), "")),
        ("an insert", check("POST", "notes", Said::default(), r#"{"title":"t","owner":"ada"}"#)),
        ("a merge", check("POST", "notes", MERGE, r#"[{"title":"t","owner":"ada"}]"#)),
        ("an update", check("PATCH", "notes?title=eq.t", ROWS, r#"{"stars":1}"#)),
        ("a delete", check("DELETE", "notes?stars=is.null", Said::default(), "")),
    ];
    insta::assert_snapshot!(joined(&statements));
}

fn joined(statements: &[(&str, String)]) -> String {
    statements.iter().map(|(name, text)| format!("-- {name}\n{text}")).collect::<Vec<_>>().join("\n\n")
}
