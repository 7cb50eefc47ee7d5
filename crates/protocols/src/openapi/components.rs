//! The parts that operations share: parameters, headers, responses, ways to say who is asking.

use serde_json::{Map, Value as Json, json};
use transom_types::limits::BATCH_OPERATIONS_MAX;

use super::{OF_PROJECTS, problems, reference};

/// Every reusable part, by kind.
pub(super) struct Components {
    pub schemas: Map<String, Json>,
    pub parameters: Map<String, Json>,
    native: bool,
}

impl Components {
    /// As the document holds them.
    pub(super) fn into_json(mut self) -> Json {
        let mut responses = problems::responses(self.native);
        responses.insert("NotModified".to_owned(), not_modified());
        let mut security = security_schemes();
        if self.native {
            OF_PROJECTS.iter().for_each(|name| drop(self.parameters.shift_remove(*name)));
            security.shift_remove("apikey");
        }
        json!({
            "schemas": self.schemas,
            "parameters": self.parameters,
            "headers": headers(),
            "responses": responses,
            "securitySchemes": security,
        })
    }
}

/// What does not depend on the catalog. `native`: where PostgREST is spoken.
pub(super) fn shared(native: bool) -> Components {
    let mut schemas = Map::new();
    schemas.insert("Problem".to_owned(), problems::schema(native));
    Components { schemas, parameters: parameters(), native }
}

/// References to shared parameters.
pub(super) fn parameters_named(names: &[&str]) -> Vec<Json> {
    names.iter().map(|name| reference("parameters", name)).collect()
}

/// References to shared headers.
pub(super) fn headers_named(names: &[&str]) -> Json {
    Json::Object(names.iter().map(|name| ((*name).to_owned(), reference("headers", name))).collect())
}

fn parameters() -> Map<String, Json> {
    let text = || json!({"type": "string"});
    let whole = || json!({"type": "integer", "format": "int64", "minimum": 0});
    let query = [
        (
            "select",
            "The columns and embedded resources to return: `id,label:name,category:categories(name)`.",
            text(),
        ),
        ("order", "The order of the rows: `price.desc.nullslast,name`.", text()),
        ("limit", "The most rows to return.", whole()),
        ("offset", "How many rows to skip.", whole()),
        ("and", "Filters that must all hold: `(price.gte.10,or(stock.is.null,stock.gt.0))`.", text()),
        ("or", "Filters of which one must hold: `(stock.is.null,stock.gt.0)`.", text()),
        (
            "cursor",
            "`start`, or the cursor of a `Link` header: pages that stay stable while rows change.",
            text(),
        ),
        (
            "columns",
            "The columns that are written, separated by commas; other keys of the body are ignored.",
            text(),
        ),
        ("on_conflict", "The columns of the unique key by which existing rows are found.", text()),
    ];
    let header = [
        (
            "Range",
            "The rows to return, counted from 0: `0-9`.",
            json!({"type": "string", "pattern": "^[0-9]+-[0-9]*$"}),
        ),
        (
            "Prefer",
            "Wishes (RFC 7240): `return=representation`, `count=exact`, `resolution=merge-duplicates`, `missing=default`, `handling=strict`, `max-affected=10`, `tx=rollback`.",
            text(),
        ),
        ("If-Match", "Do it only while the resource has one of these entity tags.", text()),
        ("If-None-Match", "Do it only while the resource has none of these entity tags.", text()),
        (
            "Idempotency-Key",
            "A name for this write: sent again, the stored reply comes back.",
            json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}),
        ),
    ];
    let all =
        query.into_iter().map(|part| ("query", part)).chain(header.into_iter().map(|part| ("header", part)));
    all.map(|(place, (name, description, schema))| {
        let parameter = json!({"name": name, "in": place, "description": description, "schema": schema});
        (name.to_owned(), parameter)
    })
    .collect()
}

fn headers() -> Json {
    let header = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "Content-Range": header("Which rows these are, and of how many: `0-9/100`, `*/*`."),
        "ETag": header("The entity tag of the body."),
        "Link": header("The next page, when a cursor was asked for."),
        "Location": header("Where the new row is."),
        "Preference-Applied": header("The preferences that were honoured."),
    })
}

fn not_modified() -> Json {
    json!({"description": "The caller has it already.", "headers": headers_named(&["ETag"])})
}

fn security_schemes() -> Map<String, Json> {
    let bearer = json!({
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "A signed token; its role says what may be done.",
    });
    let apikey = json!({
        "type": "apiKey", "in": "header", "name": "apikey",
        "description": "A token as clients of Supabase send it.",
    });
    Map::from_iter([("bearer".to_owned(), bearer), ("apikey".to_owned(), apikey)])
}

/// `/`: this document.
pub(super) fn root() -> Json {
    let mut responses = Map::new();
    let object = json!({"schema": {"type": "object", "required": ["openapi", "info", "paths"]}});
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "This document, as far as the caller may see.",
            "headers": headers_named(&["ETag"]),
            "content": {"application/openapi+json": object},
        }),
    );
    responses.insert("304".to_owned(), reference("responses", "NotModified"));
    problems::add(&mut responses, &[]);
    json!({"get": {
        "tags": ["transom"],
        "operationId": "describe",
        "summary": "What there is and what may be done with it",
        "parameters": parameters_named(&["If-None-Match"]),
        "responses": responses,
    }})
}

/// `/$batch`: several writes, all or nothing.
pub(super) fn batch() -> Json {
    let operation = json!({
        "type": "object",
        "required": ["method", "path"],
        "additionalProperties": false,
        "properties": {
            "method": {"type": "string", "enum": ["GET", "POST", "PATCH", "PUT", "DELETE"]},
            "path": {"type": "string", "description": "Below this API, with its query: `orders?select=id`."},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "body": {"description": "`{\"$ref\": \"0.id\"}` stands for the column `id` that operation 0 returned."},
        },
    });
    let part = json!({
        "type": "object",
        "required": ["status", "body"],
        "properties": {"status": {"type": "integer"}, "headers": {"type": "object"}, "body": {}},
    });
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "What each operation would have answered alone.",
            "content": {"application/json": {"schema": {"type": "array", "items": part}}},
        }),
    );
    problems::add(&mut responses, problems::WRITE);
    let operations = json!({
        "type": "array", "minItems": 1, "maxItems": BATCH_OPERATIONS_MAX, "items": operation,
    });
    let body = json!({
        "type": "object", "required": ["operations"], "additionalProperties": false,
        "properties": {"operations": operations},
    });
    json!({"post": {
        "tags": ["transom"],
        "operationId": "batch",
        "summary": "Several operations as one transaction",
        "parameters": parameters_named(&["Prefer", "Idempotency-Key"]),
        "requestBody": {"required": true, "content": {"application/json": {"schema": body}}},
        "responses": responses,
    }})
}
