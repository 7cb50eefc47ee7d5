//! Types of what a condition is made of, and how the two sides of an operator agree.

use sqlparser::ast::{self, Spanned};
use transom_query::Expr;
use transom_types::{DataType, Value};

use super::Compiler;
use crate::fault::{Checked, Fault};

/// An expression, its type and how firm that is.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub expr: Expr,
    pub data_type: DataType,
    pub firmness: Firmness,
}

/// Whether an expression's type may still follow what it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Firmness {
    /// The type is what it is.
    Fixed,
    /// A quoted constant: read as the other side's type.
    Literal,
    /// NULL: of every type.
    Null,
    /// A claim's text: read as the other side's type when the request comes.
    Claim,
}

impl Typed {
    pub fn fixed(expr: Expr, data_type: DataType) -> Self {
        Self { expr, data_type, firmness: Firmness::Fixed }
    }

    pub fn literal(text: &str) -> Self {
        let expr = Expr::Value(Value::text(text));
        Self { expr, data_type: DataType::Text, firmness: Firmness::Literal }
    }

    pub fn null() -> Self {
        Self { expr: Expr::Value(Value::Null), data_type: DataType::Any, firmness: Firmness::Null }
    }

    pub fn boolean(expr: Expr) -> Self {
        Self::fixed(expr, DataType::Bool)
    }

    /// The text of a constant, if this is one.
    pub fn constant_text(&self) -> Option<&str> {
        match &self.expr {
            Expr::Value(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Whether values of two types can be told equal or not.
fn comparable(left: DataType, right: DataType) -> bool {
    left == right
        || left == DataType::Any
        || right == DataType::Any
        || (is_number(left) && is_number(right))
        || (is_written_as_text(left) && is_written_as_text(right))
}

/// Whether arithmetic is possible.
pub(super) fn is_number(data_type: DataType) -> bool {
    matches!(data_type, DataType::Integer | DataType::Real | DataType::Numeric | DataType::Any)
}

fn is_written_as_text(data_type: DataType) -> bool {
    use DataType::{Date, Text, Time, Timestamp, Uuid};
    matches!(data_type, Text | Uuid | Date | Time | Timestamp)
}

/// The wider of two types of one family.
fn wider(left: DataType, right: DataType) -> DataType {
    use DataType::{Any, Integer, Numeric, Real};
    match (left, right) {
        (Any, other) | (other, Any) => other,
        (Real, _) | (_, Real) if is_number(left) && is_number(right) => Real,
        (Numeric, Integer) | (Integer, Numeric) => Numeric,
        _ => left,
    }
}

impl Compiler<'_> {
    /// Gives `typed` the type `wanted`, or says why it cannot have it.
    pub(super) fn coerce(&mut self, typed: Typed, wanted: DataType, at: &ast::Expr) -> Checked<Typed> {
        match typed.firmness {
            Firmness::Null => Ok(Typed { data_type: wanted, ..typed }),
            Firmness::Claim => self.retype_claim(typed, wanted, at),
            Firmness::Literal => self.read_literal(&typed, wanted, at),
            Firmness::Fixed if comparable(typed.data_type, wanted) => Ok(typed),
            Firmness::Fixed => {
                let message = format!("{} is {}, not {}", brief(at), typed.data_type.name(), wanted.name());
                Err(self.fault(at, message).hint(remedy(typed.data_type, wanted)))
            }
        }
    }

    /// The claim, read as another type; text and types of an unknown kind leave it text.
    pub(super) fn retype_claim(&mut self, typed: Typed, wanted: DataType, at: &ast::Expr) -> Checked<Typed> {
        let Some((path, _)) = self.pool.as_claim(&typed.expr) else { return Ok(typed) };
        let path = path.to_vec();
        let data_type = if wanted == DataType::Any { DataType::Text } else { wanted };
        let expr = self.pool.claim(path, data_type, self.line(at))?;
        let firmness = if data_type == DataType::Text { Firmness::Claim } else { Firmness::Fixed };
        Ok(Typed { expr, data_type, firmness })
    }

    fn read_literal(&mut self, typed: &Typed, wanted: DataType, at: &ast::Expr) -> Checked<Typed> {
        let text = typed.constant_text().unwrap_or_default();
        // What an untyped column compares with is what was written: text in quotes is text.
        let wanted = if wanted == DataType::Any { DataType::Text } else { wanted };
        match wanted.parse(text) {
            Some(value) => Ok(Typed::fixed(Expr::Value(value), wanted)),
            None => {
                let message = format!("'{}' is not a valid {}", text.escape_debug(), wanted.name());
                Err(self
                    .fault(at, message)
                    .hint(format!("Write a value of type {}, or cast the other side", wanted.name())))
            }
        }
    }

    /// Gives both sides of an operator one type.
    pub(super) fn unify(
        &mut self,
        (left, left_at): (Typed, &ast::Expr),
        (right, right_at): (Typed, &ast::Expr),
    ) -> Checked<(Typed, Typed)> {
        use Firmness::{Claim, Fixed};
        let wanted = match (left.firmness, right.firmness) {
            (Fixed, Fixed) if !comparable(left.data_type, right.data_type) => {
                let (l, r) = (left.data_type, right.data_type);
                let message = format!(
                    "{} ({}) cannot be compared with {} ({})",
                    brief(left_at),
                    l.name(),
                    brief(right_at),
                    r.name()
                );
                return Err(self.fault(right_at, message).hint(remedy(r, l)));
            }
            (Fixed, Fixed) => return Ok((left, right)),
            (Fixed, _) => left.data_type,
            (_, Fixed) => right.data_type,
            (Claim, _) | (_, Claim) | (_, _) => DataType::Text,
        };
        Ok((self.coerce(left, wanted, left_at)?, self.coerce(right, wanted, right_at)?))
    }

    /// Gives every operand one type, that of the first whose type is fixed.
    pub(super) fn unify_all(&mut self, operands: Vec<(Typed, &ast::Expr)>) -> Checked<(Vec<Expr>, DataType)> {
        let fixed = operands.iter().filter(|(typed, _)| typed.firmness == Firmness::Fixed);
        let wanted = fixed.map(|(typed, _)| typed.data_type).reduce(wider).unwrap_or(DataType::Text);
        let mut exprs = Vec::with_capacity(operands.len());
        for (typed, at) in operands {
            exprs.push(self.coerce(typed, wanted, at)?.expr);
        }
        Ok((exprs, wanted))
    }

    /// A condition: boolean, or a fault that says what it is instead.
    pub(super) fn boolean(&mut self, typed: Typed, at: &ast::Expr, what: &str) -> Checked<Expr> {
        match (typed.firmness, typed.data_type) {
            (Firmness::Null, _) | (Firmness::Fixed, DataType::Bool | DataType::Any) => Ok(typed.expr),
            (Firmness::Literal, _) => Ok(self.read_literal(&typed, DataType::Bool, at)?.expr),
            (_, data_type) => {
                let message = format!("{what} must be boolean, but {} is {}", brief(at), data_type.name());
                let hint = match data_type {
                    DataType::Integer => "Compare it: … = 1 (columns declared BOOLEAN are true or false)",
                    _ => "Compare it with something, or cast it: (…)::boolean",
                };
                Err(self.fault(at, message).hint(hint))
            }
        }
    }

    /// The line an expression begins on; where it does not say, that of what was compiled last.
    pub(super) fn line(&self, at: &ast::Expr) -> u64 {
        own_line(at).unwrap_or(self.start)
    }

    /// Takes note of where the compilation is.
    pub(super) fn note_line(&mut self, at: &ast::Expr) {
        self.start = self.line(at);
    }

    /// A fault at an expression.
    pub(super) fn fault(&self, at: &ast::Expr, message: impl Into<String>) -> Fault {
        Fault::at(self.line(at), message)
    }
}

/// Longest chain of operators that messages quote.
const QUOTED_CHAIN_MAX: usize = 64;

/// The operand that an expression begins with.
fn leftmost(at: &ast::Expr) -> Option<&ast::Expr> {
    use ast::Expr as E;
    match at {
        E::BinaryOp { left: inner, .. }
        | E::AnyOp { left: inner, .. }
        | E::AllOp { left: inner, .. }
        | E::IsDistinctFrom(inner, _)
        | E::IsNotDistinctFrom(inner, _)
        | E::IsNull(inner)
        | E::IsNotNull(inner)
        | E::IsTrue(inner)
        | E::IsNotTrue(inner)
        | E::IsFalse(inner)
        | E::IsNotFalse(inner)
        | E::IsUnknown(inner)
        | E::IsNotUnknown(inner)
        | E::InList { expr: inner, .. }
        | E::InSubquery { expr: inner, .. }
        | E::Between { expr: inner, .. }
        | E::Like { expr: inner, .. }
        | E::ILike { expr: inner, .. }
        | E::SimilarTo { expr: inner, .. }
        | E::Cast { expr: inner, .. }
        | E::UnaryOp { expr: inner, .. }
        | E::Nested(inner) => Some(inner),
        E::Tuple(parts) => parts.first(),
        _ => None,
    }
}

/// The line that an expression's first word stands on. Not the library's own span: that recurses as deep as the chain is long.
fn own_line(at: &ast::Expr) -> Option<u64> {
    let first = std::iter::successors(Some(at), |at| leftmost(at)).last()?;
    let line = match first {
        ast::Expr::Identifier(name) => name.span.start.line,
        ast::Expr::CompoundIdentifier(names) => names.first()?.span.start.line,
        ast::Expr::Value(value) => value.span.start.line,
        ast::Expr::Function(function) => function.name.span().start.line,
        ast::Expr::Case { case_token, .. } => case_token.0.span.start.line,
        ast::Expr::Exists { subquery, .. } | ast::Expr::Subquery(subquery) => match &*subquery.body {
            ast::SetExpr::Select(select) => select.select_token.0.span.start.line,
            _ => 0,
        },
        _ => 0,
    };
    (line > 0).then_some(line)
}

/// An expression as messages quote it.
pub(super) fn brief(at: &ast::Expr) -> String {
    if std::iter::successors(Some(at), |at| leftmost(at)).nth(QUOTED_CHAIN_MAX).is_some() {
        return "the expression".into();
    }
    let text = at.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn remedy(has: DataType, wanted: DataType) -> String {
    match (has, wanted) {
        (DataType::Integer, DataType::Bool) => "Write true or false instead of a number".into(),
        (DataType::Bool, DataType::Integer) => "Write 1 or 0: the other side is a number".into(),
        (_, wanted) => format!("Cast it, such as (…)::{}", wanted.name()),
    }
}
