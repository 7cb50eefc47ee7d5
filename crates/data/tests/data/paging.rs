//! Pages by cursor: every row once, in the order of the plain query, whatever the order and wherever NULLs stand.

use proptest::{collection::vec, option, prelude::*, test_runner::TestRunner};
use serde_json::{Value as Json, json};
use transom_data::Sources;
use transom_protocols::rest;
use transom_types::Principal;

use crate::harness::{Project, Said, json, said};

const SCHEMA: &str = "CREATE TABLE rows (
    one INTEGER NOT NULL, two TEXT NOT NULL, a INTEGER, b TEXT, c REAL, d BOOLEAN, e JSON, f TEXT COLLATE NOCASE, g NUMERIC, h INTEGER NOT NULL,
    i TEXT NOT NULL COLLATE NOCASE, PRIMARY KEY (one, two));";

#[rustfmt::skip]
const TERMS: &[&str] = &["a", "b", "c", "d", "e->k", "e->>k", "e", "f", "g", "h", "i", "two", "one"];
const WAYS: &[&str] = &["", ".desc", ".nullsfirst", ".nullslast", ".desc.nullsfirst", ".desc.nullslast"];

fn row(place: usize) -> impl Strategy<Value = Json> {
    let text = || prop::sample::select(vec!["", "a", "A", "b", "B", "ä", "a b", "\"", "10", "9", "null"]);
    let real = prop_oneof![
        prop::sample::select(vec![0.0, -0.5, 0.1, 0.30000000000000004, 1e300, 5e-324, 123456789.12345679]),
        any::<i16>().prop_map(|number| f64::from(number) / 7.0),
    ];
    let document = prop::sample::select(vec![
        json!(1),
        json!("1"),
        json!(10),
        json!(9.5),
        json!(null),
        json!([1]),
        json!({"z": 1}),
        json!(true),
    ]);
    let number =
        prop::sample::select(vec![json!(1), json!(2.5), json!(9007199254740993i64), json!(-3), json!(1.0)]);
    let nullable = (
        option::of(prop::sample::select(vec![0, 1, -1, 9_007_199_254_740_993i64, i64::MIN])),
        option::of(text()),
        option::of(real),
        option::of(any::<bool>()),
        option::of(document),
        option::of(text()),
        option::of(number),
    );
    (nullable, 0..3, text(), 0..3i64).prop_map(move |((a, b, c, d, e, f, g), h, i, one)| {
        let e = e.map(|k| json!({"k": k}));
        json!({"one": one, "two": place.to_string(), "a": a, "b": b, "c": c, "d": d, "e": e, "f": f, "g": g, "h": h, "i": i})
    })
}

fn rows() -> impl Strategy<Value = Vec<Json>> {
    (1usize..12).prop_flat_map(|count| (0..count).map(row).collect::<Vec<_>>())
}

/// The keys of every row, page by page.
fn paged(project: &Project, order: &str, limit: usize) -> Result<Vec<Json>, String> {
    let mut keys = Vec::new();
    let mut token = String::new();
    for _ in 0..40 {
        let url = format!("rows?select=one,two&order={order}&limit={limit}&cursor={token}");
        let head =
            rest::Head { path: "rows", query: url.split_once('?').unwrap().1, ..rest::Head::default() };
        let parsed = rest::parse(&head, None, &|_| None).map_err(|problem| said(&problem))?;
        let fingerprint = parsed.fingerprint.unwrap();
        let reply =
            project.execute(parsed.request).map_err(|problem| format!("{url}: {}", said(&problem)))?;
        let page = json(&reply);
        let page = page.as_array().unwrap();
        keys.extend(page.iter().cloned());
        if page.len() < limit {
            return Ok(keys);
        }
        token = rest::encode_cursor(fingerprint, &reply.cursor.ok_or("a full page has no cursor")?);
    }
    Err(format!("no end: {order} by {limit}"))
}

#[test]
fn every_row_is_visited_once_in_order() {
    let project = Project::with(SCHEMA, &Sources::default(), Principal::anonymous("service_role"));
    let term = (prop::sample::select(TERMS), prop::sample::select(WAYS))
        .prop_map(|(term, way)| format!("{term}{way}"));
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&(rows(), vec(term, 1..4), 1usize..5), |(rows, terms, limit)| {
            project.run("DELETE", "rows", Said::default(), "").unwrap();
            project.run("POST", "rows", Said::default(), &Json::from(rows.clone()).to_string()).unwrap();
            let order = terms.join(",");
            let plain = json(&project.get(&format!("rows?select=one,two&order={order},one,two")).unwrap());
            let paged = paged(&project, &order, limit).map_err(TestCaseError::fail)?;
            prop_assert_eq!(&Json::from(paged), &plain, "{}", order);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
