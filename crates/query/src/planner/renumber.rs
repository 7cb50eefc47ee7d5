//! Gives the subqueries of a copied expression ids of their own, for an id names one row.

use crate::{Expr, Query, QueryId, plan::Source};

/// Renumbers every query inside `expr`; columns of queries outside of it keep theirs.
pub(super) fn renumber(expr: &mut Expr, next: &mut u16) {
    let mut known = Vec::new();
    visit(expr, &mut known, next);
}

type Known = Vec<(QueryId, QueryId)>;

fn visit(expr: &mut Expr, known: &mut Known, next: &mut u16) {
    match expr {
        Expr::Column(id, _) | Expr::Joined(id, _) => rename(id, known),
        Expr::FullText { query, .. } | Expr::Place { query, .. } => rename(query, known),
        Expr::Exists(query)
        | Expr::Scalar(query)
        | Expr::Object(query)
        | Expr::Objects(query)
        | Expr::Array(query) => inside(query, known, next),
        Expr::InQuery(values, query) => {
            values.iter_mut().for_each(|value| visit(value, known, next));
            inside(query, known, next);
        }
        Expr::Value(_) | Expr::Default | Expr::Output(_) | Expr::Param(_) | Expr::FromJson(..) => {}
        Expr::Json(inner, _)
        | Expr::Cast(inner, _)
        | Expr::EngineCast(inner, _)
        | Expr::EngineCall(_, inner)
        | Expr::InCalled(inner, ..)
        | Expr::Not(inner)
        | Expr::Is(inner, _)
        | Expr::InList(inner, _)
        | Expr::Quantified { operand: inner, .. }
        | Expr::Search { operand: inner, .. } => visit(inner, known, next),
        Expr::Compare(_, left, right)
        | Expr::Match(_, left, right)
        | Expr::JsonContains(left, right)
        | Expr::JsonOverlaps(left, right)
        | Expr::EngineOperator(_, left, right)
        | Expr::Binary(_, left, right) => {
            visit(left, known, next);
            visit(right, known, next);
        }
        Expr::And(parts) | Expr::Or(parts) | Expr::InRows(parts, _) | Expr::Call(_, parts) => {
            parts.iter_mut().for_each(|part| visit(part, known, next));
        }
        Expr::InExprs(operand, parts) => {
            visit(operand, known, next);
            parts.iter_mut().for_each(|part| visit(part, known, next));
        }
        Expr::Aggregate(_, inner) => {
            if let Some(inner) = inner {
                visit(inner, known, next);
            }
        }
        Expr::Case(branches, otherwise) => {
            for (when, then) in branches {
                visit(when, known, next);
                visit(then, known, next);
            }
            if let Some(otherwise) = otherwise {
                visit(otherwise, known, next);
            }
        }
    }
}

fn rename(id: &mut QueryId, known: &Known) {
    if let Some((_, new)) = known.iter().find(|(old, _)| old == id) {
        *id = *new;
    }
}

fn inside(query: &mut Query, known: &mut Known, next: &mut u16) {
    known.push((query.id, QueryId(*next)));
    query.id = QueryId(*next);
    *next += 1;
    if let Source::Function(_, arguments) = &mut query.source {
        arguments.iter_mut().for_each(|argument| visit(argument, known, next));
    }
    if let Source::Computed(computed) = &mut query.source {
        rename(&mut computed.of, known);
    }
    if let Some((id, _)) = &mut query.beside {
        known.push((*id, QueryId(*next)));
        *id = QueryId(*next);
        *next += 1;
    }
    query.joins.iter_mut().for_each(|join| inside(&mut join.query, known, next));
    let predicates = [&mut query.on, &mut query.filter, &mut query.guard, &mut query.having];
    predicates.into_iter().flatten().for_each(|predicate| visit(predicate, known, next));
    query.outputs.iter_mut().for_each(|output| visit(&mut output.expr, known, next));
    query.order.iter_mut().for_each(|term| visit(&mut term.expr, known, next));
    query.group_by.iter_mut().flatten().for_each(|key| visit(key, known, next));
}
