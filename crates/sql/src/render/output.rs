//! What of a row is returned, as JSON.

use transom_query::{Expr, Query, plan::Output};
use transom_types::{DataType, Problem};

use super::Writer;

impl Writer<'_> {
    /// The JSON object of a row.
    pub(super) fn object(&mut self, outputs: &[Output], grouped: bool) -> Result<(), Problem> {
        let mut members = Vec::with_capacity(outputs.len());
        for output in outputs {
            members.push((&*output.key, self.apart(|writer| writer.shown(output))?));
        }
        self.dialect.json_object(&mut self.text, &members, grouped);
        Ok(())
    }

    /// A value as its type is shown in JSON.
    pub(super) fn shown(&mut self, output: &Output) -> Result<(), Problem> {
        match &output.expr {
            // Already JSON: built by this very statement.
            expr if expr.is_assembled() => {
                let inner = self.expr_apart(&output.expr)?;
                self.dialect.as_json(&mut self.text, &inner);
            }
            // A path of `->` alone leads to a document.
            Expr::Json(_, steps) if !steps.last().is_some_and(|step| step.as_text) => {
                let inner = self.expr_apart(&output.expr)?;
                self.dialect.as_json(&mut self.text, &inner);
            }
            Expr::Scalar(query) => {
                let shown = query.outputs.first().map(|inner| {
                    let mut query = query.clone();
                    query.outputs = vec![Output { data_type: output.data_type, ..inner.clone() }];
                    query
                });
                let Some(query) = shown else { return self.expr(&output.expr) };
                let inner = self.apart(|writer| writer.shown_scalar(&query))?;
                match is_json(&query.outputs[0]) {
                    true => self.dialect.as_json(&mut self.text, &inner),
                    false => self.push(&inner),
                }
            }
            expr => {
                let inner = self.expr_apart(expr)?;
                self.dialect.json_value(&mut self.text, output.data_type, &inner);
            }
        }
        Ok(())
    }

    fn shown_scalar(&mut self, query: &Query) -> Result<(), Problem> {
        self.enter(query);
        self.subqueries += 1;
        self.push("(SELECT ");
        self.carried(&query.outputs[0])?;
        self.rest(query)?;
        self.push(")");
        Ok(())
    }

    /// A shown value on its way out of a subquery, where an engine forgets that it is JSON: so it goes as text.
    pub(super) fn carried(&mut self, output: &Output) -> Result<(), Problem> {
        let shown = self.apart(|writer| writer.shown(output))?;
        match is_json(output) {
            true => self.dialect.json_text(&mut self.text, &shown),
            false => self.push(&shown),
        }
        Ok(())
    }

    /// A JSON array of the values that an order goes by.
    pub(super) fn array_of<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) -> Result<(), Problem> {
        let value = |expr: &Expr| {
            let document = self.is_document(expr);
            self.apart(|writer| writer.comparable(expr, document))
        };
        let values = exprs.into_iter().map(value).collect::<Result<Vec<_>, _>>()?;
        self.dialect.json_array(&mut self.text, &values);
        Ok(())
    }

    /// Raw values of columns, with bytes as text, for JSON has none.
    pub(super) fn captured(
        &mut self,
        id: transom_query::QueryId,
        table: transom_query::TableId,
        columns: &[transom_query::ColumnId],
    ) -> Result<(), Problem> {
        let mut values = Vec::with_capacity(columns.len());
        for column in columns {
            let inner = self.expr_apart(&Expr::Column(id, *column))?;
            let mut value = String::new();
            match self.catalog[table][*column].data_type {
                of @ (DataType::Bytes | DataType::Any) => self.dialect.json_value(&mut value, of, &inner),
                _ => value = inner,
            }
            values.push(value);
        }
        self.dialect.json_array(&mut self.text, &values);
        Ok(())
    }
}

/// Whether a value is shown as JSON that is neither a number nor a string.
pub(super) fn is_json(output: &Output) -> bool {
    matches!(output.data_type, DataType::Json | DataType::Bool) || output.expr.is_assembled()
}
