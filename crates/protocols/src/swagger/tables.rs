//! Tables and views: their rows, and what can be done with them.

use serde_json::{Map, Value as Json, json};
use transom_query::{
    TableId,
    catalog::{Access, Catalog, Column, ColumnId, ForeignKey, Table, TableKind},
    notes::{ColumnNotes, TableNotes},
};

use super::{reference, remark, types};

/// What every operation on a table may be given.
const READ: [&str; 7] = ["select", "order", "range", "rangeUnit", "offset", "limit", "preferCount"];

pub(super) fn add(
    catalog: &Catalog,
    id: TableId,
    paths: &mut Map<String, Json>,
    definitions: &mut Map<String, Json>,
    parameters: &mut Map<String, Json>,
) {
    let table = &catalog[id];
    let told;
    let notes = match catalog.notes().table(id) {
        Some(notes) => notes,
        None => {
            told = of_catalog(table);
            &told
        }
    };
    definitions.insert(table.name.to_string(), definition(catalog, table, notes));
    parameters.insert(
        format!("body.{}", table.name),
        json!({
            "name": &*table.name, "description": &*table.name, "in": "body", "required": false,
            "schema": reference("definitions", &table.name),
        }),
    );
    for (column, notes) in table.columns.iter().zip(&notes.columns).filter(|(column, _)| column.access.select)
    {
        let mut parameter = json!({
            "name": &*column.name, "in": "query", "type": "string", "required": false, "format": &*notes.type_name,
        });
        if let Some(comment) = &column.comment {
            parameter["description"] = json!(&**comment);
        }
        parameters.insert(format!("rowFilter.{}.{}", table.name, column.name), parameter);
    }
    paths.insert(format!("/{}", table.name), path(table, notes));
}

/// What the catalog itself tells, where the engine was not asked for more.
fn of_catalog(table: &Table) -> TableNotes {
    let writable = !matches!(table.kind, TableKind::View { writable: false });
    let column = |column: &Column| ColumnNotes {
        type_name: column.data_type.name().into(),
        required: !column.nullable && column.default.is_none() && !column.identity && !column.generated,
        default: column.default.clone(),
        ..ColumnNotes::default()
    };
    TableNotes {
        insertable: writable,
        updatable: writable,
        deletable: writable,
        columns: table.columns.iter().map(column).collect(),
    }
}

fn path(table: &Table, notes: &TableNotes) -> Json {
    let filters: Vec<Json> = table
        .columns
        .iter()
        .zip(&notes.columns)
        .filter(|(column, _)| column.access.select)
        .map(|(column, _)| reference("parameters", &format!("rowFilter.{}.{}", table.name, column.name)))
        .collect();
    let named = |names: &[&str]| names.iter().map(|name| reference("parameters", name)).collect::<Vec<_>>();
    let body = format!("body.{}", table.name);
    let operation = |parameters: Vec<Json>, responses: Json| {
        let mut operation = json!({"tags": [&*table.name], "parameters": parameters, "responses": responses});
        remark(&mut operation, table.comment.as_deref());
        operation
    };
    let rows = json!({"type": "array", "items": reference("definitions", &table.name)});
    let get = operation(
        [filters.clone(), named(&READ)].concat(),
        json!({"200": {"description": "OK", "schema": rows}, "206": {"description": "Partial Content"}}),
    );
    let (mut path, access) = (Map::new(), table.access);
    if access.select {
        path.insert("get".to_owned(), get);
    }
    // Whether anybody can write at all is asked of the engine, and not how: as PostgREST describes it.
    let writable = notes.insertable || notes.updatable || notes.deletable;
    let done = json!({"204": {"description": "No Content"}});
    if writable && access.insert {
        let created = json!({"201": {"description": "Created"}});
        path.insert("post".to_owned(), operation(named(&[&body, "select", "preferPost"]), created));
    }
    if writable && access.update {
        let parameters = [filters.clone(), named(&[&body, "preferReturn"])].concat();
        path.insert("patch".to_owned(), operation(parameters, done.clone()));
    }
    if writable && access.delete {
        path.insert("delete".to_owned(), operation([filters, named(&["preferReturn"])].concat(), done));
    }
    Json::Object(path)
}

fn definition(catalog: &Catalog, table: &Table, notes: &TableNotes) -> Json {
    let usable = |access: Access| access.select || access.insert || access.update;
    let columns = || {
        let columns = (0u32..).map(ColumnId).zip(table.columns.iter().zip(&notes.columns));
        columns.filter(|(_, (column, _))| usable(column.access))
    };
    let mut definition = json!({"type": "object"});
    if let Some(comment) = &table.comment {
        definition["description"] = json!(&**comment);
    }
    let required: Vec<&str> =
        columns().filter(|(_, (_, notes))| notes.required).map(|(_, (column, _))| &*column.name).collect();
    if !required.is_empty() {
        definition["required"] = json!(required);
    }
    let properties: Map<String, Json> = columns()
        .map(|(id, (column, notes))| (column.name.to_string(), property(catalog, table, id, notes)))
        .collect();
    definition["properties"] = Json::Object(properties);
    definition
}

fn property(catalog: &Catalog, table: &Table, id: ColumnId, notes: &ColumnNotes) -> Json {
    let mut property = types::schema(&notes.type_name);
    let mut set = |name: &str, value: Json| property.insert(name.to_owned(), value);
    if let Some(description) = description(catalog, table, id) {
        set("description", json!(description));
    }
    if let Some(default) = notes.default.as_deref().and_then(|text| types::default(&notes.type_name, text)) {
        set("default", default);
    }
    if let Some(length) = notes.length_max {
        set("maxLength", json!(length));
    }
    if !notes.labels.is_empty() && notes.list_of.is_none() {
        set("enum", json!(notes.labels.iter().map(|label| &**label).collect::<Vec<_>>()));
    }
    Json::Object(property)
}

/// The comment, and which keys the column belongs to, in the marks that tools look for.
fn description(catalog: &Catalog, table: &Table, id: ColumnId) -> Option<String> {
    let mut notes = Vec::new();
    if table.primary_key.contains(&id) {
        notes.push("This is a Primary Key.<pk/>".to_owned());
    }
    // Through views there may be many ways: the table itself is what is meant.
    let ways = || {
        let single = |key: &&ForeignKey| key.columns == [id] && key.referenced.len() == 1;
        let seen = |key: &&ForeignKey| catalog[key.table][key.referenced[0]].access.select;
        table.foreign_keys.iter().filter(single).filter(seen)
    };
    let to_table = ways().find(|key| catalog[key.table].kind == TableKind::Table);
    if let Some(key) = to_table.or_else(|| ways().next()) {
        let to = &catalog[key.table];
        let column = &to[key.referenced[0]].name;
        notes.push(format!(
            "This is a Foreign Key to `{to}.{column}`.<fk table='{to}' column='{column}'/>",
            to = to.name
        ));
    }
    let notes = (!notes.is_empty()).then(|| format!("Note:\n{}", notes.join("\n")));
    match (table[id].comment.as_deref(), notes) {
        (Some(comment), Some(notes)) => Some(format!("{comment}\n\n{notes}")),
        (comment, notes) => notes.or(comment.map(str::to_owned)),
    }
}

/// The parameters that operations share.
pub(super) fn shared_parameters() -> Map<String, Json> {
    let given = |name: &str, place: &str, description: &str| json!({"name": name, "description": description, "required": false, "in": place, "type": "string"});
    let prefer = |values: &[&str]| {
        let mut parameter = given("Prefer", "header", "Preference");
        // A list of nothing would allow nothing.
        if !values.is_empty() {
            parameter["enum"] = json!(values);
        }
        parameter
    };
    let mut unit = given("Range-Unit", "header", "Limiting and Pagination");
    unit["default"] = json!("items");
    let returned = ["return=representation", "return=minimal", "return=none"];
    let merged = ["resolution=ignore-duplicates", "resolution=merge-duplicates"];
    let parameters = [
        ("preferParams", prefer(&[])),
        ("preferReturn", prefer(&returned)),
        ("preferCount", prefer(&["count=none"])),
        ("preferPost", prefer(&[&returned[..], &merged[..]].concat())),
        ("select", given("select", "query", "Filtering Columns")),
        ("on_conflict", given("on_conflict", "query", "On Conflict")),
        ("order", given("order", "query", "Ordering")),
        ("range", given("Range", "header", "Limiting and Pagination")),
        ("rangeUnit", unit),
        ("offset", given("offset", "query", "Limiting and Pagination")),
        ("limit", given("limit", "query", "Limiting and Pagination")),
    ];
    parameters.into_iter().map(|(name, parameter)| (name.to_owned(), parameter)).collect()
}
