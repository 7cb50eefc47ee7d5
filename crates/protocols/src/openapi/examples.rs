//! Values to look at: one for each type, the same in every document.

use serde_json::{Map, Value as Json, json};
use transom_types::DataType;

use super::fields::Field;

/// A value of this type.
pub(super) fn value(data_type: DataType) -> Json {
    match data_type {
        DataType::Bool => json!(true),
        DataType::Integer => json!(1),
        DataType::Real => json!(1.5),
        DataType::Numeric => json!(9.99),
        DataType::Text | DataType::Any => json!("text"),
        DataType::Bytes => json!("\\x00ff"),
        DataType::Json => json!({"key": "value"}),
        DataType::Uuid => json!("6f1f8e9c-3f0b-4f3e-9d5e-2c7c3c7a9b10"),
        DataType::Date => json!("2025-01-31"),
        DataType::Time => json!("12:30:00"),
        DataType::Timestamp => json!("2025-01-31T12:30:00Z"),
    }
}

/// An object of these columns.
pub(super) fn object(fields: &[Field<'_>]) -> Json {
    let value = |field: &Field<'_>| (field.column.name.to_string(), field.example());
    Json::Object(fields.iter().map(value).collect::<Map<_, _>>())
}
