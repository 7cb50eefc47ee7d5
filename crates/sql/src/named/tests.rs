//! Files as people write them, well and badly.

#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn reads_parameters_claims_and_text() {
    let text = "-- Best sellers.\n-- param since date default '2020-01-01'\n-- param n integer\n-- returns row\nSELECT ':x', \":y\" FROM o -- :z\nWHERE at >= :since AND owner = auth.uid() AND t = auth.jwt() -> 'a' ->> 'b' LIMIT :n;\n";
    let function = parse("queries/best.sql", text).unwrap();
    assert_eq!(&*function.name, "best");
    assert_eq!(function.returns, Returns::Row);
    assert_eq!(function.comment.as_deref(), Some("Best sellers."));
    assert_eq!(
        described_text(&crate::sqlite::Sqlite, &function),
        "SELECT ':x', \":y\" FROM o -- :z\nWHERE at >= ?1 AND owner = ?3 AND t = ?4 LIMIT ?2"
    );
    assert!(function.body.contains(&Fragment::Claim(vec!["a".into(), "b".into()])));
}

#[test]
fn every_fault_has_its_line() {
    let text = "-- param a frog\n-- param b integer\n-- returns much\nSELECT :c;\nSELECT 2\n";
    let problems = parse("queries/bad.sql", text).unwrap_err();
    let all: Vec<_> = problems.iter().map(|problem| problem.message().to_owned()).collect();
    assert_eq!(
        all,
        [
            "queries/bad.sql:1: parameter 'a' has no known type: 'frog'",
            "queries/bad.sql:3: 'much' is no form of a result",
            "queries/bad.sql:4: parameter ':c' is not declared",
            "queries/bad.sql:5: there is more than one statement",
            "queries/bad.sql:2: parameter 'b' is not used",
        ]
    );
}

fn faults(text: &str) -> Vec<String> {
    let problems = parse("q.sql", text).unwrap_err();
    problems.iter().map(|problem| problem.message().to_owned()).collect()
}

#[test]
fn quoted_text_is_left_as_it_is() {
    for text in [
        "SELECT 'it''s :x ?1 auth.uid()'",
        "SELECT \"a:b\", `c:d`",
        "SELECT 1 /* :x ; ? */ -- $1 @y",
        "SELECT $$ :x ; ? $$",
        "SELECT $f$ :x $$ ; $f$",
        "SELECT a::text, b @> c, d @@ e, x_auth.uid(), y.auth.uid()",
    ] {
        let function = parse("q.sql", text).unwrap();
        assert_eq!(function.body, [Fragment::Text(text.into())], "{text}");
    }
}

#[test]
fn a_claim_may_stand_before_any_character() {
    let function =
        parse("q.sql", "SELECT AUTH.UID()||'\u{e9}', auth.jwt()->'a b'->>'c', auth.role()").unwrap();
    assert_eq!(described_text(&crate::sqlite::Sqlite, &function), "SELECT ?1||'\u{e9}', ?2, ?3");
    let path = vec!["a b".into(), "c".into()];
    assert!(function.body.contains(&Fragment::Claim(path)));
}

#[test]
fn defaults_are_read_as_literals() {
    let text = "-- param a text default 'it''s'\n-- param b integer default null\n-- param c double precision default 1.5\n-- param d text\nSELECT :a, :b, :c, :d, :a";
    let function = parse("q.sql", text).unwrap();
    let defaults: Vec<_> = function.params.iter().map(|param| param.default.clone()).collect();
    assert_eq!(defaults, [Some(Some("it's".into())), Some(None), Some(Some("1.5".into())), None]);
    assert_eq!(described_text(&crate::sqlite::Sqlite, &function), "SELECT ?1, ?2, ?3, ?4, ?1");
}

#[test]
fn what_cannot_be_bound_or_does_not_end_is_a_fault() {
    assert_eq!(
        faults("SELECT ?,\n?1, @a, $b"),
        [
            "q.sql:1: '?' is no parameter here",
            "q.sql:2: '?1' is no parameter here",
            "q.sql:2: '@a' is no parameter here",
            "q.sql:2: '$b' is no parameter here",
        ]
    );
    assert_eq!(faults("SELECT 1,\n'abc"), ["q.sql:2: what begins with 'a is not closed"]);
    assert_eq!(faults("SELECT 1 /* abc"), ["q.sql:1: what begins with /* is not closed"]);
    assert_eq!(faults("-- only a comment\n"), ["q.sql:2: there is no statement"]);
    assert_eq!(
        faults("-- param a integer default x\n-- param a text\nSELECT :a"),
        [
            "q.sql:1: the default of 'a' is not of type bigint",
            "q.sql:2: parameter 'a' is there twice",
            "q.sql:2: parameter 'a' is not used",
        ]
    );
}
