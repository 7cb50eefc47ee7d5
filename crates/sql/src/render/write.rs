//! Writing steps: what policy demands of new rows is a returned column, so that the check is part of the write.

use transom_query::{
    Expr, QueryId, TableId,
    catalog::TableKind,
    plan::{Delete, Insert, InsertValue, OnConflict, ParamId, Returning, Update},
};
use transom_types::Problem;

use super::Writer;
use crate::Layout;

impl Writer<'_> {
    pub(super) fn insert(&mut self, insert: &Insert) -> Result<Layout, Problem> {
        self.change(insert.id, insert.table);
        self.push("INSERT INTO ");
        self.table(insert.table);
        if insert.columns.is_empty() && insert.rows.is_none() {
            let defaults = self.dialect.default_values();
            self.push(defaults);
        } else {
            self.push(" ");
            self.columns(insert.table, insert.columns.iter().map(|column| column.column))?;
            match insert.rows {
                None => self.values(insert)?,
                Some(rows) => self.rows_of(insert, rows)?,
            }
        }
        if let Some(conflict) = &insert.conflict {
            self.on_conflict(insert, conflict)?;
        }
        let mut layout = self.returning(insert.id, insert.table, &insert.returning, insert.check.as_ref())?;
        let merges = insert.conflict.as_ref().is_some_and(|conflict| conflict.merge.is_some());
        if merges && self.catalog[insert.table].kind == TableKind::Table {
            let alias = self.apart(|writer| {
                writer.alias(insert.id);
                Ok(())
            })?;
            let mut new = String::new();
            layout.inserted = self.dialect.was_inserted(&mut new, &alias);
            if layout.inserted {
                let empty = !layout.body && !layout.check && !layout.capture;
                self.push(if empty { " RETURNING " } else { ", " });
                self.push(&new);
            }
        }
        Ok(layout)
    }

    fn values(&mut self, insert: &Insert) -> Result<(), Problem> {
        self.push(" VALUES (");
        self.list(&insert.columns, ", ", |writer, column| writer.insert_value(insert, column))?;
        self.push(")");
        Ok(())
    }

    fn rows_of(&mut self, insert: &Insert, rows: ParamId) -> Result<(), Problem> {
        let rows = self.apart(|writer| {
            writer.param(rows);
            Ok(())
        })?;
        self.push(" SELECT ");
        self.list(&insert.columns, ", ", |writer, column| writer.insert_value(insert, column))?;
        self.push(" FROM ");
        self.dialect.rows_source(&mut self.text, &rows, "r");
        if insert.conflict.is_some() {
            let word = self.dialect.before_conflict();
            self.push(word);
        }
        Ok(())
    }

    fn insert_value(
        &mut self,
        insert: &Insert,
        column: &transom_query::plan::InsertColumn,
    ) -> Result<(), Problem> {
        let of = &self.catalog[insert.table][column.column];
        match &column.value {
            // A list of values tells their types, a query does not.
            InsertValue::Expr(expr) if insert.rows.is_some() => {
                let value = self.expr_apart(expr)?;
                self.dialect.as_engine_type(&mut self.text, &value, of.engine_type.as_deref());
            }
            InsertValue::Expr(expr) => self.expr(expr)?,
            InsertValue::Cell { cell, data_type, missing_default } => {
                let mut value = String::new();
                let types = (*data_type, of.engine_type.as_deref());
                self.dialect.cell(&mut value, "r", usize::from(*cell), types);
                let default = of.default.as_deref().filter(|_| *missing_default);
                self.push("CASE WHEN ");
                self.dialect.cell_missing(&mut self.text, "r", usize::from(*cell));
                self.push(&format!(
                    " THEN {} ELSE {value} END",
                    default.map_or("NULL".to_owned(), |sql| format!("({sql})"))
                ));
            }
        }
        Ok(())
    }

    fn on_conflict(&mut self, insert: &Insert, conflict: &OnConflict) -> Result<(), Problem> {
        let catalog = self.catalog;
        self.push(" ON CONFLICT ");
        self.columns(insert.table, conflict.columns.iter().copied())?;
        let Some(merge) = &conflict.merge else {
            self.push(" DO NOTHING");
            return Ok(());
        };
        self.push(" DO UPDATE SET ");
        self.list(merge, ", ", |writer, column| {
            let name = &catalog[insert.table][*column].name;
            writer.name(name);
            writer.push(" = excluded.");
            writer.name(name);
            Ok(())
        })?;
        self.conditions(&[&insert.merge_guard])
    }

    pub(super) fn update(&mut self, update: &Update) -> Result<Layout, Problem> {
        let catalog = self.catalog;
        self.change(update.id, update.table);
        self.push("UPDATE ");
        self.table(update.table);
        self.push(" SET ");
        self.list(&update.set, ", ", |writer, (column, value)| {
            writer.name(&catalog[update.table][*column].name);
            writer.push(" = ");
            writer.expr(value)
        })?;
        self.conditions(&[&update.filter, &update.guard])?;
        self.returning(update.id, update.table, &update.returning, update.check.as_ref())
    }

    pub(super) fn delete(&mut self, delete: &Delete) -> Result<Layout, Problem> {
        self.change(delete.id, delete.table);
        self.push("DELETE FROM ");
        self.table(delete.table);
        self.conditions(&[&delete.filter, &delete.guard])?;
        self.returning(delete.id, delete.table, &delete.returning, None)
    }

    fn returning(
        &mut self,
        id: QueryId,
        table: TableId,
        returning: &Returning,
        check: Option<&Expr>,
    ) -> Result<Layout, Problem> {
        let layout = Layout {
            body: !returning.outputs.is_empty(),
            check: check.is_some(),
            capture: !returning.capture.is_empty(),
            ..Layout::default()
        };
        let mut word = " RETURNING ";
        if layout.body {
            self.push(word);
            self.object(&returning.outputs, false)?;
            word = ", ";
        }
        if let Some(check) = check {
            self.push(word);
            self.holds(check)?;
            word = ", ";
        }
        if layout.capture {
            self.push(word);
            self.captured(id, table, &returning.capture)?;
        }
        Ok(layout)
    }
}
