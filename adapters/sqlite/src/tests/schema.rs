//! A schema with everything in it, as the catalog has it.

use transom_ports::Database;
use transom_query::{
    Catalog, ColumnId,
    catalog::{Table, TableKind},
};

use super::Bench;

const SCHEMA: &str = "
    CREATE TABLE Authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, born DATE DEFAULT '1900-01-01');
    CREATE TABLE books (
      isbn TEXT PRIMARY KEY, author INTEGER NOT NULL CONSTRAINT written_by REFERENCES authors,
      price DECIMAL(8, 2), cents INTEGER AS (price * 100) STORED, meta JSON);
    CREATE TABLE editions (
      isbn TEXT, number INT, PRIMARY KEY (isbn, number), FOREIGN KEY (isbn) REFERENCES books (isbn)) WITHOUT ROWID, STRICT;
    CREATE TABLE odd (id INT PRIMARY KEY, \"a \"\"b\" TEXT, anything);
    CREATE UNIQUE INDEX partly ON books (meta) WHERE price > 0;
    CREATE UNIQUE INDEX folded ON odd (lower(anything));
    CREATE INDEX dear ON books (price DESC, author);
    CREATE VIRTUAL TABLE author_words USING fts5 (name, content = 'authors', content_rowid = 'id');
    CREATE VIRTUAL TABLE notes USING fts5 (title, body);
    CREATE VIEW shelf AS SELECT b.isbn, b.author, b.price * 2 AS twice, a.name FROM books b JOIN authors a ON a.id = b.author;
    CREATE VIEW by_author AS SELECT a.id, b.isbn AS book FROM authors a LEFT JOIN books b ON b.author = a.id;
    CREATE VIEW counted AS SELECT a.id AS author, count(*) AS books FROM authors a LEFT JOIN books b ON b.author = a.id GROUP BY a.id;
    CREATE VIEW both AS SELECT id FROM authors UNION ALL SELECT id FROM authors;
    CREATE TRIGGER shelve INSTEAD OF INSERT ON shelf BEGIN SELECT 1; END;";

fn names(table: &Table, columns: &[ColumnId]) -> String {
    columns.iter().map(|column| &*table[*column].name).collect::<Vec<_>>().join(" ")
}

fn said(catalog: &Catalog, name: &str) -> Vec<String> {
    let table = &catalog[catalog.table(name).unwrap()];
    let mut said: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let mut words = format!("{} {}", column.name, column.data_type.name());
            let flags = [
                (!column.nullable, "required"),
                (column.identity, "identity"),
                (column.generated, "generated"),
                (column.default.is_some(), "default"),
            ];
            for (_, word) in flags.iter().filter(|(is, _)| *is) {
                words = format!("{words} {word}");
            }
            words
        })
        .collect();
    if let TableKind::View { writable } = table.kind {
        said.push(format!("view{}", if writable { " writable" } else { "" }));
    }
    said.push(format!("key {}", names(table, &table.primary_key)));
    said.extend(table.unique_keys.iter().map(|key| format!("unique {}", names(table, key))));
    said.extend(table.foreign_keys.iter().map(|key| {
        let to = &catalog[key.table];
        format!("{}: {} -> {} {}", key.name, names(table, &key.columns), to.name, names(to, &key.referenced))
    }));
    said.extend(table.indexes.iter().map(|index| format!("index {}", names(table, index))));
    said.extend(table.full_text.iter().map(|index| {
        format!(
            "searched {} by {} of {}",
            names(table, &index.columns),
            names(table, &[index.row_id]),
            index.name
        )
    }));
    said
}

#[tokio::test]
async fn everything_is_found() {
    let bench = Bench::new(SCHEMA).await;
    let catalog = bench.database.introspect().await.unwrap();
    let check = |name: &str, expected: &[&str]| assert_eq!(said(&catalog, name), expected, "{name}");
    check(
        "Authors",
        &[
            "id bigint required identity",
            "name text required",
            "born date default",
            "key id",
            "unique name",
            "index name",
            "index id",
            "searched name by id of author_words",
        ],
    );
    check(
        "books",
        &[
            "isbn text required",
            "author bigint required",
            "price numeric",
            "cents bigint generated",
            "meta json",
            "key isbn",
            "written_by: author -> Authors id",
            "index price author",
            "index isbn",
        ],
    );
    check(
        "editions",
        &[
            "isbn text required",
            "number bigint required",
            "key isbn number",
            "editions_isbn_fkey: isbn -> books isbn",
            "index isbn number",
        ],
    );
    check("odd", &["id bigint required", "a \"b text", "anything any", "key id", "index id"]);
    check(
        "notes",
        &[
            "title any",
            "body any",
            "rowid bigint required identity",
            "key rowid",
            "index rowid",
            "searched title body by rowid of notes",
        ],
    );
    check(
        "shelf",
        &[
            "isbn text required",
            "author bigint required",
            "twice any",
            "name text required",
            "view writable",
            "key isbn",
            "written_by: author -> Authors id",
        ],
    );
    // One author has many books, and some have none: neither key names a row.
    check("by_author", &["id bigint", "book text", "view", "key "]);
    check("counted", &["author bigint", "books any", "view", "key author"]);
    check("both", &["id bigint", "view", "key "]);
    assert!(catalog.table("author_words").is_none(), "an index is no table");
}

#[tokio::test]
async fn a_view_over_what_is_gone_hides_alone() {
    let bench =
        Bench::new("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT * FROM gone").await;
    let catalog = bench.database.introspect().await.unwrap();
    assert!(catalog.table("t").is_some() && catalog.table("v").is_none());
}
