//! What expressions see: the rows of the queries around them, and the statement's parameters.

use serde_json::Value as Json;
use transom_query::{
    Catalog, ColumnId, Expr, Query, QueryId,
    evaluate::{Context, EvaluateError, Search, aggregate, evaluate, read_cell},
    plan::{ParamId, ParamKind, Parameter},
    request::Aggregate,
};
use transom_sql::Statement;
use transom_types::{DataType, Value};

use super::{
    full_text, read,
    state::{Row, State},
};
use crate::{DbError, Fault};

/// What is the same for a whole statement.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) state: &'a State,
    pub(super) now: &'a str,
    params: &'a [Value],
    parameters: &'a [Parameter],
}

/// One query's row (or group) inside its enclosing query's scope.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    environment: &'a Environment<'a>,
    outer: Option<&'a Scope<'a>>,
    id: Option<QueryId>,
    row: Option<&'a [Value]>,
    group: Option<&'a [Row]>,
}

impl<'a> Environment<'a> {
    pub(super) fn new(
        catalog: &'a Catalog,
        state: &'a State,
        statement: &'a Statement,
        params: &'a [Value],
        now: &'a str,
    ) -> Self {
        let parameters = &statement.prepared.plan.plan().params;
        Self { catalog, state, now, params, parameters }
    }

    /// Where no row is: values of an insert, arguments, limits.
    pub(super) fn outside(&'a self) -> Scope<'a> {
        Scope { environment: self, outer: None, id: None, row: None, group: None }
    }

    pub(super) fn param(&self, param: ParamId) -> Result<&Value, EvaluateError> {
        let missing = || EvaluateError::Unsupported(format!("parameter {} is not bound", param.0));
        self.params.get(usize::from(param.0)).ok_or_else(missing)
    }

    /// A rows parameter's cells as JSON, and the type of each place.
    pub(super) fn cells(&self, param: ParamId) -> Result<(Vec<Vec<Json>>, &'a [DataType]), EvaluateError> {
        let types = match self.kind(param) {
            Some(ParamKind::Rows(types)) => types.as_slice(),
            _ => &[],
        };
        Ok((self.json(param)?, types))
    }

    fn kind(&self, param: ParamId) -> Option<&'a ParamKind> {
        self.parameters.get(usize::from(param.0)).map(|parameter| &parameter.kind)
    }

    fn json<T: serde::de::DeserializeOwned>(&self, param: ParamId) -> Result<T, EvaluateError> {
        match self.param(param)? {
            Value::Json(text) | Value::Text(text) => {
                serde_json::from_str(text).map_err(|error| EvaluateError::Value(error.to_string()))
            }
            _ => Err(EvaluateError::Unsupported("a list or rows parameter is bound as JSON".into())),
        }
    }
}

impl<'a> Scope<'a> {
    /// One row of the query `id` inside this scope.
    pub(super) fn row(&'a self, id: QueryId, row: &'a [Value]) -> Scope<'a> {
        Scope { environment: self.environment, outer: Some(self), id: Some(id), row: Some(row), group: None }
    }

    /// A group of the query `id`: columns are those of its first row, on which the group agrees.
    pub(super) fn group(&'a self, id: QueryId, group: &'a [Row]) -> Scope<'a> {
        let row = group.first().map(|row| &**row);
        Scope { environment: self.environment, outer: Some(self), id: Some(id), row, group: Some(group) }
    }

    pub(super) fn environment(&self) -> &'a Environment<'a> {
        self.environment
    }
}

impl Context for Scope<'_> {
    fn column(&self, query: QueryId, column: ColumnId) -> Result<Value, EvaluateError> {
        if self.id != Some(query) {
            let unknown =
                || EvaluateError::Unsupported(format!("no query {} around this expression", query.0));
            return self.outer.ok_or_else(unknown)?.column(query, column);
        }
        // A group without rows has no columns to speak of.
        let Some(row) = self.row else { return Ok(Value::Null) };
        let missing = || EvaluateError::Unsupported(format!("query {} has no column {}", query.0, column.0));
        row.get(column.0 as usize).cloned().ok_or_else(missing)
    }

    fn param(&self, param: ParamId) -> Result<Value, EvaluateError> {
        self.environment.param(param).cloned()
    }

    fn list(&self, param: ParamId) -> Result<Vec<Value>, EvaluateError> {
        let data_type = match self.environment.kind(param) {
            Some(ParamKind::List(data_type)) => *data_type,
            _ => DataType::Any,
        };
        let elements: Vec<Json> = self.environment.json(param)?;
        Ok(elements.iter().map(|element| read_cell(element, data_type)).collect())
    }

    fn rows(&self, param: ParamId) -> Result<Vec<Vec<Value>>, EvaluateError> {
        let (rows, types) = self.environment.cells(param)?;
        Ok(rows.iter().map(|row| typed(row, types)).collect())
    }

    fn query(&self, query: &Query) -> Result<Vec<Vec<Value>>, EvaluateError> {
        read::outputs(query, self)
    }

    fn aggregate(&self, of: Aggregate, argument: Option<&Expr>) -> Result<Value, EvaluateError> {
        let (Some(id), Some(group)) = (self.id, self.group) else {
            return Err(EvaluateError::Unsupported("an aggregate stands where no group is".into()));
        };
        let Some(argument) = argument else { return Ok(Value::Integer(group.len() as i64)) };
        let outer = self.outer.unwrap_or(self);
        let values: Vec<Value> =
            group.iter().map(|row| evaluate(argument, &outer.row(id, row))).collect::<Result<_, _>>()?;
        Ok(aggregate(of, values))
    }

    fn full_text(&self, search: &Search<'_>) -> Result<Option<bool>, EvaluateError> {
        full_text::matches(search, self)
    }

    fn now(&self) -> Result<Box<str>, EvaluateError> {
        Ok(self.environment.now.into())
    }
}

/// Cells of a bound row, each read as the type of its place.
pub(super) fn typed(row: &[Json], types: &[DataType]) -> Vec<Value> {
    let type_at = |place: usize| types.get(place).copied().unwrap_or(DataType::Any);
    row.iter().enumerate().map(|(place, cell)| read_cell(cell, type_at(place))).collect()
}

impl From<EvaluateError> for DbError {
    fn from(error: EvaluateError) -> Self {
        let fault = match &error {
            EvaluateError::Value(_) => Fault::Value,
            EvaluateError::Pattern(_) => Fault::Pattern,
            EvaluateError::Unsupported(_) => Fault::Internal,
        };
        Self::new(fault, error.to_string())
    }
}
