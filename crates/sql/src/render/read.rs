//! Reading steps: one row per result row, its JSON object first.

use transom_query::{
    Expr, Query,
    plan::{Call, Judge, Read},
    request::Count,
};
use transom_types::Problem;

use super::{Writer, limited::bounded, whole::head};
use crate::Layout;

impl Writer<'_> {
    pub(super) fn read(&mut self, read: &Read) -> Result<Layout, Problem> {
        if self.body.is_some() && !self.shows_lines() {
            return self.whole(read);
        }
        let count = self.counted(read);
        let head = self.shows_lines().then(|| head(&read.query));
        let layout =
            Layout { body: true, head, total: count.is_some(), cursor: read.cursor, ..Layout::default() };
        self.enter(&read.query);
        if self.shows_lines() {
            self.by_name(&read.query);
        }
        let Some(count) = count else {
            self.rows(read, "")?;
            return Ok(layout);
        };
        if !self.calls(&read.query) {
            self.with_total(read, count)?;
            return Ok(layout);
        }
        self.called_before = true;
        let (statement, columns) = self.gathered(read.query.id, |writer| writer.with_total(read, count))?;
        self.call_before(&read.query, &columns)?;
        self.push(&statement);
        Ok(layout)
    }

    /// The rows, each with how many there are without bounds.
    fn with_total(&mut self, read: &Read, count: Count) -> Result<(), Problem> {
        // Without rows there is still a row: the one with the total.
        self.push("SELECT r.body, c.total");
        if read.cursor {
            self.push(", r.cursor");
        }
        self.push(" FROM (");
        self.total(&read.query, count, read.count_max)?;
        self.push(") AS c LEFT JOIN (");
        self.rows(read, " AS body")?;
        let query = &read.query;
        if !query.order.is_empty() && query.limit.is_none() && query.offset.is_none() {
            let bound = self.dialect.keeps_order();
            self.push(bound);
        }
        self.push(") AS r ON ");
        let always = self.dialect.truth(true);
        self.push(always);
        Ok(())
    }

    /// What of the total the statement itself finds: an engine that expects rows is asked for a planned count apart.
    pub(super) fn counted(&self, read: &Read) -> Option<Count> {
        read.counted_apart().filter(|count| *count != Count::Planned || !self.dialect.expects_rows())
    }

    /// Asks how many rows the engine expects, for a planned count, or an estimated one where there are many.
    pub(super) fn estimate(&mut self, read: &Read) -> Result<(), Problem> {
        self.enter(&read.query);
        let statement = self.apart(|writer| {
            writer.push("SELECT 1");
            writer.source_and_conditions(&read.query)
        })?;
        self.dialect.expected_rows(&mut self.text, &statement);
        Ok(())
    }

    fn rows(&mut self, read: &Read, body_name: &str) -> Result<(), Problem> {
        let (query, before) = (&read.query, self.subqueries);
        if let Some(body) = self.body {
            return self.lines(query, body, body_name);
        }
        if self.dialect.has_records() && !read.cursor {
            return self.named_records(query, body_name);
        }
        let (shown, columns) = self.gathered(query.id, |writer| {
            writer.object(&query.outputs, query.group_by.is_some())?;
            writer.push(body_name);
            if read.cursor {
                writer.push(", ");
                writer.array_of(query.order.iter().map(|term| &term.expr))?;
                if !body_name.is_empty() {
                    writer.push(" AS cursor");
                }
            }
            Ok(())
        })?;
        self.push("SELECT ");
        self.push(&shown);
        let dear = self.subqueries > before && !query.order.is_empty() && bounded(query);
        match dear && !self.in_order(query) {
            true => self.limited(query, &columns),
            false => self.rest(query),
        }
    }

    pub(super) fn total(
        &mut self,
        query: &Query,
        count: Count,
        count_max: Option<u32>,
    ) -> Result<(), Problem> {
        if count == Count::Exact && query.group_by.is_none() {
            self.push("SELECT count(*) AS total");
            return self.source_and_conditions(query);
        }
        // A group without keys is there only with an aggregate.
        self.push("SELECT count(*) AS total FROM (SELECT ");
        match &query.group_by {
            // Some keys are outputs.
            Some(keys) if keys.iter().any(|key| matches!(key, Expr::Output(_))) => {
                self.list(&query.outputs, ", ", |writer, output| writer.shown(output))?;
            }
            Some(_) => self.push("count(*)"),
            None => self.push("1"),
        }
        self.source_and_conditions(query)?;
        if let Some(rows) = count_max.filter(|_| count != Count::Exact) {
            // One more tells that there are more, where the engine can then say about how many.
            let rows = rows + u32::from(self.dialect.expects_rows());
            self.dialect.bounds(&mut self.text, Some(&rows.to_string()), None);
        }
        self.push(") AS counted");
        Ok(())
    }

    /// The places of the rows that the policy lets through. The rows are values, given their columns' names.
    pub(super) fn judge(&mut self, judge: &Judge) -> Result<Layout, Problem> {
        let catalog = self.catalog;
        let rows = self.apart(|writer| {
            writer.param(judge.rows);
            Ok(())
        })?;
        self.sources.insert(judge.id, transom_query::plan::Source::Table(judge.table));
        let place = self.apart(|writer| {
            writer.alias(judge.id);
            writer.push(".");
            writer.name("place of the row");
            Ok(())
        })?;
        self.push("SELECT ");
        self.dialect.json_text(&mut self.text, &place);
        self.push(" FROM (SELECT ");
        self.dialect.row_place(&mut self.text, "r");
        self.push(" AS ");
        self.name("place of the row");
        for (at, column) in catalog[judge.table].stored().enumerate() {
            let mut cell = String::new();
            self.dialect.cell(&mut cell, "r", at, (column.data_type, column.engine_type.as_deref()));
            self.push(", ");
            self.dialect.like_column(&mut self.text, &cell, column.data_type, column.collation.as_deref());
            self.push(" AS ");
            self.name(&column.name);
        }
        self.push(" FROM ");
        self.dialect.rows_source(&mut self.text, &rows, "r");
        self.push(") AS ");
        self.alias(judge.id);
        self.conditions(&[&judge.guard])?;
        self.push(" ORDER BY ");
        self.push(&place);
        Ok(Layout { body: true, ..Layout::default() })
    }

    /// A handwritten statement, as it is.
    pub(super) fn call(&mut self, call: &Call) -> Result<Layout, Problem> {
        let catalog = self.catalog;
        let function = &catalog[call.function];
        let statement = self.apart(|writer| writer.fragments(&function.body, &call.arguments))?;
        if !function.columns.is_empty() && self.dialect.returned_rows(&mut self.text, &statement) {
            return Ok(Layout { body: true, ..Layout::default() });
        }
        self.push(&statement);
        let columns = function.columns.iter().map(|column| (column.name.clone(), column.data_type)).collect();
        Ok(Layout { columns, ..Layout::default() })
    }

    /// Whether a predicate holds: never unknown.
    pub(super) fn holds(&mut self, predicate: &Expr) -> Result<(), Problem> {
        let predicate = self.expr_apart(predicate)?;
        self.dialect.holds(&mut self.text, &predicate);
        Ok(())
    }
}
