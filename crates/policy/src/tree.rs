//! The shape of a plan's expressions: what stands directly inside what. The one place to change when `Expr` grows.

use transom_query::{
    Expr, Query, QueryId,
    plan::{ParamId, Source},
};

/// Something directly inside an expression.
pub(crate) enum Child<'a> {
    /// An operand.
    Expr(&'a mut Expr),
    /// A subquery.
    Query(&'a mut Query),
    /// A parameter.
    Param(&'a mut ParamId),
    /// A mention of a query's row.
    Row(&'a mut QueryId),
}

/// Calls `visit` for everything directly inside `expr`.
pub(crate) fn children(expr: &mut Expr, visit: &mut dyn FnMut(Child)) {
    match expr {
        Expr::Value(_) | Expr::Default | Expr::Output(_) => {}
        Expr::Param(param) | Expr::FromJson(param, _) => visit(Child::Param(param)),
        Expr::Column(query, _) | Expr::Joined(query, _) => visit(Child::Row(query)),
        Expr::Json(operand, _)
        | Expr::Cast(operand, _)
        | Expr::EngineCast(operand, _)
        | Expr::EngineCall(_, operand)
        | Expr::Not(operand)
        | Expr::Is(operand, _) => {
            visit(Child::Expr(operand));
        }
        Expr::And(parts) | Expr::Or(parts) | Expr::Call(_, parts) => each(parts, visit),
        Expr::Compare(_, left, right)
        | Expr::Match(_, left, right)
        | Expr::JsonContains(left, right)
        | Expr::JsonOverlaps(left, right)
        | Expr::EngineOperator(_, left, right)
        | Expr::Binary(_, left, right) => {
            visit(Child::Expr(left));
            visit(Child::Expr(right));
        }
        Expr::InList(operand, list)
        | Expr::InCalled(operand, _, list)
        | Expr::Quantified { operand, list, .. }
        | Expr::Search { operand, words: list, .. } => {
            visit(Child::Expr(operand));
            visit(Child::Param(list));
        }
        Expr::InExprs(operand, list) => {
            visit(Child::Expr(operand));
            each(list, visit);
        }
        Expr::InRows(operands, rows) => {
            each(operands, visit);
            visit(Child::Param(rows));
        }
        Expr::Place { query, rows, .. } => {
            visit(Child::Row(query));
            visit(Child::Param(rows));
        }
        Expr::FullText { query, words, .. } => {
            visit(Child::Row(query));
            visit(Child::Param(words));
        }
        Expr::InQuery(operands, query) => {
            each(operands, visit);
            visit(Child::Query(query));
        }
        Expr::Exists(query)
        | Expr::Scalar(query)
        | Expr::Object(query)
        | Expr::Objects(query)
        | Expr::Array(query) => visit(Child::Query(query)),
        Expr::Aggregate(_, operand) => {
            if let Some(operand) = operand {
                visit(Child::Expr(operand));
            }
        }
        Expr::Case(branches, otherwise) => {
            for (condition, result) in branches {
                each([condition, result], visit);
            }
            each(otherwise.as_deref_mut(), visit);
        }
    }
}

fn each<'e>(parts: impl IntoIterator<Item = &'e mut Expr>, visit: &mut dyn FnMut(Child)) {
    for part in parts {
        visit(Child::Expr(part));
    }
}

/// Calls `visit` for everything directly inside `query` but its guard: expressions and the parameters of limit and offset.
pub(crate) fn query_children(query: &mut Query, visit: &mut dyn FnMut(Child)) {
    if let Source::Function(_, arguments) = &mut query.source {
        each(arguments, visit);
    }
    if let Source::Computed(computed) = &mut query.source {
        visit(Child::Row(&mut computed.of));
    }
    for join in &mut query.joins {
        visit(Child::Query(&mut join.query));
    }
    let conditions = [&mut query.on, &mut query.filter, &mut query.having];
    for condition in conditions.into_iter().flatten() {
        visit(Child::Expr(condition));
    }
    for output in &mut query.outputs {
        visit(Child::Expr(&mut output.expr));
    }
    for group in query.group_by.iter_mut().flatten() {
        visit(Child::Expr(group));
    }
    for term in &mut query.order {
        visit(Child::Expr(&mut term.expr));
    }
    for count in [&mut query.limit, &mut query.offset].into_iter().flatten() {
        visit(Child::Param(count));
    }
}

/// As [`children`], until `visit` fails.
pub(crate) fn try_children<E>(
    expr: &mut Expr,
    visit: &mut dyn FnMut(Child) -> Result<(), E>,
) -> Result<(), E> {
    let mut result = Ok(());
    children(expr, &mut |child| {
        if result.is_ok() {
            result = visit(child);
        }
    });
    result
}

/// As [`query_children`], until `visit` fails.
pub(crate) fn try_query_children<E>(
    query: &mut Query,
    visit: &mut dyn FnMut(Child) -> Result<(), E>,
) -> Result<(), E> {
    let mut result = Ok(());
    query_children(query, &mut |child| {
        if result.is_ok() {
            result = visit(child);
        }
    });
    result
}

/// Calls `visit` for `expr` and every expression below it, subqueries' included, parents first.
pub(crate) fn walk(expr: &mut Expr, visit: &mut dyn FnMut(&mut Expr)) {
    visit(expr);
    children(expr, &mut |child| match child {
        Child::Expr(operand) => walk(operand, visit),
        Child::Query(query) => walk_query(query, visit),
        Child::Param(_) | Child::Row(_) => {}
    });
}

fn walk_query(query: &mut Query, visit: &mut dyn FnMut(&mut Expr)) {
    query_children(query, &mut |child| {
        if let Child::Expr(expr) = child {
            walk(expr, visit);
        }
    });
}

/// Calls `visit` for every query below `expr`, outer ones first.
pub(crate) fn queries(expr: &mut Expr, visit: &mut dyn FnMut(&mut Query)) {
    children(expr, &mut |child| match child {
        Child::Expr(operand) => queries(operand, visit),
        Child::Query(query) => {
            visit(query);
            query_children(query, &mut |child| {
                if let Child::Expr(expr) = child {
                    queries(expr, visit);
                }
            });
        }
        Child::Param(_) | Child::Row(_) => {}
    });
}

/// Whether `expr` mentions the row of one of these queries.
pub(crate) fn mentions(expr: &mut Expr, ids: &[QueryId]) -> bool {
    let mut found = false;
    walk(expr, &mut |part| {
        if let Expr::Column(id, _) = part {
            found |= ids.contains(id);
        }
    });
    found
}
