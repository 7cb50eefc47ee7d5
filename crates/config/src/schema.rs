//! A JSON Schema of `transom.toml`, for editors: made from the table of keys.

use serde_json::{Map, Value as Json, json};

use crate::{SECTIONS, section::Key};

/// The schema (draft 2020-12). Where a value is not a string, `"${NAME}"` is accepted too.
pub fn json_schema() -> Json {
    let mut root = empty_object("transom.toml");
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("transom.toml");
    for section in SECTIONS {
        let object = section.path.split('.').fold(&mut root, |at, part| {
            let properties = &mut at["properties"];
            if properties.get(part).is_none() {
                properties[part] = empty_object(section.about.trim());
            }
            &mut properties[part]
        });
        for key in section.keys {
            object["properties"][key.name] = schema_of(key);
        }
    }
    root
}

fn empty_object(about: &str) -> Json {
    json!({ "type": "object", "description": about, "additionalProperties": false, "properties": Map::new() })
}

fn schema_of(key: &Key) -> Json {
    let mut schema = json!({ "anyOf": [(key.schema)(), { "type": "string", "pattern": "\\$\\{" }] });
    schema["description"] = json!(key.doc.trim());
    if let Ok(default) = key.default.parse::<toml::Value>().map(json_of) {
        schema["default"] = default;
    }
    schema
}

fn json_of(value: toml::Value) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}
