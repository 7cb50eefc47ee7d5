//! Reads on engines whose subqueries' rows are values: the outputs are a subquery's columns, and the row is shown whole.

use transom_query::{
    ColumnId, Expr, Query, QueryId,
    catalog::TableKind,
    plan::{Comparison, Found, Source},
};
use transom_types::Problem;

use super::{Writer, limited::bounded};

impl Writer<'_> {
    /// `SELECT row FROM (outputs) AS r`, with something after the row.
    pub(super) fn named_records(&mut self, query: &Query, name: &str) -> Result<(), Problem> {
        self.push("SELECT ");
        self.dialect.record(&mut self.text, "r");
        self.push(name);
        self.push(" FROM (");
        self.named_outputs(query)?;
        self.push(") AS r");
        Ok(())
    }

    /// The same of related rows: one object, or a list of all.
    pub(super) fn related_records(&mut self, query: &Query, list: bool) -> Result<(), Problem> {
        self.push("SELECT ");
        self.related("r", list);
        self.push(" FROM (");
        self.named_outputs(query)?;
        self.push(") AS r");
        Ok(())
    }

    /// The outputs as columns of their keys' names.
    pub(super) fn named_outputs(&mut self, query: &Query) -> Result<(), Problem> {
        self.push("SELECT ");
        let joins = self.joins_single_rows(query);
        self.list(&query.outputs, ", ", |writer, output| {
            match &output.expr {
                Expr::Object(inner) if joins && writer.is_one_row(inner) => {
                    writer.found(inner.id, &Found::Object)?;
                }
                _ => writer.shown(output)?,
            }
            writer.push(" AS ");
            writer.name(&output.key);
            Ok(())
        })?;
        if joins {
            self.joining = Some(query.id);
        }
        self.rest(query)
    }

    /// The joins of a query. Many rows are joined as one list, which is there for every row.
    pub(super) fn joins(&mut self, query: &Query) -> Result<(), Problem> {
        for join in &query.joins {
            self.join(&join.query, (join.many, join.spread), join.required)?;
        }
        if self.joining == Some(query.id) {
            self.joining = None;
            for output in &query.outputs {
                match &output.expr {
                    Expr::Object(inner) if self.is_one_row(inner) => {
                        self.join(inner, (false, false), false)?
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn join(&mut self, query: &Query, (many, spread): (bool, bool), required: bool) -> Result<(), Problem> {
        self.enter(query);
        self.push(if required { " JOIN LATERAL (" } else { " LEFT JOIN LATERAL (" });
        if many {
            self.push("SELECT ");
            match spread {
                true => self.lists(query),
                false => {
                    self.related("r", true);
                    self.push(" AS listed, ");
                }
            }
            self.push("CASE WHEN count(*) > 0 THEN 1 END AS there FROM (");
        }
        self.named_outputs(query)?;
        if many {
            self.push(") AS r");
        }
        self.push(") AS ");
        self.alias(query.id);
        self.push(" ON ");
        match required && many {
            true => self.there(query.id, true),
            false => self.push(self.dialect.truth(true)),
        }
        Ok(())
    }

    /// A list of each output of the rows, which go by `r`; something has to follow.
    fn lists(&mut self, query: &Query) {
        for output in &query.outputs {
            let mut value = String::from("r.");
            self.dialect.identifier(&mut value, &output.key);
            self.dialect.json_aggregate(&mut self.text, &value, "");
            self.push(" AS ");
            self.name(&output.key);
            self.push(", ");
        }
    }

    /// Whether single related rows are joined and not asked for row by row: the engine then remembers those that it has
    /// found. Rows that are sorted before they are bounded would all be joined first; and where no order is asked for, a join
    /// would shuffle what a table has in its own.
    fn joins_single_rows(&self, query: &Query) -> bool {
        let plain = query.group_by.is_none() && !matches!(query.source, Source::One);
        self.dialect.has_records()
            && plain
            && !query.order.is_empty()
            && (self.in_order(query) || !bounded(query))
    }

    /// Whether a related row is found by a unique key, so that to join it multiplies nothing.
    fn is_one_row(&self, inner: &Query) -> bool {
        let Source::Table(table) = inner.source else { return false };
        let table = &self.catalog[table];
        let mut fixed = Vec::new();
        if let Some(on) = &inner.on {
            fixed_by(on, inner.id, &mut fixed);
        }
        table.kind == TableKind::Table
            && inner.group_by.is_none()
            && inner.beside.is_none()
            && !bounded(inner)
            && table.fixes_one_row(&fixed)
    }

    /// Related rows of this alias: one object, or a list of all.
    fn related(&mut self, alias: &str, list: bool) {
        match (self.plan.form.documents, list) {
            (true, _) => self.dialect.related(&mut self.text, alias, list),
            (false, true) => self.dialect.json_aggregate(&mut self.text, &format!("{alias}.*"), ""),
            (false, false) => self.dialect.record(&mut self.text, alias),
        }
    }

    /// What of a join is read.
    pub(super) fn found(&mut self, id: QueryId, found: &Found) -> Result<(), Problem> {
        let alias = self.apart(|writer| {
            writer.alias(id);
            Ok(())
        })?;
        match found {
            Found::Object => self.related(&alias, false),
            Found::List => {
                self.push(&alias);
                self.push(".listed");
            }
            Found::Output(key) | Found::ListOf(key) => {
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

/// The columns of a query's row that a condition equates with something outside of it.
fn fixed_by(on: &Expr, id: QueryId, fixed: &mut Vec<ColumnId>) {
    match on {
        Expr::And(parts) => parts.iter().for_each(|part| fixed_by(part, id, fixed)),
        Expr::Compare(Comparison::Eq, left, right) => {
            for (one, other) in [(left, right), (right, left)] {
                if let (Expr::Column(of, column), Expr::Column(outside, _)) = (&**one, &**other)
                    && *of == id
                    && *outside != id
                {
                    fixed.push(*column);
                }
            }
        }
        _ => {}
    }
}
