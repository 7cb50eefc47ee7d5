//! Functions: what they take, in an address and in a body.

use serde_json::{Map, Value as Json, json};
use transom_query::catalog::{Function, FunctionParam};

use super::{reference, remark, types};

pub(super) fn add(function: &Function, schema: &str, paths: &mut Map<String, Json>) {
    let operation = |parameters: Vec<Json>| {
        let mut operation = json!({
            "tags": [format!("(rpc) {}", function.name)],
            "produces": ["application/json", "application/vnd.pgrst.object+json"],
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
        });
        remark(&mut operation, function.comment.as_deref());
        operation
    };
    let mut path =
        json!({"post": operation(vec![body(function, schema), reference("parameters", "preferParams")])});
    if function.read_only {
        path["get"] = operation(function.params.iter().map(|param| argument(param, schema)).collect());
    }
    paths.insert(format!("/rpc/{}", function.name), path);
}

/// The type's name; one of the described schema itself stands without it.
fn type_name<'a>(param: &'a FunctionParam, schema: &str) -> &'a str {
    let name = shown(param);
    name.strip_prefix(schema).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name)
}

fn argument(param: &FunctionParam, schema: &str) -> Json {
    let name = type_name(param, schema);
    let required = param.default.is_none();
    if is_variadic(param) {
        let element = name.strip_suffix("[]").unwrap_or(name);
        let json_type = types::json_type(element).unwrap_or("string");
        return json!({
            "name": &*param.name, "in": "query", "required": required, "type": "array", "collectionFormat": "multi",
            "items": {"type": json_type, "format": types::format(element)},
        });
    }
    // In an address, lists and documents are texts.
    let json_type = types::json_type(name).filter(|json_type| *json_type != "array").unwrap_or("string");
    json!({"name": &*param.name, "in": "query", "required": required, "type": json_type, "format": types::format(name)})
}

fn body(function: &Function, schema: &str) -> Json {
    let mut arguments = json!({"type": "object"});
    if let Some(comment) = &function.comment {
        arguments["description"] = json!(&**comment);
    }
    let required: Vec<&str> =
        function.params.iter().filter(|param| param.default.is_none()).map(|param| &*param.name).collect();
    if !required.is_empty() {
        arguments["required"] = json!(required);
    }
    let properties: Map<String, Json> = function
        .params
        .iter()
        .map(|param| (param.name.to_string(), Json::Object(types::schema(type_name(param, schema)))))
        .collect();
    arguments["properties"] = Json::Object(properties);
    json!({"name": "args", "in": "body", "required": true, "schema": arguments})
}

fn shown(param: &FunctionParam) -> &str {
    param.engine.as_ref().map_or(param.data_type.name(), |engine| &*engine.shown)
}

fn is_variadic(param: &FunctionParam) -> bool {
    param.engine.as_ref().is_some_and(|engine| engine.variadic)
}
