//! Turns a policy's condition into a typed template over the catalog's ids.

mod functions;
mod json;
mod literals;
mod operators;
mod scope;
mod subquery;
mod types;

use sqlparser::ast;
use transom_query::{Catalog, Expr, TableId, plan::BinaryOp, plan::Comparison, request::IsValue};

use crate::{
    fault::{Checked, Fault},
    simplify::simplify,
    template::{OWN, Pool},
};
use scope::Row;
use types::{Firmness, Typed, brief};

/// Deepest nesting of a condition; chains of AND and OR count as one level.
const DEPTH_MAX: u32 = 48;

/// Deepest nesting of subqueries in one condition.
const SUBQUERY_DEPTH_MAX: usize = 8;

/// Compiles the conditions of one file.
pub(crate) struct Compiler<'a> {
    catalog: &'a Catalog,
    pool: &'a mut Pool,
    /// The rows in sight, innermost last.
    scopes: Vec<Vec<Row>>,
    /// The line of what was compiled last: for what has no place of its own.
    start: u64,
    depth: u32,
    /// Inside a subquery's outputs: whether an aggregate was met there.
    aggregate: Option<bool>,
}

/// The condition `at` on rows of `table`, called `what` (`USING`, `WITH CHECK`) in messages.
pub(crate) fn condition(
    catalog: &Catalog,
    pool: &mut Pool,
    table: TableId,
    at: &ast::Expr,
    what: &str,
    start: u64,
) -> Checked<Expr> {
    let own = Row { name: catalog[table].name.to_string(), query: OWN, table };
    let mut compiler = Compiler { catalog, pool, scopes: vec![vec![own]], start, depth: 0, aggregate: None };
    let typed = compiler.expr(at)?;
    Ok(simplify(compiler.boolean(typed, at, what)?))
}

impl Compiler<'_> {
    fn expr(&mut self, at: &ast::Expr) -> Checked<Typed> {
        if self.depth >= DEPTH_MAX {
            return Err(self.fault(at, format!("the expression is nested deeper than {DEPTH_MAX} levels")));
        }
        self.note_line(at);
        self.depth += 1;
        let typed = self.dispatch(at);
        self.depth -= 1;
        typed
    }

    fn dispatch(&mut self, at: &ast::Expr) -> Checked<Typed> {
        use ast::Expr as E;
        match at {
            E::Nested(inner) => self.expr(inner),
            E::Identifier(name) => self.column(std::slice::from_ref(name), at),
            E::CompoundIdentifier(names) => self.column(names, at),
            E::Value(value) => self.value(&value.value, at),
            E::TypedString(typed) => self.typed_string(typed, at),
            E::UnaryOp { op, expr } => self.unary(*op, expr, at),
            E::BinaryOp { left, op, right } => self.binary(left, op, right, at),
            E::IsNull(inner) => self.is(inner, IsValue::Null, false),
            E::IsNotNull(inner) => self.is(inner, IsValue::NotNull, false),
            E::IsTrue(inner) => self.is(inner, IsValue::True, false),
            E::IsNotTrue(inner) => self.is(inner, IsValue::True, true),
            E::IsFalse(inner) => self.is(inner, IsValue::False, false),
            E::IsNotFalse(inner) => self.is(inner, IsValue::False, true),
            E::IsUnknown(inner) => self.is(inner, IsValue::Unknown, false),
            E::IsNotUnknown(inner) => self.is(inner, IsValue::Unknown, true),
            E::IsDistinctFrom(left, right) => self.compare(Comparison::Distinct, left, right),
            E::IsNotDistinctFrom(left, right) => self.compare(Comparison::NotDistinct, left, right),
            E::InList { expr, list, negated } => self.in_list(expr, list, *negated),
            E::InSubquery { expr, subquery, negated } => self.in_subquery(expr, subquery, *negated, at),
            E::Exists { subquery, negated } => self.exists(subquery, *negated, at),
            E::Subquery(query) => self.scalar(query, at),
            E::Between { expr, negated, low, high } => self.between(expr, low, high, *negated),
            E::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), false, *negated)
            }
            E::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), true, *negated)
            }
            E::AnyOp { left, compare_op, right, .. } => self.quantified(left, compare_op, right, false, at),
            E::AllOp { left, compare_op, right } => self.quantified(left, compare_op, right, true, at),
            E::Cast { expr, data_type, .. } => self.cast(expr, data_type, at),
            E::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            E::Function(function) => self.function(function, at),
            E::Substring { expr, substring_from, substring_for, .. } => {
                self.substring(expr, substring_from.as_deref(), substring_for.as_deref())
            }
            E::Trim { trim_where: None, trim_what: None, expr, trim_characters: None } => self.trim(expr),
            _ => Err(self.unsupported(at)),
        }
    }

    fn unsupported(&self, at: &ast::Expr) -> Fault {
        self.fault(at, format!("{} is not supported in a policy", brief(at)))
            .hint("docs/reference/policies.md lists what a condition may be made of")
    }

    fn is(&mut self, inner: &ast::Expr, value: IsValue, negated: bool) -> Checked<Typed> {
        let typed = self.expr(inner)?;
        let operand = match value {
            IsValue::Null | IsValue::NotNull => typed.expr,
            IsValue::True | IsValue::False | IsValue::Unknown => {
                self.boolean(typed, inner, "IS TRUE's operand")?
            }
        };
        let test = Expr::Is(Box::new(operand), value);
        Ok(Typed::boolean(negate(test, negated)))
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
    ) -> Checked<Typed> {
        let mut tests = Vec::new();
        let mut results = Vec::new();
        for branch in conditions {
            tests.push(match operand {
                Some(operand) => self.compare(Comparison::Eq, operand, &branch.condition)?.expr,
                None => {
                    let typed = self.expr(&branch.condition)?;
                    self.boolean(typed, &branch.condition, "WHEN")?
                }
            });
            results.push((self.expr(&branch.result)?, &branch.result));
        }
        if let Some(otherwise) = otherwise {
            results.push((self.expr(otherwise)?, otherwise));
        }
        let (mut results, data_type) = self.unify_all(results)?;
        let last = if otherwise.is_some() { results.pop().map(Box::new) } else { None };
        Ok(Typed::fixed(Expr::Case(tests.into_iter().zip(results).collect(), last), data_type))
    }
}

fn negate(expr: Expr, negated: bool) -> Expr {
    if negated { Expr::Not(Box::new(expr)) } else { expr }
}

/// The arithmetic operator of a token.
fn arithmetic(op: &ast::BinaryOperator) -> Option<BinaryOp> {
    Some(match op {
        ast::BinaryOperator::Plus => BinaryOp::Add,
        ast::BinaryOperator::Minus => BinaryOp::Subtract,
        ast::BinaryOperator::Multiply => BinaryOp::Multiply,
        ast::BinaryOperator::Divide => BinaryOp::Divide,
        ast::BinaryOperator::Modulo => BinaryOp::Modulo,
        _ => return None,
    })
}

/// Whether a typed expression is a quoted constant.
fn is_literal(typed: &Typed) -> bool {
    typed.firmness == Firmness::Literal
}
