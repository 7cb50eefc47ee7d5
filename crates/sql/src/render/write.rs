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
        if insert.columns.is_empty() && insert.rows.is_none() && insert.given.is_none() {
            let defaults = self.dialect.default_values();
            self.push(defaults);
        } else {
            self.push(" ");
            if !insert.columns.is_empty() {
                self.columns(insert.table, insert.columns.iter().map(|column| column.column))?;
            }
            match (insert.rows, &insert.given) {
                (_, Some(given)) => self.given_rows(insert, given)?,
                (None, _) => self.values(insert)?,
                (Some(rows), _) => self.rows_of(insert, rows)?,
            }
        }
        if let Some(conflict) = &insert.conflict {
            self.on_conflict(insert, conflict)?;
        }
        let merges = insert.conflict.as_ref().is_some_and(|conflict| conflict.merge.is_some());
        let counted = merges && insert.given.is_some();
        let mut layout =
            self.returning(insert.id, insert.table, (&insert.returning, counted), insert.check.as_ref())?;
        if merges && !counted && self.catalog[insert.table].kind == TableKind::Table {
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

    pub(super) fn insert_value(
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
        self.conditions(&[&insert.merge_guard])?;
        if insert.given.is_some() {
            self.push(if insert.merge_guard.is_some() { " AND " } else { " WHERE " });
            self.dialect.count_merged(&mut self.text);
        }
        Ok(())
    }

    pub(super) fn update(&mut self, update: &Update) -> Result<Layout, Problem> {
        let catalog = self.catalog;
        self.change(update.id, update.table);
        self.push("UPDATE ");
        self.table(update.table);
        // Columns are those of the body's row from here on.
        let from = match &update.given {
            Some(given) => self.apart(|writer| writer.given(given, update.table))?,
            None => String::new(),
        };
        self.push(" SET ");
        self.list(&update.set, ", ", |writer, (column, value)| {
            writer.name(&catalog[update.table][*column].name);
            writer.push(" = ");
            writer.expr(value)
        })?;
        self.push(&from);
        let given = update.given.as_ref().map_or(&None, |given| &given.filter);
        self.conditions(&[given, &update.filter, &update.guard])?;
        self.returning(update.id, update.table, (&update.returning, false), update.check.as_ref())
    }

    pub(super) fn delete(&mut self, delete: &Delete) -> Result<Layout, Problem> {
        self.change(delete.id, delete.table);
        self.push("DELETE FROM ");
        self.table(delete.table);
        self.conditions(&[&delete.filter, &delete.guard])?;
        self.returning(delete.id, delete.table, (&delete.returning, false), None)
    }

    fn returning(
        &mut self,
        id: QueryId,
        table: TableId,
        (returning, counted): (&Returning, bool),
        check: Option<&Expr>,
    ) -> Result<Layout, Problem> {
        if let Some(rows) = &returning.rows {
            return self.written(rows, counted);
        }
        let layout = Layout {
            body: !returning.outputs.is_empty(),
            check: check.is_some(),
            capture: !returning.capture.is_empty(),
            merged: counted,
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
            word = ", ";
        }
        if counted {
            self.push(word);
            self.push(self.dialect.merged_count());
        }
        Ok(layout)
    }
}
