//! Defaults that are plain literals, out of the engine's SQL text. Whatever is computed is left out.

use serde_json::Value as Json;
use transom_types::DataType;

/// The JSON value of a default, when its text is a literal of the column's type.
pub(super) fn json(data_type: DataType, sql: &str) -> Option<Json> {
    let sql = bare(sql);
    match data_type {
        DataType::Bool => match unquoted(sql).to_ascii_lowercase().as_str() {
            "true" | "1" | "t" => Some(Json::Bool(true)),
            "false" | "0" | "f" => Some(Json::Bool(false)),
            _ => None,
        },
        DataType::Integer => unquoted(sql).parse::<i64>().ok().map(Json::from),
        DataType::Real | DataType::Numeric => {
            let number: f64 = unquoted(sql).parse().ok()?;
            let whole = unquoted(sql).parse::<i64>().ok().map(Json::from);
            whole.or_else(|| serde_json::Number::from_f64(number).map(Json::Number))
        }
        DataType::Json => serde_json::from_str(&text(sql)?).ok(),
        DataType::Text | DataType::Uuid | DataType::Date | DataType::Time => text(sql).map(Json::String),
        // Its written form is not always that in which it is read.
        DataType::Timestamp | DataType::Bytes | DataType::Any => None,
    }
}

/// Without the parentheses around it and the cast behind it.
fn bare(sql: &str) -> &str {
    let mut sql = sql.trim();
    while let Some(inner) = sql.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        sql = inner.trim();
    }
    // A cast follows the closing quote of the literal, or a number.
    match sql.rsplit_once("::") {
        Some((value, to)) if !to.contains('\'') && !value.contains("::") => value.trim(),
        _ => sql,
    }
}

fn unquoted(sql: &str) -> &str {
    sql.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(sql)
}

/// The text between single quotes; `None` when it is anything else than one literal.
fn text(sql: &str) -> Option<String> {
    let inner = sql.strip_prefix('\'')?.strip_suffix('\'')?;
    let without_pairs = inner.replace("''", "");
    (!without_pairs.contains('\'')).then(|| inner.replace("''", "'"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(data_type: DataType, sql: &str, expected: Option<Json>) {
        assert_eq!(json(data_type, sql), expected, "{sql}");
    }

    #[test]
    fn literals_are_found_and_expressions_left_out() {
        check(DataType::Integer, "(42)", Some(json!(42)));
        check(DataType::Integer, "'7'::bigint", Some(json!(7)));
        check(DataType::Integer, "nextval('a_seq'::regclass)", None);
        check(DataType::Bool, "TRUE", Some(json!(true)));
        check(DataType::Numeric, "1.50", Some(json!(1.5)));
        check(DataType::Numeric, "NULL", None);
        check(DataType::Text, "'it''s'::text", Some(json!("it's")));
        check(DataType::Text, "'a' || 'b'", None);
        check(DataType::Text, "lower('A')", None);
        check(DataType::Json, "'{\"a\":1}'::jsonb", Some(json!({"a": 1})));
        check(DataType::Uuid, "gen_random_uuid()", None);
        check(DataType::Timestamp, "now()", None);
    }
}
