//! Rows as JSON Schema: what is read, what an insert takes, what an update takes.

use serde_json::{Map, Value as Json, json};
use transom_query::catalog::{Access, Catalog, Column, ColumnId};

use super::{Described, components::Components, examples, fields::Field};

/// The columns with which the role may do this; what the engine computes takes no value.
pub(super) fn columns<'a>(
    described: &Described<'a>,
    may: impl Fn(Access) -> bool,
    written: bool,
) -> Vec<Field<'a>> {
    let usable = |column: &Column| may(column.access) && !column.computed && !(written && column.generated);
    described.fields().filter(|field| usable(field.column)).collect()
}

/// Adds the schemas of one table: `NAME`, `NAME.insert`, `NAME.update`.
pub(super) fn add(catalog: &Catalog, described: &Described<'_>, components: &mut Components) {
    let access = described.table.access;
    let mut put = |suffix: &str, may: fn(Access) -> bool, required: bool| {
        let columns = columns(described, may, !suffix.is_empty());
        let schema = object(catalog, described, &columns, required);
        components.schemas.insert(format!("{}{suffix}", described.component), schema);
    };
    if access.select {
        put("", |access| access.select, false);
    }
    if access.insert {
        put(".insert", |access| access.insert, true);
    }
    if access.update {
        put(".update", |access| access.update, false);
    }
}

fn object(catalog: &Catalog, described: &Described<'_>, columns: &[Field<'_>], required: bool) -> Json {
    let mut properties = Map::new();
    for field in columns {
        let (mut schema, column) = (field.schema(), field.column);
        if let Some(text) = description(catalog, described, column) {
            schema["description"] = json!(text);
        }
        properties.insert(column.name.to_string(), schema);
    }
    let mut schema = json!({"type": "object", "properties": properties});
    if let Some(comment) = &described.table.comment {
        schema["description"] = json!(&**comment);
    }
    if required {
        let columns = columns.iter().map(|field| field.column);
        let needed: Vec<&str> =
            columns.filter(|column| must_be_given(column)).map(|column| &*column.name).collect();
        if !needed.is_empty() {
            schema["required"] = json!(needed);
        }
    }
    schema["examples"] = json!([examples::object(columns)]);
    schema
}

fn must_be_given(column: &Column) -> bool {
    !column.nullable && column.default.is_none() && !column.identity && !column.generated
}

/// The comment and, as PostgREST's clients look for them, notes of the keys that the role may see.
fn description(catalog: &Catalog, described: &Described<'_>, column: &Column) -> Option<String> {
    let table = described.table;
    let id = table.column(&column.name)?;
    let mut notes = Vec::new();
    if table.primary_key.contains(&id) {
        notes.push("This is a Primary Key.<pk/>".to_owned());
    }
    for key in &table.foreign_keys {
        let Some(at) = key.columns.iter().position(|near| *near == id) else { continue };
        notes.extend(key.referenced.get(at).and_then(|far| foreign(catalog, key.table, *far)));
    }
    let comment = column.comment.as_deref();
    match (comment, notes.is_empty()) {
        (None, true) => None,
        (Some(comment), true) => Some(comment.to_owned()),
        (None, false) => Some(format!("Note:\n{}", notes.join("\n"))),
        (Some(comment), false) => Some(format!("{comment}\n\nNote:\n{}", notes.join("\n"))),
    }
}

fn foreign(catalog: &Catalog, table: transom_query::catalog::TableId, column: ColumnId) -> Option<String> {
    let to = &catalog[table];
    let column = to.columns.get(column.0 as usize)?;
    let (table, name) = (&to.name, &column.name);
    (to.access.select && column.access.select)
        .then(|| format!("This is a Foreign Key to `{table}.{name}`.<fk table='{table}' column='{name}'/>"))
}
