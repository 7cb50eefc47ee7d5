//! What is refused, with what words: the caller must see what was wrong, where, and what would be right.

use std::fmt::Write as _;

use http::Method;
use transom_types::Code;

use super::{functions, get, send};
use crate::rest::{Head, Headers, parse};

const BAD_URLS: &[&str] = &[
    "t?id=5",
    "t?id=eq5",
    "t?id=eqq.5",
    "t?id=not.5",
    "t?id=EQ.5",
    "t?id=",
    "t?id",
    "t?id=is.nil",
    "t?id=in.1,2",
    "t?id=in.(1,2",
    "t?id=in.(1,2)x",
    "t?id=eq(some).{1}",
    "t?id=eq(any).1",
    "t?id=neq(any).{1}",
    "t?id=fts().x",
    "t?id()=eq.1",
    "t?=eq.1",
    "t?a.=eq.1",
    "t?a->=eq.1",
    "t?e.a=eq.1",
    "t?select=e(*)&e.f.a=eq.1",
    "t?or=a.eq.1",
    "t?or=()",
    "t?or=(a.eq.1",
    "t?or=(a.eq.1,)",
    "t?or=(a.eq.1))",
    "t?or=(a)",
    "t?or=(a.foo.1)",
    "t?and=(or(a.eq.1,b.gte.2)",
    "t?select=a,,b",
    "t?select=a,",
    "t?select=a.total()",
    "t?select=a::",
    "t?select=e(",
    "t?select=e(a))",
    "t?select=...a",
    "t?select=...count()",
    "t?select=e!fk!other(a)",
    "t?select=*a",
    "t?select=\"unterminated",
    "t?select=a&select=b",
    "t?order=a.up",
    "t?order=a.desc.asc",
    "t?order=e(a",
    "t?order=a,",
    "t?limit=ten",
    "t?limit=-1",
    "t?limit=1&limit=2",
    "t?having=count().5",
    "t?cursor=nonsense",
    "t?cursor=start&offset=5",
    "t?columns=a,a",
    "t?a=eq.%ff",
    "t?a=eq.%zz",
    "t?a=eq.%00",
    "t?%a=eq.1",
    "t%ff",
    "a/b/c",
    "rpc",
    "rpc/a/b",
    "//",
    "$batch",
    "",
];

#[test]
fn bad_urls() {
    let mut table = String::new();
    for url in BAD_URLS {
        let problem = get(url).expect_err(url);
        writeln!(table, "{url}\n    {problem:?}").unwrap();
    }
    insta::assert_snapshot!("bad_urls", table);
}

#[test]
fn bad_urls_as_postgrest_refuses_them() {
    let key = "\"-\", digit or any non reserved character different from: .,>()";
    let node = "field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)";
    let operator = "\"not\" or operator (eq, gt, ...)";
    let next = "\",\" or end of input";
    for (query, kind, column, found, expecting) in [
        ("or=()", "logic tree (())", 4, "\")\"", node),
        ("and=()", "logic tree (())", 5, "\")\"", node),
        ("not.or=()", "logic tree (())", 8, "\")\"", node),
        ("e.not.and=()&select=e(*)", "logic tree (())", 9, "\")\"", node),
        ("order=id.asc.nullslasttt", "order (id.asc.nullslasttt)", 17, "'t'", next),
        ("id=0", "filter (0)", 1, "\"0\"", operator),
        ("id=not.0", "filter (not.0)", 5, "\"0\"", "operator (eq, gt, ...)"),
        ("select=a->(b", "select parameter (a->(b)", 4, "\"(\"", key),
        ("select=data->>--34", "select parameter (data->>--34)", 9, "\"-\"", "digit"),
    ] {
        let head = Head { path: "t", query, compatible: true, ..Head::default() };
        let problem = parse(&head, None, &functions).expect_err(query);
        let message = format!("\"failed to parse {kind}\" (line 1, column {column})");
        assert_eq!((problem.code(), problem.message()), (Code::QuerySyntax, &*message), "{query}");
        assert_eq!(problem.details(), Some(&*format!("unexpected {found} expecting {expecting}")), "{query}");
    }
    // Ours is the wider one: such a key may be in a document.
    assert!(get("t?select=data->>--34").is_ok());
    let minus = Head { path: "t", query: "select=data->-34", compatible: true, ..Head::default() };
    assert!(parse(&minus, None, &functions).is_ok());
}

#[test]
fn bad_requests() {
    let mut table = String::new();
    for (method, url, body) in [
        (Method::TRACE, "t", ""),
        (Method::OPTIONS, "t", ""),
        (Method::POST, "t/1", "{}"),
        (Method::PATCH, "rpc/add", "{}"),
        (Method::POST, "t", ""),
        (Method::POST, "t", "{"),
        (Method::POST, "t", "5"),
        (Method::POST, "t", "[1]"),
        (Method::POST, "t", "[{}] x"),
        (Method::POST, "t", "{\"a\":1e999}"),
        (Method::POST, "t?a=eq.1", "{}"),
        (Method::POST, "t?cursor=", "{}"),
        (Method::PATCH, "t?a=eq.1", "[{},{}]"),
        (Method::PATCH, "t?on_conflict=a", "{}"),
        (Method::PUT, "t", "{}"),
        (Method::PUT, "t?a=gt.1", "{}"),
        (Method::PUT, "t?or=(a.eq.1,b.eq.2)", "{}"),
        (Method::PUT, "t?a=eq.1&limit=1", "{}"),
        (Method::PUT, "t?a=eq.1", "[{},{}]"),
        (Method::POST, "rpc/add", "[{},{}]"),
    ] {
        let problem = send(method.clone(), url, Headers::default(), body).expect_err(url);
        writeln!(table, "{method} {url} {body}\n    {problem:?}").unwrap();
    }
    insta::assert_snapshot!("bad_requests", table);
}

#[test]
fn limits() {
    let many = |part: &str, count: usize| vec![part; count].join(",");
    for url in [
        format!("t?or=({})", many("a.eq.1", 257)),
        format!("t?and={}(a.eq.1{}", "(and".repeat(16), ")".repeat(17)),
        format!("t?select={}", many("a", 513)),
        format!("t?select={}", many("e(a)", 33)),
        format!("t?select={}a{}", "e(".repeat(9), ")".repeat(9)),
        format!("t?a=in.({})", many("1", 10_001)),
        format!("t?a=eq(any).{{{}}}", many("1", 10_001)),
        format!("t?{}=eq.1", "x".repeat(256)),
        format!("t?{}", vec!["a=eq.1"; 257].join("&")),
        format!("t?{}", vec!["limit=1"; 1_001].join("&")),
    ] {
        let problem = get(&url).expect_err("over a limit");
        assert_eq!(problem.code(), Code::TooManyParts, "{:.80} {problem:?}", url);
    }
    assert!(get(&format!("t?or=({})", many("a.eq.1", 256))).is_ok());
    assert!(get(&format!("t?select={}a{}", "e(".repeat(8), ")".repeat(8))).is_ok());
    assert!(get(&format!("t?a=in.({})", many("1", 10_000))).is_ok());
}

#[test]
fn bodies_over_a_limit() {
    for body in
        ["[".repeat(10_000_000), "{\"a\":".repeat(2_000_000), format!("[{}]", vec!["{}"; 100_001].join(","))]
    {
        let problem = send(Method::POST, "t", Headers::default(), &body).unwrap_err();
        assert_eq!(problem.code(), Code::TooManyParts, "{problem:?}");
    }
    // Every row a key of its own: the table would be far larger than the body.
    let wide: Vec<_> = (0..2_001).map(|at| format!("{{\"k{at}\":1}}")).collect();
    let problem = send(Method::POST, "t", Headers::default(), &format!("[{}]", wide.join(","))).unwrap_err();
    assert_eq!(problem.code(), Code::TooManyParts);
    let sparse: Vec<_> = (0..50_000).map(|at| format!("{{\"k{}\":1}}", at % 1_000)).collect();
    let problem =
        send(Method::POST, "t", Headers::default(), &format!("[{}]", sparse.join(","))).unwrap_err();
    assert_eq!(problem.code(), Code::TooManyParts);
}

#[test]
fn bad_headers() {
    let mut table = String::new();
    let headers = |name: &str, value: &'static str| {
        let mut headers = Headers::default();
        match name {
            "accept" => headers.accept = Some(value),
            "content-type" => headers.content_type = Some(value),
            "prefer" => headers.prefer = vec![value],
            "range" => headers.range = Some(value),
            "idempotency-key" => headers.idempotency_key = Some(value),
            _ => headers.accept_profile = Some(value),
        }
        headers
    };
    for (method, name, value) in [
        (Method::GET, "accept", "image/png"),
        (Method::GET, "accept", "application/geo+json"),
        (Method::GET, "accept", "application/json;q=0"),
        (Method::GET, "accept", "application/octet-stream"),
        (Method::GET, "prefer", "handling=strict, foo, count=all, bar=1"),
        (Method::GET, "range", "9-0"),
        (Method::PATCH, "prefer", "max-affected=5"),
        (Method::POST, "content-type", "text/plain"),
        (Method::POST, "content-type", "application/json; charset=latin1"),
        (Method::POST, "content-type", "image/png"),
        (Method::POST, "idempotency-key", ""),
        (Method::POST, "idempotency-key", "a\u{7f}"),
    ] {
        let problem = send(method.clone(), "t", headers(name, value), "{}").expect_err(value);
        writeln!(table, "{method} {name}: {value}\n    {problem:?}").unwrap();
    }
    insta::assert_snapshot!("bad_headers", table);
}
