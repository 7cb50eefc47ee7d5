//! Scalars and predicates.

use transom_query::{
    Expr,
    plan::{Comparison, Function, ParamId, ParamKind},
    request::{Aggregate, IsValue},
};
use transom_types::{DataType, Problem};

use super::Writer;

impl Writer<'_> {
    /// The text of a part, apart: for dialect methods that arrange parts.
    pub(super) fn apart(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), Problem>,
    ) -> Result<String, Problem> {
        let outer = std::mem::take(&mut self.text);
        let written = write(self);
        let part = std::mem::replace(&mut self.text, outer);
        written.map(|()| part)
    }

    pub(super) fn expr_apart(&mut self, expr: &Expr) -> Result<String, Problem> {
        self.apart(|writer| writer.expr(expr))
    }

    pub(super) fn param_apart(&mut self, id: ParamId) -> Result<String, Problem> {
        self.apart(|writer| {
            writer.param(id);
            Ok(())
        })
    }

    pub(super) fn expr(&mut self, expr: &Expr) -> Result<(), Problem> {
        let dialect = self.dialect;
        match expr {
            Expr::Value(value) => return dialect.value(&mut self.text, value),
            Expr::Param(id) => self.param(*id),
            Expr::Column(id, column) => self.column(*id, *column)?,
            Expr::Json(base, steps) => {
                let document = self.is_document(base);
                let base = self.expr_apart(base)?;
                return dialect.json_path(&mut self.text, &base, steps, document);
            }
            Expr::Cast(inner, to) => self.cast(inner, *to)?,
            Expr::EngineCast(..)
            | Expr::EngineCall(..)
            | Expr::InCalled(..)
            | Expr::EngineOperator(..)
            | Expr::FromJson(..)
            | Expr::Search { .. }
            | Expr::Default
            | Expr::Output(_)
            | Expr::Joined(..) => self.of_engine(expr)?,
            Expr::Not(part) => self.parenthesised("NOT (", part)?,
            Expr::And(parts) => self.joined(parts, " AND ", dialect.truth(true))?,
            Expr::Or(parts) => self.joined(parts, " OR ", dialect.truth(false))?,
            Expr::Compare(comparison, left, right) => self.compare(*comparison, left, right)?,
            Expr::Binary(operator, left, right) => self.infix(left, dialect.binary(*operator), right)?,
            Expr::Is(inner, value) => {
                let inner = self.untyped(inner)?;
                self.push(&format!("(({inner}){}", is(*value)));
            }
            Expr::Match(pattern, operand, with) => {
                let (operand, with) = (self.expr_apart(operand)?, self.expr_apart(with)?);
                dialect.pattern(&mut self.text, *pattern, &operand, &with);
            }
            Expr::JsonContains(whole, part) => {
                let (whole, part) = (self.expr_apart(whole)?, self.expr_apart(part)?);
                dialect.json_contains(&mut self.text, &whole, &part);
            }
            Expr::JsonOverlaps(left, right) => self.overlaps(left, right)?,
            Expr::InList(operand, list) => self.in_list(operand, *list)?,
            Expr::InExprs(_, exprs) if exprs.is_empty() => self.push(dialect.truth(false)),
            Expr::InExprs(operand, exprs) => {
                self.in_exprs(operand, exprs)?;
            }
            Expr::InRows(values, rows) => self.in_rows(values, *rows)?,
            Expr::Place { query, table, key, rows } => {
                let rows = self.param_apart(*rows)?;
                let key = self.apart(|writer| writer.captured(*query, *table, key))?;
                dialect.place(&mut self.text, &rows, &key);
            }
            Expr::Quantified { test, operand, list, all } => self.quantified(*test, operand, *list, *all)?,
            Expr::Aggregate(aggregate, inner) => self.aggregate(*aggregate, inner.as_deref())?,
            Expr::Call(function, arguments) => self.function(*function, arguments)?,
            Expr::Case(branches, otherwise) => self.case(branches, otherwise.as_deref())?,
            Expr::FullText { query, table, columns, kind, words } => {
                self.full_text((*query, *table), columns, (*kind, *words))?;
            }
            Expr::Exists(_)
            | Expr::InQuery(..)
            | Expr::Scalar(_)
            | Expr::Object(_)
            | Expr::Objects(_)
            | Expr::Array(_) => self.subquery(expr)?,
        }
        Ok(())
    }

    fn in_exprs(&mut self, operand: &Expr, exprs: &[Expr]) -> Result<(), Problem> {
        let document = self.is_document(operand);
        self.push("(");
        self.comparable(operand, document)?;
        self.push(") IN (");
        self.list(exprs, ", ", |writer, expr| writer.comparable(expr, document))?;
        self.push(")");
        Ok(())
    }

    fn overlaps(&mut self, left: &Expr, right: &Expr) -> Result<(), Problem> {
        let (left, right) = (self.expr_apart(left)?, self.expr_apart(right)?);
        self.dialect.json_overlaps(&mut self.text, &left, &right);
        Ok(())
    }

    /// An operand in a place that tells no type.
    fn untyped(&mut self, operand: &Expr) -> Result<String, Problem> {
        let text = self.expr_apart(operand)?;
        let Expr::Param(_) = operand else { return Ok(text) };
        let mut typed = String::new();
        self.dialect.typed(&mut typed, &text, DataType::Text);
        Ok(typed)
    }

    fn column(&mut self, id: transom_query::QueryId, column: transom_query::ColumnId) -> Result<(), Problem> {
        self.alias(id);
        self.push(".");
        self.note(id, column);
        let name = self.column_name(id, column)?;
        self.name(&name);
        Ok(())
    }

    fn parenthesised(&mut self, open: &str, inner: &Expr) -> Result<(), Problem> {
        self.push(open);
        self.expr(inner)?;
        self.push(")");
        Ok(())
    }

    fn infix(&mut self, left: &Expr, operator: &str, right: &Expr) -> Result<(), Problem> {
        self.push("(");
        self.expr(left)?;
        self.push(" ");
        self.push(operator);
        self.push(" ");
        self.expr(right)?;
        self.push(")");
        Ok(())
    }

    fn compare(&mut self, comparison: Comparison, left: &Expr, right: &Expr) -> Result<(), Problem> {
        let document = self.is_document(left) || self.is_document(right);
        self.push("(");
        self.comparable(left, document)?;
        self.push(" ");
        self.push(self.dialect.comparison(comparison));
        self.push(" ");
        self.comparable(right, document)?;
        self.push(")");
        Ok(())
    }

    /// An operand of a comparison or order: documents compare by value and not by how they are written.
    pub(super) fn comparable(&mut self, expr: &Expr, document: bool) -> Result<(), Problem> {
        // A cursor has kept what the order went by.
        let kept = |id: &ParamId| self.plan.params[usize::from(id.0)].kind == ParamKind::CursorValue;
        if !document || matches!(expr, Expr::Param(id) if kept(id)) {
            return self.expr(expr);
        }
        let inner = self.expr_apart(expr)?;
        self.dialect.json_key(&mut self.text, &inner);
        Ok(())
    }

    /// Whether an expression yields a document.
    pub(super) fn is_document(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Json(_, steps) => !steps.last().is_some_and(|step| step.as_text),
            Expr::Column(id, column) => self.column_type(*id, *column) == Some(DataType::Json),
            Expr::Cast(_, to) => *to == DataType::Json,
            Expr::Scalar(query) => {
                query.outputs.first().is_some_and(|output| output.data_type == DataType::Json)
            }
            expr => expr.is_assembled(),
        }
    }

    fn cast(&mut self, inner: &Expr, to: DataType) -> Result<(), Problem> {
        let document = self.is_document(inner) && to != DataType::Json;
        let bytes = to == DataType::Text
            && matches!(inner, Expr::Column(id, column)
                if matches!(self.column_type(*id, *column), Some(DataType::Bytes | DataType::Any)));
        let inner = self.expr_apart(inner)?;
        let mut text = String::new();
        match (document, bytes) {
            // Their text, however they are kept.
            (true, _) => self.dialect.document_text(&mut text, &inner),
            (_, true) => self.dialect.json_value(&mut text, DataType::Bytes, &inner),
            _ => text = inner,
        }
        self.dialect.cast(&mut self.text, &text, to);
        Ok(())
    }

    /// Parts joined by a word; nothing is the word's neutral element.
    fn joined(&mut self, parts: &[Expr], word: &str, neutral: &str) -> Result<(), Problem> {
        if parts.is_empty() {
            self.push(neutral);
            return Ok(());
        }
        self.push("(");
        self.list(parts, word, |writer, part| writer.expr(part))?;
        self.push(")");
        Ok(())
    }

    fn in_list(&mut self, operand: &Expr, list: ParamId) -> Result<(), Problem> {
        let data_type = match &self.plan.params[usize::from(list.0)].kind {
            ParamKind::List(data_type) => *data_type,
            _ => DataType::Any,
        };
        let list = self.param_apart(list)?;
        let document = self.is_document(operand);
        let operand = self.apart(|writer| writer.comparable(operand, document))?;
        self.dialect.in_list(&mut self.text, &operand, &list, data_type);
        Ok(())
    }

    fn in_rows(&mut self, values: &[Expr], rows: ParamId) -> Result<(), Problem> {
        let types = match &self.plan.params[usize::from(rows.0)].kind {
            ParamKind::Rows(types) => types.clone(),
            _ => Vec::new(),
        };
        let rows = self.param_apart(rows)?;
        self.push("(");
        self.list(values, ", ", |writer, value| writer.expr(value))?;
        self.push(") IN (SELECT ");
        self.list(0..values.len(), ", ", |writer, at| {
            let data_type = types.get(at).copied().unwrap_or(DataType::Any);
            let engine_type = values.get(at).and_then(|value| writer.engine_type(value));
            writer.dialect.cell(&mut writer.text, "r", at, (data_type, engine_type));
            Ok(())
        })?;
        self.push(" FROM ");
        self.dialect.rows_source(&mut self.text, &rows, "r");
        self.push(")");
        Ok(())
    }

    fn aggregate(&mut self, aggregate: Aggregate, inner: Option<&Expr>) -> Result<(), Problem> {
        let name = match aggregate {
            Aggregate::Count => "count",
            Aggregate::Sum => "sum",
            Aggregate::Avg => "avg",
            Aggregate::Max => "max",
            Aggregate::Min => "min",
        };
        self.aggregates += 1;
        self.push(name);
        match inner {
            Some(inner) => self.parenthesised("(", inner),
            None => {
                self.push("(*)");
                Ok(())
            }
        }
    }

    fn function(&mut self, function: Function, arguments: &[Expr]) -> Result<(), Problem> {
        let arguments =
            arguments.iter().map(|argument| self.expr_apart(argument)).collect::<Result<Vec<_>, _>>()?;
        self.dialect.call(&mut self.text, function, &arguments);
        Ok(())
    }

    fn case(&mut self, branches: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Result<(), Problem> {
        self.push("(CASE");
        for (when, then) in branches {
            self.push(" WHEN ");
            self.expr(when)?;
            self.push(" THEN ");
            self.expr(then)?;
        }
        if let Some(otherwise) = otherwise {
            self.push(" ELSE ");
            self.expr(otherwise)?;
        }
        self.push(" END)");
        Ok(())
    }
}

fn is(value: IsValue) -> &'static str {
    match value {
        IsValue::Null | IsValue::Unknown => " IS NULL)",
        IsValue::NotNull => " IS NOT NULL)",
        IsValue::True => " IS TRUE)",
        IsValue::False => " IS FALSE)",
    }
}
