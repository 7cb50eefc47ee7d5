//! Bodies that the engine reads itself, and the count of the rows that they merge with.

use std::fmt::Write;

use super::Postgres;
use crate::{
    Dialect,
    render::{GivenMember, GivenRows},
};

/// Counts the rows that a statement's merge changes, of any relation: views and partitioned tables show no row versions.
const MERGED_SETTING: &str = "transom.merged";

/// What stands in that setting.
pub(super) const MERGED_COUNT: &str =
    "coalesce(nullif(current_setting('transom.merged', true), ''), '0')::bigint";

/// The rows of a body as a source: one call of a function where nothing may be missing.
pub(super) fn rows(text: &mut String, given: &GivenRows<'_>) {
    let GivenRows { document, list, members, alias } = given;
    let elements = match list {
        true => format!("json_array_elements({document}::json)"),
        false => format!("(VALUES ({document}::json))"),
    };
    if members.is_empty() {
        let _ = write!(text, "{elements} AS {alias}");
        return;
    }
    let mut columns = String::new();
    for (at, GivenMember { name, engine_type, .. }) in members.iter().enumerate() {
        columns.push_str(if at > 0 { ", " } else { "" });
        Postgres.identifier(&mut columns, name);
        let _ = write!(columns, " {}", engine_type.unwrap_or("text"));
    }
    if members.iter().all(|member| member.default.is_none()) {
        let set = if *list { "set" } else { "" };
        let _ = write!(text, "json_to_record{set}({document}::json) AS {alias}({columns})");
        return;
    }
    text.push_str("(SELECT ");
    for (at, GivenMember { name, default, read, .. }) in members.iter().enumerate() {
        let (mut quoted, mut key) = (String::new(), String::new());
        Postgres.identifier(&mut quoted, name);
        Postgres.string(&mut key, name);
        text.push_str(if at > 0 { ", " } else { "" });
        let _ = match default {
            // A sequence is counted on for every row, as PostgREST does: numbers that rows bring skip one, too.
            Some(default) if default.starts_with("nextval(") => write!(
                text,
                "CASE WHEN (e.v -> {key}) IS NULL THEN ({default}) WHEN ({default}) IS NULL THEN {read}(r.{quoted}) \
                 ELSE {read}(r.{quoted}) END AS {quoted}",
                read = read.unwrap_or_default()
            ),
            // What is there and null is not missing.
            Some(default) => write!(
                text,
                "CASE WHEN (e.v -> {key}) IS NULL THEN ({default}) ELSE {}(r.{quoted}) END AS {quoted}",
                read.unwrap_or_default()
            ),
            None => write!(text, "r.{quoted}"),
        };
    }
    let _ = write!(text, " FROM {elements} AS e(v), LATERAL json_to_record(e.v) AS r({columns})) AS {alias}");
}

/// A document as a value of a type of the engine. Lists and composites come as JSON or as the engine writes them; a record
/// of one column takes both.
pub(super) fn value(text: &mut String, document: &str, engine_type: &str) {
    let read =
        format!("(SELECT v FROM json_to_record(json_build_object('v', {document})) AS x(v {engine_type}))");
    let _ = match shows_itself_as_object(engine_type) {
        // Of the keys and of the values, as it is shown; the extension reads nothing but its own text.
        true => write!(
            text,
            "(CASE WHEN json_typeof({document}) = 'object' THEN (SELECT coalesce({engine_type}(array_agg(e.key), \
             array_agg(e.value)), '') FROM json_each_text({document}) AS e) ELSE {read} END)"
        ),
        false => write!(text, "{read}"),
    };
}

/// Whether the engine makes an object of a value but no value of an object. Its maker has the type's own name.
fn shows_itself_as_object(engine_type: &str) -> bool {
    engine_type.rsplit('.').next() == Some("hstore")
}

/// A condition that always holds, and counts.
pub(super) fn count_merged(text: &mut String) {
    let _ = write!(text, "set_config('{MERGED_SETTING}', ({MERGED_COUNT} + 1)::text, true) IS NOT NULL");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: bool, members: &[GivenMember<'_>], expected: &str) {
        let mut text = String::new();
        rows(&mut text, &GivenRows { document: "$1", list, members, alias: "b" });
        assert_eq!(text, expected);
    }

    #[test]
    fn reads_bodies() {
        let plain = || GivenMember { name: "a\"b", engine_type: Some("int"), default: None, read: None };
        check(false, &[plain()], "json_to_record($1::json) AS b(\"a\"\"b\" int)");
        check(true, &[plain()], "json_to_recordset($1::json) AS b(\"a\"\"b\" int)");
        check(true, &[], "json_array_elements($1::json) AS b");
        let counted =
            GivenMember { name: "n", engine_type: Some("int"), default: Some("nextval('s')"), read: None };
        check(
            false,
            &[counted],
            "(SELECT CASE WHEN (e.v -> 'n') IS NULL THEN (nextval('s')) WHEN (nextval('s')) IS NULL THEN (r.\"n\") \
             ELSE (r.\"n\") END AS \"n\" FROM (VALUES ($1::json)) AS e(v), LATERAL json_to_record(e.v) AS r(\"n\" int)) AS b",
        );
        let read = GivenMember { name: "c", engine_type: Some("json"), default: Some("7"), read: Some("f") };
        check(
            false,
            &[plain(), read],
            "(SELECT r.\"a\"\"b\", CASE WHEN (e.v -> 'c') IS NULL THEN (7) ELSE f(r.\"c\") END AS \"c\" \
             FROM (VALUES ($1::json)) AS e(v), LATERAL json_to_record(e.v) AS r(\"a\"\"b\" int, \"c\" json)) AS b",
        );
    }
}
