//! A small schema in both forms: the engine's own text, and the catalog that would be read from it.

use transom_query::{
    Catalog, ColumnId, TableId,
    catalog::{Access, Column, ForeignKey, FullTextIndex, Function, Table, TableKind},
};
use transom_sql::named;
use transom_types::DataType::{self, *};

pub const SCHEMA: &str = r#"
CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE products (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, price NUMERIC, weight REAL, active BOOLEAN NOT NULL DEFAULT 1,
    details JSON, image BLOB, loose, category_id INTEGER REFERENCES categories (id), sku TEXT UNIQUE,
    added_at TEXT DEFAULT (upper('now'))
);
CREATE TABLE "t1" (id INTEGER PRIMARY KEY, "we""ird' ; DROP TABLE x --" TEXT, "select" INTEGER);
CREATE TABLE members (product_id INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (product_id, tag));
CREATE VIRTUAL TABLE products_search USING fts5 (name, sku, content='products', content_rowid='id');
INSERT INTO categories VALUES (1, 'Tools'), (2, 'Toys');
INSERT INTO products VALUES
    (1, 'Hammer', 12.5, 1.25, 1, '{"a b":{"c":[1,2,"x"]},"q\"x":"quoted","7":"seven","ok":true,"é.$":1.5}', x'00ff', 5, 1, 'H-1', 'then'),
    (2, 'Äpfel', NULL, NULL, 0, 'no json', NULL, x'ab', NULL, NULL, 'then'),
    (3, 'Doll "x"', 3, 9e999, 1, NULL, NULL, 'text', 2, 'D-3', NULL),
    (4, 'Ball', 7, 0.5, 1, jsonb('[1]'), NULL, 1.5, 2, 'B-4', NULL);
INSERT INTO members VALUES (1, 'steel'), (1, 'heavy'), (3, 'soft');
INSERT INTO "t1" VALUES (1, 'one', 10), (2, NULL, 20);
INSERT INTO products_search (products_search) VALUES ('rebuild');
"#;

pub const CATEGORIES: TableId = TableId(0);
pub const PRODUCTS: TableId = TableId(1);
pub const ODD: TableId = TableId(2);
pub const MEMBERS: TableId = TableId(3);
pub const WIDE: TableId = TableId(4);

/// Columns of `products`.
pub mod product {
    use transom_query::ColumnId;
    pub const ID: ColumnId = ColumnId(0);
    pub const NAME: ColumnId = ColumnId(1);
    pub const PRICE: ColumnId = ColumnId(2);
    pub const WEIGHT: ColumnId = ColumnId(3);
    pub const ACTIVE: ColumnId = ColumnId(4);
    pub const DETAILS: ColumnId = ColumnId(5);
    pub const IMAGE: ColumnId = ColumnId(6);
    pub const LOOSE: ColumnId = ColumnId(7);
    pub const CATEGORY: ColumnId = ColumnId(8);
    pub const SKU: ColumnId = ColumnId(9);
    pub const ADDED_AT: ColumnId = ColumnId(10);
}

/// As many columns as a table can have here.
pub const WIDE_COLUMNS: usize = 2_000;

pub fn wide_schema() -> String {
    let columns: Vec<String> = (1..WIDE_COLUMNS).map(|at| format!("c{at} TEXT DEFAULT 'v{at}'")).collect();
    format!(
        "CREATE TABLE wide (id INTEGER PRIMARY KEY, {}); INSERT INTO wide (id) VALUES (1);",
        columns.join(", ")
    )
}

fn column(name: &str, data_type: DataType) -> Column {
    Column {
        name: name.into(),
        data_type,
        nullable: true,
        default: None,
        generated: false,
        identity: false,
        engine_type: None,
        collation: None,
        vector: false,
        computed: false,
        representation: None,
        access: Access::ALL,
        comment: None,
    }
}

fn table(name: &str, columns: Vec<Column>, primary_key: Vec<ColumnId>) -> Table {
    Table {
        name: name.into(),
        kind: TableKind::Table,
        columns,
        indexes: vec![primary_key.clone()],
        primary_key,
        unique_keys: Vec::new(),
        foreign_keys: Vec::new(),
        full_text: None,
        schema: None,
        access: Access::ALL,
        comment: None,
    }
}

fn required(name: &str, data_type: DataType) -> Column {
    Column { nullable: false, ..column(name, data_type) }
}

fn products() -> Table {
    let columns = vec![
        Column { identity: true, ..required("id", Integer) },
        required("name", Text),
        column("price", Numeric),
        column("weight", Real),
        Column { default: Some("1".into()), ..required("active", Bool) },
        column("details", Json),
        column("image", Bytes),
        column("loose", Any),
        column("category_id", Integer),
        column("sku", Text),
        Column { default: Some("upper('now')".into()), ..column("added_at", Text) },
    ];
    Table {
        unique_keys: vec![vec![product::SKU]],
        foreign_keys: vec![ForeignKey {
            name: "products_category_id_fkey".into(),
            columns: vec![product::CATEGORY],
            table: CATEGORIES,
            referenced: vec![ColumnId(0)],
        }],
        full_text: Some(FullTextIndex {
            name: "products_search".into(),
            columns: vec![product::NAME, product::SKU],
            row_id: product::ID,
        }),
        ..table("products", columns, vec![product::ID])
    }
}

pub fn catalog() -> Catalog {
    catalog_with("t1", "we\"ird' ; DROP TABLE x --")
}

/// The catalog, with these names for the odd table and its second column.
pub fn catalog_with(odd: &str, label: &str) -> Catalog {
    let id = || required("id", Integer);
    let key = vec![ColumnId(0)];
    let wide = (1..WIDE_COLUMNS).map(|at| column(&format!("c{at}"), Text));
    let tables = vec![
        table("categories", vec![id(), required("name", Text)], key.clone()),
        products(),
        table(odd, vec![id(), column(label, Text), column("select", Integer)], key.clone()),
        table(
            "members",
            vec![required("product_id", Integer), required("tag", Text)],
            vec![ColumnId(0), ColumnId(1)],
        ),
        table("wide", std::iter::once(id()).chain(wide).collect(), key),
    ];
    Catalog::new(tables, vec![cheap(), restock()])
}

/// A handwritten statement that reads.
fn cheap() -> Function {
    let text = "-- param most numeric\nSELECT id, name, auth.uid() AS who FROM products WHERE price <= :most -- the end\n";
    let mut function = named::parse("queries/cheap.sql", text).expect("is well formed");
    function.columns = vec![column("id", Integer), column("name", Text), column("who", Text)];
    function.read_only = true;
    function
}

/// A handwritten statement that writes.
fn restock() -> Function {
    let text = "-- param by integer\n-- param id integer\nUPDATE products SET weight = weight + :by WHERE id = :id RETURNING id, weight;";
    let mut function = named::parse("queries/restock.sql", text).expect("is well formed");
    function.columns = vec![column("id", Integer), column("weight", Real)];
    function
}
