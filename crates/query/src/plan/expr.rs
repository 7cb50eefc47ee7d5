//! What is computed of a row: outputs, conditions, orders.

use transom_types::{DataType, Value};

use super::{Found, ParamId, Query, QueryId};
use crate::{
    catalog::{ColumnId, TableId},
    request::{Aggregate, FullTextKind, IsValue, JsonStep},
};

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
    /// Something of what a join found.
    Joined(QueryId, Found),
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

    /// Whether this is a document that the statement itself puts together, of rows or of other values.
    pub fn is_assembled(&self) -> bool {
        matches!(
            self,
            Self::Object(_)
                | Self::Objects(_)
                | Self::Array(_)
                | Self::Joined(_, Found::Object | Found::List | Found::ListOf(_))
        )
    }
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
