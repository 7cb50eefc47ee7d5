//! Random expressions, built as plans: functions, arithmetic, casts and CASE, which only policies use.

use std::sync::Arc;

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, prop_oneof},
    sample::select,
    strategy::BoxedStrategy,
};
use serde_json::{Value as Json, json};
use transom_query::{
    ColumnId, Expr, Query, QueryId,
    plan::{BinaryOp, Comparison, Cost, Expect, Function, OrderTerm, Output, Pattern, Plan, Read, Step},
    request::IsValue,
};
use transom_sql::Statement;
use transom_types::{DataType, Value};

use super::Pair;
use crate::{Factory, Shop, shop::TIMEOUT};

/// Which rows random predicates over computed values keep.
pub async fn expressions(left: &dyn Factory, right: &dyn Factory, cases: u32) {
    let pair = Pair::open(left, right).await;
    pair.run(cases, (vec(row(), 1..8), vec(truth(3), 16)), async |(rows, filters)| {
        pair.fill(&rows).await?;
        for filter in filters {
            let (left, right) = (kept(&pair.left, &filter).await, kept(&pair.right, &filter).await);
            if !pair.agrees(&left, &right) {
                return Err(format!("{filter:?}\n  left  {left}\n  right {right}"));
            }
        }
        Ok(())
    });
}

/// Numbers that both exact decimals and doubles hold, so that no answer depends on rounding.
fn row() -> impl Strategy<Value = Json> {
    let names = select(vec!["", "a", "Äb", "ab", " a", "10", "-2.5", "7x"]);
    let quarters = || (-20..20_i64).prop_map(|quarters| Json::from(quarters as f64 / 4.0));
    let weight = prop_oneof![1 => Just(Json::Null), 3 => quarters()];
    let active = select(vec![Json::Null, true.into(), false.into()]);
    (names, quarters(), weight, -9..10_i64, active).prop_map(|(name, price, weight, stock, active)| {
        json!({ "name": name, "price": price, "weight": weight, "stock": stock, "active": active })
    })
}

/// The ids of the products for which the predicate holds.
async fn kept(shop: &Shop, filter: &Expr) -> Json {
    let table = shop.catalog.table("products").expect("is there");
    let id = Expr::Column(QueryId(0), ColumnId(0));
    let query = Query {
        filter: Some(filter.clone()),
        outputs: vec![Output { key: "id".into(), expr: id.clone(), data_type: DataType::Integer }],
        order: vec![OrderTerm { expr: id, descending: false, nulls_first: false }],
        ..Query::table(QueryId(0), table)
    };
    let read = Read { query, count: None, count_max: None, cursor: false, expect: Expect::Any };
    let plan = Plan {
        steps: vec![Step::Read(read)],
        reply: Some(0),
        params: Vec::new(),
        cost: Cost::Scan,
        cacheable: true,
        query_ids: 1,
        form: Default::default(),
    };
    let rendered = shop.rendered(plan, &shop.everyone().0).expect("is rendered");
    let statement =
        Statement { prepared: rendered.steps[0].clone(), params: Arc::from([]), timeout: TIMEOUT };
    match shop.database.read(statement).await {
        Ok(body) => serde_json::from_slice(&body.json.into_bytes().expect("kept"))
            .unwrap_or_else(|error| error.to_string().into()),
        Err(error) => format!("{:?}", error.fault).into(),
    }
}

/// Columns of `products` by their place: name, price, weight, stock, active.
fn column(place: u32) -> Expr {
    Expr::Column(QueryId(0), ColumnId(place))
}

fn call(function: Function, arguments: Vec<Expr>) -> Expr {
    Expr::Call(function, arguments)
}

fn number(depth: u32) -> BoxedStrategy<Expr> {
    let constants = vec![
        Value::Integer(0),
        Value::Integer(3),
        Value::Integer(-2),
        Value::Real(2.5),
        Value::Real(-0.5),
        Value::Null,
    ];
    let leaf = prop_oneof![
        // Not the price: a whole decimal divides like an integer on some engines.
        select(vec![column(4), column(5)]),
        select(constants).prop_map(Expr::Value),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let operators = vec![BinaryOp::Add, BinaryOp::Subtract, BinaryOp::Multiply, BinaryOp::Divide];
    let inner = || number(depth - 1);
    // What remains of a division that does not come out even is each engine's own affair.
    let whole = || prop_oneof![Just(column(5)), (-9..10_i64).prop_map(|of| Expr::Value(Value::Integer(of)))];
    prop_oneof![
        2 => leaf,
        1 => (whole(), whole()).prop_map(|(left, right)| Expr::Binary(BinaryOp::Modulo, Box::new(left), Box::new(right))),
        2 => (select(operators), inner(), inner()).prop_map(|(op, left, right)| Expr::Binary(op, Box::new(left), Box::new(right))),
        1 => inner().prop_map(|of| call(Function::Abs, vec![of])),
        1 => text(depth - 1).prop_map(|of| call(Function::Length, vec![of])),
        1 => (inner(), inner()).prop_map(|(left, right)| call(Function::Coalesce, vec![left, right])),
        1 => (inner(), inner()).prop_map(|(left, right)| call(Function::Nullif, vec![left, right])),
        1 => (truth(depth - 1), inner(), inner()).prop_map(|(when, then, other)| Expr::Case(vec![(when, then)], Some(Box::new(other)))),
        1 => (text(depth - 1), select(vec![DataType::Integer, DataType::Real, DataType::Numeric]))
            .prop_map(|(of, to)| Expr::Cast(Box::new(of), to)),
        1 => inner().prop_map(|of| Expr::Cast(Box::new(of), DataType::Integer)),
    ]
    .boxed()
}

fn text(depth: u32) -> BoxedStrategy<Expr> {
    let constants = vec![
        Value::text("a"),
        Value::text(""),
        Value::text("Äb"),
        Value::text(" 10 "),
        Value::text("b"),
        Value::Null,
    ];
    let leaf = prop_oneof![2 => Just(column(1)), 1 => select(constants).prop_map(Expr::Value)];
    if depth == 0 {
        return leaf.boxed();
    }
    let inner = || text(depth - 1);
    // An empty text to replace, or NULL to put there, is where engines differ by nature.
    let plain = || select(vec![Value::text("a"), Value::text("b"), Value::text("ab")]).prop_map(Expr::Value);
    let place = || (0..4_i64).prop_map(|place| Expr::Value(Value::Integer(place)));
    let count = || (0..4_i64).prop_map(|count| Expr::Value(Value::Integer(count)));
    prop_oneof![
        2 => leaf,
        1 => (select(vec![Function::Lower, Function::Upper, Function::Trim]), inner()).prop_map(|(of, inner)| call(of, vec![inner])),
        1 => (inner(), place(), count()).prop_map(|(of, from, count)| call(Function::Substring, vec![of, from, count])),
        1 => (inner(), plain(), plain()).prop_map(|(of, from, to)| call(Function::Replace, vec![of, from, to])),
        1 => (inner(), inner()).prop_map(|(left, right)| Expr::Binary(BinaryOp::Concat, Box::new(left), Box::new(right))),
        1 => Just(Expr::Cast(Box::new(column(5)), DataType::Text)),
        1 => (inner(), inner()).prop_map(|(left, right)| call(Function::Coalesce, vec![left, right])),
    ]
    .boxed()
}

fn truth(depth: u32) -> BoxedStrategy<Expr> {
    let comparisons = || {
        use Comparison::{Distinct, Eq, Gt, Gte, Lt, Lte, Neq, NotDistinct};
        select(vec![Eq, Neq, Gt, Gte, Lt, Lte, Distinct, NotDistinct])
    };
    let compare = |(comparison, left, right)| Expr::Compare(comparison, Box::new(left), Box::new(right));
    let is = || select(vec![IsValue::Null, IsValue::NotNull, IsValue::True, IsValue::False]);
    let inner = depth.saturating_sub(1);
    let leaf = prop_oneof![
        3 => (comparisons(), number(inner), number(inner)).prop_map(compare),
        3 => (comparisons(), text(inner), text(inner)).prop_map(compare),
        1 => Just(column(6)),
        1 => (text(inner), text(0)).prop_map(|(of, pattern)| Expr::Match(Pattern::Like, Box::new(of), Box::new(pattern))),
        1 => (number(inner), vec(number(0), 0..3)).prop_map(|(of, list)| Expr::InExprs(Box::new(of), list)),
        1 => number(inner).prop_map(|of| Expr::Is(Box::new(of), IsValue::Null)),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    prop_oneof![
        4 => leaf,
        1 => vec(truth(inner), 0..3).prop_map(Expr::And),
        1 => vec(truth(inner), 0..3).prop_map(Expr::Or),
        1 => truth(inner).prop_map(|of| Expr::Not(Box::new(of))),
        1 => (truth(inner), is()).prop_map(|(of, is)| Expr::Is(Box::new(of), is)),
    ]
    .boxed()
}
