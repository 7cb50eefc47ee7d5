//! Reads on engines whose subqueries' rows are values: the outputs are a subquery's columns, and the row is shown whole.

use transom_query::{Query, QueryId, plan::Found};
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

    /// The joins of a query. Many rows are joined as one list, which is there for every row.
    pub(super) fn joins(&mut self, query: &Query) -> Result<(), Problem> {
        for join in &query.joins {
            self.enter(&join.query);
            self.push(if join.required { " JOIN LATERAL (" } else { " LEFT JOIN LATERAL (" });
            if join.many {
                self.push("SELECT ");
                self.dialect.json_aggregate(&mut self.text, "r.*", "");
                self.push(" AS listed, CASE WHEN count(*) > 0 THEN 1 END AS there FROM (");
            }
            self.named_outputs(&join.query)?;
            if join.many {
                self.push(") AS r");
            }
            self.push(") AS ");
            self.alias(join.query.id);
            self.push(" ON ");
            match join.required && join.many {
                true => self.there(join.query.id, true),
                false => self.push(self.dialect.truth(true)),
            }
        }
        Ok(())
    }

    /// What of a join is read.
    pub(super) fn found(&mut self, id: QueryId, found: &Found) -> Result<(), Problem> {
        let alias = self.apart(|writer| {
            writer.alias(id);
            Ok(())
        })?;
        match found {
            Found::Object => self.dialect.record(&mut self.text, &alias),
            Found::List => {
                self.push(&alias);
                self.push(".listed");
            }
            Found::Output(key) => {
                self.push(&alias);
                self.push(".");
                self.name(key);
            }
            Found::There { many } => self.there(id, *many),
        }
        Ok(())
    }

    /// Whether a join found a row.
    fn there(&mut self, id: QueryId, many: bool) {
        self.push("(");
        self.alias(id);
        self.push(if many { ".there" } else { ".*" });
        self.push(" IS DISTINCT FROM NULL)");
    }
}
