//! Steps that change rows, and what they return of them.

use transom_types::DataType;

use super::{Expect, Expr, Output, ParamId, Query, QueryId};
use crate::catalog::{ColumnId, TableId};

/// Inserts rows.
#[derive(Clone, Debug)]
pub struct Insert {
    /// Names the new row in `check` and outputs.
    pub id: QueryId,
    /// Into which table.
    pub table: TableId,
    /// What each written column takes.
    pub columns: Vec<InsertColumn>,
    /// One row from expressions alone, or one per row of this rows parameter.
    pub rows: Option<ParamId>,
    /// The body that the values are columns of: one row per row of it.
    pub given: Option<Given>,
    /// What happens to a row that exists already.
    pub conflict: Option<OnConflict>,
    /// What policy demands of every new row; set by the policy room alone.
    pub check: Option<Expr>,
    /// What policy demands of an existing row that a merge changes; set by the policy room alone.
    pub merge_guard: Option<Expr>,
    /// What is returned and kept.
    pub returning: Returning,
    /// What the number of rows must be.
    pub expect: Expect,
}

/// A written column of an [`Insert`].
#[derive(Clone, Debug)]
pub struct InsertColumn {
    /// Which.
    pub column: ColumnId,
    /// Its value.
    pub value: InsertValue,
}

/// Where an inserted value comes from.
#[derive(Clone, Debug)]
pub enum InsertValue {
    /// The same for every row.
    Expr(Expr),
    /// The cell at this place in each row of the rows parameter.
    Cell {
        /// Which cell.
        cell: u16,
        /// What the column holds.
        data_type: DataType,
        /// Whether a missing cell takes the column's default (else NULL).
        missing_default: bool,
    },
}

/// What happens to a row that exists already.
#[derive(Clone, Debug)]
pub struct OnConflict {
    /// A unique key.
    pub columns: Vec<ColumnId>,
    /// Columns that take the new values; `None` leaves the row as it is.
    pub merge: Option<Vec<ColumnId>>,
}

/// Changes rows.
#[derive(Clone, Debug)]
pub struct Update {
    /// Names the row: the old one in `filter` and `guard`, the new one in `check` and outputs.
    pub id: QueryId,
    /// Of which table.
    pub table: TableId,
    /// What is set.
    pub set: Vec<(ColumnId, Expr)>,
    /// The body that the values are columns of.
    pub given: Option<Given>,
    /// Which rows.
    pub filter: Option<Expr>,
    /// Which rows policy allows; set by the policy room alone.
    pub guard: Option<Expr>,
    /// What policy demands of every new row; set by the policy room alone.
    pub check: Option<Expr>,
    /// What is returned and kept.
    pub returning: Returning,
    /// What the number of rows must be.
    pub expect: Expect,
}

/// Deletes rows.
#[derive(Clone, Debug)]
pub struct Delete {
    /// Names the row.
    pub id: QueryId,
    /// Of which table.
    pub table: TableId,
    /// Which rows.
    pub filter: Option<Expr>,
    /// Which rows policy allows; set by the policy room alone.
    pub guard: Option<Expr>,
    /// What is returned and kept.
    pub returning: Returning,
    /// What the number of rows must be.
    pub expect: Expect,
}

/// What a write step returns and keeps of each affected row.
#[derive(Clone, Debug, Default)]
pub struct Returning {
    /// The JSON object of the row; empty when nothing is returned. Only columns of the row itself:
    /// related rows are read by a later step, when all changes are done.
    pub outputs: Vec<Output>,
    /// Kept for later steps ([`ParamSource::Captured`]) and for `Location`: by default the primary key.
    pub capture: Vec<ColumnId>,
    /// Where the statement itself can read what it changed: what is returned of those rows, instead of `outputs`.
    pub rows: Option<Box<Query>>,
}

/// A body that the engine reads itself: its members become columns of the types of the table's.
#[derive(Clone, Debug)]
pub struct Given {
    /// Names its row, whose columns are those of the table.
    pub id: QueryId,
    /// The whole body, a JSON text.
    pub document: ParamId,
    /// Whether it is a list of rows; else it is one row.
    pub list: bool,
    /// The columns that are read.
    pub columns: Vec<ColumnId>,
    /// Whether a member that a row does not have takes the column's default (else NULL).
    pub missing_default: bool,
    /// Which of its rows count.
    pub filter: Option<Expr>,
}
