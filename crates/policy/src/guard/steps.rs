//! Which policies and privileges each kind of step needs, as PostgreSQL has it
//! (CREATE POLICY, table "Policies Applied by Command Type").

use transom_query::{
    ColumnId, Query, QueryId,
    plan::{Delete, Given, Insert, InsertValue, Judge, Returning, Source, Step, Update},
};
use transom_types::Problem;

use super::{Guarder, malformed};
use crate::rights::{Rule, Rules};

/// One rule of a table.
type Pick = fn(&Rules) -> &Rule;

const SELECT: Pick = |rules| &rules.select;
const INSERT: Pick = |rules| &rules.insert;
const UPDATE: Pick = |rules| &rules.update;
const UPDATE_CHECK: Pick = |rules| &rules.update_check;
const DELETE: Pick = |rules| &rules.delete;

/// Whether the first of two steps shows the rows that the second deletes.
pub(super) fn reads_what_goes(steps: &[Step]) -> bool {
    match steps {
        [Step::Read(read), Step::Delete(delete)] => {
            matches!(read.query.source, Source::Table(table) if table == delete.table)
        }
        _ => false,
    }
}

impl Guarder<'_> {
    /// Rows read ahead of their deletion are those that may go, and no others.
    pub(super) fn rows_that_go(&mut self, query: &mut Query) -> Result<(), Problem> {
        if let Source::Table(table) = query.source {
            query.guard = self.rule(table, query.id, &[DELETE, SELECT])?;
        }
        Ok(())
    }

    /// Guards one step; `read_back` says whether another step reads the rows it writes.
    pub(super) fn step(&mut self, step: &mut Step, read_back: bool) -> Result<(), Problem> {
        match step {
            Step::Read(read) => self.query(&mut read.query),
            Step::Insert(insert) => self.insert(insert, read_back),
            Step::Update(update) => self.update(update, read_back),
            Step::Delete(delete) => self.delete(delete, read_back),
            Step::Call(call) => {
                self.need_execute(call.function)?;
                call.arguments.iter_mut().try_for_each(|argument| self.expr(argument))
            }
            Step::Judge(judge) => self.judge(judge),
            // It is made of a plan that was guarded.
            Step::Check(_) => Err(malformed("a check without its write")),
        }
    }

    fn insert(&mut self, insert: &mut Insert, read_back: bool) -> Result<(), Problem> {
        let (id, table) = (insert.id, insert.table);
        self.enter(id, Some(table))?;
        self.need_table(table, "INSERT", |access| access.insert)?;
        let columns: Vec<ColumnId> = insert.columns.iter().map(|column| column.column).collect();
        self.need_columns(table, &columns, "INSERT", |access| access.insert)?;
        self.given(&mut insert.given)?;
        for column in &mut insert.columns {
            if let InsertValue::Expr(value) = &mut column.value {
                self.expr(value)?;
            }
        }
        let mut merges = false;
        if let Some(conflict) = &insert.conflict {
            self.reads(id, &conflict.columns)?;
            if let Some(merge) = &conflict.merge {
                merges = true;
                self.need_table(table, "UPDATE", |access| access.update)?;
                self.need_columns(table, merge, "UPDATE", |access| access.update)?;
            }
        }
        self.outputs(&mut insert.returning)?;
        let mut check = vec![INSERT];
        if merges {
            // One expression judges the row that comes out, whether it was inserted or merged: both rules must let it be.
            check.push(UPDATE_CHECK);
        }
        if self.shows(id, &insert.returning, read_back) {
            check.push(SELECT);
        }
        insert.check = self.rule(table, id, &check)?;
        insert.merge_guard = if merges { self.rule(table, id, &[UPDATE, SELECT])? } else { None };
        Ok(())
    }

    fn update(&mut self, update: &mut Update, read_back: bool) -> Result<(), Problem> {
        let (id, table) = (update.id, update.table);
        self.enter(id, Some(table))?;
        self.need_table(table, "UPDATE", |access| access.update)?;
        let columns: Vec<ColumnId> = update.set.iter().map(|(column, _)| *column).collect();
        self.need_columns(table, &columns, "UPDATE", |access| access.update)?;
        self.given(&mut update.given)?;
        update.set.iter_mut().try_for_each(|(_, value)| self.expr(value))?;
        self.condition(&mut update.filter)?;
        self.outputs(&mut update.returning)?;
        // A statement that reads sees only, and leaves only, what may be seen.
        if self.shows(id, &update.returning, read_back) {
            update.guard = self.rule(table, id, &[UPDATE, SELECT])?;
            update.check = self.rule(table, id, &[UPDATE_CHECK, SELECT])?;
        } else {
            update.guard = self.rule(table, id, &[UPDATE])?;
            update.check = self.rule(table, id, &[UPDATE_CHECK])?;
        }
        Ok(())
    }

    fn delete(&mut self, delete: &mut Delete, read_back: bool) -> Result<(), Problem> {
        let (id, table) = (delete.id, delete.table);
        self.enter(id, Some(table))?;
        self.need_table(table, "DELETE", |access| access.delete)?;
        self.condition(&mut delete.filter)?;
        self.outputs(&mut delete.returning)?;
        let reads = self.shows(id, &delete.returning, read_back);
        delete.guard = self.rule(table, id, if reads { &[DELETE, SELECT] } else { &[DELETE] })?;
        Ok(())
    }

    fn judge(&mut self, judge: &mut Judge) -> Result<(), Problem> {
        self.enter(judge.id, Some(judge.table))?;
        self.need_select(judge.table)?;
        judge.guard = self.rule(judge.table, judge.id, &[SELECT])?;
        Ok(())
    }

    /// Whether the statement needs the right to read its own rows: it filters by them, or shows them.
    fn shows(&self, id: QueryId, returning: &Returning, read_back: bool) -> bool {
        read_back || !returning.outputs.is_empty() || returning.rows.is_some() || self.read.contains(&id)
    }

    fn outputs(&mut self, returning: &mut Returning) -> Result<(), Problem> {
        returning.rows.as_mut().map_or(Ok(()), |rows| self.query(rows))?;
        returning.outputs.iter_mut().try_for_each(|output| self.expr(&mut output.expr))
    }

    fn given(&mut self, given: &mut Option<Given>) -> Result<(), Problem> {
        let Some(given) = given else { return Ok(()) };
        self.enter(given.id, None)?;
        self.condition(&mut given.filter)
    }
}
