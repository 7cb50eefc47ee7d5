//! `/TABLE`: reads, inserts, and the updates and deletes that filters choose.

use serde_json::{Map, Value as Json, json};
use transom_query::catalog::TableKind;

use super::{
    Described,
    components::{Components, headers_named, parameters_named},
    examples, names, problems, reference, schemas,
};

/// Words of the query string that are not columns.
const RESERVED: &[&str] =
    &["select", "order", "limit", "offset", "and", "or", "columns", "on_conflict", "cursor", "having"];
/// The shared parameters of a read.
pub(super) const READ: &[&str] =
    &["select", "order", "limit", "offset", "and", "or", "cursor", "Range", "Prefer", "If-None-Match"];

/// Which writes make sense here: a view takes them only when the engine does.
pub(super) fn writable(described: &Described<'_>) -> bool {
    !matches!(described.table.kind, TableKind::View { writable: false })
}

/// Adds the path of one table.
pub(super) fn add(described: &Described<'_>, paths: &mut Map<String, Json>, components: &mut Components) {
    let access = described.table.access;
    let filters = filters(described, components);
    let mut item = Map::new();
    if access.select {
        item.insert("get".to_owned(), read(described, &filters));
    }
    if writable(described) {
        if access.insert {
            item.insert("post".to_owned(), insert(described));
        }
        if access.update {
            item.insert("patch".to_owned(), update(described, &filters));
        }
        if access.delete {
            item.insert("delete".to_owned(), delete(described, &filters));
        }
    }
    if !item.is_empty() {
        paths.insert(format!("/{}", names::segment(described.key())), Json::Object(item));
    }
}

/// A parameter for every column that may be read.
fn filters(described: &Described<'_>, components: &mut Components) -> Vec<Json> {
    let mut references = Vec::new();
    for (number, column) in (0u32..).zip(&described.table.columns) {
        if !column.access.select || column.computed || RESERVED.contains(&&*column.name) {
            continue;
        }
        let key = format!("filter.{}.{}", described.component, names::component(&column.name, number));
        let kind = column.data_type.name();
        let parameter = json!({
            "name": &*column.name,
            "in": "query",
            "description": format!("A filter on this column of type {kind}, as `operator.value`: `eq.…`, `gt.…`, `in.(…)`, `not.is.null`."),
            "schema": {"type": "string"},
            "example": "not.is.null",
        });
        components.parameters.insert(key.clone(), parameter);
        references.push(reference("parameters", &key));
    }
    references
}

fn read(described: &Described<'_>, filters: &[Json]) -> Json {
    let mut responses = Map::new();
    let headers = headers_named(&["Content-Range", "ETag", "Link", "Preference-Applied"]);
    let content = row_content(described);
    for (status, description) in [("200", "The rows."), ("206", "A part of the rows, as asked for.")] {
        let response = json!({"description": description, "headers": headers, "content": content});
        responses.insert(status.to_owned(), response);
    }
    responses.insert("304".to_owned(), reference("responses", "NotModified"));
    problems::add(&mut responses, problems::READ);
    operation(described, "read", "Read rows", [filters, &parameters_named(READ)].concat(), responses)
}

fn insert(described: &Described<'_>) -> Json {
    let mut responses = Map::new();
    written(described, &mut responses, &[], &["200", "201"]);
    problems::add(&mut responses, problems::WRITE);
    let shared = parameters_named(&["select", "columns", "on_conflict", "Prefer", "Idempotency-Key"]);
    let mut operation = operation(described, "insert", "Insert rows", shared, responses);
    operation["requestBody"] = body(described, "insert", true);
    operation
}

fn update(described: &Described<'_>, filters: &[Json]) -> Json {
    let mut responses = Map::new();
    written(described, &mut responses, &["200"], &["204"]);
    problems::add(&mut responses, problems::WRITE);
    let mut operation =
        operation(described, "update", "Update the rows that the filters choose", writes(filters), responses);
    operation["requestBody"] = body(described, "update", false);
    operation
}

fn delete(described: &Described<'_>, filters: &[Json]) -> Json {
    let mut responses = Map::new();
    written(described, &mut responses, &["200"], &["204"]);
    problems::add(&mut responses, problems::WRITE);
    operation(described, "delete", "Delete the rows that the filters choose", writes(filters), responses)
}

fn writes(filters: &[Json]) -> Vec<Json> {
    let shared = ["select", "order", "and", "or", "Prefer", "Idempotency-Key"];
    [filters, &parameters_named(&shared)].concat()
}

fn operation(
    described: &Described<'_>,
    verb: &str,
    summary: &str,
    parameters: Vec<Json>,
    responses: Map<String, Json>,
) -> Json {
    json!({
        "tags": [described.key()],
        "operationId": format!("{verb}.{}", described.component),
        "summary": summary,
        "parameters": parameters,
        "responses": responses,
    })
}

/// What a successful write answers: rows where they are asked for, nothing otherwise.
///
/// A status that comes with rows or without has no content here: the document has no words for content that may be
/// absent, and to promise a body that is not sent would be false.
pub(super) fn written(
    described: &Described<'_>,
    responses: &mut Map<String, Json>,
    with_rows: &[&str],
    perhaps: &[&str],
) {
    let headers = headers_named(&["Content-Range", "Location", "Preference-Applied"]);
    for status in with_rows {
        let response = json!({
            "description": "Done; the rows, as `Prefer: return=representation` asks.",
            "headers": headers,
            "content": row_content(described),
        });
        responses.insert((*status).to_owned(), response);
    }
    let rows = format!("`#/components/schemas/{}`", described.component);
    for status in perhaps {
        let description = match *status {
            "204" => "Done, and nothing to say.".to_owned(),
            _ => format!("Done. No body, unless `Prefer: return=representation` asks for the rows: {rows}."),
        };
        responses.insert((*status).to_owned(), json!({"description": description, "headers": headers}));
    }
}

/// Rows in each form that can be asked for.
pub(super) fn row_content(described: &Described<'_>) -> Json {
    if !described.table.access.select {
        return json!({"application/json": {"schema": {"type": "array"}}});
    }
    let row = reference("schemas", &described.component);
    let example = examples::object(&schemas::columns(described, |access| access.select, false));
    json!({
        "application/json": {"schema": {"type": "array", "items": row}, "example": [example.clone()]},
        "application/vnd.pgrst.object+json": {"schema": row.clone(), "example": example},
        "text/csv": {"schema": {"type": "string"}},
    })
}

/// The body of a write.
pub(super) fn body(described: &Described<'_>, suffix: &str, many: bool) -> Json {
    let row = reference("schemas", &format!("{}.{suffix}", described.component));
    let schema = match many {
        true => json!({"anyOf": [row, {"type": "array", "items": row}]}),
        false => row.clone(),
    };
    let insert = suffix == "insert";
    let may = |access: transom_query::catalog::Access| if insert { access.insert } else { access.update };
    let example = examples::object(&schemas::columns(described, may, true));
    let mut content = json!({
        "application/json": {"schema": schema, "example": example},
        "application/x-www-form-urlencoded": {"schema": row},
    });
    if many {
        content["text/csv"] = json!({
            "schema": {"type": "string", "description": "A line of column names, then a line for each row."},
        });
    }
    json!({"required": true, "content": content})
}
