//! Makes a condition smaller without changing when it is true: constants are folded, repeated parts written once.

use transom_query::{Expr, plan::Comparison, request::IsValue};
use transom_types::Value;

use crate::tree;

/// Simplifies a condition and everything in it.
pub(crate) fn simplify(mut expr: Expr) -> Expr {
    fold(&mut expr);
    expr
}

/// Whether the condition lets everything through.
pub(crate) fn is_true(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(Value::Bool(true)))
}

fn fold(expr: &mut Expr) {
    tree::children(expr, &mut |child| match child {
        tree::Child::Expr(operand) => fold(operand),
        tree::Child::Query(query) => tree::query_children(query, &mut |child| {
            if let tree::Child::Expr(expr) = child {
                fold(expr);
            }
        }),
        tree::Child::Param(_) | tree::Child::Row(_) => {}
    });
    let folded = match expr {
        Expr::And(parts) => Some(junction(std::mem::take(parts), true)),
        Expr::Or(parts) => Some(junction(std::mem::take(parts), false)),
        Expr::Not(operand) => match &**operand {
            Expr::Value(Value::Bool(value)) => Some(Expr::Value(Value::Bool(!value))),
            Expr::Value(Value::Null) => Some(Expr::Value(Value::Null)),
            _ => None,
        },
        Expr::Compare(comparison, left, right) => compare(*comparison, left, right),
        Expr::InExprs(operand, list) => among(operand, list),
        Expr::Is(operand, value) => is(operand, *value),
        _ => None,
    };
    if let Some(folded) = folded {
        *expr = folded;
    }
}

/// `And` (`all`) or `Or`: flattened, neutral and repeated parts left out, decided when one part decides it.
fn junction(parts: Vec<Expr>, all: bool) -> Expr {
    let mut kept: Vec<Expr> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for part in parts {
        let nested = match part {
            Expr::And(nested) if all => nested,
            Expr::Or(nested) if !all => nested,
            other => vec![other],
        };
        for part in nested {
            match part {
                Expr::Value(Value::Bool(value)) if value == all => continue,
                Expr::Value(Value::Bool(_)) => return Expr::Value(Value::Bool(!all)),
                _ => {}
            }
            let text = format!("{part:?}");
            if !seen.contains(&text) {
                seen.push(text);
                kept.push(part);
            }
        }
    }
    match kept.len() {
        0 => Expr::Value(Value::Bool(all)),
        1 => kept.swap_remove(0),
        _ if all => Expr::And(kept),
        _ => Expr::Or(kept),
    }
}

/// Only values of one kind whose equality is plain are compared here; the engine judges the rest.
fn equal(left: &Expr, right: &Expr) -> Option<bool> {
    match (left, right) {
        (Expr::Value(Value::Text(left)), Expr::Value(Value::Text(right))) => Some(left == right),
        (Expr::Value(Value::Integer(left)), Expr::Value(Value::Integer(right))) => Some(left == right),
        (Expr::Value(Value::Bool(left)), Expr::Value(Value::Bool(right))) => Some(left == right),
        _ => None,
    }
}

fn compare(comparison: Comparison, left: &Expr, right: &Expr) -> Option<Expr> {
    let equal = equal(left, right)?;
    Some(Expr::Value(Value::Bool(match comparison {
        Comparison::Eq | Comparison::NotDistinct => equal,
        Comparison::Neq | Comparison::Distinct => !equal,
        _ => return None,
    })))
}

fn among(operand: &Expr, list: &[Expr]) -> Option<Expr> {
    let equals: Option<Vec<bool>> = list.iter().map(|item| equal(operand, item)).collect();
    Some(Expr::Value(Value::Bool(equals?.contains(&true))))
}

fn is(operand: &Expr, value: IsValue) -> Option<Expr> {
    let Expr::Value(operand) = operand else { return None };
    let holds = match (operand, value) {
        (Value::Null, IsValue::Null | IsValue::Unknown) => true,
        (Value::Null, _) | (_, IsValue::Null) => false,
        (_, IsValue::NotNull) => true,
        (Value::Bool(operand), IsValue::True) => *operand,
        (Value::Bool(operand), IsValue::False) => !operand,
        _ => return None,
    };
    Some(Expr::Value(Value::Bool(holds)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use transom_query::plan::ParamId;

    use super::*;

    /// Three-valued evaluation; parameters stand for the answers of the engine.
    fn eval(expr: &Expr, answers: &[Option<bool>; 4]) -> Option<bool> {
        match expr {
            Expr::Value(Value::Bool(value)) => Some(*value),
            Expr::Param(id) => answers[usize::from(id.0)],
            Expr::Not(operand) => eval(operand, answers).map(|value| !value),
            Expr::And(parts) => decide(parts, answers, false),
            Expr::Or(parts) => decide(parts, answers, true),
            _ => None,
        }
    }

    fn decide(parts: &[Expr], answers: &[Option<bool>; 4], decisive: bool) -> Option<bool> {
        let values: Vec<Option<bool>> = parts.iter().map(|part| eval(part, answers)).collect();
        if values.contains(&Some(decisive)) {
            return Some(decisive);
        }
        if values.contains(&None) { None } else { Some(!decisive) }
    }

    fn condition() -> impl Strategy<Value = Expr> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(|value| Expr::Value(Value::Bool(value))),
            Just(Expr::Value(Value::Null)),
            (0u16..4).prop_map(|id| Expr::Param(ParamId(id))),
        ];
        leaf.prop_recursive(5, 40, 4, |inner| {
            prop_oneof![
                inner.clone().prop_map(|operand| Expr::Not(Box::new(operand))),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::And),
                prop::collection::vec(inner, 0..4).prop_map(Expr::Or),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_answer_stays_the_same(expr in condition(), answers in any::<[Option<bool>; 4]>()) {
            let before = eval(&expr, &answers);
            prop_assert_eq!(eval(&simplify(expr), &answers), before);
        }
    }
}
