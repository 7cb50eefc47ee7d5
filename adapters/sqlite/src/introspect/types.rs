//! Declared types. The engine takes any words; these are the ones that people write.

use transom_types::DataType;

/// The type behind a declared one. Where the words say nothing, the engine's own rules of affinity do.
pub(super) fn data_type(declared: &str) -> DataType {
    let declared = declared.to_ascii_uppercase();
    let named = |names: &[&str]| names.iter().any(|name| declared.contains(name));
    match declared.split('(').next().unwrap_or("").trim() {
        "" | "ANY" => DataType::Any,
        _ if named(&["BOOL"]) => DataType::Bool,
        _ if named(&["JSON"]) => DataType::Json,
        _ if named(&["UUID"]) => DataType::Uuid,
        _ if named(&["INT", "SERIAL"]) => DataType::Integer,
        _ if named(&["TIMESTAMP", "DATETIME"]) => DataType::Timestamp,
        "DATE" => DataType::Date,
        "TIME" | "TIMETZ" | "TIME WITH TIME ZONE" | "TIME WITHOUT TIME ZONE" => DataType::Time,
        _ if named(&["BLOB", "BYTEA", "BINARY"]) => DataType::Bytes,
        _ if named(&["CHAR", "CLOB", "TEXT"]) => DataType::Text,
        _ if named(&["REAL", "FLOA", "DOUB"]) => DataType::Real,
        _ if named(&["DEC", "NUM", "MONEY"]) => DataType::Numeric,
        _ => DataType::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_people_write() {
        let check =
            |declared: &str, expected: DataType| assert_eq!(data_type(declared), expected, "{declared}");
        for integer in ["INTEGER", "int", "BIGINT UNSIGNED", "tinyint(1)", "serial"] {
            check(integer, DataType::Integer);
        }
        check("boolean", DataType::Bool);
        check("double precision", DataType::Real);
        check("FLOAT", DataType::Real);
        check("DECIMAL(10, 2)", DataType::Numeric);
        check("numeric", DataType::Numeric);
        check("jsonb", DataType::Json);
        check("UUID", DataType::Uuid);
        check("bytea", DataType::Bytes);
        check("VARBINARY(16)", DataType::Bytes);
        check("character varying(20)", DataType::Text);
        check("CLOB", DataType::Text);
        check("date", DataType::Date);
        check("time", DataType::Time);
        check("timestamp with time zone", DataType::Timestamp);
        check("DATETIME", DataType::Timestamp);
        check("", DataType::Any);
        check("ANY", DataType::Any);
    }
}
