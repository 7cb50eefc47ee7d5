//! Writes that the engine does whole: it reads the body itself, and what is returned is read of the rows it has written.

use transom_query::{
    ColumnId, Query, TableId,
    plan::{Given, Insert, Source},
};
use transom_types::Problem;

use super::{GivenMember, GivenRows, Writer};
use crate::Layout;

impl Writer<'_> {
    /// ` SELECT … FROM body`: what is inserted.
    pub(super) fn given_rows(&mut self, insert: &Insert, given: &Given) -> Result<(), Problem> {
        // Columns are those of the body's row from here on.
        let from = self.apart(|writer| writer.given(given, insert.table))?;
        self.push("SELECT ");
        self.list(&insert.columns, ", ", |writer, column| writer.insert_value(insert, column))?;
        self.push(&from);
        self.conditions(&[&given.filter])
    }

    /// ` FROM body AS alias`
    pub(super) fn given(&mut self, given: &Given, table: TableId) -> Result<(), Problem> {
        let catalog = self.catalog;
        self.sources.insert(given.id, Source::Table(table));
        let document = self.param_apart(given.document)?;
        let alias = self.apart(|writer| {
            writer.alias(given.id);
            Ok(())
        })?;
        let member = |column: &ColumnId| {
            let of = &catalog[table][*column];
            let default = of.default.as_deref().filter(|_| given.missing_default);
            let read = of.representation.as_ref().and_then(|shown| shown.from_json.as_deref());
            let engine_type = if read.is_some() { Some("json") } else { of.engine_type.as_deref() };
            GivenMember { name: &of.name, engine_type, default, read }
        };
        let members: Vec<_> = given.columns.iter().map(member).collect();
        self.push(" FROM ");
        let given = GivenRows { document: &document, list: given.list, members: &members, alias: &alias };
        self.dialect.given_rows(&mut self.text, &given)
    }

    /// What stands so far becomes the change whose rows are read, and only the columns that this needs are returned of it.
    pub(super) fn written(&mut self, rows: &Query, counted: bool) -> Result<Layout, Problem> {
        self.enter(rows);
        if self.body.is_some() {
            return self.written_whole(rows, counted);
        }
        let merged = if counted { format!(", {}", self.dialect.merged_count()) } else { String::new() };
        let (shown, columns) = self.gathered(rows.id, |writer| writer.named_records(rows, &merged))?;
        self.before(&shown, &columns)?;
        Ok(Layout { body: true, merged: counted, ..Layout::default() })
    }

    /// The same, with one value for all rows.
    fn written_whole(&mut self, rows: &Query, counted: bool) -> Result<Layout, Problem> {
        let merged = if counted { self.dialect.merged_count() } else { "CAST(NULL AS bigint)" };
        let between = format!(", {merged}");
        let unnamed = self.named.take();
        self.by_name(rows);
        let written = self.gathered(rows.id, |writer| {
            writer.push("SELECT CAST(NULL AS bigint)");
            writer.whole_rows(rows, &between)
        });
        self.named = unnamed;
        let (shown, columns) = written?;
        self.before(&shown, &columns)?;
        Ok(Layout { whole: true, merged: true, ..Layout::default() })
    }

    /// Puts the change, which returns these columns, before what reads them.
    fn before(&mut self, shown: &str, columns: &[ColumnId]) -> Result<(), Problem> {
        let catalog = self.catalog;
        let Some((changed, table)) = self.changed else { return Ok(()) };
        let change = std::mem::take(&mut self.text);
        self.push("WITH ");
        self.push(self.prefix);
        self.push("w AS (");
        self.push(&change);
        self.push(" RETURNING ");
        if columns.is_empty() {
            self.push("1");
        }
        self.list(columns, ", ", |writer, column| {
            writer.alias(changed);
            writer.push(".");
            writer.name(&catalog[table][*column].name);
            Ok(())
        })?;
        self.push(") ");
        self.push(shown);
        Ok(())
    }
}
