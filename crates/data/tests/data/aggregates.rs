//! Aggregates, what they are grouped by, and which groups are kept.

use transom_data::PlanOptions;
use transom_query::planner;

use crate::harness::{Project, Said, check_refused, check_rows};

#[test]
fn aggregates_and_their_groups() {
    check_rows(
        &Project::new(),
        &[
            ("products?select=count()", r#"[{"count":5}]"#),
            ("products?select=count()&id=eq.0", r#"[{"count":0}]"#),
            (
                "products?select=price.sum(),price.avg(),lo:price.min(),hi:price.max(),n:price.count()",
                r#"[{"sum":124.49,"avg":31.1225,"lo":3,"hi":99.99,"n":4}]"#,
            ),
            ("products?select=price.sum()&id=eq.0", r#"[{"sum":null}]"#),
            (
                "products?select=active,count()&order=active",
                r#"[{"active":false,"count":1},{"active":true,"count":4}]"#,
            ),
            ("products?select=price.sum()::int", r#"[{"sum":124}]"#),
            ("products?select=n:data->>a::int.sum()", r#"[{"n":29}]"#),
            ("products?select=category_id,count()&having=count().gt.1", r#"[{"category_id":2,"count":2}]"#),
            (
                "products?select=category_id,price.sum()&having=price.sum().gt.20&order=price.sum().desc",
                r#"[{"category_id":1,"sum":99.99},{"category_id":2,"sum":21.5}]"#,
            ),
            (
                "products?select=count(),categories(name)&order=count().desc,categories(name)&limit=2",
                r#"[{"count":2,"categories":{"name":"Hand tools"}},{"count":1,"categories":{"name":"Tools"}}]"#,
            ),
            (
                "products?select=price.sum(),...categories(name)&order=price.sum()",
                r#"[{"sum":3,"name":"Toys"},{"sum":21.5,"name":"Hand tools"},{"sum":99.99,"name":"Tools"},{"sum":null,"name":null}]"#,
            ),
            (
                "categories?select=name,products(count(),price.sum())&order=id&id=lt.3",
                r#"[{"name":"Tools","products":[{"count":1,"sum":99.99}]},{"name":"Hand tools","products":[{"count":2,"sum":21.5}]}]"#,
            ),
            (
                "categories?select=id,products(active,count())&id=eq.2",
                r#"[{"id":2,"products":[{"active":true,"count":2}]}]"#,
            ),
            (
                "lines?select=order_id,...products(price.sum())&order=order_id",
                r#"[{"order_id":1,"sum":21.5},{"order_id":2,"sum":12.5}]"#,
            ),
            (
                "details?select=fragile,count()&order=fragile",
                r#"[{"fragile":false,"count":1},{"fragile":true,"count":1},{"fragile":null,"count":1}]"#,
            ),
            (
                "details?select=extra,count()&order=count(),extra&limit=1&product_id=eq.1",
                r#"[{"extra":{"box":[1,2]},"count":1}]"#,
            ),
            (
                "categories?select=id,...products(details(weight.sum()))&id=eq.2&products.order=id",
                r#"[{"id":2,"details":[{"sum":1.25},{"sum":null}]}]"#,
            ),
        ],
    );
}

#[test]
fn what_cannot_be_aggregated_is_refused() {
    check_refused(
        &Project::new(),
        &[
            ("products?select=name.sum()", "42883", "sum"),
            ("products?select=sum()", "PGRST200", "sum"),
            ("products?select=count()&count=gt.1", "42703", "count"),
            ("products?select=category_id,count()&order=id", "42803", "id"),
            ("products?select=count()&having=price.sum().gt(any).{1,2}", "TR001", "any or all"),
            ("categories?select=products()&having=id.sum().gt.1", "42803", "select=count()"),
        ],
    );
}

#[test]
fn what_is_not_allowed_is_refused_before_what_is_not_possible() {
    let project = Project::new();
    let url = "/categories?select=...products(id.count())";
    let request = project.parse("GET", url, Said::default(), "").unwrap();
    let refused = |aggregates: bool| {
        let options = PlanOptions { native: true, aggregates, ..PlanOptions::default() };
        let catalog = &project.data.model().catalog;
        planner::plan(catalog, &request.shape, &request.values, &options).unwrap_err().code_text().to_owned()
    };
    assert_eq!((&*refused(true), &*refused(false)), ("PGRST127", "PGRST123"));
}
