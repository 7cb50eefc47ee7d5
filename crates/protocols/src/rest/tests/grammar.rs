//! Reading: what each part of the grammar becomes.

use insta::assert_debug_snapshot;

use super::{get, understood};

/// The URL is understood, and is its own canonical form.
#[track_caller]
fn canonical(url: &str) {
    assert_eq!(understood(url), url);
}

/// The URL is understood as the same as the canonical one.
#[track_caller]
fn same(url: &str, canonical: &str) {
    assert_eq!(understood(url), canonical, "{url}");
    assert_eq!(understood(canonical), canonical);
}

#[test]
fn paths() {
    canonical("products");
    same("/products/", "products");
    same("/Order%20Items?Unit%20Price=lt.200", "Order%20Items?Unit%20Price=lt.200");
    same("/موارد", "%D9%85%D9%88%D8%A7%D8%B1%D8%AF");
    canonical("order_lines/7,a%2Cb");
    same("x/a+b", "x/a%2Bb");
    canonical("rpc/add?a=1&b=eq.2");
}

#[test]
fn operators() {
    for operator in [
        "eq",
        "neq",
        "gt",
        "gte",
        "lt",
        "lte",
        "like",
        "ilike",
        "match",
        "imatch",
        "isdistinct",
        "cs",
        "cd",
        "ov",
        "sl",
        "sr",
        "nxr",
        "nxl",
        "adj",
        "fts",
        "plfts",
        "phfts",
        "wfts",
    ] {
        canonical(&format!("t?a={operator}.x"));
        canonical(&format!("t?a=not.{operator}.x"));
        canonical(&format!("t?or=(a.{operator}.x,b.not.{operator}.y)"));
    }
    for operator in ["eq", "gt", "gte", "lt", "lte", "match", "imatch", "like", "ilike"] {
        canonical(&format!("t?a={operator}(any).%7Bx,y%7D"));
        canonical(&format!("t?a=not.{operator}(all).%7Bx%7D"));
    }
    for value in ["null", "not_null", "true", "false", "unknown"] {
        canonical(&format!("t?a=is.{value}"));
        canonical(&format!("t?a=not.is.{value}"));
    }
    same("t?a=is.NULL", "t?a=is.null");
    canonical("t?a=fts(english).x");
    canonical("t?a=not.phfts(english).The%20Fat%20Cats");
}

#[test]
fn values() {
    same("t?a=like.*x*", "t?a=like.%25x%25");
    same("t?a=like(any).{x*,*y}", "t?a=like(any).%7B%22x%25%22,%22%25y%22%7D");
    same("t?a=match.^x*", "t?a=match.%5Ex*");
    same("t?a=eq.\"quoted\"", "t?a=eq.%22quoted%22");
    same("t?a=eq.a+b%2Bc", "t?a=eq.a%20b%2Bc");
    canonical("t?a=eq.");
    same("t?a=eq.1,2).x&b=eq.c=d", "t?a=eq.1,2).x&b=eq.c%3Dd");
    same("t?a=in.(1,2,three)", "t?a=in.(1,2,three)");
    same("t?a=in.(\"hi,there\",yes)", "t?a=in.(%22hi,there%22,yes)");
    same(r#"t?a=in.("q:\"","b:\\")"#, "t?a=in.(%22q:%5C%22%22,%22b:%5C%5C%22)");
    canonical("t?a=in.()");
    same("t?a=in.(\"\")", "t?a=in.(%22%22)");
    same("t?a=cs.{a,\"b,c\",1}", "t?a=cs.%7Ba,%22b,c%22,1%7D");
    same("t?a=cs.{[1,2),[5,8)}", "t?a=cs.%7B%5B1,2),%5B5,8)%7D");
    same("t?a=cs.{\"k\":1}", "t?a=cs.%7B%22k%22:1%7D");
    same("t?a=ov.[2017-01-01,2017-06-30]", "t?a=ov.%5B2017-01-01,2017-06-30%5D");
    same("t?or=(a.cs.{x,y},b.eq.1)", "t?or=(a.cs.%22%7Bx,y%7D%22,b.eq.1)");
    same("t?or=(a.eq.\"x,y)\",b.eq.)", "t?or=(a.eq.%22x,y)%22,b.eq.%22%22)");
}

#[test]
fn names() {
    same("t?\"information.cpe\"=like.*MS*", "t?%22information.cpe%22=like.%25MS%25");
    canonical("t?%22order%22=eq.1");
    canonical("t?first-name=eq.1");
    canonical("t?data-%3Ephones-%3E0-%3E%3Enumber=eq.1");
    canonical("t?data-%3E%220%22=eq.1");
    canonical("t?data-%3E-1=eq.1");
}

#[test]
fn logic() {
    same("t?or=(age.lt.18,age.gt.21)", "t?or=(age.lt.18,age.gt.21)");
    canonical("t?grade=gte.90&or=(age.eq.14,not.and(age.gte.11,age.lte.17))");
    canonical("t?not.and=(a.gte.0,a.lte.100)");
    same("t?and=(a.eq.1,b.eq.2)", "t?a=eq.1&b=eq.2");
    same("t?or=(a.eq.1)", "t?a=eq.1");
    same("t?not.or=(a.not.eq.1)", "t?not.and=(a.not.eq.1)");
    same("t?or=(a.in.(1,\"2,3\"),b.is.null, c.eq.4 )", "t?or=(a.in.(1,%222,3%22),b.is.null,c.eq.4%20)");
    same("t?or=(not.a.eq.1,b.eq.2)", "t?or=(a.not.eq.1,b.eq.2)");
    canonical("t?a=eq.1&a=eq.2");
    canonical("t?select=e()&or=(e.is.null,a.eq.1)");
}

#[test]
fn select() {
    same("t?select=*", "t");
    canonical("t?select=*,a");
    canonical("t?select=full:first_name,age::text,data-%3E%3Ekind");
    same("t?select= a , b", "t?select=a,b");
    canonical("t?select=*,e(*)");
    canonical("t?select=x:e!fk!inner(a,f(b)),...g(c),h()");
    same("t?select=e!left(a),e2!inner!fk(a)", "t?select=e(a),e2!fk!inner(a)");
    canonical("t?select=amount.sum(),n:count(),amount::numeric.avg()::int,data-%3Etax::numeric.sum()");
    canonical("t?select=count()::text,total:amount.sum()");
    canonical("t?select=e(count())");
}

#[test]
fn order_and_pages() {
    canonical("t?order=a,b.desc,c.nullsfirst,d.desc.nullslast");
    same("t?order=a.asc.nullslast", "t?order=a.nullslast");
    canonical("t?order=data-%3E%3Eage.desc,category(name).desc,price.sum().desc,count()");
    canonical("t?limit=10&offset=20");
    same("t?offset=0", "t");
    canonical("t?limit=0");
    canonical("t?cursor=start");
    same("t?cursor=", "t?cursor=start");
    same("t?cursor=eq.5&having=eq.1", "t?%22cursor%22=eq.5&%22having%22=eq.1");
}

#[test]
fn having() {
    canonical("t?select=count()&having=amount.sum().gt.100");
    canonical("t?select=count()&having=count().not.gte.2");
    same("t?having=not.count().gte.2", "t?having=count().not.gte.2");
    same(
        "t?having=and(amount.sum().gt.100,count().gte.2)",
        "t?having=amount.sum().gt.100&having=count().gte.2",
    );
    same("t?having=(count().gt.1,a.max().lt.3)", "t?having=count().gt.1&having=a.max().lt.3");
    canonical("t?having=or(count().gt.1,not.and(a.min().lt.3,a.in.(1,2)))");
}

#[test]
fn embedded() {
    canonical("t?select=e(*)&e.a=eq.1&e.or=(b.eq.1,c.eq.2)&e.order=a.desc&e.limit=5&e.offset=2");
    canonical("t?select=x:e(f(*))&x.f.a=eq.1&x.f.not.or=(b.eq.1,c.eq.2)");
    canonical("t?select=e()&e=is.null");
    same("t?e.limit=5&select=...e(a)", "t?select=...e(a)&e.limit=5");
    canonical("t?select=e(count())&e.having=count().gt.1");
}

#[test]
fn functions() {
    same("rpc/add?a=eq.x&c=eq.2&select=d", "rpc/add?select=d&a=eq.x&c=eq.2");
    same("rpc/other?a=x&b=eq.1&c=not.an.operator", "rpc/other?a=x&c=not.an.operator&b=eq.1");
    same("rpc/other?a=x&a=y", "rpc/other?a=y");
    canonical("rpc/other?limit=5");
}

#[test]
fn shapes() {
    assert_debug_snapshot!(
        "filters",
        get("products?id=eq.5&name=not.like.a*&or=(a.is.null,b.in.(1,2))").unwrap().request
    );
    assert_debug_snapshot!(
        "select_and_order",
        get("orders?select=id,c:customers!fk!inner(name),total:lines->0->>price::numeric.sum()&c.vip=is.true&order=c(name).desc.nullslast&limit=3")
            .unwrap()
            .request
    );
    assert_debug_snapshot!("row", get("lines/7,x").unwrap());
    assert_debug_snapshot!("call", get("rpc/add?a=1&b=2&c=gt.3").unwrap().request);
}

#[test]
fn requests_that_differ_in_values_share_a_shape() {
    let one = get("t?a=eq.1&b=in.(1,2)&limit=5").unwrap().request;
    let other = get("t?a=eq.x&b=in.(3)&limit=7").unwrap().request;
    assert_eq!(one.shape, other.shape);
    assert_ne!(one.values, other.values);
}

#[test]
fn cursors_belong_to_their_request() {
    let first = get("t?cursor=start&order=a.desc&b=eq.1").unwrap();
    // Pinned: a token must outlive builds and restarts.
    insta::assert_snapshot!(format!("{:x}", first.fingerprint.unwrap()), @"bb43f253566bea13");
    let token = super::super::encode_cursor(first.fingerprint.unwrap(), r#"["x",null,3]"#);
    let next = get(&format!("t?cursor={token}&order=a.desc&b=eq.2&select=a")).unwrap();
    assert_eq!(next.fingerprint, first.fingerprint, "values and select do not matter");
    assert_debug_snapshot!("cursor", (next.request.shape.select.cursor, next.request.values.literals));
    for other in [
        "u?cursor={}&order=a.desc&b=eq.1",
        "t?cursor={}&order=a&b=eq.1",
        "t?cursor={}&order=a.desc&b=gt.1",
        "t?cursor={}",
    ] {
        let problem = get(&other.replace("{}", &token)).unwrap_err();
        assert_eq!(problem.code(), transom_types::Code::CursorInvalid, "{other}");
    }
}
