//! The new rows of a write without the write: what policy says of them is told before what a constraint does.

use transom_query::{
    ColumnId, QueryId, TableId,
    plan::{Insert, Source, Step, Update},
};
use transom_types::{Code, Problem};

use super::Writer;
use crate::Layout;

/// What a row that is to be inserted is called, before it is seen what it meets.
const GIVEN: &str = "given";
/// Whether policy lets the row change which it meets.
const LET: &str = "may be changed";

impl Writer<'_> {
    /// One row that is refused, where there is any among the rows that the write would make.
    pub(super) fn check(&mut self, write: &Step) -> Result<Layout, Problem> {
        let (id, table, Some(check)) = (match write {
            Step::Insert(insert) => (insert.id, insert.table, &insert.check),
            Step::Update(update) => (update.id, update.table, &update.check),
            _ => return Err(unchecked()),
        }) else {
            return Err(unchecked());
        };
        self.sources.insert(id, Source::Table(table));
        let (check, columns) = self.gathered(id, |writer| writer.expr(check))?;
        self.push("SELECT ");
        self.dialect.holds(&mut self.text, self.dialect.truth(false));
        self.push(" FROM (");
        let lets = match write {
            Step::Insert(insert) => self.new_rows(insert, &columns)?,
            Step::Update(update) => self.changed_rows(update, &columns)?,
            _ => false,
        };
        self.push(") AS ");
        self.alias(id);
        self.push(" WHERE (");
        self.push(&check);
        if lets {
            self.push(" AND ");
            self.alias(id);
            self.push(".");
            self.name(LET);
        }
        self.push(") IS NOT TRUE");
        self.dialect.bounds(&mut self.text, Some("1"), None);
        Ok(Layout { check: true, ..Layout::default() })
    }

    /// The rows as an insert makes them, with these columns; whether they say too if the row that they meet may be changed.
    fn new_rows(&mut self, insert: &Insert, columns: &[ColumnId]) -> Result<bool, Problem> {
        let merge = insert
            .conflict
            .as_ref()
            .and_then(|conflict| Some((conflict, conflict.merge.as_ref()?, *conflict.columns.first()?)));
        let Some((conflict, merge, key)) = merge else {
            self.given_columns(insert, columns)?;
            return Ok(false);
        };
        let met = |writer: &mut Self, column: ColumnId| writer.column_of(insert.id, insert.table, column);
        self.push("SELECT CASE WHEN ");
        met(self, key);
        self.push(" IS NULL THEN ");
        self.push(self.dialect.truth(true));
        self.push(" ELSE ");
        match &insert.merge_guard {
            Some(guard) => self.expr(guard)?,
            None => self.push(self.dialect.truth(true)),
        }
        self.push(" END AS ");
        self.name(LET);
        for column in columns {
            self.push(", ");
            if merge.contains(column) {
                self.given_column(insert.table, *column);
            } else {
                let value = self.apart(|writer| {
                    writer.push("CASE WHEN ");
                    met(writer, key);
                    writer.push(" IS NULL THEN ");
                    writer.given_column(insert.table, *column);
                    writer.push(" ELSE ");
                    met(writer, *column);
                    writer.push(" END");
                    Ok(())
                })?;
                self.like_column(insert.table, *column, &value);
            }
            self.named_as(insert.table, *column);
        }
        let needed: Vec<ColumnId> = columns.iter().chain(&conflict.columns).copied().collect();
        self.push(" FROM (");
        self.given_columns(insert, &needed)?;
        self.push(") AS ");
        self.name(GIVEN);
        self.push(" LEFT JOIN ");
        self.table(insert.table);
        self.push(" AS ");
        self.alias(insert.id);
        self.push(" ON ");
        self.list(&conflict.columns, " AND ", |writer, column| {
            met(writer, *column);
            writer.push(" = ");
            writer.given_column(insert.table, *column);
            Ok(())
        })?;
        Ok(true)
    }

    /// `SELECT … FROM rows`: these columns of each row that is given.
    fn given_columns(&mut self, insert: &Insert, columns: &[ColumnId]) -> Result<(), Problem> {
        self.columns_of(insert.table, columns, |writer, column| {
            let value = writer.apart(|writer| writer.new_value(insert, column))?;
            writer.like_column(insert.table, column, &value);
            Ok(())
        })?;
        if let Some(rows) = insert.rows {
            let rows = self.param_apart(rows)?;
            self.push(" FROM ");
            self.dialect.rows_source(&mut self.text, &rows, "r");
        }
        Ok(())
    }

    /// What a new row has in a column: what is given, or what the engine takes where nothing is.
    fn new_value(&mut self, insert: &Insert, column: ColumnId) -> Result<(), Problem> {
        let of = &self.catalog[insert.table][column];
        let value = self.apart(|writer| {
            match insert.columns.iter().find(|given| given.column == column) {
                Some(given) => writer.insert_value(insert, given)?,
                None => writer.push(&of.default.as_ref().map_or("NULL".into(), |sql| format!("({sql})"))),
            }
            Ok(())
        })?;
        if !of.identity || of.default.is_some() {
            self.push(&value);
            return Ok(());
        }
        self.push(&format!("coalesce({value}, (SELECT coalesce(max("));
        self.name(&of.name);
        self.push("), 0) + 1 FROM ");
        self.table(insert.table);
        self.push("))");
        Ok(())
    }

    /// The rows that an update finds, as it leaves them.
    fn changed_rows(&mut self, update: &Update, columns: &[ColumnId]) -> Result<bool, Problem> {
        self.columns_of(update.table, columns, |writer, column| {
            match update.set.iter().find(|(set, _)| *set == column) {
                Some((_, value)) => {
                    let value = writer.expr_apart(value)?;
                    writer.like_column(update.table, column, &value);
                }
                None => writer.column_of(update.id, update.table, column),
            }
            Ok(())
        })?;
        self.push(" FROM ");
        self.table(update.table);
        self.push(" AS ");
        self.alias(update.id);
        self.conditions(&[&update.filter, &update.guard])?;
        Ok(false)
    }

    /// `SELECT value AS column, …`, each column once.
    fn columns_of(
        &mut self,
        table: TableId,
        columns: &[ColumnId],
        value: impl Fn(&mut Self, ColumnId) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        self.push("SELECT ");
        if columns.is_empty() {
            self.push("1");
        }
        let first = |at: usize, column: &ColumnId| !columns[..at].contains(column);
        let once = columns.iter().enumerate().filter(|(at, column)| first(*at, column));
        self.list(once, ", ", |writer, (_, column)| {
            value(writer, *column)?;
            writer.named_as(table, *column);
            Ok(())
        })
    }

    /// A value as its column has it.
    fn like_column(&mut self, table: TableId, column: ColumnId, value: &str) {
        let of = &self.catalog[table][column];
        let mut typed = String::new();
        self.dialect.as_engine_type(&mut typed, value, of.engine_type.as_deref());
        self.dialect.like_column(&mut self.text, &typed, of.data_type, of.collation.as_deref());
    }

    fn column_of(&mut self, id: QueryId, table: TableId, column: ColumnId) {
        self.alias(id);
        self.push(".");
        self.name(&self.catalog[table][column].name);
    }

    fn given_column(&mut self, table: TableId, column: ColumnId) {
        self.name(GIVEN);
        self.push(".");
        self.name(&self.catalog[table][column].name);
    }

    fn named_as(&mut self, table: TableId, column: ColumnId) {
        self.push(" AS ");
        self.name(&self.catalog[table][column].name);
    }
}

fn unchecked() -> Problem {
    Problem::new(Code::Internal, "policy asks nothing of what this step writes")
}
