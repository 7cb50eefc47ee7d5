//! What only engines with types, operators and functions of their own have.

use transom_query::Expr;
use transom_types::{Code, Problem};

use super::Writer;

impl Writer<'_> {
    pub(super) fn of_engine(&mut self, expr: &Expr) -> Result<(), Problem> {
        let dialect = self.dialect;
        match expr {
            Expr::EngineCast(inner, to) => {
                let inner = self.expr_apart(inner)?;
                dialect.as_engine_type(&mut self.text, &inner, Some(to));
            }
            Expr::EngineCall(function, inner) => {
                self.push(function);
                self.push("(");
                self.expr(inner)?;
                self.push(")");
            }
            Expr::InCalled(operand, function, list) => {
                let (operand, list) = (self.expr_apart(operand)?, self.param_apart(*list)?);
                dialect.in_called(&mut self.text, &operand, function, &list)?;
            }
            Expr::EngineOperator(operator, left, right) => {
                let (left, right) = (self.expr_apart(left)?, self.expr_apart(right)?);
                dialect.engine_operator(&mut self.text, *operator, &left, &right)?;
            }
            Expr::FromJson(param, to) => {
                let document = self.param_apart(*param)?;
                dialect.engine_value(&mut self.text, &document, to)?;
            }
            Expr::Search { operand, vector, kind, language, words } => {
                let (operand, words) = (self.expr_apart(operand)?, self.param_apart(*words)?);
                dialect.search(&mut self.text, (&operand, *vector), (*kind, language.as_deref()), &words)?;
            }
            Expr::Joined(id, found) => self.found(*id, found)?,
            Expr::Default => self.push("DEFAULT"),
            Expr::Output(place) => self.push(&(u32::from(*place) + 1).to_string()),
            _ => return Err(Problem::new(Code::Internal, "an expression of every engine")),
        }
        Ok(())
    }
}
