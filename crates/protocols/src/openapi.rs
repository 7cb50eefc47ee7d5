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

use crate::{rest::BASE, swagger};
use fields::Field;

/// Parameters of what only a project has.
const OF_PROJECTS: [&str; 3] = ["cursor", "Idempotency-Key", "If-Match"];

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

/// The document for the role whose catalog this is. `native`: of one schema where PostgREST is spoken, and what of it is
/// described there.
pub fn document(catalog: &Catalog, info: &Info, native: Option<&swagger::Description<'_>>) -> Json {
    let has_table = |name: &&str| native.is_none_or(|native| native.has_table(name));
    let has_function = |name: &&str| native.is_none_or(|native| native.has_function(name));
    let mut tables: Vec<&str> = catalog.table_names().filter(has_table).collect();
    tables.sort_unstable();
    let tables: Vec<Described<'_>> =
        tables.into_iter().filter_map(|name| Described::of(catalog, name)).collect();
    let mut functions: Vec<&str> = catalog.function_names().filter(has_function).collect();
    functions.sort_unstable();

    let mut components = components::shared(native.is_some());
    let mut paths = Map::new();
    let mut tags = Vec::new();
    for table in &tables {
        tags.push(tag(table.key(), table.table.comment.as_deref()));
        schemas::add(catalog, table, &mut components);
        tables::add(table, &mut paths, &mut components);
        if native.is_none() {
            rows::add(table, &mut paths, &mut components);
        }
    }
    for name in functions {
        if let Some(function) = catalog.function(name).map(|id| &catalog[id]) {
            functions::add(function, &mut paths);
            tags.push(tag(&format!("rpc/{name}"), function.comment.as_deref()));
        }
    }
    match native {
        None => drop(paths.insert("/$batch".to_owned(), components::batch())),
        Some(_) => without_parameters_of_projects(&mut paths),
    }
    paths.insert("/".to_owned(), components::root());
    tags.push(json!({"name": "transom", "description": "The API itself."}));
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {"title": info.title, "description": info.description, "version": info.version},
        "servers": [{"url": native.map_or(BASE, |native| native.address)}],
        "security": match native {
            None => json!([{}, {"bearer": []}, {"apikey": []}]),
            Some(_) => json!([{}, {"bearer": []}]),
        },
        "tags": tags,
        "paths": paths,
        "components": components.into_json(),
    })
}

fn without_parameters_of_projects(paths: &mut Map<String, Json>) {
    let unknown = OF_PROJECTS.map(|name| reference("parameters", name));
    let operations = paths.values_mut().filter_map(Json::as_object_mut).flat_map(Map::values_mut);
    for parameters in operations.filter_map(|operation| operation.get_mut("parameters")?.as_array_mut()) {
        parameters.retain(|parameter| !unknown.contains(parameter));
    }
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
