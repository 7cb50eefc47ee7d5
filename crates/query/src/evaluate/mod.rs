//! Expressions evaluated in memory, by SQL's three-valued logic: the model that engines are compared with.
//!
//! Everything is pure: what an expression reads (columns, parameters, rows of subqueries) comes from a [`Context`].
//! Where engines differ by nature (overflow, division by zero, text of numbers) SQLite's answer stands.

mod aggregate;
mod cast;
mod compare;
mod decimal;
mod function;
mod json;
mod pattern;
mod predicate;
mod show;
mod subquery;
#[cfg(test)]
mod tests;

use std::fmt;

use transom_types::Value;

use crate::{
    catalog::{ColumnId, TableId},
    plan::{Expr, ParamId, Query, QueryId},
    request::{Aggregate, FullTextKind},
};

pub use aggregate::fold as aggregate;
pub use cast::cast;
pub use compare::{order, same};
pub use json::{contains as json_contains, key_of_text as json_key, overlaps as json_overlaps};
pub use pattern::{ilike, like, regex};
pub use predicate::truth;
pub use show::{object, read_cell, show};

/// What an expression is evaluated in.
pub trait Context {
    /// A column of the row that a query or write step names.
    fn column(&self, query: QueryId, column: ColumnId) -> Result<Value, EvaluateError>;

    /// A bound scalar.
    fn param(&self, param: ParamId) -> Result<Value, EvaluateError>;

    /// The elements of a bound list.
    fn list(&self, param: ParamId) -> Result<Vec<Value>, EvaluateError>;

    /// The rows of a bound rows parameter.
    fn rows(&self, param: ParamId) -> Result<Vec<Vec<Value>>, EvaluateError>;

    /// The outputs of each row of a subquery, in order.
    fn query(&self, query: &Query) -> Result<Vec<Vec<Value>>, EvaluateError>;

    /// An aggregate over the current group.
    fn aggregate(&self, aggregate: Aggregate, of: Option<&Expr>) -> Result<Value, EvaluateError>;

    /// Whether a row matches a full-text search.
    fn full_text(&self, search: &Search<'_>) -> Result<Option<bool>, EvaluateError>;

    /// The transaction's time, ISO 8601 in UTC.
    fn now(&self) -> Result<Box<str>, EvaluateError>;

    /// Whether a regular expression occurs in a text.
    fn regex(&self, pattern: &str, text: &str, ignore_case: bool) -> Result<bool, EvaluateError> {
        regex(pattern, text, ignore_case)
    }
}

/// A full-text search, as [`Expr::FullText`] has it.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// Whose row is searched.
    pub query: QueryId,
    /// The table that has the index.
    pub table: TableId,
    /// The searched columns; empty means all of the index.
    pub columns: &'a [ColumnId],
    /// How the words are read.
    pub kind: FullTextKind,
    /// The words.
    pub words: ParamId,
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvaluateError {
    /// A value does not fit where it is used.
    Value(String),
    /// A regular expression or search text is not valid.
    Pattern(String),
    /// This context cannot answer.
    Unsupported(String),
}

impl fmt::Display for EvaluateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(message) | Self::Pattern(message) | Self::Unsupported(message) => {
                f.write_str(message)
            }
        }
    }
}

impl std::error::Error for EvaluateError {}

/// The value of an expression.
pub fn evaluate(expr: &Expr, context: &dyn Context) -> Result<Value, EvaluateError> {
    let value = |expr: &Expr| evaluate(expr, context);
    Ok(match expr {
        Expr::Value(value) => value.clone(),
        Expr::Param(param) => context.param(*param)?,
        Expr::Column(query, column) => context.column(*query, *column)?,
        Expr::Json(of, steps) => json::path(value(of)?, steps)?,
        Expr::Cast(of, data_type) => cast(value(of)?, *data_type),
        Expr::Scalar(query) => subquery::scalar(query, context)?,
        Expr::Object(query) => subquery::object(query, context)?,
        Expr::Objects(query) => subquery::objects(query, context)?,
        Expr::Array(query) => subquery::array(query, context)?,
        Expr::Aggregate(aggregate, of) => context.aggregate(*aggregate, of.as_deref())?,
        Expr::Binary(op, left, right) => function::binary(*op, &value(left)?, &value(right)?),
        Expr::Call(function, arguments) => function::call(*function, arguments, context)?,
        Expr::Place { query, key, rows, .. } => {
            let key = key.iter().map(|column| context.column(*query, *column));
            let key = key.collect::<Result<Vec<_>, _>>()?;
            let place = context.rows(*rows)?.iter().position(|row| *row == key);
            place.map_or(Value::Null, |place| Value::Integer(place as i64))
        }
        Expr::Case(whens, otherwise) => {
            for (when, then) in whens {
                if truth(when, context)? == Some(true) {
                    return value(then);
                }
            }
            otherwise.as_deref().map_or(Ok(Value::Null), value)?
        }
        Expr::EngineCall(..)
        | Expr::InCalled(..)
        | Expr::EngineCast(..)
        | Expr::EngineOperator(..)
        | Expr::FromJson(..)
        | Expr::Search { .. } => {
            return Err(EvaluateError::Unsupported("types of an engine's own".to_owned()));
        }
        predicate => truth(predicate, context)?.map_or(Value::Null, Value::Bool),
    })
}

/// One row by itself, without parameters bound or tables to look into.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The query the row belongs to.
    pub id: QueryId,
    /// By column.
    pub values: &'a [Value],
    /// By parameter.
    pub params: &'a [Value],
}

/// Whether a predicate holds for a row: `None` is UNKNOWN.
/// Errors: [`EvaluateError::Unsupported`] for what one row cannot tell (subqueries, aggregates, lists, time).
pub fn matches(predicate: &Expr, row: &Row<'_>) -> Result<Option<bool>, EvaluateError> {
    truth(predicate, row)
}

impl Row<'_> {
    fn unsupported<T>(what: &str) -> Result<T, EvaluateError> {
        Err(EvaluateError::Unsupported(format!("{what} cannot be evaluated for a row by itself")))
    }
}

impl Context for Row<'_> {
    fn column(&self, query: QueryId, column: ColumnId) -> Result<Value, EvaluateError> {
        match self.values.get(column.0 as usize) {
            Some(value) if query == self.id => Ok(value.clone()),
            _ => Self::unsupported("a column of another row"),
        }
    }

    fn param(&self, param: ParamId) -> Result<Value, EvaluateError> {
        self.params
            .get(usize::from(param.0))
            .cloned()
            .map_or_else(|| Self::unsupported("an unbound parameter"), Ok)
    }

    fn list(&self, param: ParamId) -> Result<Vec<Value>, EvaluateError> {
        let untyped = transom_types::DataType::Any;
        match self.param(param)? {
            Value::Json(text) => show::read_list(&text, untyped),
            _ => Self::unsupported("a list that is not bound as JSON"),
        }
    }

    fn rows(&self, _: ParamId) -> Result<Vec<Vec<Value>>, EvaluateError> {
        Self::unsupported("a list of rows")
    }

    fn query(&self, _: &Query) -> Result<Vec<Vec<Value>>, EvaluateError> {
        Self::unsupported("a subquery")
    }

    fn aggregate(&self, _: Aggregate, _: Option<&Expr>) -> Result<Value, EvaluateError> {
        Self::unsupported("an aggregate")
    }

    fn full_text(&self, _: &Search<'_>) -> Result<Option<bool>, EvaluateError> {
        Self::unsupported("a full-text search")
    }

    fn now(&self) -> Result<Box<str>, EvaluateError> {
        Self::unsupported("the time")
    }
}
