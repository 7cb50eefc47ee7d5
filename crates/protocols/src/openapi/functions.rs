//! `/rpc/NAME`: named queries.

use serde_json::{Map, Value as Json, json};
use transom_query::catalog::{Function, FunctionParam, Returns};

use super::{
    components::{headers_named, parameters_named},
    examples,
    fields::{self, Field},
    names, problems, reference,
};

/// The shared parameters of a call that returns rows.
const SHAPING: &[&str] = &["select", "order", "limit", "offset", "Prefer"];

/// Adds the path of one function.
pub(super) fn add(function: &Function, paths: &mut Map<String, Json>) {
    let mut item = Map::new();
    if function.read_only {
        let mut get = operation(function, "get", problems::READ);
        let mut parameters: Vec<Json> = function.params.iter().map(query_parameter).collect();
        // A parameter of the function goes before a word of the query string.
        let taken = |name: &str| function.params.iter().any(|param| &*param.name == name);
        let free: Vec<&str> = shaping(function).iter().copied().filter(|name| !taken(name)).collect();
        parameters.extend(parameters_named(&free));
        parameters.extend(parameters_named(&["If-None-Match"]));
        get["parameters"] = json!(parameters);
        get["responses"]["304"] = reference("responses", "NotModified");
        item.insert("get".to_owned(), get);
    }
    let mut post = operation(function, "call", problems::WRITE);
    post["parameters"] = json!(parameters_named(shaping(function)));
    post["requestBody"] = body(function);
    item.insert("post".to_owned(), post);
    paths.insert(format!("/rpc/{}", names::segment(&function.name)), Json::Object(item));
}

fn shaping(function: &Function) -> &'static [&'static str] {
    match function.returns {
        Returns::Rows if function.read_only => SHAPING,
        _ => &["Prefer"],
    }
}

fn operation(function: &Function, verb: &str, failures: &[u16]) -> Json {
    let name = &function.name;
    let mut responses = Map::new();
    match content(function) {
        Some(content) => {
            let headers = headers_named(&["Content-Range", "ETag", "Preference-Applied"]);
            for (status, description) in [("200", "What it returns."), ("206", "A part of the rows.")] {
                let response = json!({"description": description, "headers": headers, "content": content});
                responses.insert(status.to_owned(), response);
            }
        }
        None => {
            responses.insert("204".to_owned(), json!({"description": "Done."}));
        }
    }
    problems::add(&mut responses, failures);
    let mut operation = json!({
        "tags": [format!("rpc/{name}")],
        "operationId": format!("{verb}.rpc.{}", names::segment(name)),
        "summary": format!("Call {name}"),
        "responses": responses,
    });
    if let Some(comment) = &function.comment {
        operation["description"] = json!(&**comment);
    }
    operation
}

fn query_parameter(param: &FunctionParam) -> Json {
    json!({
        "name": &*param.name,
        "in": "query",
        "required": param.default.is_none(),
        "schema": fields::of_type(param.data_type),
        "example": examples::value(param.data_type),
    })
}

fn body(function: &Function) -> Json {
    let mut properties = Map::new();
    let mut example = Map::new();
    for param in &function.params {
        properties.insert(param.name.to_string(), fields::nullable(fields::of_type(param.data_type)));
        example.insert(param.name.to_string(), examples::value(param.data_type));
    }
    let mut schema = json!({"type": "object", "properties": properties});
    let needed: Vec<&str> =
        function.params.iter().filter(|param| param.default.is_none()).map(|param| &*param.name).collect();
    if !needed.is_empty() {
        schema["required"] = json!(needed);
    }
    let required = !needed.is_empty();
    json!({"required": required, "content": {"application/json": {"schema": schema, "example": example}}})
}

/// The successful reply's forms; `None` when there is nothing to say.
fn content(function: &Function) -> Option<Json> {
    let properties: Map<String, Json> = function
        .columns
        .iter()
        .map(|column| (column.name.to_string(), fields::nullable(fields::of_type(column.data_type))))
        .collect();
    let row = json!({"type": "object", "properties": properties});
    let fields: Vec<Field<'_>> = function.columns.iter().map(Field::plain).collect();
    let example = examples::object(&fields);
    let (schema, example) = match function.returns {
        Returns::Nothing => return None,
        Returns::Row => (row, example),
        Returns::Rows => (json!({"type": "array", "items": row}), json!([example])),
        Returns::Scalar | Returns::Scalars { .. } => match function.columns.first() {
            Some(column) => {
                (fields::nullable(fields::of_type(column.data_type)), examples::value(column.data_type))
            }
            None => (json!({}), Json::Null),
        },
    };
    let mut content = json!({"application/json": {"schema": schema, "example": example}});
    if function.returns == Returns::Rows {
        content["text/csv"] = json!({"schema": {"type": "string"}});
    }
    Some(content)
}
