//! What is done, in ids: the one form that every protocol's request becomes and every engine runs.
//!
//! A plan names no value of a caller: values are parameters, bound per request. Every table that a plan
//! touches stands in a [`Query`] node or a write step, and each of those has a place that only the policy room fills
//! (`guard`, `check`, …), so that a table cannot be reached without its policy.
//!
//! Predicates follow SQL's three-valued logic: a row is kept when the predicate is true, not when it is unknown.

mod change;
mod form;
mod parameter;

use transom_types::{DataType, Value};

use crate::{
    catalog::{ColumnId, FunctionId, TableId},
    request::{Aggregate, FullTextKind, IsValue, JsonStep},
};

pub use change::{Delete, Given, Insert, InsertColumn, InsertValue, OnConflict, Returning, Update};
pub use form::{Body, BodyKind, Form};
pub use parameter::{MISSING_CELL, MISSING_CELL_OF_ENGINE, ParamKind, ParamSource, Parameter};

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
}

/// Reads rows as JSON objects.
#[derive(Clone, Debug)]
pub struct Read {
    /// Which rows and what of them.
    pub query: Query,
    /// Whether the number of rows without limit and offset is returned too.
    pub count: Option<crate::request::Count>,
    /// Beyond so many rows an estimated count is the engine's guess; `None` counts to the end.
    pub count_max: Option<u32>,
    /// Whether the values of the last row's order terms are returned, for the next page's cursor.
    pub cursor: bool,
    /// What the number of rows must be.
    pub expect: Expect,
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

/// Related rows that are joined to each row of a query.
#[derive(Clone, Debug)]
pub struct Join {
    /// Which, and what of them.
    pub query: Query,
    /// Whether they are any number: then they are joined as one list.
    pub many: bool,
    /// Whether a row without any is left out.
    pub required: bool,
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

/// A scalar or predicate.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A constant of the plan or a policy; never a caller's value.
    Value(Value),
    /// A bound value.
    Param(ParamId),
    /// A column of the row of this query or an enclosing one.
    Column(QueryId, ColumnId),
    /// A way into JSON: `->` yields JSON, a last `->>` yields text.
    Json(Box<Expr>, Vec<JsonStep>),
    /// `CAST`.
    Cast(Box<Expr>, DataType),
    /// `CAST` to a type of the engine's own, by its name as SQL text that was checked to be one.
    EngineCast(Box<Expr>, Box<str>),
    /// A function of the engine's own, by its name as SQL text, of one value.
    EngineCall(Box<str>, Box<Expr>),
    /// Is equal to what a function of the engine's own, by its name as SQL text, makes of one of a list parameter's elements.
    InCalled(Box<Expr>, Box<str>, ParamId),
    /// An operator that only engines with arrays and ranges have.
    EngineOperator(EngineOperator, Box<Expr>, Box<Expr>),
    /// A JSON value as a value of the engine's type, by its name as SQL text.
    FromJson(ParamId, Box<str>),
    /// What a parameter takes when nothing is given for it: only among the arguments of an engine's own function.
    Default,
    /// The output at this place: in the grouping and order of its own query alone.
    Output(u16),
    /// The rows of a join as JSON: a list if there may be many, else one object or NULL.
    Joined(QueryId, bool),
    /// An output of a join's one row, by its key.
    JoinedOutput(QueryId, Box<str>),
    /// Whether a join has a row; whether there may be many.
    JoinedThere(QueryId, bool),
    /// Negation, three-valued.
    Not(Box<Expr>),
    /// Conjunction; empty is true.
    And(Vec<Expr>),
    /// Disjunction; empty is false.
    Or(Vec<Expr>),
    /// `a = b` and its kin.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `IS NULL`, `IS TRUE`, …
    Is(Box<Expr>, IsValue),
    /// A pattern match: the second operand is the pattern.
    Match(Pattern, Box<Expr>, Box<Expr>),
    /// Is equal to one of a list parameter's elements.
    InList(Box<Expr>, ParamId),
    /// Is equal to one of these expressions.
    InExprs(Box<Expr>, Vec<Expr>),
    /// A row of values is among a rows parameter's rows.
    InRows(Vec<Expr>, ParamId),
    /// The place, from 0, of a row's key among the rows that an earlier step captured; NULL when it is not there.
    Place {
        /// The row.
        query: QueryId,
        /// Its table.
        table: TableId,
        /// The captured columns.
        key: Vec<ColumnId>,
        /// The captured rows.
        rows: ParamId,
    },
    /// The comparison holds with any (or, if `all`, every) element of a list parameter.
    Quantified {
        /// How each element is compared.
        test: ElementTest,
        /// What is compared with each.
        operand: Box<Expr>,
        /// The list.
        list: ParamId,
        /// Every element, not any.
        all: bool,
    },
    /// A JSON array or object contains (`@>`) the other.
    JsonContains(Box<Expr>, Box<Expr>),
    /// Two JSON arrays have an element in common.
    JsonOverlaps(Box<Expr>, Box<Expr>),
    /// The row matches a full-text search over these columns of its table's index.
    FullText {
        /// The searched table's query.
        query: QueryId,
        /// The table, whose catalog entry names the index.
        table: TableId,
        /// The searched columns; empty means all.
        columns: Vec<ColumnId>,
        /// How the words are read.
        kind: FullTextKind,
        /// The words; bound in the engine's own search syntax.
        words: ParamId,
    },
    /// A text, document or prepared vector matches words; the engine makes a vector of what is none.
    Search {
        /// What is searched.
        operand: Box<Expr>,
        /// Whether it is a vector already.
        vector: bool,
        /// How the words are read.
        kind: FullTextKind,
        /// By which language's rules; the engine's default where none is named.
        language: Option<Box<str>>,
        /// The words.
        words: ParamId,
    },
    /// The query has a row.
    Exists(Box<Query>),
    /// A row of values is among the rows of the query's outputs.
    InQuery(Vec<Expr>, Box<Query>),
    /// The first output of the query's one row, or NULL.
    Scalar(Box<Query>),
    /// The query's one row as a JSON object, or NULL.
    Object(Box<Query>),
    /// The query's rows as a JSON array of objects.
    Objects(Box<Query>),
    /// The query's first output over its rows, as a JSON array.
    Array(Box<Query>),
    /// An aggregate over the query's rows; `None` only for `count(*)`.
    Aggregate(Aggregate, Option<Box<Expr>>),
    /// Arithmetic and concatenation.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// A scalar function.
    Call(Function, Vec<Expr>),
    /// `CASE WHEN … THEN … ELSE … END`.
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
}

/// A comparison of two scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named after the operator it stands for")]
pub enum Comparison {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
    /// Null-safe: never unknown.
    Distinct,
    /// Null-safe: never unknown.
    NotDistinct,
}

/// An operator of arrays, ranges and whatever else an engine gives it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineOperator {
    /// `@>`
    Contains,
    /// `<@`
    ContainedIn,
    /// `&&`
    Overlaps,
    /// `<<`
    StrictlyLeft,
    /// `>>`
    StrictlyRight,
    /// `&<`
    NotRightOf,
    /// `&>`
    NotLeftOf,
    /// `-|-`
    Adjacent,
}

/// How text is matched with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// `LIKE`, with regard to case: `%`, `_`, escape `\`.
    Like,
    /// `ILIKE`.
    Ilike,
    /// Regular expression.
    Regex,
    /// Regular expression without regard to case.
    RegexInsensitive,
}

/// How each element of a [`Expr::Quantified`] list is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementTest {
    /// `operand OP element`
    Compare(Comparison),
    /// The element is the pattern.
    Match(Pattern),
}

/// Arithmetic and concatenation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named after the operator it stands for")]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Concat,
}

/// The scalar functions that every engine has, or is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named after the function it stands for")]
pub enum Function {
    Coalesce,
    Nullif,
    Lower,
    Upper,
    Length,
    Abs,
    Round,
    Trim,
    Substring,
    Replace,
    /// The transaction's time, ISO 8601 in UTC.
    Now,
    /// Today in UTC.
    CurrentDate,
    Greatest,
    Least,
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

impl Expr {
    /// Conjunction of what is there; `None` when nothing is.
    pub fn all(parts: impl IntoIterator<Item = Option<Expr>>) -> Option<Expr> {
        let mut parts: Vec<Expr> = parts.into_iter().flatten().collect();
        match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(Expr::And(parts)),
        }
    }

    /// `left = right`
    pub fn eq(left: Expr, right: Expr) -> Expr {
        Expr::Compare(Comparison::Eq, Box::new(left), Box::new(right))
    }
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
