//! What is done, in ids: the one form that every protocol's request becomes and every engine runs.
//!
//! A plan names no value of a caller: values are parameters, bound per request. Every table that a plan
//! touches stands in a [`Query`] node or a write step, and each of those has a place that only the policy room fills
//! (`guard`, `check`, …), so that a table cannot be reached without its policy.
//!
//! Predicates follow SQL's three-valued logic: a row is kept when the predicate is true, not when it is unknown.

mod change;
mod expr;
mod form;
mod parameter;
mod query;

use crate::{
    catalog::{FunctionId, TableId},
    request::Count,
};

pub use change::{Delete, Given, Insert, InsertColumn, InsertValue, OnConflict, Returning, Update};
pub use expr::{BinaryOp, Comparison, ElementTest, EngineOperator, Expr, Function, Pattern};
pub use form::{Body, BodyKind, Form};
pub use parameter::{MISSING_CELL, MISSING_CELL_OF_ENGINE, ParamKind, ParamSource, Parameter};
pub use query::{Computed, Found, Join, OrderTerm, Output, Query, Source};

/// Unique among the queries and write steps of one plan; names the row that a [`Expr::Column`] belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueryId(pub u16);

/// A place in [`Plan::params`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(pub u16);

/// Everything one request does to the database.
#[derive(Clone, Debug)]
pub struct Plan {
    /// In order; a read is one [`Step::Read`], a write one or more steps in one transaction.
    pub steps: Vec<Step>,
    /// Which step's rows are the reply, if any.
    pub reply: Option<u16>,
    /// What is bound when the plan runs.
    pub params: Vec<Parameter>,
    /// How dear the read is likely to be.
    pub cost: Cost,
    /// Whether every request of the same shape and role has this plan. Nested inserts depend on the values.
    pub cacheable: bool,
    /// The next free [`QueryId`]; the guard takes its subqueries' ids from here.
    pub query_ids: u16,
    /// In which form the reply leaves the engine.
    pub form: Form,
}

/// A guess at what a read costs, for where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cost {
    /// A unique key is fixed: at most one row of the root.
    Key,
    /// Anything else.
    Scan,
}

/// One statement.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a plan has one or two steps and is shared behind a pointer")]
pub enum Step {
    /// Reads rows.
    Read(Read),
    /// Inserts rows.
    Insert(Insert),
    /// Changes rows.
    Update(Update),
    /// Deletes rows.
    Delete(Delete),
    /// Runs a handwritten statement that may write.
    Call(Call),
    /// Decides which of some rows, given as values, a policy lets through.
    Judge(Judge),
    /// Holds the rows that this insert or update would make against its check, and makes none: asked where a constraint
    /// has refused them.
    Check(Box<Step>),
}

/// Reads rows as JSON objects.
#[derive(Clone, Debug)]
pub struct Read {
    /// Which rows and what of them.
    pub query: Query,
    /// Whether the number of rows without limit and offset is returned too.
    pub count: Option<Count>,
    /// Beyond so many rows an estimated count is the engine's guess; `None` counts to the end.
    pub count_max: Option<u32>,
    /// Whether the values of the last row's order terms are returned, for the next page's cursor.
    pub cursor: bool,
    /// What the number of rows must be.
    pub expect: Expect,
}

impl Read {
    /// The count that the statement has to find beside the rows: an exact one is how many are returned where nothing
    /// bounds them.
    pub fn counted_apart(&self) -> Option<Count> {
        self.count.filter(|_| !self.returns_total())
    }

    /// How many rows there are without bounds, where that is asked; `found` by the statement ([`Self::counted_apart`])
    /// beside so many rows.
    pub fn total(&self, found: Option<u64>, rows: u64) -> Option<u64> {
        if self.returns_total() { Some(rows) } else { found }
    }

    /// Whether the rows that are returned are all that are asked to be counted.
    fn returns_total(&self) -> bool {
        let bounded = self.query.limit.is_some() || self.query.offset.is_some();
        self.count == Some(Count::Exact) && !bounded
    }
}

/// What the number of rows must be, else the whole unit is rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expect {
    /// Anything.
    Any,
    /// Exactly so many.
    Exactly(u32),
    /// At most so many.
    AtMost(u32),
}

/// Runs a handwritten statement that may write.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which.
    pub function: FunctionId,
    /// Its arguments, in the order of its parameters.
    pub arguments: Vec<Expr>,
    /// How many rows it must return or affect.
    pub expect: Expect,
}

/// Decides which of some rows, given as values, may be seen.
#[derive(Clone, Debug)]
pub struct Judge {
    /// Names the row in `guard`.
    pub id: QueryId,
    /// The table whose rows they are.
    pub table: TableId,
    /// The rows: a rows parameter with one cell per column of the table.
    /// The reply has, for each row let through, its place (from 0), in order.
    pub rows: ParamId,
    /// What policy allows; set by the policy room alone.
    pub guard: Option<Expr>,
}
