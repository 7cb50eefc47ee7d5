//! What an engine tells of its schema beyond what plans need: for what describes the API to people and programs.

use std::collections::BTreeSet;

use transom_types::DataType;

use crate::catalog::{ColumnId, TableId};

/// Remarks on a whole catalog, kept beside it under the same ids.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Each schema's name and comment.
    pub schemas: Vec<(Box<str>, Box<str>)>,
    /// In the order of the tables; empty where the engine was not asked.
    pub tables: Vec<TableNotes>,
    /// What the engine holds for roles, by name.
    pub roles: Vec<(Box<str>, RoleNotes)>,
    /// The names of all types that a value can be cast to, lists left out; empty where the engine was not asked.
    pub types: BTreeSet<Box<str>>,
    /// The names of all languages and ways to search in text; empty where the engine was not asked.
    pub searches: BTreeSet<Box<str>>,
}

/// What a role's transactions are to have from their beginning.
#[derive(Clone, Debug, Default)]
pub struct RoleNotes {
    /// Names and values of settings.
    pub settings: Vec<(Box<str>, Box<str>)>,
    /// The isolation level, as the engine writes it.
    pub isolation: Option<Box<str>>,
}

/// Remarks on a table or view.
#[derive(Clone, Debug, Default)]
pub struct TableNotes {
    /// Whether rows can be put in, by anybody.
    pub insertable: bool,
    /// Whether rows can be changed, by anybody.
    pub updatable: bool,
    /// Whether rows can be taken out, by anybody.
    pub deletable: bool,
    /// In the order of the columns.
    pub columns: Vec<ColumnNotes>,
}

/// Remarks on a column.
#[derive(Clone, Debug, Default)]
pub struct ColumnNotes {
    /// The type's name without lengths; a domain is as the type beneath it.
    pub type_name: Box<str>,
    /// Whether the column itself refuses NULL.
    pub required: bool,
    /// The default as the engine writes it.
    pub default: Option<Box<str>>,
    /// Most characters of a text.
    pub length_max: Option<u32>,
    /// The only values of an enumeration; of a list of such values, those that it can hold.
    pub labels: Vec<Box<str>>,
    /// What a list holds, where it is one; `None` inside where that is of no type of ours.
    pub list_of: Option<Option<DataType>>,
}

impl Notes {
    /// The remarks on a table.
    pub fn table(&self, id: TableId) -> Option<&TableNotes> {
        self.tables.get(id.0 as usize)
    }

    /// What is held for a role.
    pub fn role(&self, name: &str) -> Option<&RoleNotes> {
        self.roles.iter().find(|(role, _)| **role == *name).map(|(_, notes)| notes)
    }

    /// A schema's comment.
    pub fn schema(&self, name: &str) -> Option<&str> {
        self.schemas.iter().find(|(schema, _)| **schema == *name).map(|(_, comment)| &**comment)
    }
}

impl TableNotes {
    /// The remarks on a column.
    pub fn column(&self, id: ColumnId) -> Option<&ColumnNotes> {
        self.columns.get(id.0 as usize)
    }
}
