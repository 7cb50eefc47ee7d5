//! Every kind of expression, as the engine works it out.

use serde_json::{Value as Json, json};
use transom_query::{
    ColumnId, Expr, Query,
    plan::{BinaryOp, Comparison, ElementTest, Function, ParamKind, Pattern},
    request::{Aggregate, FullTextKind, IsValue, Literal},
};
use transom_types::{DataType, DataType::*, Value};

use crate::{
    build::*,
    engine::{Draft, Engine},
    fixture::{MEMBERS, ODD, PRODUCTS, product::*},
};

/// The expression's value for the product of this id.
fn value_of(id: i64, expr: impl FnOnce(&mut Draft) -> Expr, data_type: DataType) -> Json {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let expr = expr(&mut draft);
    let id = draft.integer(id);
    let query = Query {
        filter: Some(equals(column(0, ID), id)),
        ..from(0, PRODUCTS, vec![output("v", expr, data_type)])
    };
    let mut bodies = engine.run(&draft, read(query)).bodies();
    bodies.remove(0)["v"].take()
}

fn check(expr: Expr, data_type: DataType, expected: Json) {
    let shown = format!("{expr:?}");
    assert_eq!(value_of(1, |_| expr, data_type), expected, "{shown}");
}

fn int(integer: i64) -> Expr {
    Expr::Value(Value::Integer(integer))
}

fn text(text: &str) -> Expr {
    Expr::Value(Value::text(text))
}

fn null() -> Expr {
    Expr::Value(Value::Null)
}

fn call(function: Function, arguments: Vec<Expr>) -> Expr {
    Expr::Call(function, arguments)
}

fn compare(comparison: Comparison, left: Expr, right: Expr) -> Expr {
    Expr::Compare(comparison, Box::new(left), Box::new(right))
}

#[test]
fn logic_has_three_values() {
    let unknown = || compare(Comparison::Eq, null(), int(1));
    let yes = || compare(Comparison::Eq, int(1), int(1));
    check(Expr::And(vec![]), Bool, json!(true));
    check(Expr::Or(vec![]), Bool, json!(false));
    check(Expr::And(vec![yes(), unknown()]), Bool, json!(null));
    check(Expr::Or(vec![yes(), unknown()]), Bool, json!(true));
    check(Expr::Not(Box::new(unknown())), Bool, json!(null));
    check(compare(Comparison::Distinct, null(), int(1)), Bool, json!(true));
    check(compare(Comparison::NotDistinct, null(), null()), Bool, json!(true));
    check(Expr::Is(Box::new(unknown()), IsValue::Unknown), Bool, json!(true));
    check(Expr::Is(Box::new(unknown()), IsValue::False), Bool, json!(false));
    check(Expr::Is(Box::new(Expr::Not(Box::new(yes()))), IsValue::False), Bool, json!(true));
    check(Expr::Is(Box::new(yes()), IsValue::NotNull), Bool, json!(true));
    check(Expr::InExprs(Box::new(int(1)), vec![]), Bool, json!(false));
    check(Expr::InExprs(Box::new(int(2)), vec![int(1), int(2)]), Bool, json!(true));
    let branches = vec![(unknown(), int(1)), (yes(), int(2))];
    check(Expr::Case(branches, Some(Box::new(int(3)))), Integer, json!(2));
}

#[test]
fn functions_agree_with_their_names() {
    check(call(Function::Greatest, vec![int(1), null(), int(3)]), Integer, json!(3));
    check(call(Function::Least, vec![null(), int(2), int(3)]), Integer, json!(2));
    check(call(Function::Greatest, vec![null(), null()]), Integer, json!(null));
    check(call(Function::Greatest, vec![int(7)]), Integer, json!(7));
    check(call(Function::Coalesce, vec![null(), int(7)]), Integer, json!(7));
    check(call(Function::Coalesce, vec![int(7)]), Integer, json!(7));
    check(call(Function::Nullif, vec![int(7), int(7)]), Integer, json!(null));
    let substring = |arguments: Vec<i64>| {
        call(
            Function::Substring,
            std::iter::once(text("hello")).chain(arguments.into_iter().map(int)).collect(),
        )
    };
    check(substring(vec![2, 3]), Text, json!("ell"));
    check(substring(vec![-1, 4]), Text, json!("he"));
    check(substring(vec![0, 2]), Text, json!("h"));
    check(substring(vec![4]), Text, json!("lo"));
    check(substring(vec![-3]), Text, json!("hello"));
    check(substring(vec![2, -1]), Text, json!(""));
    check(substring(vec![9, 9]), Text, json!(""));
    check(call(Function::Upper, vec![text("äß")]), Text, json!("ÄSS"));
    check(call(Function::Now, vec![]), Text, json!("2026-01-02T03:04:05.678Z"));
    check(call(Function::CurrentDate, vec![]), Text, json!("2026-01-02"));
    check(call(Function::Length, vec![text("日本")]), Integer, json!(2));
    check(call(Function::Replace, vec![text("aXb"), text("X"), text("-")]), Text, json!("a-b"));
    check(call(Function::Trim, vec![text("  a ")]), Text, json!("a"));
    check(call(Function::Round, vec![Expr::Value(Value::Real(2.567)), int(1)]), Real, json!(2.6));
    let joined = Expr::Binary(BinaryOp::Concat, Box::new(text("a")), Box::new(int(1)));
    check(joined, Text, json!("a1"));
}

#[test]
fn constants_of_every_type_are_written() {
    for (value, data_type, expected) in [
        (Value::Null, Text, json!(null)),
        (Value::Bool(true), Bool, json!(true)),
        (Value::Integer(i64::MIN), Integer, json!(i64::MIN)),
        (Value::Integer(i64::MAX), Integer, json!(i64::MAX)),
        (Value::Real(-1.5e300), Real, json!(-1.5e300)),
        (Value::Real(f64::INFINITY), Real, json!(null)),
        (Value::Numeric("12.50".into()), Numeric, json!(12.5)),
        (Value::Numeric("1 OR 1".into()), Text, json!("1 OR 1")),
        (Value::text("it's \"x\" -- /* ; \\ \n 日"), Text, json!("it's \"x\" -- /* ; \\ \n 日")),
        (Value::Json("{\"a\":[1]}".into()), Json, json!({ "a": [1] })),
        (Value::Bytes(vec![0, 255].into()), Bytes, json!("\\x00ff")),
    ] {
        check(Expr::Value(value), data_type, expected);
    }
}

#[test]
fn lists_are_one_parameter() {
    let of = |elements: &'static [&'static str], data_type, id| {
        value_of(1, move |draft| Expr::InList(Box::new(column(0, id)), draft.list(elements, data_type)), Bool)
    };
    assert_eq!(of(&["3", "1"], Integer, ID), json!(true));
    assert_eq!(of(&["3"], Integer, ID), json!(false));
    assert_eq!(of(&[], Integer, ID), json!(false));
    assert_eq!(of(&["12.50"], Numeric, PRICE), json!(true));
    assert_eq!(of(&["1.25"], Real, WEIGHT), json!(true));
    assert_eq!(of(&["true"], Bool, ACTIVE), json!(true));
    assert_eq!(of(&["\\x00ff"], Bytes, IMAGE), json!(true));
    assert_eq!(of(&["Hammer", "it's"], Text, NAME), json!(true));
    assert_eq!(of(&["1"], Integer, CATEGORY), json!(true));
}

#[test]
fn any_and_all_of_a_list() {
    let of = |test, elements: &'static [&'static str], all| {
        let quantified = move |draft: &mut Draft| Expr::Quantified {
            test,
            operand: Box::new(column(0, NAME)),
            list: draft.list(elements, Text),
            all,
        };
        value_of(1, quantified, Bool)
    };
    let like = ElementTest::Match(Pattern::Like);
    assert_eq!(of(like, &["%amm%", "x"], false), json!(true));
    assert_eq!(of(like, &["%amm%", "x"], true), json!(false));
    assert_eq!(of(like, &["%amm%", "%er"], true), json!(true));
    assert_eq!(of(like, &["AMM"], false), json!(false));
    assert_eq!(of(ElementTest::Match(Pattern::Ilike), &["AMM"], false), json!(true));
    assert_eq!(of(ElementTest::Compare(Comparison::Gt), &["A", "Z"], false), json!(true));
    assert_eq!(of(ElementTest::Compare(Comparison::Gt), &["A", "Z"], true), json!(false));
}

#[test]
fn an_aggregate_is_compared_with_any_and_all() {
    // The ids of the products are 1 to 4: their greatest is 4.
    let of = |comparison, elements: &'static [&'static str], all| {
        let (engine, mut draft) = (Engine::new(), Draft::default());
        let greatest = Expr::Aggregate(Aggregate::Max, Some(Box::new(column(0, ID))));
        let test = ElementTest::Compare(comparison);
        let list = draft.list(elements, Integer);
        let having = Expr::Quantified { test, operand: Box::new(greatest), list, all };
        let outputs = vec![output("count", Expr::Aggregate(Aggregate::Count, None), Integer)];
        let query = Query { group_by: Some(Vec::new()), having: Some(having), ..from(0, PRODUCTS, outputs) };
        engine.run(&draft, read(query)).rows.len() == 1
    };
    use Comparison::*;
    for (comparison, elements, any, all) in [
        (Eq, &["4", "5"][..], true, false),
        (Eq, &["4", "4"], true, true),
        (Eq, &["5", "6"], false, false),
        (Neq, &["4", "5"], true, false),
        (Neq, &["5"], true, true),
        (Neq, &["4"], false, false),
        (Gt, &["3", "5"], true, false),
        (Gt, &["3", "2"], true, true),
        (Gte, &["4", "5"], true, false),
        (Lt, &["3", "5"], true, false),
        (Lte, &["4", "5"], true, true),
        (Lte, &["3"], false, false),
        (Gt, &[], false, true),
    ] {
        assert_eq!(of(comparison, elements, false), any, "{comparison:?} any {elements:?}");
        assert_eq!(of(comparison, elements, true), all, "{comparison:?} all {elements:?}");
    }
}

#[test]
fn rows_of_values_are_found_among_rows() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let rows = draft.rows(json!([[1, "steel"], [3, "heavy"], ["1", "it's"]]), &[Integer, Text]);
    let key = vec![column(0, ColumnId(0)), column(0, ColumnId(1))];
    let query = Query {
        filter: Some(Expr::InRows(key, rows)),
        ..from(0, MEMBERS, vec![output("tag", column(0, ColumnId(1)), Text)])
    };
    assert_eq!(engine.run(&draft, read(query)).bodies(), [json!({ "tag": "steel" })]);
    let of = Query { ..from(1, MEMBERS, vec![output("id", column(1, ColumnId(0)), Integer)]) };
    let query = Query {
        filter: Some(Expr::InQuery(vec![column(0, ID)], Box::new(of))),
        order: vec![descending(column(0, ID))],
        ..from(0, PRODUCTS, vec![output("id", column(0, ID), Integer)])
    };
    let bodies = engine.run(&Draft::default(), read(query)).bodies();
    assert_eq!(bodies, [json!({ "id": 3 }), json!({ "id": 1 })]);
}

#[test]
fn words_are_searched_in_the_index() {
    let found = |words: &str, kind, columns: &[&str]| {
        let (engine, mut draft) = (Engine::new(), Draft::default());
        let columns = columns.iter().map(|column| (*column).into()).collect();
        let words = draft.literal(Literal::Text(words.into()), ParamKind::FullText(kind, columns));
        let filter = Expr::FullText {
            query: transom_query::QueryId(0),
            table: PRODUCTS,
            columns: Vec::new(),
            kind,
            words,
        };
        let query = Query {
            filter: Some(filter),
            order: vec![ascending(column(0, ID))],
            ..from(0, PRODUCTS, vec![output("id", column(0, ID), Integer)])
        };
        let ids = engine.run(&draft, read(query)).bodies();
        ids.iter().map(|body| body["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(found("hammer", FullTextKind::Plain, &[]), [1]);
    assert_eq!(found("ham:* | doll", FullTextKind::Query, &[]), [1, 3]);
    assert_eq!(found("hammer", FullTextKind::Plain, &["sku"]), Vec::<i64>::new());
    assert_eq!(found("doll x", FullTextKind::Phrase, &["name", "sku"]), [3]);
    assert_eq!(found("d or b -doll", FullTextKind::Web, &["sku"]), [3, 4]);
    assert_eq!(found("apfel", FullTextKind::Plain, &[]), [2]);
}

#[test]
fn hostile_text_is_data_in_every_position() {
    let hostile = [
        "'; DROP TABLE products; --",
        "\"; DROP TABLE products; --",
        "' OR '1'='1",
        "\\'; --",
        "/* */ UNION SELECT 1",
        "?1",
        "$1 :x @y",
        "\u{0}; DROP",
        "日本 \u{202e}",
        "`x` [y]",
    ];
    for text in hostile {
        let (engine, mut draft) = (Engine::new(), Draft::default());
        let param = draft.text(text, Text);
        let list = draft.list(&[text, "x"], Text);
        let path = vec![transom_query::request::JsonStep {
            key: transom_query::request::JsonKey::Member(text.into()),
            as_text: true,
        }];
        let document = Expr::Json(Box::new(column(0, DETAILS)), path);
        let outputs = vec![
            output(text, Expr::Param(param), Text),
            output("constant", Expr::Value(Value::text(text)), Text),
            output("listed", Expr::InList(Box::new(Expr::Param(param)), list), Bool),
            output("path", document, Text),
        ];
        let id = draft.integer(1);
        let query = Query { filter: Some(equals(column(0, ID), id)), ..from(0, PRODUCTS, outputs) };
        let bodies = engine.run(&draft, read(query)).bodies();
        let object = bodies[0].as_object().unwrap();
        assert_eq!(object["listed"], json!(true));
        assert_eq!(object["path"], json!(null));
        assert_eq!(object.values().next(), Some(&json!(text)));
        // A statement's text cannot hold a NUL: it is replaced.
        assert_eq!(object["constant"], json!(text.replace('\0', "\u{fffd}")));
        assert_eq!(engine.query("SELECT count(*) FROM products"), "4");
    }
}

#[test]
fn hostile_names_of_a_schema_are_quoted() {
    let (engine, draft) = (Engine::new(), Draft::default());
    let query = Query {
        order: vec![ascending(column(0, ColumnId(1)))],
        ..from(
            0,
            ODD,
            vec![
                output("label", column(0, ColumnId(1)), Text),
                output("select", column(0, ColumnId(2)), Integer),
            ],
        )
    };
    insta::assert_snapshot!(engine.run(&draft, read(query)).shown());
}
