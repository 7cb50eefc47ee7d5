//! Reading: point reads, output forms, order and bounds, embedded rows, totals, groups.

use transom_query::{
    ColumnId, Expr, Query, QueryId,
    plan::{Comparison, Expect, Read, Source, Step},
    request::{Aggregate, Count, JsonKey, JsonStep},
};
use transom_types::{DataType, DataType::*, Principal, Value};

use crate::{
    build::*,
    engine::{Draft, Engine},
    fixture::{self, CATEGORIES, MEMBERS, PRODUCTS, product::*},
};

fn category_of(query: u16, product: u16) -> Query {
    Query {
        on: Some(Expr::eq(column(query, ColumnId(0)), column(product, CATEGORY))),
        ..from(query, CATEGORIES, vec![output("name", column(query, ColumnId(1)), Text)])
    }
}

fn tags_of(query: u16, product: u16) -> Query {
    Query {
        on: Some(Expr::eq(column(query, ColumnId(0)), column(product, ID))),
        ..from(query, MEMBERS, vec![output("tag", column(query, ColumnId(1)), Text)])
    }
}

#[test]
fn a_point_read_is_flat() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let id = draft.text("1", Integer);
    let outputs = vec![output("id", column(0, ID), Integer), output("name", column(0, NAME), Text)];
    let limit = Some(draft.integer(1));
    let query = Query { filter: Some(equals(column(0, ID), id)), limit, ..from(0, PRODUCTS, outputs) };
    insta::assert_snapshot!(engine.run(&draft, read(query)).shown());
}

#[test]
fn each_type_has_its_form() {
    let (engine, draft) = (Engine::new(), Draft::default());
    let names = [
        ("id", ID, Integer),
        ("name", NAME, Text),
        ("price", PRICE, Numeric),
        ("weight", WEIGHT, Real),
        ("active", ACTIVE, Bool),
        ("details", DETAILS, Json),
        ("image", IMAGE, Bytes),
        ("loose", LOOSE, Any),
    ];
    let outputs = names.into_iter().map(|(key, id, data_type)| output(key, column(0, id), data_type));
    let query = Query { order: vec![ascending(column(0, ID))], ..from(0, PRODUCTS, outputs.collect()) };
    insta::assert_snapshot!(engine.run(&draft, read(query)).shown());
}

#[test]
fn dear_outputs_are_made_for_the_limited_rows_alone() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let (limit, offset) = (draft.integer(2), draft.integer(1));
    let tags = Query { order: vec![descending(column(2, ColumnId(1)))], ..tags_of(2, 0) };
    let outputs = vec![
        output("name", column(0, NAME), Text),
        output("category", Expr::Object(Box::new(category_of(1, 0))), Json),
        output("tags", Expr::Objects(Box::new(tags)), Json),
    ];
    let query = Query {
        order: vec![descending(column(0, PRICE)), ascending(column(0, ID))],
        limit: Some(limit),
        offset: Some(offset),
        ..from(0, PRODUCTS, outputs)
    };
    insta::assert_snapshot!(engine.run(&draft, read(query)).shown());
}

#[test]
fn rows_that_an_index_yields_in_order_stay_flat() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let limit = Some(draft.integer(1));
    let outputs = vec![output("category", Expr::Object(Box::new(category_of(1, 0))), Json)];
    let order = vec![ascending(column(0, ID))];
    let query = Query { order, limit, ..from(0, PRODUCTS, outputs) };
    let run = engine.run(&draft, read(query));
    assert!(!run.sql.contains("FROM (SELECT"), "{}", run.sql);
}

#[test]
fn embedded_rows_have_order_and_bounds_of_their_own() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let limit = Some(draft.integer(1));
    let order = vec![ascending(column(1, ColumnId(1)))];
    let objects = Query { order: order.clone(), limit, ..tags_of(1, 0) };
    let array = Query { order: vec![descending(column(2, ColumnId(1)))], limit, ..tags_of(2, 0) };
    let all = Query { ..tags_of(3, 0) };
    let outputs = vec![
        output("id", column(0, ID), Integer),
        output("first", Expr::Objects(Box::new(objects)), Json),
        output("last", Expr::Array(Box::new(array)), Json),
        output("all", Expr::Array(Box::new(all)), Json),
    ];
    let query = Query { order: vec![ascending(column(0, ID))], ..from(0, PRODUCTS, outputs) };
    insta::assert_snapshot!(engine.run(&draft, read(query)).shown());
}

#[test]
fn json_stays_json_through_every_subquery() {
    let (engine, draft) = (Engine::new(), Draft::default());
    // A spread resource whose output is itself an embedded one.
    let inner = Query {
        on: Some(Expr::eq(column(3, CATEGORY), column(2, ColumnId(0)))),
        order: vec![ascending(column(3, ID))],
        ..from(
            3,
            PRODUCTS,
            vec![output("name", column(3, NAME), Text), output("details", column(3, DETAILS), Json)],
        )
    };
    let spread = Query {
        outputs: vec![output("siblings", Expr::Objects(Box::new(inner)), Json)],
        ..category_of(2, 0)
    };
    let documents = Query {
        on: Some(Expr::eq(column(4, ID), column(0, ID))),
        ..from(4, PRODUCTS, vec![output("details", column(4, DETAILS), Json)])
    };
    let outputs = vec![
        output("siblings", Expr::Scalar(Box::new(spread)), Json),
        output("documents", Expr::Array(Box::new(documents.clone())), Json),
        output(
            "document",
            Expr::Scalar(Box::new(Query {
                id: QueryId(5),
                on: Some(Expr::eq(column(5, ID), column(0, ID))),
                outputs: vec![output("details", column(5, DETAILS), Json)],
                ..documents
            })),
            Json,
        ),
    ];
    let query = Query { order: vec![ascending(column(0, ID))], ..from(0, PRODUCTS, outputs) };
    insta::assert_snapshot!(engine.run(&draft, read(query)).shown());
}

fn counted(count: Count, limit: i64, order: bool) -> String {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let limit = (limit >= 0).then(|| draft.integer(limit));
    let order = if order { vec![descending(column(0, NAME))] } else { Vec::new() };
    let query = Query { limit, order, ..from(0, PRODUCTS, vec![output("name", column(0, NAME), Text)]) };
    let step = Step::Read(Read {
        query,
        count: Some(count),
        count_max: Some(10_000),
        cursor: true,
        expect: Expect::Any,
    });
    engine.run(&draft, step).shown()
}

#[test]
fn totals_are_there_with_and_without_rows() {
    insta::assert_snapshot!(counted(Count::Exact, 2, true));
    insta::assert_snapshot!(counted(Count::Exact, 0, true));
    insta::assert_snapshot!(counted(Count::Planned, 1, false));
}

#[test]
fn rows_beside_a_total_keep_their_order() {
    // Of a count that the rows themselves do not tell.
    let found = counted(Count::Estimated, -1, true);
    let names: Vec<_> = found.lines().skip(1).collect();
    assert_eq!(
        names,
        [
            r#"{"name":"Äpfel"} | 4 | ["Äpfel"]"#,
            r#"{"name":"Hammer"} | 4 | ["Hammer"]"#,
            r#"{"name":"Doll \"x\""} | 4 | ["Doll \"x\""]"#,
            r#"{"name":"Ball"} | 4 | ["Ball"]"#,
        ]
    );
}

#[test]
fn groups_are_counted_and_kept_by_their_aggregates() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let (more, limit) = (draft.integer(0), draft.integer(9));
    let of = |aggregate, id| Expr::Aggregate(aggregate, Some(Box::new(column(0, id))));
    let outputs = vec![
        output("category_id", column(0, CATEGORY), Integer),
        output("count", Expr::Aggregate(Aggregate::Count, None), Integer),
        output("sum", Expr::Cast(Box::new(of(Aggregate::Sum, PRICE)), Text), Text),
        output("avg", of(Aggregate::Avg, PRICE), Numeric),
        output("max", of(Aggregate::Max, NAME), Text),
        output("min", of(Aggregate::Min, ACTIVE), Bool),
    ];
    let having = Expr::Compare(
        Comparison::Gt,
        Box::new(Expr::Aggregate(Aggregate::Count, None)),
        Box::new(Expr::Param(more)),
    );
    let query = Query {
        group_by: Some(vec![column(0, CATEGORY)]),
        having: Some(having),
        order: vec![ascending(column(0, CATEGORY))],
        limit: Some(limit),
        ..from(0, PRODUCTS, outputs)
    };
    let step = Step::Read(Read {
        query,
        count: Some(Count::Exact),
        count_max: Some(10_000),
        cursor: false,
        expect: Expect::Any,
    });
    insta::assert_snapshot!(engine.run(&draft, step).shown());
}

#[test]
fn json_paths_lead_to_any_key() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let member = |name: &str, as_text| JsonStep { key: JsonKey::Member(name.into()), as_text };
    let index = |at, as_text| JsonStep { key: JsonKey::Index(at), as_text };
    let path = |key: &str, steps: Vec<JsonStep>| {
        let data_type = if steps.last().is_some_and(|step| step.as_text) { Text } else { Json };
        output(key, Expr::Json(Box::new(column(0, DETAILS)), steps), data_type)
    };
    let outputs = vec![
        path("deep", vec![member("a b", false), member("c", false), index(-1, true)]),
        path("array", vec![member("a b", false), member("c", false)]),
        path("quote", vec![member("q\"x", true)]),
        path("number", vec![member("7", true)]),
        path("truth", vec![member("ok", true)]),
        path("real", vec![member("é.$", false)]),
        path("missing", vec![member("it's", true), index(3, true)]),
        path("backslash", vec![member("\\", true)]),
    ];
    let id = draft.text("3", Integer);
    let filter = Expr::Compare(Comparison::Neq, Box::new(column(0, ID)), Box::new(Expr::Param(id)));
    let query =
        Query { filter: Some(filter), order: vec![ascending(column(0, ID))], ..from(0, PRODUCTS, outputs) };
    let run = engine.run(&draft, read(query));
    insta::assert_snapshot!(run.shown());
}

#[test]
fn any_key_that_json_can_hold_is_found() {
    let engine = Engine::new();
    for key in [
        "", "\"", "\\", "a\\\"b", "\n", "\u{1}", "日本", "😀", "$", "$.a", "[0]", "#", "-1", "é", "'",
        "\u{7f}", "a/b",
    ] {
        let document = serde_json::json!({ key: "found", "other": 1 }).to_string();
        engine.connection.execute("UPDATE products SET details = ?1 WHERE id = 1", [&document]).unwrap();
        let mut draft = Draft::default();
        let id = draft.text("1", Integer);
        let steps = vec![JsonStep { key: JsonKey::Member(key.into()), as_text: true }];
        let found = output("v", Expr::Json(Box::new(column(0, DETAILS)), steps), Text);
        let query = Query { filter: Some(equals(column(0, ID), id)), ..from(0, PRODUCTS, vec![found]) };
        let run = engine.run(&draft, read(query));
        assert_eq!(run.bodies(), [serde_json::json!({ "v": "found" })], "{key:?}: {}", run.sql);
    }
}

#[test]
fn a_wide_row_is_one_object() {
    let (engine, draft) = (Engine::new(), Draft::default());
    let wide = &engine.catalog()[fixture::WIDE];
    let outputs: Vec<_> = (0u32..)
        .zip(&wide.columns)
        .map(|(at, of)| output(&of.name, column(0, ColumnId(at)), of.data_type))
        .collect();
    let bodies = engine.run(&draft, read(from(0, fixture::WIDE, outputs))).bodies();
    let object = bodies[0].as_object().expect("an object");
    assert_eq!(object.len(), fixture::WIDE_COLUMNS);
    assert_eq!(object["c1999"], "v1999");
    assert_eq!(object.keys().nth(1500).map(String::as_str), Some("c1500"));
}

#[test]
fn a_handwritten_statement_is_a_source() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let most = draft.text("10", Numeric);
    draft.param(
        transom_query::plan::ParamSource::Claim(vec!["sub".into()]),
        transom_query::plan::ParamKind::Scalar(DataType::Text),
    );
    let function = engine.catalog().function("cheap").expect("is there");
    let query = Query {
        id: QueryId(0),
        source: Source::Function(function, vec![Expr::Param(most)]),
        order: vec![ascending(column(0, ColumnId(0)))],
        outputs: vec![
            output("name", column(0, ColumnId(1)), Text),
            output("who", column(0, ColumnId(2)), Text),
        ],
        ..Query::table(QueryId(0), PRODUCTS)
    };
    let principal = Principal::with_claims("authenticated", serde_json::json!({ "sub": "u1" }));
    insta::assert_snapshot!(engine.run_as(&draft, read(query), &principal).shown());
}

#[test]
fn one_row_without_a_table() {
    let (engine, draft) = (Engine::new(), Draft::default());
    let query = Query {
        source: Source::One,
        outputs: vec![output("one", Expr::Value(Value::Integer(1)), Integer)],
        ..Query::table(QueryId(0), PRODUCTS)
    };
    insta::assert_snapshot!(engine.run(&draft, read(query)).shown());
}
