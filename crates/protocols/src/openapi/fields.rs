//! Values as JSON Schema: of a type, and of a column with what the engine tells of it.

use serde_json::{Value as Json, json};
use transom_query::{catalog::Column, notes::ColumnNotes};
use transom_types::DataType;

use super::{examples, literal};

/// A column and what else is known of it.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub column: &'a Column,
    pub notes: Option<&'a ColumnNotes>,
}

impl<'a> Field<'a> {
    /// A column that stands for itself.
    pub(super) fn plain(column: &'a Column) -> Self {
        Self { column, notes: None }
    }

    /// The schema of a value that is not null.
    pub(super) fn value(&self) -> Json {
        let Some(notes) = self.notes else { return of_type(self.column.data_type) };
        match notes.list_of {
            None => of_one(self.column.data_type, notes),
            Some(Some(held)) => json!({"type": "array", "items": nullable(of_one(held, notes))}),
            Some(None) if !notes.labels.is_empty() => {
                json!({"type": "array", "items": nullable(of_one(DataType::Any, notes))})
            }
            Some(None) => json!({"type": "array"}),
        }
    }

    /// The schema of its value, as far as it stands alone.
    pub(super) fn schema(&self) -> Json {
        let column = self.column;
        let mut schema = if column.nullable { nullable(self.value()) } else { self.value() };
        if let Some(default) = column.default.as_deref().and_then(|sql| literal::json(self.written(), sql)) {
            schema["default"] = default;
        }
        if column.generated {
            schema["readOnly"] = json!(true);
        }
        if let Some(comment) = &column.comment {
            schema["description"] = json!(&**comment);
        }
        schema
    }

    /// A value to look at.
    pub(super) fn example(&self) -> Json {
        let data_type = self.column.data_type;
        let Some(notes) = self.notes else { return examples::value(data_type) };
        let label = || notes.labels.first().map(|label| json!(&**label));
        match notes.list_of {
            Some(held) => match (label(), held) {
                (Some(label), _) => json!([label]),
                (None, Some(held)) if held != DataType::Any => json!([examples::value(held)]),
                _ => json!([]),
            },
            None => label().unwrap_or_else(|| examples::value(data_type)),
        }
    }

    /// The type that its default is written as: a label is text.
    fn written(&self) -> DataType {
        let labelled = |notes: &ColumnNotes| !notes.labels.is_empty() && notes.list_of.is_none();
        if self.notes.is_some_and(labelled) { DataType::Text } else { self.column.data_type }
    }
}

/// One value, alone or in a list.
fn of_one(data_type: DataType, notes: &ColumnNotes) -> Json {
    if !notes.labels.is_empty() {
        let labels: Vec<&str> = notes.labels.iter().map(|label| &**label).collect();
        return json!({"type": "string", "enum": labels});
    }
    match data_type {
        // An instant without an offset is a date and a time, and no instant.
        DataType::Timestamp if notes.type_name.starts_with("timestamp without time zone") => {
            json!({"type": "string", "format": "date-time-local"})
        }
        _ => of_type(data_type),
    }
}

/// The schema of a value that is not null.
pub(super) fn of_type(data_type: DataType) -> Json {
    match data_type {
        DataType::Bool => json!({"type": "boolean"}),
        DataType::Integer => json!({"type": "integer", "format": "int64"}),
        DataType::Real => json!({"type": "number", "format": "double"}),
        DataType::Numeric => json!({"type": "number"}),
        DataType::Text => json!({"type": "string"}),
        DataType::Bytes => json!({"type": "string", "pattern": "^\\\\x([0-9a-fA-F]{2})*$"}),
        DataType::Uuid => json!({"type": "string", "format": "uuid"}),
        DataType::Date => json!({"type": "string", "format": "date"}),
        // `time` would ask for an offset, which a time of day does not have.
        DataType::Time => json!({"type": "string", "format": "time-local"}),
        DataType::Timestamp => json!({"type": "string", "format": "date-time"}),
        DataType::Json | DataType::Any => json!({}),
    }
}

/// The schema of a value that may be null.
pub(super) fn nullable(mut schema: Json) -> Json {
    if let Some(kind) = schema.get("type").and_then(Json::as_str).map(str::to_owned) {
        schema["type"] = json!([kind, "null"]);
    }
    if let Some(Json::Array(values)) = schema.get_mut("enum") {
        values.push(Json::Null);
    }
    schema
}
