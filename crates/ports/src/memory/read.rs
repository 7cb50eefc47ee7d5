//! Reads: which rows, in which groups and order, and what of them.

use std::cmp::Ordering;

use transom_query::{
    Expr, Query,
    evaluate::{self, EvaluateError, evaluate, object, order, show, truth},
    plan::{Judge, OrderTerm, ParamId, Read, Source, Step},
};
use transom_sql::Statement;
use transom_types::{DataType, Value};

use super::{
    needs_sql,
    scope::{Environment, Scope, typed},
    state::Row,
};
use crate::{Body, DbError, Fault};

/// What a query's outputs are evaluated on.
enum Found {
    Row(Row),
    Group(Vec<Row>),
}

impl Found {
    fn scope<'a>(&'a self, query: &Query, outer: &'a Scope<'a>) -> Scope<'a> {
        match self {
            Self::Row(row) => outer.row(query.id, row),
            Self::Group(group) => outer.group(query.id, group),
        }
    }
}

/// Runs a statement that reads.
pub(super) fn run(statement: &Statement, environment: &Environment<'_>) -> Result<Body, DbError> {
    match statement.prepared.plan.plan().steps.get(statement.prepared.step) {
        Some(Step::Read(step)) => read(step, environment),
        Some(Step::Judge(step)) => judge(step, environment),
        Some(Step::Call(_)) => needs_sql("call a handwritten statement"),
        Some(_) => Err(DbError::new(Fault::Internal, "a statement that writes was sent as a read")),
        None => Err(DbError::new(Fault::Internal, "the statement names no step of its plan")),
    }
}

fn read(step: &Read, environment: &Environment<'_>) -> Result<Body, DbError> {
    let (query, outside) = (&step.query, environment.outside());
    let found = all_found(query, &outside)?;
    let total = step.counted_apart().map(|_| found.len() as u64);
    let page = page(found, query, environment)?;
    let rows: Vec<String> = page
        .iter()
        .map(|found| Ok(object(&query.outputs, &output_values(query, &found.scope(query, &outside))?)))
        .collect::<Result<_, EvaluateError>>()?;
    let cursor = match (step.cursor, page.last()) {
        (true, Some(last)) => Some(cursor(&query.order, &last.scope(query, &outside))?),
        _ => None,
    };
    Ok(Body { json: format!("[{}]", rows.join(",")).into(), rows: rows.len() as u64, total, cursor })
}

/// The order's values as JSON scalars; a JSON document counts as its text.
fn cursor(order: &[OrderTerm], scope: &Scope<'_>) -> Result<Box<str>, EvaluateError> {
    let value = |term: &OrderTerm| Ok(show(&evaluate(&term.expr, scope)?, DataType::Text));
    let values: Vec<String> = order.iter().map(value).collect::<Result<_, EvaluateError>>()?;
    Ok(format!("[{}]", values.join(",")).into())
}

fn judge(step: &Judge, environment: &Environment<'_>) -> Result<Body, DbError> {
    let outside = environment.outside();
    let (rows, types) = environment.cells(step.rows)?;
    let mut places = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let row = typed(row, types);
        if holds(step.guard.as_ref(), &outside.row(step.id, &row))? {
            places.push(place.to_string());
        }
    }
    Ok(Body { json: format!("[{}]", places.join(",")).into(), rows: places.len() as u64, ..Body::default() })
}

/// The outputs of each of a query's rows, in order.
pub(super) fn outputs(query: &Query, outer: &Scope<'_>) -> Result<Vec<Vec<Value>>, EvaluateError> {
    let found = page(all_found(query, outer)?, query, outer.environment())?;
    found.iter().map(|found| output_values(query, &found.scope(query, outer))).collect()
}

fn output_values(query: &Query, scope: &Scope<'_>) -> Result<Vec<Value>, EvaluateError> {
    query.outputs.iter().map(|output| evaluate(&output.expr, scope)).collect()
}

/// Whether a condition is there and not true; what is unknown does not hold.
pub(super) fn holds(condition: Option<&Expr>, scope: &Scope<'_>) -> Result<bool, EvaluateError> {
    condition.map_or(Ok(true), |condition| Ok(truth(condition, scope)? == Some(true)))
}

/// Every row or group, in order, before limit and offset.
fn all_found(query: &Query, outer: &Scope<'_>) -> Result<Vec<Found>, EvaluateError> {
    let mut rows = Vec::new();
    for row in source(query, outer)? {
        let scope = outer.row(query.id, &row);
        let conditions = [&query.on, &query.filter, &query.guard];
        let kept = conditions
            .iter()
            .try_fold(true, |kept, condition| Ok(kept && holds(condition.as_ref(), &scope)?))?;
        if kept {
            rows.push(row);
        }
    }
    let mut found: Vec<Found> = match &query.group_by {
        None => rows.into_iter().map(Found::Row).collect(),
        Some(by) => groups(query, by, rows, outer)?.into_iter().map(Found::Group).collect(),
    };
    if let Some(having) = &query.having {
        let mut kept = Vec::new();
        for group in found {
            if holds(Some(having), &group.scope(query, outer))? {
                kept.push(group);
            }
        }
        found = kept;
    }
    ordered(found, query, outer)
}

fn source(query: &Query, outer: &Scope<'_>) -> Result<Vec<Row>, EvaluateError> {
    match &query.source {
        Source::Table(table) => Ok(outer.environment().state.rows(*table).to_vec()),
        Source::One => Ok(vec![Row::from([])]),
        Source::Function(..) | Source::Written(_) | Source::Computed(_) => {
            Err(EvaluateError::Unsupported("the memory database cannot run this statement".into()))
        }
    }
}

/// Rows with the same values of `by` (NULLs alike) stand together; without `by` there is one group, even of no rows.
fn groups(
    query: &Query,
    by: &[Expr],
    rows: Vec<Row>,
    outer: &Scope<'_>,
) -> Result<Vec<Vec<Row>>, EvaluateError> {
    if by.is_empty() {
        return Ok(vec![rows]);
    }
    let mut groups: Vec<(Vec<Value>, Vec<Row>)> = Vec::new();
    for row in rows {
        let scope = outer.row(query.id, &row);
        let key: Vec<Value> = by.iter().map(|expr| evaluate(expr, &scope)).collect::<Result<_, _>>()?;
        let same = |known: &[Value]| known.iter().zip(&key).all(|(left, right)| evaluate::same(left, right));
        match groups.iter_mut().find(|(known, _)| same(known)) {
            Some((_, group)) => group.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    Ok(groups.into_iter().map(|(_, group)| group).collect())
}

fn ordered(found: Vec<Found>, query: &Query, outer: &Scope<'_>) -> Result<Vec<Found>, EvaluateError> {
    let key = |found: &Found| {
        let scope = found.scope(query, outer);
        query.order.iter().map(|term| evaluate(&term.expr, &scope)).collect::<Result<Vec<_>, _>>()
    };
    let keys: Vec<Vec<Value>> = found.iter().map(key).collect::<Result<_, _>>()?;
    let mut keyed: Vec<_> = keys.into_iter().zip(found).collect();
    keyed.sort_by(|(left, _), (right, _)| {
        let terms = query.order.iter().zip(left.iter().zip(right));
        terms.fold(Ordering::Equal, |so_far, (term, (left, right))| {
            so_far.then_with(|| by_term(term, left, right))
        })
    });
    Ok(keyed.into_iter().map(|(_, found)| found).collect())
}

fn by_term(term: &OrderTerm, left: &Value, right: &Value) -> Ordering {
    match order(left, right) {
        Some(ordering) if term.descending => ordering.reverse(),
        Some(ordering) => ordering,
        None if term.nulls_first => right.is_null().cmp(&left.is_null()),
        None => left.is_null().cmp(&right.is_null()),
    }
}

fn page(
    found: Vec<Found>,
    query: &Query,
    environment: &Environment<'_>,
) -> Result<Vec<Found>, EvaluateError> {
    let count = |param: Option<ParamId>| match param.map(|param| environment.param(param)) {
        None | Some(Ok(Value::Null)) => Ok(None),
        Some(Ok(Value::Integer(count))) => Ok(usize::try_from(*count).ok()),
        Some(Ok(other)) => Err(EvaluateError::Value(format!("{other:?} is no number of rows"))),
        Some(Err(error)) => Err(error),
    };
    let (offset, limit) = (count(query.offset)?.unwrap_or(0), count(query.limit)?.unwrap_or(usize::MAX));
    Ok(found.into_iter().skip(offset).take(limit).collect())
}
