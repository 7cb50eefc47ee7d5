//! Constants and casts.

use sqlparser::ast;
use transom_query::Expr;
use transom_types::{DataType, Value};

use super::{
    Compiler,
    types::{Firmness, Typed, brief},
};
use crate::fault::Checked;

impl Compiler<'_> {
    pub(super) fn value(&mut self, value: &ast::Value, at: &ast::Expr) -> Checked<Typed> {
        Ok(match value {
            ast::Value::Null => Typed::null(),
            ast::Value::Boolean(value) => Typed::boolean(Expr::Value(Value::Bool(*value))),
            ast::Value::Number(text, _) => self.number(text, at)?,
            ast::Value::SingleQuotedString(text)
            | ast::Value::EscapedStringLiteral(text)
            | ast::Value::UnicodeStringLiteral(text)
            | ast::Value::NationalStringLiteral(text) => Typed::literal(text),
            ast::Value::DollarQuotedString(quoted) => Typed::literal(&quoted.value),
            ast::Value::Placeholder(_) => {
                let fault = self.fault(at, format!("{} stands for nothing here", brief(at)));
                return Err(fault.hint("Use auth.uid(), auth.jwt() or a constant"));
            }
            _ => return Err(self.unsupported(at)),
        })
    }

    /// A number: an integer when it is one, a decimal as its own text, else (with an exponent) a double.
    pub(super) fn number(&mut self, text: &str, at: &ast::Expr) -> Checked<Typed> {
        if let Ok(integer) = text.parse() {
            return Ok(Typed::fixed(Expr::Value(Value::Integer(integer)), DataType::Integer));
        }
        let exponent = text.contains(['e', 'E']);
        match text.parse::<f64>() {
            Ok(real) if real.is_finite() && exponent => {
                Ok(Typed::fixed(Expr::Value(Value::Real(real)), DataType::Real))
            }
            Ok(real) if real.is_finite() => {
                let value = DataType::Numeric.parse(text).unwrap_or(Value::Real(real));
                Ok(Typed::fixed(Expr::Value(value), DataType::Numeric))
            }
            _ => Err(self.fault(at, format!("'{text}' is not a number"))),
        }
    }

    /// `DATE '2026-01-01'`
    pub(super) fn typed_string(&mut self, typed: &ast::TypedString, at: &ast::Expr) -> Checked<Typed> {
        let data_type = self.data_type(&typed.data_type, at)?;
        let literal = self.value(&typed.value.value, at)?;
        self.coerce(literal, data_type, at)
    }

    pub(super) fn cast(&mut self, inner: &ast::Expr, to: &ast::DataType, at: &ast::Expr) -> Checked<Typed> {
        let typed = self.expr(inner)?;
        let data_type = self.data_type(to, at)?;
        // A claim is read as the type where it is bound, so that a claim of another type cannot become 0 or ''.
        let json_as_text = typed.data_type == DataType::Json && data_type == DataType::Text;
        if self.pool.as_claim(&typed.expr).is_some() && !json_as_text {
            let claim = self.retype_claim(typed, data_type, at)?;
            return Ok(Typed { firmness: Firmness::Fixed, ..claim });
        }
        match typed.firmness {
            Firmness::Literal | Firmness::Null => {
                let typed = self.coerce(typed, data_type, at)?;
                Ok(Typed { firmness: Firmness::Fixed, ..typed })
            }
            _ if typed.data_type == data_type => Ok(typed),
            _ => Ok(Typed::fixed(Expr::Cast(Box::new(typed.expr), data_type), data_type)),
        }
    }

    /// The type that a cast names, its length and time zone left aside.
    pub(super) fn data_type(&mut self, to: &ast::DataType, at: &ast::Expr) -> Checked<DataType> {
        let written = to.to_string().to_ascii_lowercase();
        let base = written.split('(').next().unwrap_or_default();
        let base = base.trim_end_matches(" with time zone").trim_end_matches(" without time zone").trim();
        DataType::from_cast_name(base).ok_or_else(|| {
            self.fault(at, format!("type '{written}' does not exist here")).hint(
                "Types are boolean, bigint, float8, numeric, text, bytea, json, uuid, date, time, timestamp",
            )
        })
    }
}

/// The elements of an array literal such as `{a,"b c",3}`; `None` when it is not one of one dimension.
pub(super) fn array_elements(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut elements = Vec::new();
    let mut letters = inner.chars().peekable();
    if inner.trim().is_empty() {
        return Some(elements);
    }
    loop {
        let mut element = String::new();
        let mut quoted = false;
        let mut inside = false;
        loop {
            match letters.next() {
                Some('"') => {
                    inside = !inside;
                    quoted = true;
                }
                Some('\\') => element.push(letters.next()?),
                Some('{' | '}') if !inside => return None,
                Some(',') if !inside => break,
                Some(letter) => element.push(letter),
                None if inside => return None,
                None => {
                    elements.push(finished(element, quoted));
                    return Some(elements);
                }
            }
        }
        elements.push(finished(element, quoted));
    }
}

fn finished(element: String, quoted: bool) -> Option<String> {
    match quoted {
        true => Some(element),
        false if element.trim().eq_ignore_ascii_case("null") => None,
        false => Some(element.trim().to_owned()),
    }
}
