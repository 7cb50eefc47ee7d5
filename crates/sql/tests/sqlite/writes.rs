//! Writing: one row, many rows, conflicts, updates, deletes, and what policy demands of new rows.

use serde_json::json;
use transom_query::{
    ColumnId, Expr, Query, QueryId,
    plan::{
        Call, Delete, ElementTest, Expect, Insert, InsertColumn, InsertValue, Judge, OnConflict, ParamId,
        Returning, Step, Update,
    },
};
use transom_types::{DataType, DataType::*};

use crate::{
    build::*,
    engine::{Draft, Engine},
    fixture::{CATEGORIES, MEMBERS, ODD, PRODUCTS, catalog_with, product::*},
};

fn insert(table: transom_query::TableId, columns: Vec<InsertColumn>, rows: Option<ParamId>) -> Insert {
    Insert {
        id: QueryId(0),
        table,
        columns,
        given: None,
        rows,
        conflict: None,
        check: None,
        merge_guard: None,
        returning: Returning::default(),
        expect: Expect::Any,
    }
}

fn one(column: ColumnId, param: ParamId) -> InsertColumn {
    InsertColumn { column, value: InsertValue::Expr(Expr::Param(param)) }
}

fn cell(column: ColumnId, cell: u16, data_type: DataType, missing_default: bool) -> InsertColumn {
    InsertColumn { column, value: InsertValue::Cell { cell, data_type, missing_default } }
}

fn shown(id: u16) -> Vec<transom_query::plan::Output> {
    vec![
        output("id", column(id, ID), Integer),
        output("name", column(id, NAME), Text),
        output("active", column(id, ACTIVE), Bool),
    ]
}

/// A policy that looks at another table: the product's category is called Tools.
fn in_tools(product: u16) -> Expr {
    let tools = Expr::Value(transom_types::Value::text("Tools"));
    let query = Query {
        on: Some(Expr::eq(column(7, ColumnId(0)), column(product, CATEGORY))),
        filter: Some(Expr::eq(column(7, ColumnId(1)), tools)),
        ..from(7, CATEGORIES, Vec::new())
    };
    Expr::Exists(Box::new(query))
}

#[test]
fn one_row_returns_itself_and_its_key() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let (name, active) = (draft.text("Saw", Text), draft.text("no", Bool));
    let step = Insert {
        returning: Returning { outputs: shown(0), capture: vec![ID, IMAGE, LOOSE], rows: None },
        ..insert(PRODUCTS, vec![one(NAME, name), one(ACTIVE, active)], None)
    };
    insta::assert_snapshot!(engine.run(&draft, Step::Insert(step)).shown());
}

#[test]
fn a_row_of_defaults() {
    let (engine, draft) = (Engine::new(), Draft::default());
    let key = ColumnId(0);
    let step = Insert {
        returning: Returning { outputs: Vec::new(), capture: vec![key], rows: None },
        ..insert(ODD, Vec::new(), None)
    };
    insta::assert_snapshot!(engine.run(&draft, Step::Insert(step)).shown());
}

#[test]
fn many_rows_keep_every_type() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let rows = json!([
        ["A", "12.50", 1.5, true, {"a": [1]}, "\\x00FF", "x", 9_223_372_036_854_775_807_i64],
        ["B \u{0}'\"", 3, "2", "f", "plain", null, 7, null],
        [null, null, null, false, "[1, 2]", null, null, 1]
    ]);
    let types = [Text, Numeric, Real, Bool, Json, Bytes, Any, Integer];
    let ids = [NAME, PRICE, WEIGHT, ACTIVE, DETAILS, IMAGE, LOOSE, CATEGORY];
    let rows = draft.rows(rows, &types);
    let columns = (0u16..).zip(ids).map(|(at, id)| cell(id, at, types[usize::from(at)], false)).collect();
    let step = Insert { ..insert(PRODUCTS, columns, Some(rows)) };
    engine.connection.execute_batch("PRAGMA foreign_keys = 0; CREATE TABLE copy AS SELECT * FROM products WHERE 0; DROP TABLE products; ALTER TABLE copy RENAME TO products;").unwrap();
    let run = engine.run(&draft, Step::Insert(step));
    let stored = engine.query(
        "SELECT hex(name), typeof(price), price, typeof(weight), weight, typeof(active), active, details, image, typeof(loose), loose, category_id FROM products",
    );
    insta::assert_snapshot!(format!("{}\n{stored}", run.sql));
}

#[test]
fn a_missing_cell_takes_its_default_or_null() {
    for missing_default in [true, false] {
        let (engine, mut draft) = (Engine::new(), Draft::default());
        let rows =
            draft.rows(json!([["A", {}, {}], ["B", false, "given"], [{}, true, null]]), &[Text, Bool, Text]);
        let columns = [(SKU, Text), (ACTIVE, Bool), (ADDED_AT, Text)];
        let mut columns: Vec<_> = (0u16..)
            .zip(columns)
            .map(|(at, (id, data_type))| cell(id, at, data_type, missing_default))
            .collect();
        let name = draft.text("same", Text);
        columns.push(one(NAME, name));
        if !missing_default {
            // NOT NULL holds for what is missing.
            columns.remove(1);
        }
        let step = insert(PRODUCTS, columns, Some(rows));
        let run = engine.run(&draft, Step::Insert(step));
        let stored = engine.query("SELECT sku, active, added_at, name FROM products WHERE id > 4");
        insta::assert_snapshot!(format!("{}\n{stored}", run.sql));
    }
}

#[test]
fn conflicts_merge_where_allowed_or_are_ignored() {
    for merge in [Some(vec![NAME, ACTIVE]), None] {
        let (engine, mut draft) = (Engine::new(), Draft::default());
        let rows = json!([["1", "Axe", true], ["3", "Bear", false], ["9", "New", true]]);
        let rows = draft.rows(rows, &[Integer, Text, Bool]);
        let columns =
            vec![cell(ID, 0, Integer, false), cell(NAME, 1, Text, false), cell(ACTIVE, 2, Bool, false)];
        let step = Insert {
            conflict: Some(OnConflict { columns: vec![ID], merge }),
            returning: returning(shown(0)),
            ..insert(PRODUCTS, columns, Some(rows))
        };
        insta::assert_snapshot!(engine.run(&draft, Step::Insert(step)).shown());
    }
}

#[test]
fn updates_change_the_filtered_rows() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let (name, ids) = (draft.text("Changed", Text), draft.list(&["1", "3"], Integer));
    let step = Update {
        id: QueryId(0),
        table: PRODUCTS,
        given: None,
        set: vec![(NAME, Expr::Param(name)), (PRICE, column(0, WEIGHT))],
        filter: Some(
            Expr::all([Some(Expr::InList(Box::new(column(0, ID)), ids)), Some(in_tools(0))]).unwrap(),
        ),
        guard: None,
        check: None,
        returning: Returning { outputs: shown(0), capture: vec![ID], rows: None },
        expect: Expect::Any,
    };
    insta::assert_snapshot!(engine.run(&draft, Step::Update(step)).shown());
}

#[test]
fn deletes_return_what_was_and_what_belonged_to_it() {
    let (engine, draft) = (Engine::new(), Draft::default());
    let tags = Query {
        on: Some(Expr::eq(column(2, ColumnId(0)), column(0, ID))),
        order: vec![ascending(column(2, ColumnId(1)))],
        ..from(2, MEMBERS, vec![output("tag", column(2, ColumnId(1)), Text)])
    };
    let mut outputs = shown(0);
    outputs.push(output("tags", Expr::Array(Box::new(tags)), Json));
    let step = Delete {
        id: QueryId(0),
        table: PRODUCTS,
        filter: Some(in_tools(0)),
        guard: None,
        returning: returning(outputs),
        expect: Expect::Any,
    };
    insta::assert_snapshot!(engine.run(&draft, Step::Delete(step)).shown());
}

#[test]
fn nothing_is_returned_where_nothing_is_asked() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let id = draft.text("1", Integer);
    let step = Delete {
        id: QueryId(0),
        table: PRODUCTS,
        filter: Some(equals(column(0, ID), id)),
        guard: None,
        returning: Returning::default(),
        expect: Expect::Any,
    };
    insta::assert_snapshot!(engine.run(&draft, Step::Delete(step)).shown());
}

/// The alias of a subquery must not hide the table that is changed, whatever that is called.
#[test]
fn tables_may_be_called_as_aliases_are() {
    for name in ["t1", "a_t1", "A_T1", "e", "a_e", "r", "l", "excluded", "body", "order"] {
        let engine = Engine::new();
        let quoted = format!("\"{name}\"");
        engine
            .connection
            .execute_batch(&format!("DROP TABLE t1; CREATE TABLE {quoted} (id INTEGER PRIMARY KEY, label TEXT); INSERT INTO {quoted} VALUES (1, 'steel'), (2, 'soft')"))
            .unwrap();
        let engine = engine.with_catalog(catalog_with(name, "label"));
        let mut draft = Draft::default();
        let (label, patterns) = (draft.text("changed", Text), draft.list(&["%teel", "x"], Text));
        let tagged = Query {
            on: Some(Expr::eq(column(1, ColumnId(1)), column(0, ColumnId(1)))),
            ..from(1, MEMBERS, Vec::new())
        };
        let like = Expr::Quantified {
            test: ElementTest::Match(transom_query::plan::Pattern::Like),
            operand: Box::new(column(0, ColumnId(1))),
            list: patterns,
            all: false,
        };
        let step = Update {
            id: QueryId(0),
            table: ODD,
            given: None,
            set: vec![(ColumnId(1), Expr::Param(label))],
            filter: Some(Expr::And(vec![Expr::Exists(Box::new(tagged)), like])),
            guard: None,
            check: None,
            returning: returning(vec![output("id", column(0, ColumnId(0)), Integer)]),
            expect: Expect::Any,
        };
        let run = engine.run(&draft, Step::Update(step));
        assert_eq!(run.bodies(), [json!({ "id": 1 })], "{}", run.sql);
    }
}

#[test]
fn handwritten_statements_are_run_as_they_are() {
    let (engine, mut draft) = (Engine::new(), Draft::default());
    let (by, id) = (draft.text("2.5", Real), draft.text("1", Integer));
    let function = engine.catalog().function("restock").unwrap();
    let step = Call { function, arguments: vec![Expr::Param(by), Expr::Param(id)], expect: Expect::Any };
    insta::assert_snapshot!(engine.run(&draft, Step::Call(step)).shown());
}

/// The role may see and write tools, whichever way it looks at them.
const POLICIES: &str = "
    GRANT SELECT, INSERT, UPDATE, DELETE ON products TO authenticated;
    GRANT SELECT ON categories TO authenticated;
    CREATE POLICY all_categories ON categories FOR SELECT TO authenticated USING (true);
    CREATE POLICY tools ON products FOR ALL TO authenticated
        USING (active AND EXISTS (SELECT 1 FROM categories c WHERE c.id = products.category_id AND c.name = 'Tools'))
        WITH CHECK (EXISTS (SELECT 1 FROM categories c WHERE c.id = category_id AND c.name = 'Tools'));
";

#[test]
fn new_rows_are_checked_by_the_statement_that_writes_them() {
    let (engine, mut draft) = (Engine::held_to(POLICIES), Draft::default());
    let rows = draft.rows(json!([["Axe", 1], ["Bear", 2], ["None", null]]), &[Text, Integer]);
    let columns = vec![cell(NAME, 0, Text, false), cell(CATEGORY, 1, Integer, false)];
    let step = Insert {
        returning: Returning { outputs: shown(0), capture: vec![ID], rows: None },
        ..insert(PRODUCTS, columns, Some(rows))
    };
    insta::assert_snapshot!(engine.run(&draft, Step::Insert(step)).shown());
}

#[test]
fn a_merge_changes_only_rows_that_may_be_changed() {
    let (engine, mut draft) = (Engine::held_to(POLICIES), Draft::default());
    let rows = draft.rows(json!([[1, "Axe", 1], [3, "Bear", 1]]), &[Integer, Text, Integer]);
    let columns =
        vec![cell(ID, 0, Integer, false), cell(NAME, 1, Text, false), cell(CATEGORY, 2, Integer, false)];
    let step = Insert {
        conflict: Some(OnConflict { columns: vec![ID], merge: Some(vec![NAME, CATEGORY]) }),
        ..insert(PRODUCTS, columns, Some(rows))
    };
    let run = engine.run(&draft, Step::Insert(step));
    let stored = engine.query("SELECT id, name, category_id FROM products WHERE id IN (1, 3)");
    insta::assert_snapshot!(format!("{}\n{stored}", run.shown()));
}

#[test]
fn updates_and_deletes_pass_over_hidden_rows() {
    let (engine, mut draft) = (Engine::held_to(POLICIES), Draft::default());
    let toys = draft.text("2", Integer);
    let update = Update {
        id: QueryId(0),
        table: PRODUCTS,
        given: None,
        set: vec![(CATEGORY, Expr::Param(toys))],
        filter: None,
        guard: None,
        check: None,
        returning: returning(shown(0)),
        expect: Expect::Any,
    };
    insta::assert_snapshot!(engine.run(&draft, Step::Update(update)).shown());
    let delete = Delete {
        id: QueryId(0),
        table: PRODUCTS,
        filter: None,
        guard: None,
        returning: Returning { outputs: Vec::new(), capture: vec![ID], rows: None },
        expect: Expect::Any,
    };
    let engine = Engine::held_to(POLICIES);
    insta::assert_snapshot!(engine.run(&Draft::default(), Step::Delete(delete)).shown());
}

/// The stand-ins of a row image compare as the columns would.
#[test]
fn rows_given_as_values_are_judged_like_rows_that_are_stored() {
    let (engine, mut draft) = (Engine::held_to(POLICIES), Draft::default());
    let types: Vec<DataType> =
        engine.catalog()[PRODUCTS].columns.iter().map(|column| column.data_type).collect();
    let image = |id: i64, name: &str, active: bool, category: i64| json!([id, name, 1.5, 2, active, {"a": 1}, "\\x01", null, category, "S", null]);
    let rows = json!([
        image(1, "A", true, 1),
        image(2, "10", false, 1),
        image(3, "B", true, 2),
        image(4, "C", true, 1)
    ]);
    let rows = draft.rows(rows, &types);
    let step = Step::Judge(Judge { id: QueryId(0), table: PRODUCTS, rows, guard: None });
    insta::assert_snapshot!(engine.run(&draft, step).shown());
}
