//! Operators: logic, comparison, membership, patterns, arithmetic.

use sqlparser::ast::{self, BinaryOperator as Op};
use transom_query::{
    Expr,
    plan::{BinaryOp, Comparison, Pattern},
};
use transom_types::DataType;

use super::{
    Compiler, arithmetic, is_literal,
    literals::array_elements,
    negate,
    types::{Typed, brief, is_number},
};
use crate::fault::Checked;

/// The comparison an operator stands for.
fn comparison(op: &Op) -> Option<Comparison> {
    Some(match op {
        Op::Eq => Comparison::Eq,
        Op::NotEq => Comparison::Neq,
        Op::Gt => Comparison::Gt,
        Op::GtEq => Comparison::Gte,
        Op::Lt => Comparison::Lt,
        Op::LtEq => Comparison::Lte,
        _ => return None,
    })
}

/// The pattern match an operator stands for, and whether it is negated.
fn pattern(op: &Op) -> Option<(Pattern, bool)> {
    Some(match op {
        Op::PGRegexMatch => (Pattern::Regex, false),
        Op::PGRegexNotMatch => (Pattern::Regex, true),
        Op::PGRegexIMatch => (Pattern::RegexInsensitive, false),
        Op::PGRegexNotIMatch => (Pattern::RegexInsensitive, true),
        Op::PGLikeMatch => (Pattern::Like, false),
        Op::PGNotLikeMatch => (Pattern::Like, true),
        Op::PGILikeMatch => (Pattern::Ilike, false),
        Op::PGNotILikeMatch => (Pattern::Ilike, true),
        _ => return None,
    })
}

/// The operands of a chain of one operator, however deep the chain is.
fn chain<'a>(at: &'a ast::Expr, wanted: &Op) -> Vec<&'a ast::Expr> {
    let mut operands = Vec::new();
    let mut pending = vec![at];
    while let Some(next) = pending.pop() {
        match next {
            ast::Expr::BinaryOp { left, op, right } if op == wanted => pending.extend([&**right, &**left]),
            ast::Expr::Nested(inner) => match &**inner {
                ast::Expr::BinaryOp { op, .. } if op == wanted => pending.push(inner),
                _ => operands.push(next),
            },
            _ => operands.push(next),
        }
    }
    operands
}

/// The parts that must all hold.
pub(super) fn conjuncts(at: &ast::Expr) -> Vec<&ast::Expr> {
    chain(at, &Op::And)
}

impl Compiler<'_> {
    pub(super) fn binary(
        &mut self,
        left: &ast::Expr,
        op: &Op,
        right: &ast::Expr,
        at: &ast::Expr,
    ) -> Checked<Typed> {
        if matches!(op, Op::And | Op::Or) {
            let mut parts = Vec::new();
            for operand in chain(at, op) {
                let typed = self.expr(operand)?;
                parts.push(self.boolean(typed, operand, "AND and OR's operand")?);
            }
            let junction = if matches!(op, Op::And) { Expr::And(parts) } else { Expr::Or(parts) };
            return Ok(Typed::boolean(junction));
        }
        if let Some(comparison) = comparison(op) {
            return self.compare(comparison, left, right);
        }
        if let Some((pattern, negated)) = pattern(op) {
            return self.matches(pattern, left, right, negated);
        }
        if let Some(op) = arithmetic(op) {
            return self.arithmetic(op, left, right);
        }
        match op {
            Op::StringConcat => self.concat(left, right),
            Op::Arrow | Op::LongArrow => self.json_step(left, right, matches!(op, Op::LongArrow), at),
            Op::HashArrow | Op::HashLongArrow => {
                self.json_path(left, right, matches!(op, Op::HashLongArrow), at)
            }
            Op::AtArrow => self.json_contains(left, right),
            Op::ArrowAt => self.json_contains(right, left),
            Op::Question => self.claim_has(left, right, at),
            _ => {
                let fault = self.fault(at, format!("operator {op} is not supported in a policy"));
                Err(fault.hint("docs/reference/policies.md lists the operators"))
            }
        }
    }

    pub(super) fn unary(
        &mut self,
        op: ast::UnaryOperator,
        inner: &ast::Expr,
        at: &ast::Expr,
    ) -> Checked<Typed> {
        match op {
            ast::UnaryOperator::Not => {
                let typed = self.expr(inner)?;
                let operand = self.boolean(typed, inner, "NOT's operand")?;
                Ok(Typed::boolean(negate(operand, true)))
            }
            ast::UnaryOperator::Plus => self.number_operand(inner),
            ast::UnaryOperator::Minus => {
                if let ast::Expr::Value(value) = inner
                    && let ast::Value::Number(text, _) = &value.value
                {
                    return self.number(&format!("-{text}"), at);
                }
                let typed = self.number_operand(inner)?;
                let zero = Expr::Value(transom_types::Value::Integer(0));
                let expr = Expr::Binary(BinaryOp::Subtract, Box::new(zero), Box::new(typed.expr));
                Ok(Typed::fixed(expr, typed.data_type))
            }
            _ => Err(self.unsupported(at)),
        }
    }

    pub(super) fn compare(&mut self, op: Comparison, left: &ast::Expr, right: &ast::Expr) -> Checked<Typed> {
        if let (ast::Expr::Tuple(lefts), ast::Expr::Tuple(rights)) = (left, right)
            && lefts.len() == rights.len()
            && op == Comparison::Eq
        {
            let pairs = lefts.iter().zip(rights);
            let parts: Checked<Vec<Expr>> = pairs.map(|(l, r)| Ok(self.compare(op, l, r)?.expr)).collect();
            return Ok(Typed::boolean(Expr::And(parts?)));
        }
        let sides = ((self.expr(left)?, left), (self.expr(right)?, right));
        let (left, right) = self.unify(sides.0, sides.1)?;
        Ok(Typed::boolean(Expr::Compare(op, Box::new(left.expr), Box::new(right.expr))))
    }

    pub(super) fn between(
        &mut self,
        operand: &ast::Expr,
        low: &ast::Expr,
        high: &ast::Expr,
        negated: bool,
    ) -> Checked<Typed> {
        let above = self.compare(Comparison::Gte, operand, low)?.expr;
        let below = self.compare(Comparison::Lte, operand, high)?.expr;
        Ok(Typed::boolean(negate(Expr::And(vec![above, below]), negated)))
    }

    pub(super) fn in_list(
        &mut self,
        operand: &ast::Expr,
        list: &[ast::Expr],
        negated: bool,
    ) -> Checked<Typed> {
        let mut operands = vec![(self.expr(operand)?, operand)];
        for item in list {
            operands.push((self.expr(item)?, item));
        }
        let (mut exprs, _) = self.unify_all(operands)?;
        let operand = Box::new(exprs.remove(0));
        Ok(Typed::boolean(negate(Expr::InExprs(operand, exprs), negated)))
    }

    pub(super) fn like(
        &mut self,
        operand: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&ast::Expr>,
        insensitive: bool,
        negated: bool,
    ) -> Checked<Typed> {
        if let Some(escape) = escape {
            let typed = self.expr(escape)?;
            if typed.constant_text() != Some("\\") {
                return Err(self
                    .fault(escape, "LIKE's only escape character here is \\")
                    .hint("Remove ESCAPE"));
            }
        }
        self.matches(if insensitive { Pattern::Ilike } else { Pattern::Like }, operand, pattern, negated)
    }

    fn matches(
        &mut self,
        kind: Pattern,
        operand: &ast::Expr,
        pattern: &ast::Expr,
        negated: bool,
    ) -> Checked<Typed> {
        let operand = self.text_operand(operand)?;
        let pattern = self.text_operand(pattern)?;
        let test = Expr::Match(kind, Box::new(operand.expr), Box::new(pattern.expr));
        Ok(Typed::boolean(negate(test, negated)))
    }

    fn arithmetic(&mut self, op: BinaryOp, left: &ast::Expr, right: &ast::Expr) -> Checked<Typed> {
        let sides = ((self.expr(left)?, left), (self.expr(right)?, right));
        for (typed, at) in [&sides.0, &sides.1] {
            if typed.firmness == super::Firmness::Fixed && !is_number(typed.data_type) {
                let message =
                    format!("arithmetic needs numbers, but {} is {}", brief(at), typed.data_type.name());
                return Err(self
                    .fault(at, message)
                    .hint("Dates and intervals cannot be added here: compare dates"));
            }
        }
        let mut sides = vec![sides.0, sides.1];
        // Two operands whose types are both open, such as claims, are numbers all the same.
        if sides.iter().all(|(typed, _)| typed.firmness != super::Firmness::Fixed) {
            for (typed, at) in &mut sides {
                *typed = self.coerce(typed.clone(), DataType::Numeric, at)?;
            }
        }
        let (mut exprs, data_type) = self.unify_all(sides)?;
        let (right, left) = (exprs.pop(), exprs.pop());
        let both = left.zip(right).map(|(left, right)| Expr::Binary(op, Box::new(left), Box::new(right)));
        Ok(Typed::fixed(both.unwrap_or(Expr::Value(transom_types::Value::Null)), data_type))
    }

    /// `||`; whatever is not text is written as text.
    fn concat(&mut self, left: &ast::Expr, right: &ast::Expr) -> Checked<Typed> {
        let mut sides = Vec::new();
        for at in [left, right] {
            let typed = self.expr(at)?;
            sides.push(match typed.firmness {
                super::Firmness::Fixed if typed.data_type != DataType::Text => {
                    Expr::Cast(Box::new(typed.expr), DataType::Text)
                }
                super::Firmness::Fixed => typed.expr,
                _ => self.coerce(typed, DataType::Text, at)?.expr,
            });
        }
        let right = sides.pop().unwrap_or(Expr::Value(transom_types::Value::Null));
        let left = sides.pop().unwrap_or(Expr::Value(transom_types::Value::Null));
        Ok(Typed::fixed(Expr::Binary(BinaryOp::Concat, Box::new(left), Box::new(right)), DataType::Text))
    }

    /// An operand that must be text or written as text.
    pub(super) fn text_operand(&mut self, at: &ast::Expr) -> Checked<Typed> {
        let typed = self.expr(at)?;
        self.coerce(typed, DataType::Text, at)
    }

    /// An operand that must be a number.
    pub(super) fn number_operand(&mut self, at: &ast::Expr) -> Checked<Typed> {
        let typed = self.expr(at)?;
        if typed.firmness == super::Firmness::Fixed && is_number(typed.data_type) {
            return Ok(typed);
        }
        self.coerce(typed, DataType::Numeric, at)
    }

    /// `operand OP ANY (…)` and `ALL`, over a constant array, a subquery or a claim's elements.
    pub(super) fn quantified(
        &mut self,
        operand: &ast::Expr,
        op: &Op,
        list: &ast::Expr,
        all: bool,
        at: &ast::Expr,
    ) -> Checked<Typed> {
        let Some(test) = comparison(op) else { return Err(self.unsupported(at)) };
        // These two are IN and NOT IN; every other test is one comparison per element.
        let membership = matches!((test, all), (Comparison::Eq, false) | (Comparison::Neq, true));
        if let Some(query) = subquery_of(list) {
            return match membership {
                true => self.in_subquery(operand, query, all, at),
                false => {
                    let fault = self.fault(at, format!("{} is not supported in a policy", brief(at)));
                    Err(fault.hint("Over a subquery only = ANY and <> ALL are; write EXISTS (…)"))
                }
            };
        }
        let elements = self.elements(list)?;
        let mut operands = vec![(self.expr(operand)?, operand)];
        operands.extend(elements);
        let (mut exprs, _) = self.unify_all(operands)?;
        let operand = exprs.remove(0);
        if membership {
            return Ok(Typed::boolean(negate(Expr::InExprs(Box::new(operand), exprs), all)));
        }
        let compared = |element| Expr::Compare(test, Box::new(operand.clone()), Box::new(element));
        let parts = exprs.into_iter().map(compared).collect();
        Ok(Typed::boolean(if all { Expr::And(parts) } else { Expr::Or(parts) }))
    }

    /// The elements of `ARRAY[…]` or `'{…}'`, with or without a cast.
    fn elements<'a>(&mut self, list: &'a ast::Expr) -> Checked<Vec<(Typed, &'a ast::Expr)>> {
        match list {
            ast::Expr::Nested(inner) => self.elements(inner),
            ast::Expr::Array(array) => {
                array.elem.iter().map(|element| Ok((self.expr(element)?, element))).collect()
            }
            ast::Expr::Cast { expr, data_type, .. } => self.cast_elements(expr, data_type, list),
            _ => {
                let typed = self.expr(list)?;
                let text = typed.constant_text().filter(|_| is_literal(&typed));
                let Some(elements) = text.and_then(array_elements) else {
                    let fault = self.fault(list, format!("{} is not a list of constants", brief(list)));
                    return Err(fault.hint("Write ANY (ARRAY['a', 'b']), ANY ('{a,b}') or IN (SELECT …)"));
                };
                let typed =
                    |element: Option<String>| element.map_or_else(Typed::null, |text| Typed::literal(&text));
                Ok(elements.into_iter().map(|element| (typed(element), list)).collect())
            }
        }
    }

    fn cast_elements<'a>(
        &mut self,
        inner: &'a ast::Expr,
        to: &ast::DataType,
        list: &'a ast::Expr,
    ) -> Checked<Vec<(Typed, &'a ast::Expr)>> {
        let element_type = match to {
            ast::DataType::Array(
                ast::ArrayElemTypeDef::SquareBracket(element, _)
                | ast::ArrayElemTypeDef::AngleBracket(element),
            ) => element,
            other => other,
        };
        let data_type = self.data_type(element_type, list)?;
        let elements = self.elements(inner)?;
        elements.into_iter().map(|(typed, at)| Ok((self.coerce(typed, data_type, at)?, at))).collect()
    }
}

/// The subquery that `ANY (SELECT …)` or `ANY (ARRAY (SELECT …))` quantifies over.
fn subquery_of(list: &ast::Expr) -> Option<&ast::Query> {
    match list {
        ast::Expr::Nested(inner) => subquery_of(inner),
        ast::Expr::Subquery(query) => Some(query),
        ast::Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("array") => {
            match &function.args {
                ast::FunctionArguments::Subquery(query) => Some(query),
                _ => None,
            }
        }
        _ => None,
    }
}
