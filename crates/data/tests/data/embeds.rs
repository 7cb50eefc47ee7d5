//! Related rows, by every kind of relationship.

use crate::harness::{Project, check_refused, check_rows};

#[test]
fn every_kind_of_relationship() {
    check_rows(
        &Project::new(),
        &[
            (
                "products?select=id,categories(name)&id=lt.3",
                r#"[{"id":1,"categories":{"name":"Hand tools"}},{"id":2,"categories":{"name":"Hand tools"}}]"#,
            ),
            ("products?select=id,category_id(name)&id=eq.4", r#"[{"id":4,"category_id":null}]"#),
            (
                "categories?select=name,products(id)&order=id&products.order=id.desc",
                r#"[{"name":"Tools","products":[{"id":5}]},{"name":"Hand tools","products":[{"id":2},{"id":1}]},{"name":"Toys","products":[{"id":3}]}]"#,
            ),
            (
                "products?select=id,details(weight,extra,fragile)&id=in.(1,4)",
                r#"[{"id":1,"details":{"weight":1.25,"extra":{"box":[1,2]},"fragile":false}},{"id":4,"details":null}]"#,
            ),
            ("details?select=products(name)&product_id=eq.1", r#"[{"products":{"name":"Hammer"}}]"#),
            (
                "products?select=id,labels(name)&labels.order=name&id=lte.2",
                r#"[{"id":1,"labels":[{"name":"heavy"},{"name":"steel"}]},{"id":2,"labels":[{"name":"steel"}]}]"#,
            ),
            (
                "labels?select=name,products(name)&id=eq.1&products.order=name.desc",
                r#"[{"name":"steel","products":[{"name":"Saw"},{"name":"Hammer"}]}]"#,
            ),
            (
                "categories?select=name,parent_id(name),below:categories(name)&id=lte.2",
                r#"[{"name":"Tools","parent_id":null,"below":[{"name":"Hand tools"}]},{"name":"Hand tools","parent_id":{"name":"Tools"},"below":[]}]"#,
            ),
            (
                "orders?select=id,billing:addresses!billing_id(city),shipping:addresses!shipping_id(city)&id=eq.1",
                r#"[{"id":1,"billing":{"city":"Oslo"},"shipping":{"city":"Rome"}}]"#,
            ),
            (
                "addresses?select=city,billed:orders!billing_id(id)&id=eq.1&billed.order=id",
                r#"[{"city":"Oslo","billed":[{"id":1},{"id":2}]}]"#,
            ),
            (
                "deliveries?select=id,lines(quantity,orders(customer))&order=id",
                r#"[{"id":1,"lines":{"quantity":5,"orders":{"customer":"ada"}}},{"id":2,"lines":{"quantity":2,"orders":{"customer":"ada"}}},{"id":3,"lines":null}]"#,
            ),
            (
                "lines?select=line,deliveries(carrier)&order_id=eq.1&order=line",
                r#"[{"line":1,"deliveries":[{"carrier":"rail"}]},{"line":2,"deliveries":[{"carrier":"ship"}]}]"#,
            ),
            (
                "cheap?select=name,categories(name)&order=id",
                r#"[{"name":"Saw","categories":{"name":"Hand tools"}},{"name":"Doll \"x\"","categories":{"name":"Toys"}}]"#,
            ),
        ],
    );
}

#[test]
fn documents_stay_documents_at_any_depth() {
    check_rows(
        &Project::new(),
        &[
            (
                "categories?select=name,products(id,data,active,details(extra,fragile),labels(name))&id=eq.2&products.order=id&products.limit=1&products.labels.order=id",
                r#"[{"name":"Hand tools","products":[{"id":1,"data":{"a":10,"tags":["x","y"],"deep":{"b":[1,{"c":"z"}]},"ok":true,"none":null},"active":true,
                "details":{"extra":{"box":[1,2]},"fragile":false},"labels":[{"name":"steel"},{"name":"heavy"}]}]}]"#,
            ),
            (
                "products?select=id,...details(extra,fragile,weight)&id=lte.3&order=id",
                r#"[{"id":1,"extra":{"box":[1,2]},"fragile":false,"weight":1.25},{"id":2,"extra":null,"fragile":true,"weight":null},{"id":3,"extra":true,"fragile":null,"weight":0.5}]"#,
            ),
            (
                "categories?select=id,...products(active,data->tags,name)&id=eq.2&products.order=id",
                r#"[{"id":2,"active":[true,true],"tags":[["x","y"],["y"]],"name":["Hammer","Saw"]}]"#,
            ),
            (
                "categories?select=id,...products(active,data->tags)&id=eq.2&products.order=id.desc&products.limit=1",
                r#"[{"id":2,"active":[true],"tags":[["y"]]}]"#,
            ),
            (
                "lines?select=line,...products(product:name,...categories(category:name))&order_id=eq.1&order=line",
                r#"[{"line":1,"product":"Hammer","category":"Hand tools"},{"line":2,"product":"Saw","category":"Hand tools"}]"#,
            ),
            (
                "orders?select=id,...lines(line,...products(name))&id=eq.1&lines.order=line",
                r#"[{"id":1,"line":[1,2],"name":["Hammer","Saw"]}]"#,
            ),
            (
                "products?select=id,...categories(name,up:parent_id(name))&id=eq.1",
                r#"[{"id":1,"name":"Hand tools","up":{"name":"Tools"}}]"#,
            ),
        ],
    );
}

#[test]
fn filters_order_and_bounds_inside() {
    check_rows(
        &Project::new(),
        &[
            (
                "categories?select=name,products(id)&products.price=gt.10&order=id",
                r#"[{"name":"Tools","products":[{"id":5}]},{"name":"Hand tools","products":[{"id":1}]},{"name":"Toys","products":[]}]"#,
            ),
            (
                "categories?select=name,products!inner(id)&products.price=gt.10&order=id",
                r#"[{"name":"Tools","products":[{"id":5}]},{"name":"Hand tools","products":[{"id":1}]}]"#,
            ),
            (
                "categories?select=name,products()&products.price=lt.5&products=not.is.null",
                r#"[{"name":"Toys"}]"#,
            ),
            (
                "categories?select=name,products()&products.price=lt.50&products=is.null",
                r#"[{"name":"Tools"}]"#,
            ),
            (
                "products?select=id,labels!inner(name)&labels.name=eq.heavy",
                r#"[{"id":1,"labels":[{"name":"heavy"}]}]"#,
            ),
            (
                "categories?select=id,products(id)&id=eq.2&products.limit=1&products.offset=1&products.order=id",
                r#"[{"id":2,"products":[{"id":2}]}]"#,
            ),
            (
                "orders?select=id,lines(line,products!inner(name))&lines.products.name=eq.Saw&order=id&id=lt.3",
                r#"[{"id":1,"lines":[{"line":2,"products":{"name":"Saw"}}]},{"id":2,"lines":[]}]"#,
            ),
            (
                "orders?select=id,lines!inner(line,products!inner(name))&lines.products.name=eq.Saw",
                r#"[{"id":1,"lines":[{"line":2,"products":{"name":"Saw"}}]}]"#,
            ),
            (
                "categories?select=id,products(id)&products.or=(price.gt.90,price.lt.4)&order=id&id=neq.2",
                r#"[{"id":1,"products":[{"id":5}]},{"id":3,"products":[{"id":3}]}]"#,
            ),
            (
                "orders?select=id,lines(line,products(name))&id=eq.1&lines.order=products(name).desc",
                r#"[{"id":1,"lines":[{"line":2,"products":{"name":"Saw"}},{"line":1,"products":{"name":"Hammer"}}]}]"#,
            ),
        ],
    );
}

#[test]
fn ambiguity_and_absence_are_told() {
    check_refused(
        &Project::new(),
        &[
            ("orders?select=id,addresses(city)", "PGRST201", "addresses!orders_billing_id_fkey"),
            ("addresses?select=city,orders(id)", "PGRST201", "orders!orders_shipping_id_fkey"),
            ("orders?select=id,categories(name)", "PGRST200", "'orders' and 'categories'"),
            ("orders?select=id,addresses!nope(city)", "PGRST200", "using the hint 'nope'"),
            ("orders?select=id,lines(nope)", "42703", "lines.nope"),
            ("orders?select=id&lines.line=eq.1", "PGRST108", "lines"),
            ("orders?select=id,lines(line)&lines=eq.1", "PGRST120", "lines"),
            ("orders?select=id,lines(line)&order=lines(line)", "PGRST118", "lines"),
            ("orders?select=id&order=billing_id(city)", "PGRST108", "billing_id"),
        ],
    );
}
