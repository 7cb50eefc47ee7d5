//! Which rows a filter keeps, and in what order they come.

use crate::harness::{Project, check_refused, check_rows};

#[test]
fn comparisons_are_of_the_columns_type() {
    check_rows(
        &Project::new(),
        &[
            ("products?select=id&price=gt.9", r#"[{"id":1},{"id":5}]"#),
            ("products?select=id&price=gte.9.0", r#"[{"id":1},{"id":2},{"id":5}]"#),
            ("products?select=id&price=eq.12.50", r#"[{"id":1}]"#),
            ("products?select=id&price=in.(3,12.5,1e1)", r#"[{"id":1},{"id":3}]"#),
            ("products?select=id&price=not.in.(3,9)", r#"[{"id":1},{"id":5}]"#),
            ("products?select=id&price=in.()", "[]"),
            ("products?select=id&price=not.in.()", r#"[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]"#),
            ("products?select=id&price=isdistinct.9", r#"[{"id":1},{"id":3},{"id":4},{"id":5}]"#),
            ("products?select=id&price=not.isdistinct.9", r#"[{"id":2}]"#),
            ("products?select=id&active=is.false", r#"[{"id":3}]"#),
            ("products?select=id&active=not.is.true", r#"[{"id":3}]"#),
            ("products?select=id&active=eq.no", r#"[{"id":3}]"#),
            ("products?select=id&price=is.null", r#"[{"id":4}]"#),
            ("details?select=product_id&fragile=is.unknown", r#"[{"product_id":3}]"#),
            ("details?select=product_id&fragile=not.is.false", r#"[{"product_id":2},{"product_id":3}]"#),
            ("details?select=product_id&fragile=in.(true)", r#"[{"product_id":2}]"#),
            ("details?select=product_id&fragile=not.eq.true", r#"[{"product_id":1}]"#),
            ("kinds?select=id&bytes=eq.\\x00ff", r#"[{"id":1}]"#),
            ("kinds?select=id&bytes=in.(\\x00FF,\"\\\\x\")", r#"[{"id":1},{"id":2}]"#),
            ("kinds?select=id&uid=eq.0B0E8400-E29B-41D4-A716-446655440000", r#"[{"id":1}]"#),
            ("kinds?select=id&whole=eq.9223372036854775807", r#"[{"id":2}]"#),
            ("kinds?select=id&fraction=lt.1", r#"[{"id":2}]"#),
            ("kinds?select=id&amount=in.(12.5)", r#"[{"id":1}]"#),
            ("kinds?select=id&loose=eq.5", r#"[{"id":2}]"#),
            ("kinds?select=id&loose=eq.x", r#"[{"id":1}]"#),
            ("kinds?select=id&day=gte.2026-01-01", r#"[{"id":1}]"#),
            ("kinds?select=id&words=eq.", r#"[{"id":2}]"#),
        ],
    );
}

#[test]
fn quantified_comparisons_follow_three_values() {
    check_rows(
        &Project::new(),
        &[
            ("products?select=id&name=eq(any).{Saw,Drill}", r#"[{"id":2},{"id":5}]"#),
            ("products?select=id&price=gt(all).{3,9}", r#"[{"id":1},{"id":5}]"#),
            ("products?select=id&price=gt(any).{3,9}", r#"[{"id":1},{"id":2},{"id":5}]"#),
            ("products?select=id&price=not.gt(all).{3,9}", r#"[{"id":2},{"id":3}]"#),
            ("products?select=id&price=not.gt(any).{3,9}", r#"[{"id":3}]"#),
            ("products?select=id&name=like(any).{H*,*w}", r#"[{"id":1},{"id":2}]"#),
            ("products?select=id&name=ilike(all).{*l,d*}", r#"[{"id":5}]"#),
            ("products?select=id&name=not.like(all).{*a*,*m*}", r#"[{"id":2},{"id":3},{"id":4},{"id":5}]"#),
            ("details?select=product_id&fragile=eq(any).{true}", r#"[{"product_id":2}]"#),
        ],
    );
}

#[test]
fn patterns_know_unicode_and_case() {
    check_rows(
        &Project::new(),
        &[
            ("products?select=id&name=like.*a*", r#"[{"id":1},{"id":2}]"#),
            ("products?select=id&name=ilike.äp*", r#"[{"id":4}]"#),
            ("products?select=id&name=like.äp*", "[]"),
            ("products?select=id&name=match.^[HS]", r#"[{"id":1},{"id":2}]"#),
            ("products?select=id&name=imatch.^d", r#"[{"id":3},{"id":5}]"#),
            ("products?select=id&name=like.Doll \"_\"", r#"[{"id":3}]"#),
            ("products?select=id&name=fts.doll", r#"[{"id":3}]"#),
            ("products?select=id&name=plfts.\"hammer", r#"[{"id":1}]"#),
            ("products?select=id&name=not.wfts.hammer or saw&order=id", r#"[{"id":3},{"id":4},{"id":5}]"#),
        ],
    );
}

#[test]
fn documents_compare_by_value() {
    check_rows(
        &Project::new(),
        &[
            ("products?select=id&data->a=gt.5", r#"[{"id":1},{"id":2}]"#),
            ("products?select=id&data->a=gt.9.5", r#"[{"id":1}]"#),
            ("products?select=id&data->a=eq.10.0", r#"[{"id":1}]"#),
            ("products?select=id&data->>a=eq.10", r#"[{"id":1},{"id":3}]"#),
            ("products?select=id&data->>a=gt.5", r#"[{"id":2}]"#),
            ("products?select=id&data->a=in.(9,10)", r#"[{"id":1},{"id":2}]"#),
            ("products?select=id&data->a=eq(any).{9.0,11}", r#"[{"id":2}]"#),
            ("products?select=id&data->tags=eq.[\"x\", \"y\"]", r#"[{"id":1}]"#),
            ("products?select=id&data->ok=eq.true", r#"[{"id":1}]"#),
            ("products?select=id&data->>ok=eq.true", r#"[{"id":1}]"#),
            ("products?select=id&data->none=is.null&id=eq.1", "[]"),
            ("products?select=id&data->>none=is.null&id=eq.1", r#"[{"id":1}]"#),
            ("products?select=id&data->deep->b->1->>c=eq.z", r#"[{"id":1}]"#),
            ("products?select=id&data->deep->b->-1->>c=eq.z", r#"[{"id":1}]"#),
            ("products?select=id&data=cs.{\"ok\":true}", r#"[{"id":1}]"#),
            ("products?select=id&data=eq.[1, 2]", r#"[{"id":5}]"#),
            ("products?select=id&data->tags=ov.[\"x\"]", r#"[{"id":1}]"#),
            ("notes?select=title&tags=cs.{p,q}", r#"[{"title":"Gamma"}]"#),
            ("notes?select=title&tags=cd.{p,z}", r#"[{"title":"Alpha"}]"#),
            ("products?select=id&data->a=isdistinct.10&order=id", r#"[{"id":2},{"id":3},{"id":4},{"id":5}]"#),
            // Text, then numbers by value, as the other engine orders documents; NULL is greatest.
            ("products?select=id&order=data->a,id", r#"[{"id":3},{"id":2},{"id":1},{"id":4},{"id":5}]"#),
            (
                "products?select=id&order=data->a.desc.nullslast,id",
                r#"[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]"#,
            ),
        ],
    );
}

#[test]
fn each_type_is_shown_and_cast() {
    check_rows(
        &Project::new(),
        &[
            (
                "kinds?id=eq.1",
                r#"[{"id":1,"flag":true,"whole":-7,"fraction":1.5,"amount":12.5,"words":"text","bytes":"\\x00ff","doc":{"k":1},
                "uid":"0b0e8400-e29b-41d4-a716-446655440000","day":"2026-02-03","hour":"04:05:06","moment":"2026-02-03T04:05:06Z","loose":"x"}]"#,
            ),
            (
                "kinds?id=eq.2&select=flag,whole,fraction,amount,words,bytes,doc,loose",
                r#"[{"flag":false,"whole":9223372036854775807,"fraction":-0.25,"amount":3,"words":"","bytes":"\\x","doc":"s","loose":5}]"#,
            ),
            (
                "kinds?id=eq.1&select=flag::text,w:whole::text,f:fraction::int,a:amount::text,b:bytes::text,d:doc::text,l:loose::text",
                r#"[{"flag":"true","w":"-7","f":2,"a":"12.5","b":"\\x00ff","d":"{\"k\":1}","l":"x"}]"#,
            ),
            (
                "kinds?id=eq.2&select=l:loose::text,f:flag::text,i:flag::int",
                r#"[{"l":"5","f":"false","i":0}]"#,
            ),
            (
                "kinds?id=eq.3&select=flag::text,whole::text,bytes::text,doc::text",
                r#"[{"flag":null,"whole":null,"bytes":null,"doc":null}]"#,
            ),
            (
                "products?id=eq.1&select=data->a::text,ok:data->>ok,t:data->tags,d:data->deep->b->1",
                r#"[{"a":"10","ok":"true","t":["x","y"],"d":{"c":"z"}}]"#,
            ),
            (
                "products?id=eq.1&select=data->>a::int,x:data->missing,y:data->none",
                r#"[{"a":10,"x":null,"y":null}]"#,
            ),
            (
                "details?select=product_id,extra,fragile&order=product_id",
                r#"[{"product_id":1,"extra":{"box":[1,2]},"fragile":false},{"product_id":2,"extra":null,"fragile":true},{"product_id":3,"extra":true,"fragile":null}]"#,
            ),
        ],
    );
}

#[test]
fn trees_and_orders() {
    check_rows(
        &Project::new(),
        &[
            ("products?select=id&or=(price.lt.5,and(active.is.true,name.like.S*))", r#"[{"id":2},{"id":3}]"#),
            ("products?select=id&not.and=(price.gte.5,price.lt.50)", r#"[{"id":3},{"id":5}]"#),
            ("products?select=id&order=price", r#"[{"id":3},{"id":2},{"id":1},{"id":5},{"id":4}]"#),
            ("products?select=id&order=price.desc", r#"[{"id":4},{"id":5},{"id":1},{"id":2},{"id":3}]"#),
            (
                "products?select=id&order=price.nullsfirst",
                r#"[{"id":4},{"id":3},{"id":2},{"id":1},{"id":5}]"#,
            ),
            (
                "products?select=id&order=price.desc.nullslast",
                r#"[{"id":5},{"id":1},{"id":2},{"id":3},{"id":4}]"#,
            ),
            ("products?select=id&order=active.desc,name.desc&limit=2&offset=1", r#"[{"id":2},{"id":1}]"#),
            (
                "products?select=id,category:categories(name)&order=category(name).desc,id&limit=2",
                r#"[{"id":4,"category":null},{"id":3,"category":{"name":"Toys"}}]"#,
            ),
            ("notes?select=title&title=eq.ALPHA", r#"[{"title":"Alpha"}]"#),
            ("notes?select=title&title=in.(ALPHA,GAMMA)", r#"[{"title":"Alpha"},{"title":"Gamma"}]"#),
            ("notes?select=title&title=eq(any).{ALPHA}", r#"[{"title":"Alpha"}]"#),
            ("notes?select=title&order=title.desc&limit=1", r#"[{"title":"Gamma"}]"#),
            ("notes/aLPHA?select=owner", r#"[{"owner":"ada"}]"#),
            ("lines/1,2?select=quantity", r#"[{"quantity":5}]"#),
        ],
    );
}

#[test]
fn names_may_hold_anything() {
    let table = "odd%20%22name%22%20%C3%A9";
    check_rows(
        &Project::new(),
        &[
            (
                &format!(
                    "{table}?select=\"a b\",\"quo\\\"te\",ünïcode,\"order\",\"semi;--\",\"it's\",t0,group&\"a b\"=eq.one"
                ),
                r#"[{"a b":"one","quo\"te":"q","ünïcode":"ü","order":10,"semi;--":"s","it's":"i","t0":"t","group":null}]"#,
            ),
            (
                &format!("{table}?select=\"it's\"&order=\"quo\\\"te\".desc,\"order\""),
                r#"[{"it's":null},{"it's":"i"}]"#,
            ),
            (&format!("{table}/2?select=up:group(\"a b\")"), r#"[{"up":{"a b":"one"}}]"#),
            (&format!("{table}?select=\"x'\\\"; --\":t0&limit=1&order=order"), r#"[{"x'\"; --":"t"}]"#),
        ],
    );
}

#[test]
fn what_is_not_there_or_does_not_fit_is_refused_by_name() {
    check_refused(
        &Project::new(),
        &[
            ("product", "PGRST205", "products"),
            ("products?select=nam", "42703", "name"),
            ("products?nam=eq.x", "42703", "name"),
            ("products?order=prise", "42703", "price"),
            ("products?id=eq.x", "22P02", "'id' is of type bigint"),
            ("products?id=in.(1,x)", "22P02", "'id' is of type bigint"),
            ("products?id=eq.99999999999999999999", "22003", "64-bit"),
            ("products?price=like.x", "42883", "price"),
            ("products?name=cs.x", "42883", "name"),
            ("products?select=active->x->y&id=eq.1", "42883", "active"),
            ("products?select=price->x", "42883", "price"),
            ("products?select=name::wat", "PGRST100", "wat"),
            ("products?name=match.(", "2201B", ""),
            ("products?sku=fts.x", "TR001", "full-text"),
            ("products?data=eq.{", "22P02", "json"),
            ("lines/1", "TR015", "order_id, line"),
            ("kinds?bytes=eq.00", "22P02", "bytea"),
            ("kinds?order=bytes&cursor=", "TR001", "bytes"),
        ],
    );
}

#[test]
fn a_table_may_be_wide() {
    let project = Project::new();
    let row = crate::harness::json(&project.get("wide").unwrap());
    let row = row[0].as_object().unwrap();
    assert_eq!(row.len(), 600);
    assert_eq!(row["c599"], 599);
    let embedded = crate::harness::json(&project.get("wide/1?select=c1,c401,c599").unwrap());
    assert_eq!(embedded[0]["c401"], 401);
}
