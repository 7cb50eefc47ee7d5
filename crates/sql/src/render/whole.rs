//! Replies that the engine makes whole: one row with one value for all rows, and how many those are.

use transom_query::{
    Query,
    plan::{Body, BodyKind, Read, Source},
    request::Count,
};
use transom_types::Problem;

use super::{Made, Writer};
use crate::Layout;

/// What the rows are called that a body is made of.
const ROWS: &str = "r";

/// What stands above lines: the names of their values.
pub(super) fn head(query: &Query) -> Box<str> {
    let names: Vec<&str> = query.outputs.iter().map(|output| &*output.key).collect();
    names.join(",").into()
}

impl Writer<'_> {
    /// `SELECT total, rows, body FROM (outputs) AS r`
    pub(super) fn whole(&mut self, read: &Read) -> Result<Layout, Problem> {
        let count = self.counted(read);
        self.enter(&read.query);
        self.by_name(&read.query);
        if count.is_none() || !self.calls(&read.query) {
            self.whole_with(read, count)?;
        } else {
            self.called_before = true;
            let (statement, columns) =
                self.gathered(read.query.id, |writer| writer.whole_with(read, count))?;
            self.call_before(&read.query, &columns)?;
            self.push(&statement);
        }
        Ok(Layout { whole: true, ..Layout::default() })
    }

    fn whole_with(&mut self, read: &Read, count: Option<Count>) -> Result<(), Problem> {
        self.push("SELECT ");
        match count {
            Some(count) => {
                self.push("(SELECT c.total FROM (");
                self.total(&read.query, count, read.count_max)?;
                self.push(") AS c)");
            }
            None => self.push("CAST(NULL AS bigint)"),
        }
        self.whole_rows(&read.query, "")
    }

    /// `, rows, between, body FROM (outputs) AS r`
    pub(super) fn whole_rows(&mut self, query: &Query, between: &str) -> Result<(), Problem> {
        let Some(body) = self.body else { return Ok(()) };
        let names: Vec<&str> = query.outputs.iter().map(|output| &*output.key).collect();
        let made = Made { body, rows: ROWS, names: &names };
        self.push(", ");
        let mut value = String::new();
        let single = self.dialect.whole(&mut value, &made)?;
        self.push(if single { "CAST(1 AS bigint)" } else { "count(*)" });
        self.push(between);
        self.push(", ");
        self.push(&value);
        self.push(" FROM (");
        self.whole_outputs(query, body)?;
        self.push(") AS ");
        self.push(ROWS);
        Ok(())
    }

    /// Whether the reply is lines: each leaves the engine as it is found, and none waits for the last.
    pub(super) fn shows_lines(&self) -> bool {
        self.body.is_some_and(|body| body.kind == BodyKind::Csv)
    }

    /// `SELECT line FROM (outputs) AS r`, with something after the line.
    pub(super) fn lines(&mut self, query: &Query, body: &Body, after: &str) -> Result<(), Problem> {
        self.push("SELECT ");
        self.dialect.line(&mut self.text, ROWS)?;
        self.push(after);
        self.push(" FROM (");
        self.whole_outputs(query, body)?;
        self.push(") AS ");
        self.push(ROWS);
        Ok(())
    }

    /// The root's rows go by their relation's name, as whoever reads an account of the statement will expect.
    pub(super) fn by_name(&mut self, query: &Query) {
        let catalog = self.catalog;
        let name = match &query.source {
            Source::Table(table) | Source::Written(table) => &catalog[*table].name,
            Source::Function(function, _) => &catalog[*function].name,
            Source::Computed(_) | Source::One => return,
        };
        self.called_by(query.id, name);
    }

    /// The outputs as columns. Where the body is no JSON, what was made of related rows stands in it as a value.
    fn whole_outputs(&mut self, query: &Query, body: &Body) -> Result<(), Problem> {
        if matches!(body.kind, BodyKind::Json { .. } | BodyKind::GeoJson) {
            return self.named_outputs(query);
        }
        self.push("SELECT ");
        self.list(&query.outputs, ", ", |writer, output| {
            let shown = writer.apart(|writer| writer.shown(output))?;
            match output.expr.is_assembled() {
                true => writer.dialect.document_value(&mut writer.text, &shown),
                false => writer.push(&shown),
            }
            writer.push(" AS ");
            writer.name(&output.key);
            Ok(())
        })?;
        self.rest(query)
    }
}
