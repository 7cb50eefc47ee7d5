//! Reads on engines whose subqueries' rows are values: the outputs are a subquery's columns, and the row is shown whole.

use transom_query::Query;
use transom_types::Problem;

use super::Writer;

impl Writer<'_> {
    /// `SELECT row FROM (outputs) AS r`
    pub(super) fn records(&mut self, query: &Query) -> Result<(), Problem> {
        self.named_records(query, "")
    }

    /// The same, with something after the row.
    pub(super) fn named_records(&mut self, query: &Query, name: &str) -> Result<(), Problem> {
        self.push("SELECT ");
        self.dialect.record(&mut self.text, "r");
        self.push(name);
        self.push(" FROM (");
        self.named_outputs(query)?;
        self.push(") AS r");
        Ok(())
    }

    /// The outputs as columns of their keys' names.
    pub(super) fn named_outputs(&mut self, query: &Query) -> Result<(), Problem> {
        self.push("SELECT ");
        self.list(&query.outputs, ", ", |writer, output| {
            writer.shown(output)?;
            writer.push(" AS ");
            writer.name(&output.key);
            Ok(())
        })?;
        self.rest(query)
    }
}
