//! Roles, reloads and explanations: what is planned against, and when it changes.

use transom_data::Sources;
use transom_types::Principal;

use crate::harness::{Project, Said, check_refused, check_rows, json, said};

const POLICIES: &str = "
    GRANT SELECT ON notes TO anon, authenticated;
    GRANT INSERT, UPDATE, DELETE ON notes TO authenticated;
    CREATE POLICY popular ON notes FOR SELECT TO anon USING (stars > 5);
    CREATE POLICY own ON notes TO authenticated USING (owner = auth.uid()) WITH CHECK (owner = auth.uid());
    GRANT SELECT (id, name) ON products TO anon;
    CREATE POLICY active ON products USING (active);
    GRANT SELECT ON details TO anon;
    CREATE POLICY every ON details USING (true);
";

fn claims(sub: &str) -> Principal {
    Principal::with_claims("authenticated", serde_json::json!({"sub": sub}))
}

#[test]
fn each_role_has_plans_of_its_own() {
    let mut project = Project::policed(POLICIES, Principal::anonymous("anon"));
    let titles = |project: &Project| json(&project.get("notes?select=title").unwrap());
    assert_eq!(titles(&project), serde_json::json!([{"title": "Gamma"}]));
    project.principal = claims("ada");
    assert_eq!(titles(&project), serde_json::json!([{"title": "Alpha"}]));
    let kept = project.data.model().plans_count();
    project.principal = claims("bob");
    assert_eq!(titles(&project), serde_json::json!([{"title": "beta"}]));
    assert_eq!(project.data.model().plans_count(), kept, "one plan serves every caller of a role");
    project.principal = Principal::anonymous("nobody");
    assert!(said(&project.get("notes?select=title").unwrap_err()).starts_with("PGRST205: "));
    project.principal = Principal::anonymous("service_role");
    assert_eq!(titles(&project).as_array().unwrap().len(), 3);
}

#[test]
fn hidden_rows_and_columns_stay_hidden_in_embeds() {
    let project = Project::policed(POLICIES, Principal::anonymous("anon"));
    check_rows(
        &project,
        &[
            ("products?order=id&limit=1", r#"[{"id":1,"name":"Hammer"}]"#),
            (
                "details?select=product_id,products(name)&order=product_id",
                r#"[{"product_id":1,"products":{"name":"Hammer"}},{"product_id":2,"products":{"name":"Saw"}},{"product_id":3,"products":null}]"#,
            ),
            (
                "details?select=product_id,products!inner(name)&order=product_id",
                r#"[{"product_id":1,"products":{"name":"Hammer"}},{"product_id":2,"products":{"name":"Saw"}}]"#,
            ),
            ("products?select=count()", r#"[{"count":4}]"#),
        ],
    );
    check_refused(
        &project,
        &[
            ("products?select=price", "42703", "price"),
            ("products?price=gt.1", "42703", "price"),
            ("products?order=price", "42703", "price"),
            ("products?select=id,categories(name)", "PGRST200", "categories"),
            ("labels", "PGRST205", "labels"),
        ],
    );
}

#[test]
fn a_write_obeys_policy_and_changes_nothing_otherwise() {
    let project = Project::policed(POLICIES, claims("ada"));
    let write = |method: &str, url: &str, body: &str| {
        let prefer = Said { prefer: "return=representation", accept: None };
        match project.run(method, url, prefer, body) {
            Ok(reply) => crate::harness::text(&reply),
            Err(problem) => said(&problem),
        }
    };
    assert_eq!(write("POST", "notes?select=title", r#"{"title":"n","owner":"ada"}"#), r#"[{"title":"n"}]"#);
    assert!(write("POST", "notes", r#"{"title":"m","owner":"bob"}"#).starts_with("42501: "));
    assert!(write("PATCH", "notes?title=eq.n", r#"{"owner":"bob"}"#).starts_with("42501: "));
    assert_eq!(write("PATCH", "notes?title=eq.beta", r#"{"stars":1}"#), "[]");
    assert_eq!(write("DELETE", "notes?title=eq.beta", ""), "[]");
    assert_eq!(write("DELETE", "notes?title=eq.n&select=title", ""), r#"[{"title":"n"}]"#);
}

#[test]
fn rows_shown_as_deleted_are_those_that_were() {
    let policies = "
        GRANT SELECT, DELETE ON orders, lines TO authenticated;
        CREATE POLICY every ON orders FOR SELECT USING (true);
        CREATE POLICY own ON orders FOR DELETE USING (customer = auth.uid());
        CREATE POLICY every ON lines FOR SELECT USING (true);
    ";
    let project = Project::policed(policies, claims("bob"));
    let prefer = Said { prefer: "return=representation", accept: None };
    let reply = project.run("DELETE", "orders?id=lt.9&select=id,lines(line)", prefer, "").unwrap();
    assert_eq!(crate::harness::text(&reply), r#"[{"id":2,"lines":[{"line":1}]}]"#);
    assert_eq!(
        json(&project.get("orders?select=id&order=id").unwrap()),
        serde_json::json!([{"id": 1}, {"id": 3}])
    );
}

#[test]
fn a_reload_swaps_the_model_or_keeps_the_last_good_one() {
    let project = Project::policed(POLICIES, Principal::anonymous("anon"));
    assert!(project.get("labels").is_err());
    let before = project.data.model();
    let sources =
        |policies: &str| Sources { policies: ("policies.sql".into(), policies.into()), ..Sources::default() };
    let reload = |policies: &str| project.runtime.block_on(project.data.reload(&sources(policies)));
    assert!(reload("GRANT SELECT ON nothing TO anon;").is_err());
    assert!(std::sync::Arc::ptr_eq(&before, &project.data.model()));
    assert!(project.get("notes").is_ok());
    project.script("ALTER TABLE labels ADD COLUMN colour TEXT DEFAULT 'red'");
    reload("GRANT SELECT ON labels TO anon; CREATE POLICY every ON labels USING (true);").unwrap();
    check_rows(&project, &[("labels?select=colour&id=eq.1", r#"[{"colour":"red"}]"#)]);
    check_refused(&project, &[("notes", "PGRST205", "notes")]);
}

#[test]
fn explanations_name_the_index_that_would_serve() {
    let project = Project::new();
    let warnings = |url: &str| {
        let request = project.parse("GET", url, Said::default(), "").unwrap();
        let found =
            project.runtime.block_on(project.data.explain(&request, &project.principal, &project.context()));
        found
            .unwrap()
            .iter()
            .flat_map(|step| step.warnings.iter().map(ToString::to_string))
            .collect::<Vec<_>>()
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(warnings("products?id=eq.1"), none);
    assert_eq!(warnings("products?sku=eq.x"), none);
    assert_eq!(warnings("lines?order_id=eq.1&order=line"), none);
    assert_eq!(
        warnings("products?category_id=eq.1&price=gt.5"),
        ["full scan of products: CREATE INDEX products_category_id_price ON products (category_id, price)"]
    );
    assert_eq!(
        warnings("lines?product_id=eq.1"),
        ["full scan of lines: CREATE INDEX lines_product_id ON lines (product_id)"]
    );
    assert_eq!(
        warnings("categories?select=name,products(name)&id=eq.1"),
        ["full scan of products: CREATE INDEX products_category_id ON products (category_id)"]
    );
    assert_eq!(
        warnings("products?order=price"),
        ["full scan of products: CREATE INDEX products_price ON products (price)"]
    );
}
