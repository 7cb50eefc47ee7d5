//! `/TABLE/KEY`: one row as a resource.

use serde_json::{Map, Value as Json, json};

use super::{
    Described,
    components::{Components, headers_named, parameters_named},
    fields::Field,
    names, problems, reference, tables,
};

/// Adds the path of one table's rows, when they have a key that the role may see.
pub(super) fn add(described: &Described<'_>, paths: &mut Map<String, Json>, components: &mut Components) {
    let (table, access) = (described.table, described.table.access);
    let key: Vec<Field<'_>> = table.primary_key.iter().map(|id| described.field(*id, &table[*id])).collect();
    if key.is_empty() || key.iter().any(|field| !field.column.access.select) {
        return;
    }
    let parameter = format!("key.{}", described.component);
    components.parameters.insert(parameter.clone(), key_parameter(&key));
    let mut item = Map::new();
    item.insert("parameters".to_owned(), json!([reference("parameters", &parameter)]));
    if access.select {
        item.insert("get".to_owned(), read(described));
    }
    if tables::writable(described) {
        if access.update {
            item.insert("patch".to_owned(), write(described, "change", "Change the row", Some("update")));
        }
        if access.update && access.insert {
            item.insert("put".to_owned(), write(described, "put", "Put the row in place", Some("insert")));
        }
        if access.delete {
            item.insert("delete".to_owned(), write(described, "remove", "Remove the row", None));
        }
    }
    if item.len() > 1 {
        paths.insert(format!("/{}/{{key}}", names::segment(described.key())), Json::Object(item));
    }
}

fn key_parameter(key: &[Field<'_>]) -> Json {
    let columns: Vec<&str> = key.iter().map(|field| &*field.column.name).collect();
    let (schema, example) = match key {
        [only] => (only.value(), only.example()),
        [first, rest @ ..] => {
            // The commas between the values of a list are not percent-encoded, those within a text are.
            let alike = rest.iter().all(|field| field.value() == first.value());
            let held = if alike { first.value() } else { json!({"type": ["string", "number", "boolean"]}) };
            let schema =
                json!({"type": "array", "items": held, "minItems": key.len(), "maxItems": key.len()});
            (schema, key.iter().map(Field::example).collect())
        }
        [] => (json!({}), Json::Null),
    };
    json!({
        "name": "key",
        "in": "path",
        "style": "simple",
        "explode": false,
        "required": true,
        "description": format!("The row's primary key: {}", columns.join(",")),
        "schema": schema,
        "example": example,
    })
}

fn read(described: &Described<'_>) -> Json {
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "The row.",
            "headers": headers_named(&["ETag", "Content-Range", "Preference-Applied"]),
            "content": content(described),
        }),
    );
    responses.insert("304".to_owned(), reference("responses", "NotModified"));
    problems::add(&mut responses, problems::READ);
    operation(described, "get", "Read the row", &["select", "Prefer", "If-None-Match"], responses)
}

fn write(described: &Described<'_>, verb: &str, summary: &str, body: Option<&str>) -> Json {
    let mut responses = Map::new();
    let perhaps: &[&str] = if verb == "put" { &["201", "204"] } else { &["204"] };
    tables::written(described, &mut responses, &["200"], perhaps);
    if let Some(response) = responses.get_mut("200") {
        response["content"] = content(described);
    }
    problems::add(&mut responses, problems::WRITE);
    let shared = ["select", "Prefer", "If-Match", "If-None-Match", "Idempotency-Key"];
    let mut operation = operation(described, verb, summary, &shared, responses);
    if let Some(suffix) = body {
        operation["requestBody"] = tables::body(described, suffix, false);
    }
    operation
}

/// An object, unless a list is asked for.
fn content(described: &Described<'_>) -> Json {
    let mut content = tables::row_content(described);
    if let Some(object) = content.get("application/vnd.pgrst.object+json").cloned() {
        content["application/json"] = object;
    }
    content
}

fn operation(
    described: &Described<'_>,
    verb: &str,
    summary: &str,
    parameters: &[&str],
    responses: Map<String, Json>,
) -> Json {
    json!({
        "tags": [described.key()],
        "operationId": format!("{verb}.{}", described.component),
        "summary": summary,
        "parameters": parameters_named(parameters),
        "responses": responses,
    })
}
