//! SQL smuggled in at every position: refused, or kept where values and names belong, and nothing changes.

use crate::harness::{Project, Said};
use crate::requests::encoded;

/// Each holds the word `zqx`, which no honest statement has.
#[rustfmt::skip]
const PAYLOADS: &[&str] = &[
    "zqx'; DROP TABLE labels; --", "zqx\"; DROP TABLE labels; --", "zqx') UNION SELECT sql, 1 FROM sqlite_schema --", "zqx OR 1=1",
    "1); DELETE FROM labels; -- zqx", "zqx\" OR \"1\"=\"1", "zqx' OR '1'='1", "zqx/*", "*/zqx", "zqx\\'; DROP TABLE labels; --", "zqx\u{0}'; DROP TABLE labels",
    "zqx\n; DELETE FROM labels", "?1 zqx", ":zqx", "@zqx", "$zqx", "zqx`", "[zqx]", "zqx\u{2019}\u{ff07}", "zqx;", "'zqx", "\"zqx", "''zqx''", "zqx\\", "zqx)",
    "json_object('zqx', 1)", "x'00' || zqx", "CAST(zqx AS TEXT)", "t0.zqx", "(SELECT zqx)", "zqx::text", "$.zqx\"'", "zqx NEAR(\"", "zqx* AND name:\"", "-zqx",
];

/// `{}` is where the payload goes: (method, URL, body).
#[rustfmt::skip]
const POSITIONS: &[(&str, &str, &str)] = &[
    ("GET", "{}", ""), ("GET", "labels/{}", ""), ("GET", "labels?{}=eq.1", ""), ("GET", "labels?name=eq.{}", ""), ("GET", "labels?name=neq.{}", ""),
    ("GET", "labels?name={}.1", ""), ("GET", "labels?name={}", ""), ("GET", "labels?id=eq.{}", ""), ("GET", "labels?name=in.({})", ""),
    ("GET", "labels?name=in.(\"{}\")", ""), ("GET", "labels?name=like.{}", ""), ("GET", "labels?name=ilike(any).{{}}", ""), ("GET", "labels?name=match.{}", ""),
    ("GET", "labels?name=is.{}", ""), ("GET", "labels?id=isdistinct.{}", ""), ("GET", "products?name=fts.{}", ""), ("GET", "products?name=plfts.{}", ""),
    ("GET", "products?name=phfts.{}", ""), ("GET", "products?name=wfts.{}", ""), ("GET", "products?name=fts({}).x", ""), ("GET", "labels?select={}", ""),
    ("GET", "labels?select=\"{}\"", ""), ("GET", "labels?select={}:name", ""), ("GET", "labels?select=\"{}\":name", ""), ("GET", "labels?select=name::{}", ""),
    ("GET", "labels?select=id.{}()", ""), ("GET", "labels?select=id.sum()::{}", ""), ("GET", "products?select=data->{}", ""), ("GET", "products?select=data->>\"{}\"", ""),
    ("GET", "products?select=\"{}\":data->a->\"{}\"", ""), ("GET", "products?data->>{}=eq.1", ""), ("GET", "products?data->a=eq.{}", ""), ("GET", "products?data=cs.{}", ""),
    ("GET", "products?data=cs.{{}}", ""), ("GET", "labels?order={}", ""), ("GET", "labels?order=name.{}", ""), ("GET", "products?order=data->\"{}\"", ""),
    ("GET", "labels?limit={}", ""), ("GET", "labels?offset={}", ""), ("GET", "labels?cursor={}", ""), ("GET", "labels?or=({})", ""), ("GET", "labels?or=(name.eq.{},id.eq.1)", ""),
    ("GET", "labels?or=(name.eq.\"{}\",id.eq.1)", ""), ("GET", "labels?having=id.count().{}", ""), ("GET", "labels?select=name,{}(id)", ""),
    ("GET", "labels?select=name,products!{}(id)", ""), ("GET", "labels?select=\"{}\":products(id)", ""), ("GET", "labels?select=products({})", ""),
    ("GET", "labels?select=products(name)&products.name=eq.{}", ""), ("GET", "labels?select=products(name)&products.{}=eq.1", ""),
    ("GET", "labels?select=products(name)&{}.name=eq.1", ""), ("GET", "rpc/{}", ""), ("GET", "labels?name=eq.x&{}", ""),
    ("POST", "labels", r#"{"name":"{}"}"#), ("POST", "labels", r#"{"{}":1}"#), ("POST", "labels", r#"[{"name":"{}"},{"name":"b"}]"#), ("POST", "labels?columns={}", r#"{"name":"b"}"#),
    ("POST", "labels?on_conflict={}", r#"{"name":"b"}"#), ("POST", "labels?select={}", r#"{"name":"b"}"#), ("POST", "products", r#"{"name":"{}","data":{"{}":"{}"}}"#),
    ("POST", "products", r#"{"name":"n","details":{"{}":1}}"#), ("POST", "products", r#"{"name":"n","{}":{"weight":1}}"#), ("PATCH", "labels?id=eq.{}", r#"{"name":"x"}"#),
    ("PATCH", "labels?id=eq.1", r#"{"name":"{}"}"#), ("PATCH", "labels?id=eq.1", r#"{"{}":"x"}"#), ("PATCH", "labels/{}", r#"{"name":"x"}"#), ("PUT", "labels?id=eq.{}", r#"{"name":"x"}"#),
    ("PUT", "labels/1", r#"{"name":"{}"}"#), ("DELETE", "labels?name=eq.{}", ""), ("DELETE", "labels?{}=eq.1", ""), ("DELETE", "labels/{}", ""), ("DELETE", "plain?b=like.{}", ""),
];

/// A statement's text without what stands in quotes.
fn outside_quotes(text: &str) -> String {
    let mut outside = String::new();
    let mut inside = None;
    for character in text.chars() {
        match inside {
            None if matches!(character, '\'' | '"') => inside = Some(character),
            None => outside.push(character),
            // A doubled quote ends and begins again.
            Some(quote) if quote == character => inside = None,
            Some(_) => {}
        }
    }
    assert_eq!(inside, None, "a quote is open: {text}");
    outside
}

#[test]
fn what_is_smuggled_in_stays_a_value_or_name() {
    let mut project = Project::new();
    project.rollback = true;
    let tables = ["labels", "products", "details", "product_labels", "plain", "categories"];
    let before = project.contents(&tables);
    let schema = format!(
        "{:?}",
        project.runtime.block_on(project.database.introspect()).unwrap().tables().collect::<Vec<_>>()
    );
    let prefer = Said { prefer: "return=representation", accept: None };
    let mut planned = 0;
    for (method, url, body) in POSITIONS {
        for payload in PAYLOADS {
            let json = serde_json::Value::from(*payload).to_string();
            let body = body.replace("{}", &json[1..json.len() - 1]);
            let url = url.replace("{}", &encoded(payload));
            match project.statements(method, &url, prefer, &body) {
                Ok(text) => {
                    planned += 1;
                    let outside = outside_quotes(&text);
                    assert!(!outside.contains("zqx"), "{method} {url}\n{text}");
                    assert!(
                        !outside.contains("DROP") && !outside.contains("UNION"),
                        "{method} {url}\n{text}"
                    );
                }
                Err(problem) => assert!(problem.code().status() < 500, "{method} {url} {body}\n{problem:?}"),
            }
            if let Err(problem) = project.run(method, &url, prefer, &body) {
                assert!(problem.code().status() < 500, "{method} {url} {body}\n{problem:?}");
            }
        }
        assert_eq!(project.contents(&tables), before, "{method} {url}");
    }
    let after = format!(
        "{:?}",
        project.runtime.block_on(project.database.introspect()).unwrap().tables().collect::<Vec<_>>()
    );
    assert_eq!(after, schema);
    assert!(planned > POSITIONS.len() * PAYLOADS.len() / 5, "only {planned} were planned");
}
