//! Predicates, by three-valued logic: `None` is UNKNOWN.

use std::cmp::Ordering;

use transom_types::Value;

use super::{Context, EvaluateError, Search, cast::text_of, compare, evaluate, json, like, pattern};
use crate::{
    plan::{Comparison, ElementTest, Expr, Pattern},
    request::IsValue,
};

type Truth = Result<Option<bool>, EvaluateError>;

/// Whether a predicate holds: `None` is UNKNOWN.
pub fn truth(expr: &Expr, context: &dyn Context) -> Truth {
    let value = |expr: &Expr| evaluate(expr, context);
    match expr {
        Expr::Not(of) => Ok(truth(of, context)?.map(|holds| !holds)),
        Expr::And(parts) => all(parts.iter().map(|part| truth(part, context))),
        Expr::Or(parts) => any(parts.iter().map(|part| truth(part, context))),
        Expr::Compare(comparison, left, right) => Ok(compared(*comparison, &value(left)?, &value(right)?)),
        Expr::Is(of, is) => Ok(Some(is_value(&value(of)?, *is))),
        Expr::Match(kind, text, pattern) => matched(*kind, &value(text)?, &value(pattern)?, context),
        Expr::InList(of, list) => {
            let of = value(of)?;
            any(context.list(*list)?.iter().map(|element| Ok(equal(&of, element))))
        }
        Expr::InExprs(of, list) => {
            let of = value(of)?;
            any(list.iter().map(|element| Ok(equal(&of, &value(element)?))))
        }
        Expr::InRows(of, rows) => among(&values(of, context)?, &context.rows(*rows)?),
        Expr::InQuery(of, query) => among(&values(of, context)?, &context.query(query)?),
        Expr::Quantified { test, operand, list, all: every } => {
            let operand = value(operand)?;
            let elements = context.list(*list)?;
            let tests = elements.iter().map(|element| tested(*test, &operand, element, context));
            if *every { all(tests) } else { any(tests) }
        }
        Expr::JsonContains(whole, part) => documents(&value(whole)?, &value(part)?, json::contains),
        Expr::JsonOverlaps(left, right) => documents(&value(left)?, &value(right)?, json::overlaps),
        Expr::FullText { query, table, columns, kind, words } => {
            let (query, table, kind, words) = (*query, *table, *kind, *words);
            context.full_text(&Search { query, table, columns, kind, words })
        }
        Expr::Exists(query) => Ok(Some(!context.query(query)?.is_empty())),
        scalar => Ok(held(&value(scalar)?)),
    }
}

/// A scalar where a predicate stands: any number but zero is true.
fn held(value: &Value) -> Option<bool> {
    match value {
        Value::Null => None,
        Value::Bool(truth) => Some(*truth),
        other => Some(compare::real(other) != 0.0),
    }
}

/// FALSE as soon as one part is; UNKNOWN when none is but one is unknown.
fn all(parts: impl Iterator<Item = Truth>) -> Truth {
    let mut holds = Some(true);
    for part in parts {
        match part? {
            Some(true) => {}
            Some(false) => return Ok(Some(false)),
            None => holds = None,
        }
    }
    Ok(holds)
}

fn any(parts: impl Iterator<Item = Truth>) -> Truth {
    let none = all(parts.map(|part| Ok(part?.map(|holds| !holds))))?;
    Ok(none.map(|none| !none))
}

fn values(exprs: &[Expr], context: &dyn Context) -> Result<Vec<Value>, EvaluateError> {
    exprs.iter().map(|expr| evaluate(expr, context)).collect()
}

/// Whether a row of values equals one of `rows`.
fn among(row: &[Value], rows: &[Vec<Value>]) -> Truth {
    any(rows.iter().map(|other| all(row.iter().zip(other).map(|(left, right)| Ok(equal(left, right))))))
}

fn equal(left: &Value, right: &Value) -> Option<bool> {
    compared(Comparison::Eq, left, right)
}

fn compared(comparison: Comparison, left: &Value, right: &Value) -> Option<bool> {
    match comparison {
        Comparison::Distinct => return Some(!compare::same(left, right)),
        Comparison::NotDistinct => return Some(compare::same(left, right)),
        _ => {}
    }
    let ordering = compare::order(left, right)?;
    Some(match comparison {
        Comparison::Eq => ordering == Ordering::Equal,
        Comparison::Neq => ordering != Ordering::Equal,
        Comparison::Gt => ordering == Ordering::Greater,
        Comparison::Gte => ordering != Ordering::Less,
        Comparison::Lt => ordering == Ordering::Less,
        _ => ordering != Ordering::Greater,
    })
}

fn is_value(value: &Value, is: IsValue) -> bool {
    match is {
        IsValue::Null | IsValue::Unknown => value.is_null(),
        IsValue::NotNull => !value.is_null(),
        IsValue::True => held(value) == Some(true),
        IsValue::False => held(value) == Some(false),
    }
}

fn tested(test: ElementTest, operand: &Value, element: &Value, context: &dyn Context) -> Truth {
    match test {
        ElementTest::Compare(comparison) => Ok(compared(comparison, operand, element)),
        ElementTest::Match(kind) => matched(kind, operand, element, context),
    }
}

fn matched(kind: Pattern, text: &Value, pattern: &Value, context: &dyn Context) -> Truth {
    if text.is_null() || pattern.is_null() {
        return Ok(None);
    }
    let (text, pattern) = (text_of(text), text_of(pattern));
    Ok(Some(match kind {
        Pattern::Like => like(&pattern, &text),
        Pattern::Ilike => pattern::ilike(&pattern, &text),
        Pattern::Regex => context.regex(&pattern, &text, false)?,
        Pattern::RegexInsensitive => context.regex(&pattern, &text, true)?,
    }))
}

fn documents(left: &Value, right: &Value, test: fn(&serde_json::Value, &serde_json::Value) -> bool) -> Truth {
    let (Some(left), Some(right)) = (json::parse(left)?, json::parse(right)?) else { return Ok(None) };
    Ok(Some(test(&left, &right)))
}
