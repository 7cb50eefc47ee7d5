//! What a caller gives, and what is bound or said.

#![allow(clippy::unwrap_used)]

use serde_json::{Value as Json, json};
use transom_query::{
    plan::{Cost, ParamKind, ParamSource, Parameter, Plan},
    request::{Cell, Earlier, FullTextKind, Literal, Payload, Slot, Values},
};
use transom_types::{Code, DataType::*, Principal, Problem, Value};

use super::bind;
use crate::Bound;

fn bound(
    source: ParamSource,
    kind: ParamKind,
    values: &Values,
    principal: &Principal,
) -> Result<Bound, Problem> {
    let params = vec![Parameter { source, kind, name: "size".into() }];
    let plan = Plan {
        steps: Vec::new(),
        reply: None,
        params,
        cost: Cost::Scan,
        cacheable: true,
        query_ids: 0,
        form: Default::default(),
    };
    let earlier = |earlier: &Earlier| Ok(Bound::Value(Value::text(&*earlier.column)));
    bind(&crate::sqlite::Sqlite, &plan, values, principal, &earlier, 7).map(|bound| bound[0].clone())
}

fn literal(literal: Literal, kind: ParamKind) -> Result<Bound, Problem> {
    let values = Values { literals: vec![literal], ..Values::default() };
    bound(ParamSource::Literal(Slot(0)), kind, &values, &Principal::anonymous("anon"))
}

fn text(text: &str, data_type: transom_types::DataType) -> Result<Bound, Problem> {
    literal(Literal::Text(text.into()), ParamKind::Scalar(data_type))
}

fn list(elements: &[&str], data_type: transom_types::DataType) -> Result<Bound, Problem> {
    let elements = elements.iter().map(|element| (*element).into()).collect();
    literal(Literal::List(elements), ParamKind::List(data_type))
}

fn body(rows: Vec<Vec<Cell>>) -> Values {
    let columns = vec!["name".into(), "size".into()];
    Values { payload: Payload { columns, rows, ..Default::default() }, ..Values::default() }
}

fn cell(json: Json, data_type: transom_types::DataType) -> Result<Bound, Problem> {
    let values = body(vec![vec![Cell::Json(json)]]);
    bound(ParamSource::Cell(0), ParamKind::Scalar(data_type), &values, &Principal::anonymous("anon"))
}

fn rows(rows: Vec<Vec<Cell>>, types: &[transom_types::DataType]) -> Result<Bound, Problem> {
    let kind = ParamKind::Rows(types.to_vec());
    bound(ParamSource::Payload, kind, &body(rows), &Principal::anonymous("anon"))
}

fn row(cells: Vec<Json>) -> Vec<Cell> {
    cells.into_iter().map(Cell::Json).collect()
}

#[track_caller]
fn is(found: Result<Bound, Problem>, expected: Value) {
    assert_eq!(found.unwrap(), Bound::Value(expected));
}

#[track_caller]
fn refused(found: Result<Bound, Problem>, code: Code, message: &str, details: &str) {
    let problem = found.unwrap_err();
    assert_eq!((problem.code(), problem.message(), problem.details()), (code, message, Some(details)));
}

#[test]
fn literals_become_values_of_their_type() {
    is(text("42", Integer), Value::Integer(42));
    is(text("x", Text), Value::text("x"));
    is(text("t", Bool), Value::Bool(true));
    is(text("{1,b}", Json), Value::Json("[1,\"b\"]".into()));
    is(literal(Literal::Integer(5), ParamKind::Scalar(Integer)), Value::Integer(5));
    is(list(&["1", "-2"], Integer), Value::Json("[1,-2]".into()));
    is(list(&["a\"b", ""], Text), Value::Json(r#"["a\"b",""]"#.into()));
    is(list(&["\\x00FF"], Bytes), Value::Json(r#"["\\x00ff"]"#.into()));
    is(list(&["1.50", "2"], Numeric), Value::Json(r#"["1.50",2]"#.into()));
    is(list(&["true"], Bool), Value::Json("[true]".into()));
    is(list(&[], Bool), Value::Json("[]".into()));
    let kind = ParamKind::FullText(FullTextKind::Plain, Vec::new());
    is(literal(Literal::Text("a b".into()), kind), Value::text(r#""a" AND "b""#));
    for (written, value) in [
        ("null", Value::Null),
        ("1", Value::Integer(1)),
        ("1.5", Value::Real(1.5)),
        ("12345678901234567.25", Value::Numeric("12345678901234567.25".into())),
        ("\"a\"", Value::text("a")),
        ("true", Value::Bool(true)),
    ] {
        is(literal(Literal::Text(written.into()), ParamKind::CursorValue), value);
    }
    let earlier = Earlier { operation: 0, column: "id".into() };
    is(literal(Literal::Earlier(earlier), ParamKind::Scalar(Integer)), Value::text("id"));
}

#[test]
fn literals_of_another_type_are_refused_by_name() {
    refused(
        text("abc", Integer),
        Code::ValueInvalid,
        "invalid input syntax for type bigint: \"abc\"",
        "'size' is of type bigint",
    );
    refused(
        text("9223372036854775808", Integer),
        Code::NumberOutOfRange,
        "value \"9223372036854775808\" is out of range for type bigint",
        "'size' holds 64-bit integers",
    );
    refused(
        list(&["2024-01-01", "soon"], Date),
        Code::ValueInvalid,
        "invalid input syntax for type date: \"soon\"",
        "'size' is of type date",
    );
    refused(
        list(&["Infinity"], Real),
        Code::NumberOutOfRange,
        "an infinite number cannot stand in a list or in one of many rows",
        "'size' has one",
    );
    let cursor = literal(Literal::Text("[1]".into()), ParamKind::CursorValue).unwrap_err();
    assert_eq!(cursor.code(), Code::CursorInvalid);
    let long = text(&"é".repeat(500), Integer).unwrap_err();
    assert!(long.message().len() < 300, "{}", long.message());
}

#[test]
fn cells_become_values_of_their_column() {
    is(cell(json!(null), Integer), Value::Null);
    is(cell(json!("7"), Integer), Value::Integer(7));
    is(cell(json!(7.0), Integer), Value::Integer(7));
    is(cell(json!(7), Text), Value::text("7"));
    is(cell(json!(true), Text), Value::text("true"));
    is(cell(json!({ "a": 1 }), Text), Value::text(r#"{"a":1}"#));
    is(cell(json!({ "a": [1] }), Json), Value::Json(r#"{"a":[1]}"#.into()));
    is(cell(json!("[1]"), Json), Value::Json("[1]".into()));
    is(cell(json!("plain"), Json), Value::Json("\"plain\"".into()));
    is(cell(json!(1), Real), Value::Real(1.0));
    let written = |json: &str| serde_json::from_str::<Json>(json).unwrap();
    for digits in ["12345678901234567.25", "123456789012345678901234567890.123456789", "1.10", "1e+2"] {
        is(cell(written(digits), Numeric), Value::Numeric(digits.into()));
        is(cell(written(&format!("[{digits}]")), Json), Value::Json(format!("[{digits}]").into()));
    }
    is(cell(json!("12.50"), Numeric), Value::Numeric("12.50".into()));
    is(cell(json!(1), Bool), Value::Bool(true));
    is(cell(json!("\\x0A"), Bytes), Value::Bytes(vec![10].into()));
    refused(
        cell(json!({ "a": 1 }), Integer),
        Code::ValueInvalid,
        "invalid input syntax for type bigint: \"{\"a\":1}\"",
        "'size' is of type bigint",
    );
    refused(
        cell(json!(18_446_744_073_709_551_615_u64), Integer),
        Code::NumberOutOfRange,
        "value \"18446744073709551615\" is out of range for type bigint",
        "'size' holds 64-bit integers",
    );
}

#[test]
fn rows_are_one_array_of_arrays() {
    let given = vec![
        row(vec![json!("a\"\u{0}"), json!(i64::MAX)]),
        vec![Cell::Json(json!(null)), Cell::Missing],
        vec![Cell::Json(json!(5))],
    ];
    let expected = "[[\"a\\\"\\u0000\",9223372036854775807],[null,{}],[\"5\",{}]]";
    is(rows(given, &[Text, Integer]), Value::Json(expected.into()));
    is(rows(vec![row(vec![json!({ "a": 1 }), json!("\\xAB")])], &[Json, Bytes]), {
        Value::Json(r#"[["{\"a\":1}","\\xab"]]"#.into())
    });
    is(rows(Vec::new(), &[Text]), Value::Json("[]".into()));
}

#[test]
fn a_wrong_cell_is_named_with_its_row() {
    let given = vec![row(vec![json!("a"), json!(1)]), row(vec![json!("b"), json!([])])];
    refused(
        rows(given, &[Text, Integer]),
        Code::ValueInvalid,
        "invalid input syntax for type bigint: \"[]\"",
        "Row 2 of the body: 'size' is of type bigint",
    );
    let earlier = Cell::Earlier(Earlier { operation: 0, column: "id".into() });
    refused(
        rows(vec![vec![Cell::Json(json!("a")), earlier]], &[Text, Integer]),
        Code::BatchInvalid,
        "references work only in the body of a single row",
        "Row 1 of the body has one as 'size'",
    );
}

#[test]
fn claims_are_what_they_are_compared_with() {
    let claims = json!({ "sub": "u1", "n": 7, "ok": true, "app": { "roles": ["a"] }, "none": null });
    let principal = Principal::with_claims("authenticated", claims.clone());
    let claim = |path: &[&str], data_type| {
        let path = path.iter().map(|key| (*key).into()).collect();
        bound(ParamSource::Claim(path), ParamKind::Scalar(data_type), &Values::default(), &principal)
    };
    is(claim(&["sub"], Text), Value::text("u1"));
    is(claim(&["sub"], Integer), Value::Null);
    is(claim(&["n"], Integer), Value::Integer(7));
    is(claim(&["n"], Text), Value::text("7"));
    is(claim(&["ok"], Bool), Value::Bool(true));
    is(claim(&["app", "roles"], Json), Value::Json("[\"a\"]".into()));
    is(claim(&["none"], Text), Value::Null);
    is(claim(&["missing", "deep"], Text), Value::Null);
    is(claim(&[], Json), Value::Json(claims.to_string().into()));
    let role = bound(ParamSource::Role, ParamKind::Scalar(Text), &Values::default(), &principal);
    is(role, Value::text("authenticated"));
}

#[test]
fn what_a_step_captured_is_found_in_the_unit() {
    let anonymous = Principal::anonymous("anon");
    let of = |source| bound(source, ParamKind::Scalar(Integer), &Values::default(), &anonymous).unwrap();
    assert_eq!(of(ParamSource::Captured { step: 1, column: 2 }), Bound::Captured { step: 8, column: 2 });
    assert_eq!(of(ParamSource::CapturedRows { step: 0 }), Bound::CapturedRows { step: 7 });
}
