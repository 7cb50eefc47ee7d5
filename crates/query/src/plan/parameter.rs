//! Where bound values come from.

use transom_types::{DataType, Value};

use crate::request::{Cell, FullTextKind, Slot};

/// A bound value and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Where the value comes from.
    pub source: ParamSource,
    /// What it is read as.
    pub kind: ParamKind,
    /// What messages call it, such as a column's name.
    pub name: Box<str>,
}

/// Where a [`Parameter`]'s value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamSource {
    /// The caller's literal.
    Literal(Slot),
    /// A claim of the principal's token, by path; missing is NULL. The empty path is the whole claims object.
    Claim(Vec<Box<str>>),
    /// The principal's role.
    Role,
    /// The cell of this column in the payload's first row.
    Cell(u16),
    /// All rows of the payload.
    Payload,
    /// The payload as one JSON text, as it came where it was one.
    Document {
        /// A list of rows; else the one row.
        list: bool,
    },
    /// Known when the plan was made; only in plans that are not cacheable, or from policies and defaults.
    Constant(Value),
    /// A constant payload: part of a nested insert.
    ConstantRows {
        /// What errors call the cells of a row.
        columns: Vec<Box<str>>,
        /// The rows.
        rows: Vec<Vec<Cell>>,
    },
    /// What an earlier step captured: column `column` of its first row.
    Captured {
        /// The step of this plan.
        step: u16,
        /// The place in that step's `capture`.
        column: u16,
    },
    /// What an earlier step captured: all rows.
    CapturedRows {
        /// The step of this plan.
        step: u16,
    },
}

/// What a [`Parameter`]'s value is read as.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamKind {
    /// One value.
    Scalar(DataType),
    /// A JSON value, as the caller wrote it.
    Json,
    /// The last of the texts given under one name in a query string or form.
    LastText,
    /// Elements of one type. Bound as one JSON array, so that lists of every length share a statement.
    List(DataType),
    /// Rows of cells. Bound as one JSON array of arrays; a missing cell has the marker [`MISSING_CELL`].
    Rows(Vec<DataType>),
    /// Words of a full-text search, restricted to these columns' names (empty: all).
    FullText(FullTextKind, Vec<Box<str>>),
    /// The order value of a keyset cursor: a JSON scalar.
    CursorValue,
}

/// Stands for a cell that its row does not have, in bound rows: a JSON object, which no cell can be (JSON columns are bound as text).
pub const MISSING_CELL: &str = "{}";

/// The same where a cell may be any JSON, an empty object too: no document is written with this space.
pub const MISSING_CELL_OF_ENGINE: &str = "{ }";
