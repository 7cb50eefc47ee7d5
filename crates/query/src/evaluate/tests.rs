#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use transom_types::{DataType, Value};

use super::*;
use crate::{
    plan::{BinaryOp, Comparison, Function, Pattern},
    request::{IsValue, JsonKey, JsonStep},
};

const ALONE: Row<'static> = Row { id: QueryId(0), values: &[], params: &[] };

fn check(expr: Expr, expected: Value) {
    assert_eq!(evaluate(&expr, &ALONE).unwrap(), expected, "{expr:?}");
}

fn known(value: impl Into<Known>) -> Expr {
    Expr::Value(value.into().0)
}

struct Known(Value);

impl From<i64> for Known {
    fn from(integer: i64) -> Self {
        Self(Value::Integer(integer))
    }
}

impl From<f64> for Known {
    fn from(real: f64) -> Self {
        Self(Value::Real(real))
    }
}

impl From<&str> for Known {
    fn from(text: &str) -> Self {
        Self(Value::text(text))
    }
}

impl From<bool> for Known {
    fn from(truth: bool) -> Self {
        Self(Value::Bool(truth))
    }
}

fn null() -> Expr {
    Expr::Value(Value::Null)
}

fn json(text: &str) -> Expr {
    Expr::Value(Value::Json(text.into()))
}

fn numeric(text: &str) -> Expr {
    Expr::Value(Value::Numeric(text.into()))
}

fn compare(comparison: Comparison, left: Expr, right: Expr) -> Expr {
    Expr::Compare(comparison, Box::new(left), Box::new(right))
}

#[test]
fn logic_is_three_valued() {
    let [yes, no, unknown] =
        [true, false].map(known).into_iter().chain([null()]).collect::<Vec<_>>().try_into().unwrap();
    let truths = [Value::Bool(true), Value::Bool(false), Value::Null];
    let operands: [Expr; 3] = [yes, no, unknown];
    let and = [[0, 1, 2], [1, 1, 1], [2, 1, 2]];
    let or = [[0, 0, 0], [0, 1, 2], [0, 2, 2]];
    for left in 0..3 {
        check(Expr::Not(Box::new(operands[left].clone())), truths[[1, 0, 2][left]].clone());
        for right in 0..3 {
            let both = vec![operands[left].clone(), operands[right].clone()];
            check(Expr::And(both.clone()), truths[and[left][right]].clone());
            check(Expr::Or(both), truths[or[left][right]].clone());
        }
    }
    check(Expr::And(Vec::new()), Value::Bool(true));
    check(Expr::Or(Vec::new()), Value::Bool(false));
}

#[test]
fn comparisons_know_null_and_numbers() {
    check(compare(Comparison::Eq, null(), null()), Value::Null);
    check(compare(Comparison::Neq, known(1), null()), Value::Null);
    check(compare(Comparison::Distinct, null(), null()), Value::Bool(false));
    check(compare(Comparison::Distinct, known(1), null()), Value::Bool(true));
    check(compare(Comparison::NotDistinct, null(), null()), Value::Bool(true));
    check(compare(Comparison::Eq, known(1), known(1.0)), Value::Bool(true));
    check(compare(Comparison::Eq, known(true), known(1)), Value::Bool(true));
    check(compare(Comparison::Eq, numeric("1.50"), numeric("1.5")), Value::Bool(true));
    check(compare(Comparison::Lt, numeric("-1.51"), numeric("-1.5")), Value::Bool(true));
    check(compare(Comparison::Gt, numeric("0.1"), known(0.05)), Value::Bool(true));
    check(compare(Comparison::Lt, known(i64::MAX), known(9.3e18)), Value::Bool(true));
    check(
        compare(Comparison::Lt, known(9_007_199_254_740_993), known(9_007_199_254_740_992.0)),
        Value::Bool(false),
    );
    check(compare(Comparison::Lt, known("Z"), known("a")), Value::Bool(true));
    check(compare(Comparison::Lt, known("a"), known("ä")), Value::Bool(true));
}

#[test]
fn lists_with_null_are_unknown_unless_found() {
    let among = |of: Expr, list: Vec<Expr>| Expr::InExprs(Box::new(of), list);
    check(among(known(1), vec![known(2), null()]), Value::Null);
    check(among(known(1), vec![known(1), null()]), Value::Bool(true));
    check(among(known(1), vec![known(2)]), Value::Bool(false));
    check(among(null(), vec![known(2)]), Value::Null);
    check(among(null(), Vec::new()), Value::Bool(false));
}

#[test]
fn is_never_unknown() {
    let is = |of: Expr, value| Expr::Is(Box::new(of), value);
    check(is(null(), IsValue::Null), Value::Bool(true));
    check(is(null(), IsValue::True), Value::Bool(false));
    check(is(null(), IsValue::Unknown), Value::Bool(true));
    check(is(known(true), IsValue::True), Value::Bool(true));
    check(is(known(false), IsValue::False), Value::Bool(true));
    check(is(known(0), IsValue::NotNull), Value::Bool(true));
}

#[test]
fn patterns_match_whole_texts() {
    let check = |pattern: &str, text: &str, expected: bool| {
        assert_eq!(like(pattern, text), expected, "{text:?} like {pattern:?}");
    };
    check("", "", true);
    check("%", "", true);
    check("a%", "abc", true);
    check("%b%", "abc", true);
    check("%ab%ab", "abxabab", true);
    check("a_c", "aäc", true);
    check("a_c", "ac", false);
    check("A%", "abc", false);
    check("100\\%", "100%", true);
    check("100\\%", "100x", false);
    check("a\\_b", "a_b", true);
    check("a\\\\b", "a\\b", true);
    check("a\\", "a", true);
    check("%\n%", "a\nb", true);
    assert!(ilike("STRA%E", "straße"));
    assert!(ilike("ÄPFEL", "äpfel"));
    let regex = |pattern: &str| Expr::Match(Pattern::Regex, Box::new(known("abc")), Box::new(known(pattern)));
    self::check(regex("^a.c$"), Value::Bool(true));
    self::check(regex("B"), Value::Bool(false));
    assert!(matches!(evaluate(&regex("("), &ALONE), Err(EvaluateError::Pattern(_))));
}

#[test]
fn json_paths_lead_into_documents() {
    let step = |key: JsonKey, as_text| JsonStep { key, as_text };
    let member = |name: &str, as_text| step(JsonKey::Member(name.into()), as_text);
    let index = |at, as_text| step(JsonKey::Index(at), as_text);
    let check = |steps: Vec<JsonStep>, expected: Value| {
        let document = json(r#"{"a":{"b":[1,"two",null,true]},"n":null}"#);
        self::check(Expr::Json(Box::new(document), steps), expected);
    };
    check(vec![member("a", false), member("b", false), index(0, false)], Value::Json("1".into()));
    check(vec![member("a", false), member("b", false), index(1, true)], Value::text("two"));
    check(vec![member("a", false), member("b", false), index(1, false)], Value::Json("\"two\"".into()));
    check(vec![member("a", false), member("b", false), index(-1, true)], Value::text("true"));
    check(vec![member("a", false), member("b", false), index(2, true)], Value::Null);
    check(vec![member("n", false)], Value::Json("null".into()));
    check(vec![member("x", false), member("y", true)], Value::Null);
    check(vec![member("a", false), index(0, false)], Value::Null);
}

#[test]
fn json_contains_what_postgresql_says() {
    let check = |whole: &str, part: &str, expected: bool| {
        self::check(Expr::JsonContains(Box::new(json(whole)), Box::new(json(part))), Value::Bool(expected));
    };
    check(r#"{"a":1,"b":{"c":[1,2]}}"#, r#"{"b":{"c":[2]}}"#, true);
    check(r#"{"a":1}"#, r#"{"a":1.0}"#, true);
    check("[1,2,3]", "[3,1,3]", true);
    check("[1,2,[1,3]]", "[1,3]", false);
    check("[1,2,[1,3]]", "[[1,3]]", true);
    check(r#"["foo","bar"]"#, r#""bar""#, true);
    check(r#""bar""#, r#"["bar"]"#, false);
    check("{}", "[]", false);
    self::check(Expr::JsonOverlaps(Box::new(json("[1,2]")), Box::new(json("[2.0,5]"))), Value::Bool(true));
    self::check(Expr::JsonOverlaps(Box::new(json("[1]")), Box::new(json("[]"))), Value::Bool(false));
    self::check(Expr::JsonContains(Box::new(null()), Box::new(json("[]"))), Value::Null);
}

#[test]
fn arithmetic_keeps_what_it_can() {
    let binary = |op, left, right| Expr::Binary(op, Box::new(left), Box::new(right));
    check(binary(BinaryOp::Add, known(1), null()), Value::Null);
    check(binary(BinaryOp::Divide, known(7), known(2)), Value::Integer(3));
    check(binary(BinaryOp::Divide, known(7), known(0)), Value::Null);
    check(binary(BinaryOp::Modulo, known(-7), known(3)), Value::Integer(-1));
    check(binary(BinaryOp::Add, numeric("0.1"), numeric("0.2")), Value::Numeric("0.3".into()));
    check(binary(BinaryOp::Multiply, numeric("-1.5"), known(3)), Value::Numeric("-4.5".into()));
    check(binary(BinaryOp::Add, known(i64::MAX), known(1)), Value::Real(9_223_372_036_854_775_808.0));
    check(binary(BinaryOp::Concat, known("a"), known(1)), Value::text("a1"));
}

#[test]
fn functions_and_casts() {
    let call = |function, arguments: Vec<Expr>| Expr::Call(function, arguments);
    check(call(Function::Coalesce, vec![null(), known(2)]), Value::Integer(2));
    check(call(Function::Nullif, vec![known(2), known(2)]), Value::Null);
    check(call(Function::Lower, vec![known("ÄB")]), Value::text("äb"));
    check(call(Function::Length, vec![known("äb")]), Value::Integer(2));
    check(call(Function::Round, vec![known(2.5)]), Value::Real(3.0));
    check(call(Function::Round, vec![known(-1.25), known(1)]), Value::Real(-1.3));
    check(call(Function::Substring, vec![known("hello"), known(2), known(3)]), Value::text("ell"));
    check(call(Function::Trim, vec![known("  a ")]), Value::text("a"));
    check(call(Function::Greatest, vec![known(1), null(), known(3)]), Value::Integer(3));
    let cast = |of: Expr, data_type| Expr::Cast(Box::new(of), data_type);
    check(cast(known("12abc"), DataType::Integer), Value::Integer(12));
    check(cast(known(2.9), DataType::Integer), Value::Integer(3));
    check(cast(known("-2.5"), DataType::Integer), Value::Integer(-3));
    check(cast(known("9007199254740993"), DataType::Integer), Value::Integer(9_007_199_254_740_993));
    check(cast(known(true), DataType::Text), Value::text("true"));
    check(cast(null(), DataType::Integer), Value::Null);
    check(cast(known("1.5e1x"), DataType::Real), Value::Real(15.0));
    check(Expr::Case(vec![(null(), known(1)), (known(true), known(2))], None), Value::Integer(2));
    check(Expr::Case(vec![(null(), known(1))], None), Value::Null);
}

#[test]
fn a_row_matches_by_its_own_values() {
    let row = Row { id: QueryId(3), values: &[Value::Integer(5), Value::Null], params: &[Value::Integer(5)] };
    let column = |at| Expr::Column(QueryId(3), ColumnId(at));
    assert_eq!(matches(&Expr::eq(column(0), Expr::Param(ParamId(0))), &row), Ok(Some(true)));
    assert_eq!(matches(&Expr::eq(column(1), Expr::Param(ParamId(0))), &row), Ok(None));
    assert!(matches(&Expr::eq(Expr::Column(QueryId(1), ColumnId(0)), known(1)), &row).is_err());
}
