//! Bodies of replies, and accounts of statements.

use std::fmt::Write;

use transom_query::{
    plan::{Body, BodyKind},
    request::Account,
};

use super::Postgres;
use crate::{Dialect, render::Made};

/// The value of all rows; whether it is that of the one row alone.
pub(super) fn whole(text: &mut String, made: &Made<'_>) -> bool {
    let Made { body: Body { kind, rows_of, value, single }, rows, names } = made;
    let mut each = row(rows);
    if let Some(column) = value {
        each = format!("{rows}.");
        Postgres.identifier(&mut each, column);
    }
    match kind {
        BodyKind::Json { object, strip_nulls } => {
            let all = match strip_nulls {
                true => format!("json_strip_nulls(json_agg({each}))"),
                false => format!("json_agg({each})"),
            };
            let _ = match *object || *single {
                true => write!(text, "coalesce({all} -> 0, 'null')"),
                false => write!(text, "coalesce({all}, '[]')"),
            };
        }
        BodyKind::Csv => {
            let mut header = String::new();
            Postgres.string(&mut header, &names.join(","));
            // Without any rows there is no header.
            let _ = write!(
                text,
                "(CASE WHEN count(*) = 0 THEN '' ELSE {header} END || E'\\n' || coalesce(string_agg("
            );
            line(text, rows);
            text.push_str(", E'\\n'), ''))");
        }
        BodyKind::GeoJson => {
            let _ = write!(
                text,
                "json_build_object('type', 'FeatureCollection', 'features', \
                 coalesce(json_agg(ST_AsGeoJSON({})::json), '[]'))",
                row(rows)
            );
        }
        BodyKind::Handled(handler) => {
            let mut name = String::new();
            Postgres.identifier(&mut name, &handler.schema);
            name.push('.');
            Postgres.identifier(&mut name, &handler.name);
            if !handler.aggregate {
                let _ = write!(text, "CAST({each} AS {name})");
                return true;
            }
            if let (Some((schema, of)), None) = (rows_of, value) {
                each.push_str("::");
                Postgres.identifier(&mut each, schema);
                each.push('.');
                Postgres.identifier(&mut each, of);
            }
            let _ = write!(text, "{name}({each})");
        }
    }
    false
}

/// A row's values, without the parentheses that it is written in.
pub(super) fn line(text: &mut String, rows: &str) {
    let row = row(rows);
    let _ = write!(text, "substring({row}::text, 2, length({row}::text) - 2)");
}

/// A row as a value: never a column that goes by the same name.
fn row(rows: &str) -> String {
    format!("({rows}.*)")
}

/// A statement that gives the account of another.
pub(super) fn accounted(text: &mut String, statement: &str, account: &Account) {
    text.push_str(if account.json { "EXPLAIN (FORMAT JSON" } else { "EXPLAIN (FORMAT TEXT" });
    for detail in &account.details {
        let _ = write!(text, ", {}", detail.name().to_ascii_uppercase());
    }
    let _ = write!(text, ") {statement}");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use transom_query::{catalog::Handler, request::Media};

    use super::*;

    fn made(kind: BodyKind, value: Option<&str>, single: bool) -> (String, bool) {
        let rows_of = Some(("s".into(), "a\"b".into()));
        let body = Body { kind, rows_of, value: value.map(Into::into), single };
        let mut text = String::new();
        let alone = whole(&mut text, &Made { body: &body, rows: "r", names: &["id", "it's"] });
        (text, alone)
    }

    fn handler(aggregate: bool) -> BodyKind {
        let (schema, name) = ("s".into(), "text/html".into());
        BodyKind::Handled(Arc::new(Handler { schema, name, aggregate, produces: "text/html".into() }))
    }

    #[test]
    fn one_value_is_made_of_all_rows() {
        let json = |object, strip_nulls| BodyKind::Json { object, strip_nulls };
        assert_eq!(made(json(false, false), None, false).0, "coalesce(json_agg((r.*)), '[]')");
        assert_eq!(
            made(json(true, true), None, false).0,
            "coalesce(json_strip_nulls(json_agg((r.*))) -> 0, 'null')"
        );
        assert_eq!(made(json(false, false), Some("v"), true).0, "coalesce(json_agg(r.\"v\") -> 0, 'null')");
        assert!(made(BodyKind::Csv, None, false).0.contains("ELSE 'id,it''s' END"));
    }

    #[test]
    fn handlers_take_rows_of_their_type_and_types_take_a_value() {
        assert_eq!(
            made(handler(true), None, false),
            ("\"s\".\"text/html\"((r.*)::\"s\".\"a\"\"b\")".into(), false)
        );
        assert_eq!(
            made(handler(false), Some("v"), true),
            ("CAST(r.\"v\" AS \"s\".\"text/html\")".into(), true)
        );
    }

    #[test]
    fn an_account_is_of_the_whole_statement() {
        let account =
            Account { of: Media::Json, json: true, details: vec![transom_query::request::Detail::Wal] };
        let mut text = String::new();
        accounted(&mut text, "SELECT 1", &account);
        assert_eq!(text, "EXPLAIN (FORMAT JSON, WAL) SELECT 1");
    }
}
