//! Bodies that the engine reads itself, and the count of the rows that they merge with.

use std::fmt::Write;

use super::Postgres;
use crate::{Dialect, render::GivenRows};

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
    for (at, (name, engine_type, _)) in members.iter().enumerate() {
        columns.push_str(if at > 0 { ", " } else { "" });
        Postgres.identifier(&mut columns, name);
        let _ = write!(columns, " {}", engine_type.unwrap_or("text"));
    }
    if members.iter().all(|(_, _, default)| default.is_none()) {
        let set = if *list { "set" } else { "" };
        let _ = write!(text, "json_to_record{set}({document}::json) AS {alias}({columns})");
        return;
    }
    text.push_str("(SELECT ");
    for (at, (name, _, default)) in members.iter().enumerate() {
        let (mut quoted, mut key) = (String::new(), String::new());
        Postgres.identifier(&mut quoted, name);
        Postgres.string(&mut key, name);
        text.push_str(if at > 0 { ", " } else { "" });
        let _ = match default {
            // What is there and null is not missing.
            Some(default) => write!(
                text,
                "CASE WHEN (e.v -> {key}) IS NULL THEN ({default}) ELSE r.{quoted} END AS {quoted}"
            ),
            None => write!(text, "r.{quoted}"),
        };
    }
    let _ = write!(text, " FROM {elements} AS e(v), LATERAL json_to_record(e.v) AS r({columns})) AS {alias}");
}

/// A condition that always holds, and counts.
pub(super) fn count_merged(text: &mut String) {
    let _ = write!(text, "set_config('{MERGED_SETTING}', ({MERGED_COUNT} + 1)::text, true) IS NOT NULL");
}
