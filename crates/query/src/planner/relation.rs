//! What a query reads from, as names are looked up in it: a table, or a function's result.

use transom_types::DataType;

use crate::{
    Catalog, FunctionId, TableId,
    catalog::{Column, ColumnId},
};

/// A table or a function's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Table(TableId),
    Function(FunctionId),
}

impl Relation {
    pub(super) fn name(self, catalog: &Catalog) -> &str {
        match self {
            Self::Table(id) => &catalog[id].name,
            Self::Function(id) => &catalog[id].name,
        }
    }

    /// The table whose ways its rows can go: a function may return the rows of one.
    pub(super) fn rows_of(self, catalog: &Catalog) -> Option<TableId> {
        match self {
            Self::Table(id) => Some(id),
            Self::Function(id) => catalog[id].engine.as_ref()?.rows_of,
        }
    }

    pub(super) fn columns(self, catalog: &Catalog) -> &[Column] {
        match self {
            Self::Table(id) => &catalog[id].columns,
            Self::Function(id) => &catalog[id].columns,
        }
    }

    /// The columns that may be read, with their ids.
    pub(super) fn readable(self, catalog: &Catalog) -> impl Iterator<Item = (ColumnId, &Column)> {
        (0u32..).map(ColumnId).zip(self.columns(catalog)).filter(|(_, column)| column.access.select)
    }

    /// Those of them that are returned where none is named.
    pub(super) fn shown(self, catalog: &Catalog) -> impl Iterator<Item = (ColumnId, &Column)> {
        self.readable(catalog).filter(|(_, column)| !column.computed)
    }

    pub(super) fn data_type(self, catalog: &Catalog, column: ColumnId) -> DataType {
        self.columns(catalog)[column.0 as usize].data_type
    }
}
