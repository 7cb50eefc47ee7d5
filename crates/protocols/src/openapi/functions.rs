//! `/rpc/NAME`: named queries.

use serde_json::{Map, Value as Json, json};
use transom_query::catalog::{Column, Function, FunctionParam, Returns};

use transom_types::DataType;

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
        let named = function.params.iter().filter(|param| !param.name.is_empty());
        let mut parameters: Vec<Json> = named.map(query_parameter).collect();
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
        "schema": fields::of_type(kind(param)),
        "example": examples::value(kind(param)),
    })
}

/// Of an engine's own function, what the name of the type says.
fn kind(param: &FunctionParam) -> DataType {
    let engine = param.engine.as_ref().and_then(|engine| DataType::from_cast_name(&engine.shown));
    engine.unwrap_or(param.data_type)
}

fn kind_of(column: &Column) -> DataType {
    let engine = column.engine_type.as_deref().and_then(DataType::from_cast_name);
    engine.filter(|_| column.data_type == DataType::Any).unwrap_or(column.data_type)
}

/// The media type of a body that is the one argument of a function whose parameter has no name.
fn whole(function: &Function) -> Option<&'static str> {
    let [param] = function.params.as_slice() else { return None };
    let engine = param.engine.as_ref().filter(|_| param.name.is_empty())?;
    Some(match &*engine.shown {
        "bytea" => "application/octet-stream",
        "text" => "text/plain",
        "xml" => "text/xml",
        _ => "application/json",
    })
}

fn body(function: &Function) -> Json {
    if let Some(media) = whole(function) {
        let schema = if media == "application/json" { json!({}) } else { json!({"type": "string"}) };
        return json!({"required": true, "content": {media: {"schema": schema}}});
    }
    let mut properties = Map::new();
    let mut example = Map::new();
    for param in &function.params {
        properties.insert(param.name.to_string(), fields::nullable(fields::of_type(kind(param))));
        example.insert(param.name.to_string(), examples::value(kind(param)));
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
        .map(|column| (column.name.to_string(), fields::nullable(fields::of_type(kind_of(column)))))
        .collect();
    let row = json!({"type": "object", "properties": properties});
    let fields: Vec<Field<'_>> = function.columns.iter().map(Field::plain).collect();
    let example = examples::object(&fields);
    let (schema, example) = match function.returns {
        Returns::Nothing => return None,
        Returns::Row => (row, example),
        Returns::Rows => (json!({"type": "array", "items": row}), json!([example])),
        Returns::Scalar | Returns::Scalars { .. } => match function.columns.first().map(kind_of) {
            Some(kind) => {
                let (value, example) = (fields::nullable(fields::of_type(kind)), examples::value(kind));
                match function.returns {
                    Returns::Scalar => (value, example),
                    _ => (json!({"type": "array", "items": value}), json!([example])),
                }
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
