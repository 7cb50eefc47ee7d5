//! Types and defaults of the engine, in the words of JSON Schema.

use serde_json::{Map, Value as Json, json};

/// The JSON type of values of this type; `None` for documents, which may be anything.
pub(super) fn json_type(name: &str) -> Option<&'static str> {
    match name {
        "boolean" => Some("boolean"),
        "smallint" | "integer" | "bigint" => Some("integer"),
        "numeric" | "real" | "double precision" => Some("number"),
        "json" | "jsonb" => None,
        _ if name.ends_with("[]") => Some("array"),
        _ => Some("string"),
    }
}

/// The format of values of this type: a name that OpenAPI 2.0 knows where it has one, otherwise the engine's.
pub(super) fn format(name: &str) -> &str {
    match name {
        "smallint" | "integer" => "int32",
        "bigint" => "int64",
        _ => name,
    }
}

/// What is said of a value of this type.
pub(super) fn schema(name: &str) -> Map<String, Json> {
    let mut schema = Map::new();
    schema.insert("format".to_owned(), json!(format(name)));
    if let Some(json_type) = json_type(name) {
        schema.insert("type".to_owned(), json!(json_type));
    }
    if let Some(element) = name.strip_suffix("[]") {
        let items = match json_type(element) {
            Some(json_type) => json!({"type": json_type}),
            None => json!({}),
        };
        schema.insert("items".to_owned(), items);
    }
    schema
}

/// A default as JSON, where the engine's text for it can be read as one of the type.
pub(super) fn default(type_name: &str, text: &str) -> Option<Json> {
    let constant = || {
        let (quoted, _) = text.rsplit_once("::")?;
        Some(quoted.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
    };
    match json_type(type_name) {
        Some("string") => Some(Json::String(constant().unwrap_or_else(|| text.to_owned()))),
        _ => {
            serde_json::from_str(text).or_else(|_| serde_json::from_str(&constant().unwrap_or_default())).ok()
        }
    }
}
