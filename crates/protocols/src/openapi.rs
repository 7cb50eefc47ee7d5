//! The description of the API as an OpenAPI 3.1 document: what one role may call, and what it sends and gets.
//!
//! A pure function of that role's catalog. What the role may not use is not in the catalog's names, and so not here.

mod components;
mod examples;
mod fields;
mod functions;
mod literal;
mod names;
mod problems;
mod rows;
mod schemas;
mod tables;

use serde_json::{Map, Value as Json, json};
use transom_query::{
    catalog::{Catalog, Column, ColumnId, Table},
    notes::TableNotes,
};
use transom_types::{Code, Problem};

use crate::rest::BASE;
use fields::Field;

/// The media type of the document.
pub const CONTENT_TYPE: &str = "application/openapi+json; charset=utf-8";

/// What the document says of the API as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// What it is called.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Its version.
    pub version: String,
}

/// Whether the document can be had in a form that the caller accepts.
/// Errors: [`Code::MediaTypeUnacceptable`].
pub fn acceptable(accept: Option<&str>) -> Result<(), Problem> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else { return Ok(()) };
    match accept.split(',').any(produced) {
        true => Ok(()),
        false => Err(Problem::new(
            Code::MediaTypeUnacceptable,
            format!("None of these media types are available: {}", clip(accept)),
        )
        .with_hint("The description is application/openapi+json, OpenAPI 3.1")),
    }
}

/// Whether this range of an `Accept` header has room for the document.
fn produced(range: &str) -> bool {
    let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media = parts.next().unwrap_or_default();
    let known = ["*/*", "application/*", "application/json", "application/openapi+json"];
    known.contains(&&*media)
        && parts.all(|parameter| match parameter.split_once('=') {
            Some(("q", quality)) => quality.parse::<f32>().is_ok_and(|quality| quality > 0.0),
            Some(("version", version)) => ["3", "3.1", "3.1.0"].contains(&version.trim_matches('"')),
            _ => true,
        })
}

fn clip(text: &str) -> String {
    text.chars().take(100).collect()
}

/// The document for the role whose catalog this is.
pub fn document(catalog: &Catalog, info: &Info) -> Json {
    let mut tables: Vec<&str> = catalog.table_names().collect();
    tables.sort_unstable();
    let tables: Vec<Described<'_>> =
        tables.into_iter().filter_map(|name| Described::of(catalog, name)).collect();
    let mut functions: Vec<&str> = catalog.function_names().collect();
    functions.sort_unstable();

    let mut components = components::shared();
    let mut paths = Map::new();
    let mut tags = Vec::new();
    for table in &tables {
        tags.push(tag(table.key(), table.table.comment.as_deref()));
        schemas::add(catalog, table, &mut components);
        tables::add(table, &mut paths, &mut components);
        rows::add(table, &mut paths, &mut components);
    }
    for name in functions {
        if let Some(function) = catalog.function(name).map(|id| &catalog[id]) {
            functions::add(function, &mut paths);
            tags.push(tag(&format!("rpc/{name}"), function.comment.as_deref()));
        }
    }
    paths.insert("/$batch".to_owned(), components::batch());
    paths.insert("/".to_owned(), components::root());
    tags.push(json!({"name": "transom", "description": "The API itself."}));
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {"title": info.title, "description": info.description, "version": info.version},
        "servers": [{"url": BASE}],
        "security": [{}, {"bearer": []}, {"apikey": []}],
        "tags": tags,
        "paths": paths,
        "components": components.into_json(),
    })
}

fn tag(name: &str, comment: Option<&str>) -> Json {
    match comment {
        Some(comment) => json!({"name": name, "description": comment}),
        None => json!({"name": name}),
    }
}

/// A table, its name in URLs and its name among the components.
struct Described<'a> {
    table: &'a Table,
    notes: Option<&'a TableNotes>,
    component: String,
}

impl<'a> Described<'a> {
    fn of(catalog: &'a Catalog, name: &str) -> Option<Self> {
        let id = catalog.table(name)?;
        let (table, notes) = (&catalog[id], catalog.notes().table(id));
        Some(Self { table, notes, component: names::component(name, id.0) })
    }

    /// Its columns, in their order.
    fn fields(&self) -> impl Iterator<Item = Field<'a>> {
        (0..).map(ColumnId).zip(&self.table.columns).map(|(id, column)| self.field(id, column))
    }

    fn field(&self, id: ColumnId, column: &'a Column) -> Field<'a> {
        Field { column, notes: self.notes.and_then(|notes| notes.column(id)) }
    }

    /// The name that people know.
    fn key(&self) -> &str {
        &self.table.name
    }
}

/// A reference to a component.
fn reference(kind: &str, name: &str) -> Json {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

#[cfg(test)]
mod tests;
