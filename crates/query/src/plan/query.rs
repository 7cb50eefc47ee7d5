//! Rows: where they come from, which of them, and what is told of each.

use transom_types::DataType;

use super::{Expr, ParamId, QueryId};
use crate::catalog::{FunctionId, TableId};

/// Rows of one source: the whole of a read, an embedded resource or a subquery.
///
/// A row is kept when `on`, `filter` and `guard` all hold.
#[derive(Clone, Debug)]
pub struct Query {
    /// Names this query's row in expressions.
    pub id: QueryId,
    /// Where the rows come from.
    pub source: Source,
    /// A junction whose rows are joined by `on`, once for each that matches; only where the engine decides who may read.
    pub beside: Option<(QueryId, TableId)>,
    /// Related rows that are joined to each row; only where the engine decides who may read.
    pub joins: Vec<Join>,
    /// How the rows belong to the enclosing query's row.
    pub on: Option<Expr>,
    /// What the caller asked for.
    pub filter: Option<Expr>,
    /// What policy allows; set by the policy room alone.
    pub guard: Option<Expr>,
    /// What is returned of each row or group.
    pub outputs: Vec<Output>,
    /// With aggregates: the rows are grouped by these (possibly none: one group).
    pub group_by: Option<Vec<Expr>>,
    /// Which groups are kept.
    pub having: Option<Expr>,
    /// In which order.
    pub order: Vec<OrderTerm>,
    /// At most so many rows.
    pub limit: Option<ParamId>,
    /// After skipping so many.
    pub offset: Option<ParamId>,
}

impl Query {
    /// All rows of a table, with nothing returned of them yet.
    pub fn table(id: QueryId, table: TableId) -> Self {
        Self {
            id,
            source: Source::Table(table),
            beside: None,
            joins: Vec::new(),
            on: None,
            filter: None,
            guard: None,
            outputs: Vec::new(),
            group_by: None,
            having: None,
            order: Vec::new(),
            limit: None,
            offset: None,
        }
    }
}

/// Related rows that are joined to each row of a query.
#[derive(Clone, Debug)]
pub struct Join {
    /// Which, and what of them.
    pub query: Query,
    /// Whether they are any number: then they are joined as one list.
    pub many: bool,
    /// Whether there is a list of each output instead, all in the order of the rows.
    pub spread: bool,
    /// Whether a row without any is left out.
    pub required: bool,
}

/// What is read of a [`Join`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Its one row as a JSON object, or NULL.
    Object,
    /// Its rows as a JSON array.
    List,
    /// An output of its one row, by its key.
    Output(Box<str>),
    /// The list of an output of its rows, by its key.
    ListOf(Box<str>),
    /// Whether it has a row.
    There {
        /// Whether it may have many.
        many: bool,
    },
}

/// Where a [`Query`]'s rows come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A table or view.
    Table(TableId),
    /// A handwritten statement that only reads, with its arguments in the order of its parameters.
    /// Columns are those of the function.
    Function(FunctionId, Vec<Expr>),
    /// The rows of this table that the statement's own change returns: in [`Returning::rows`] alone.
    Written(TableId),
    /// The rows of a table that a function of the engine's own makes of another row.
    Computed(Box<Computed>),
    /// Exactly one row without columns: `SELECT` without `FROM`.
    One,
}

/// A call of a function of the engine's own for a row, whose result has the columns of `table`.
#[derive(Clone, Debug)]
pub struct Computed {
    /// Whose rows are made.
    pub table: TableId,
    /// The function's schema.
    pub schema: Box<str>,
    /// The function.
    pub name: Box<str>,
    /// The row it is called for.
    pub of: QueryId,
    /// The table of that row.
    pub from: TableId,
}

/// A named value of a result row.
#[derive(Clone, Debug)]
pub struct Output {
    /// The key in the JSON object.
    pub key: Box<str>,
    /// The value.
    pub expr: Expr,
    /// How the value is shown in JSON.
    pub data_type: DataType,
}

/// An order term.
#[derive(Clone, Debug)]
pub struct OrderTerm {
    /// By what.
    pub expr: Expr,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Whether NULLs come first.
    pub nulls_first: bool,
}
