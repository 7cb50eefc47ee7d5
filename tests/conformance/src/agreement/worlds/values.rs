//! Values of each type: few, so that they meet, and each there for an edge.

use serde_json::{Value as Json, json};
use transom_types::DataType;

use crate::agreement::tape::Tape;

/// The type in the words of an engine.
pub(super) fn sql_type(data_type: DataType, typed: bool) -> &'static str {
    match (data_type, typed) {
        (DataType::Text | DataType::Any, _) => "TEXT",
        (DataType::Integer, true) => "BIGINT",
        (DataType::Integer, false) => "INTEGER",
        (DataType::Numeric, _) => "NUMERIC",
        (DataType::Real, true) => "DOUBLE PRECISION",
        (DataType::Real, false) => "REAL",
        (DataType::Bool, _) => "BOOLEAN",
        (DataType::Json, true) => "JSONB",
        (DataType::Json, false) => "JSON",
        (DataType::Bytes, true) => "BYTEA",
        (DataType::Bytes, false) => "BLOB",
        (DataType::Uuid, _) => "UUID",
        (DataType::Date, _) => "DATE",
        (DataType::Time, _) => "TIME",
        (DataType::Timestamp, true) => "TIMESTAMPTZ",
        (DataType::Timestamp, false) => "TIMESTAMP",
    }
}

/// What a policy may ask of a column of this type.
pub(super) fn sql_condition(data_type: DataType, column: &str) -> String {
    match data_type {
        DataType::Text => format!("{column} LIKE 'a%'"),
        DataType::Integer | DataType::Numeric | DataType::Real => format!("{column} >= 0"),
        DataType::Bool => column.to_owned(),
        DataType::Date => format!("{column} > '2000-01-01'"),
        _ => format!("{column} IS NULL"),
    }
}

/// What a column of this type can hold.
pub(super) fn pool(data_type: DataType) -> Vec<Json> {
    let list = match data_type {
        DataType::Text | DataType::Any => {
            json!([
                "",
                "a",
                "B",
                "ä",
                "ab",
                "a%b",
                "a\\b",
                "it's",
                "10",
                "9",
                "a\nb",
                "\u{1F600}",
                "null",
                "a,b\"c"
            ])
        }
        DataType::Integer => json!([0, 1, -7, 10, 9, 9_007_199_254_740_993_i64]),
        DataType::Numeric => json!([0, 1.5, -2.25, 100, 9.99, 0.001]),
        DataType::Real => json!([0, 0.5, -1.25, 1e10, 3]),
        DataType::Bool => json!([true, false]),
        DataType::Json => json!([
            {}, { "a": 1 }, { "a": "1" }, { "a": null }, { "a": { "b": [1, "x"] } }, [], [1, 2], { "a": true, "b": 1.5 },
            { "a": ["x"] },
        ]),
        DataType::Bytes => json!(["\\x", "\\x00ff", "\\x61", "\\xff"]),
        DataType::Uuid => json!([
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        ]),
        DataType::Date => json!(["2024-02-29", "1999-12-31", "2024-01-01"]),
        DataType::Time => json!(["09:30:00", "00:00:00", "23:59:59"]),
        // Not twice within one second: where instants are text, one without a fraction comes after those with one
        // (docs/reference/engine-differences.md).
        DataType::Timestamp => {
            json!([
                "2024-05-01T10:00:00Z",
                "1999-12-31T23:59:59Z",
                "2024-05-01T10:00:01.5Z",
                "2024-05-01T10:00:02.125Z"
            ])
        }
    };
    list.as_array().cloned().unwrap_or_default()
}

/// A value of this type, perhaps none.
pub(super) fn value(tape: &mut Tape<'_>, data_type: DataType, nullable: bool) -> Json {
    if nullable && tape.one_in(4) {
        return Json::Null;
    }
    tape.pick(&pool(data_type)).clone()
}

/// A value as a filter writes it.
pub(super) fn operand(tape: &mut Tape<'_>, data_type: DataType) -> String {
    match value(tape, data_type, false) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}
