//! Arithmetic and the scalar functions.

use std::cmp::Ordering;

use transom_types::Value;

use super::{
    Context, EvaluateError,
    cast::text_of,
    compare::{decimal, order, real, same},
    evaluate,
};
use crate::plan::{BinaryOp, Expr, Function};

/// Arithmetic and concatenation; NULL when an operand is NULL or the divisor zero.
pub(super) fn binary(op: BinaryOp, left: &Value, right: &Value) -> Value {
    if left.is_null() || right.is_null() {
        return Value::Null;
    }
    match op {
        BinaryOp::Concat => Value::text(text_of(left) + &text_of(right)),
        BinaryOp::Modulo => match (real(left) as i64, real(right) as i64) {
            (_, 0) => Value::Null,
            (left, right) => Value::Integer(left.wrapping_rem(right)),
        },
        BinaryOp::Divide if real(right) == 0.0 => Value::Null,
        _ => integers(op, left, right)
            .or_else(|| decimals(op, left, right))
            .unwrap_or_else(|| Value::Real(reals(op, real(left), real(right)))),
    }
}

/// `None` when not both are integers, or the result is too large for one.
fn integers(op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
    let integer = |value: &Value| match value {
        Value::Integer(integer) => Some(*integer),
        Value::Bool(truth) => Some(i64::from(*truth)),
        _ => None,
    };
    let (left, right) = (integer(left)?, integer(right)?);
    let result = match op {
        BinaryOp::Add => left.checked_add(right),
        BinaryOp::Subtract => left.checked_sub(right),
        BinaryOp::Multiply => left.checked_mul(right),
        _ => left.checked_div(right),
    };
    result.map(Value::Integer)
}

fn decimals(op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
    if !matches!((left, right), (Value::Numeric(_), _) | (_, Value::Numeric(_))) {
        return None;
    }
    let (left, right) = (decimal(left)?, decimal(right)?);
    let result = match op {
        BinaryOp::Add => left.add(right),
        BinaryOp::Subtract => left.subtract(right),
        BinaryOp::Multiply => left.multiply(right),
        _ => None,
    };
    result.map(|result| Value::Numeric(result.to_string().into()))
}

fn reals(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Subtract => left - right,
        BinaryOp::Multiply => left * right,
        _ => left / right,
    }
}

/// A scalar function's value. Arguments are evaluated from the left, `COALESCE`'s only as far as needed.
pub(super) fn call(
    function: Function,
    arguments: &[Expr],
    context: &dyn Context,
) -> Result<Value, EvaluateError> {
    match function {
        Function::Now => return Ok(Value::text(context.now()?)),
        Function::CurrentDate => {
            let now = context.now()?;
            return Ok(Value::text(now.get(..10).unwrap_or(&now)));
        }
        Function::Coalesce => {
            for argument in arguments {
                let value = evaluate(argument, context)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            return Ok(Value::Null);
        }
        _ => {}
    }
    let values: Vec<Value> =
        arguments.iter().map(|argument| evaluate(argument, context)).collect::<Result<_, _>>()?;
    Ok(strict(function, &values))
}

fn strict(function: Function, values: &[Value]) -> Value {
    match function {
        Function::Greatest => return extreme(values, Ordering::Greater),
        Function::Least => return extreme(values, Ordering::Less),
        Function::Nullif => {
            return match values {
                [left, right] if same(left, right) => Value::Null,
                [left, ..] => left.clone(),
                [] => Value::Null,
            };
        }
        _ => {}
    }
    let Some(first) = values.first().filter(|_| !values.iter().any(Value::is_null)) else {
        return Value::Null;
    };
    match function {
        Function::Lower => Value::text(text_of(first).to_lowercase()),
        Function::Upper => Value::text(text_of(first).to_uppercase()),
        Function::Length => Value::Integer(match first {
            Value::Bytes(bytes) => bytes.len() as i64,
            other => text_of(other).chars().count() as i64,
        }),
        Function::Abs => match first {
            Value::Integer(integer) => Value::Integer(integer.saturating_abs()),
            Value::Numeric(text) => Value::Numeric(text.trim_start_matches('-').into()),
            other => Value::Real(real(other).abs()),
        },
        Function::Round => round(first, values.get(1)),
        Function::Trim => Value::text(trim(&text_of(first), values.get(1))),
        Function::Substring => Value::text(substring(&text_of(first), values.get(1), values.get(2))),
        Function::Replace => match values {
            [text, from, to] if !text_of(from).is_empty() => {
                Value::text(text_of(text).replace(&text_of(from), &text_of(to)))
            }
            _ => first.clone(),
        },
        _ => Value::Null,
    }
}

/// NULLs are passed over, as in PostgreSQL.
fn extreme(values: &[Value], wanted: Ordering) -> Value {
    let given = values.iter().filter(|value| !value.is_null());
    let best = given.reduce(|best, value| if order(value, best) == Some(wanted) { value } else { best });
    best.cloned().unwrap_or(Value::Null)
}

/// Half away from zero.
fn round(value: &Value, digits: Option<&Value>) -> Value {
    let digits = digits.map_or(0.0, real).clamp(0.0, 30.0);
    let scale = 10f64.powi(digits as i32);
    let scaled = real(value) * scale;
    Value::Real(if scaled.is_finite() { scaled.round() / scale } else { real(value) })
}

fn trim(text: &str, characters: Option<&Value>) -> String {
    let characters = characters.map_or_else(|| " ".to_owned(), text_of);
    text.trim_matches(|c| characters.contains(c)).to_owned()
}

/// From the 1-based `start`, so many characters; both may reach outside the text.
fn substring(text: &str, start: Option<&Value>, length: Option<&Value>) -> String {
    let start = start.map_or(1, |value| real(value) as i64);
    let end = length.map_or(i64::MAX, |value| start.saturating_add((real(value) as i64).max(0)));
    let within = |place: &i64| (start..end).contains(place);
    (1i64..).zip(text.chars()).filter(|(place, _)| within(place)).map(|(_, character)| character).collect()
}
