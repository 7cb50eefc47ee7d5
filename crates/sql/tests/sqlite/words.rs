//! Whatever a caller writes as words, the index accepts or we refuse: it is never the engine that finds a fault.

use proptest::{collection::vec, prelude::*, sample::select};
use rusqlite::Connection;
use transom_query::request::FullTextKind;
use transom_sql::words::full_text;

const KINDS: [FullTextKind; 4] =
    [FullTextKind::Query, FullTextKind::Plain, FullTextKind::Phrase, FullTextKind::Web];

fn index() -> Connection {
    let connection = Connection::open_in_memory().expect("opens");
    let made = "CREATE VIRTUAL TABLE search USING fts5 (name, \"de\"\"scr\"); INSERT INTO search VALUES ('cat dog', 'x');";
    connection.execute_batch(made).expect("the index is made");
    connection
}

/// Pieces of which search syntax, ours and the engine's, is made.
fn words() -> impl Strategy<Value = String> {
    let pieces = vec![
        "cat", "dog", "x", "AND", "OR", "NOT", "NEAR", "or", "&", "|", "!", "<->", ":*", ":", "*", "(", ")",
        "{", "}", "\"", "'", "''", "-", "+", "^", ",", " ", "\t", "\u{0}", "é", "½", "ª", "日本", "😀",
        "\u{301}", "\\", "name", "123",
    ];
    let made = vec(select(pieces), 0..14).prop_map(|pieces| pieces.concat());
    prop_oneof![3 => made, 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_accepts_what_we_make_of_words(
        text in words(),
        kind in select(KINDS.to_vec()),
        columns in select(vec![vec![], vec!["name"], vec!["name", "de\"scr"]]),
    ) {
        thread_local! { static INDEX: Connection = index(); }
        let columns: Vec<Box<str>> = columns.into_iter().map(Into::into).collect();
        if let Ok(made) = full_text(&text, kind, &columns) {
            let found = INDEX.with(|index| {
                index.query_row("SELECT count(*) FROM search WHERE search MATCH ?1", [&made], |row| row.get::<_, i64>(0))
            });
            prop_assert!(found.is_ok(), "{text:?} became {made:?}: {found:?}");
        }
    }
}

#[test]
fn words_in_the_engines_own_language_are_words() {
    let index = index();
    for (text, kind, found) in [
        ("cat", FullTextKind::Plain, 1),
        ("name:cat", FullTextKind::Plain, 0),
        ("cat OR mouse", FullTextKind::Plain, 0),
        ("ca*", FullTextKind::Plain, 0),
        ("ca:*", FullTextKind::Query, 1),
        ("mouse | (cat & !bird)", FullTextKind::Query, 1),
        ("!mouse & cat", FullTextKind::Query, 1),
        ("cat & !dog", FullTextKind::Query, 0),
        ("cat <-> dog", FullTextKind::Query, 1),
        ("dog <-> cat", FullTextKind::Query, 0),
        ("dog cat", FullTextKind::Phrase, 0),
        ("\"cat dog\"", FullTextKind::Web, 1),
        ("mouse or cat -bird", FullTextKind::Web, 1),
    ] {
        let made = full_text(text, kind, &[]).unwrap();
        let sql = "SELECT count(*) FROM search WHERE search MATCH ?1";
        let count: i64 = index.query_row(sql, [&made], |row| row.get(0)).unwrap();
        assert_eq!(count, found, "{text:?} became {made:?}");
    }
}
