//! Writes where the engine judges them: one statement that reads the body itself, changes rows and returns what is asked
//! of them, related rows too.

use transom_types::{Code, Problem};

use super::{Planner, expect, relation::Relation};
use crate::{
    TableId,
    catalog::ColumnId,
    plan::{
        Delete, Expect, Expr, Given, Insert, InsertColumn, InsertValue, OnConflict, ParamKind, ParamSource,
        QueryId, Read, Returning, Source, Step, Update,
    },
    request::{self, Action, Conflict, Resolution, Select, Shape, Slot},
};

impl Planner<'_> {
    pub(super) fn mutate(
        &mut self,
        table: TableId,
        key: &[Slot],
        action: &Action,
        shape: &Shape,
    ) -> Result<(), Problem> {
        match action {
            Action::Insert(insert) => self.given_rows(table, insert, shape),
            Action::Update { columns, missing_default } => {
                self.given_values(table, key, (columns, *missing_default), shape)
            }
            Action::Put { columns } => self.given_row(table, key, columns, shape),
            Action::Delete => {
                let id = self.query_id();
                let filter = self.chosen(id, table, key, &shape.select)?;
                let returning = self.returned(table, shape)?;
                let expect = expect(shape.expect);
                self.steps.push(Step::Delete(Delete { id, table, filter, guard: None, returning, expect }));
                Ok(())
            }
            Action::Read | Action::Call { .. } => {
                Err(Problem::new(Code::MethodUnsupported, "a table cannot be called"))
            }
        }
    }

    /// A column of the body's row, read as the schema says: but for one that may take its default, which the body's rows have
    /// done already.
    fn read_value(&self, table: TableId, given: &Given, column: ColumnId) -> Expr {
        let value = Expr::Column(given.id, column);
        let of = &self.catalog[table][column];
        let done = given.missing_default && of.default.is_some();
        match of
            .representation
            .as_ref()
            .filter(|_| !done)
            .and_then(|representation| representation.from_json.clone())
        {
            Some(function) => Expr::EngineCall(function, Box::new(value)),
            None => value,
        }
    }

    fn given_rows(&mut self, table: TableId, insert: &request::Insert, shape: &Shape) -> Result<(), Problem> {
        let mut given = self.given(table, &insert.columns, !insert.single)?;
        given.missing_default = insert.missing_default;
        let conflict = self.conflicts(table, insert.conflict.as_ref(), &given.columns)?;
        self.push_given(table, given, conflict, expect(shape.expect), shape)
    }

    /// PUT: of the body's rows the one of this key, inserted or in place of the one that is there.
    fn given_row(
        &mut self,
        table: TableId,
        key: &[Slot],
        names: &[Box<str>],
        shape: &Shape,
    ) -> Result<(), Problem> {
        let primary_key = self.catalog[table].primary_key.clone();
        let slots = match key.len() == primary_key.len() && !key.is_empty() {
            true => key.to_vec(),
            false => self.put_slots(table, &primary_key, &shape.select)?,
        };
        let mut given = self.given(table, names, true)?;
        let catalog = self.catalog;
        let same = |(column, slot): (&ColumnId, Slot)| {
            let of = &catalog[table][*column];
            Some(Expr::eq(Expr::Column(given.id, *column), self.literal(slot, of.data_type, &of.name)))
        };
        let same: Vec<_> = primary_key.iter().zip(slots).map(same).collect();
        given.filter = Expr::all(same);
        let conflict = Conflict { columns: Vec::new(), resolution: Resolution::Merge };
        let conflict = self.conflicts(table, Some(&conflict), &given.columns)?;
        self.push_given(table, given, conflict, Expect::Exactly(1), shape)
    }

    fn push_given(
        &mut self,
        table: TableId,
        given: Given,
        conflict: Option<OnConflict>,
        expect: Expect,
        shape: &Shape,
    ) -> Result<(), Problem> {
        let id = self.query_id();
        let value = |column: &ColumnId| InsertColumn {
            column: *column,
            value: InsertValue::Expr(self.read_value(table, &given, *column)),
        };
        let columns = given.columns.iter().map(value).collect();
        let given = (given.list || !given.columns.is_empty()).then_some(given);
        let returning = self.returned(table, shape)?;
        let step = Insert {
            id,
            table,
            columns,
            rows: None,
            given,
            conflict,
            check: None,
            merge_guard: None,
            returning,
            expect,
        };
        self.steps.push(Step::Insert(step));
        Ok(())
    }

    fn given_values(
        &mut self,
        table: TableId,
        key: &[Slot],
        (names, missing_default): (&[Box<str>], bool),
        shape: &Shape,
    ) -> Result<(), Problem> {
        let mut given = self.given(table, names, false)?;
        given.missing_default = missing_default;
        let id = self.query_id();
        let filter = self.chosen(id, table, key, &shape.select)?;
        let expect = expect(shape.expect);
        if names.is_empty() {
            // An empty object changes nothing; what is asked for is checked all the same.
            let mut query = self.shown_rows(table, &shape.select)?;
            query.source = Source::Table(table);
            query.on = Some(Expr::Or(Vec::new()));
            self.reply = (shape.returning == request::Returning::Rows).then_some(self.steps.len() as u16);
            self.steps.push(Step::Read(Read { query, count: None, count_max: None, cursor: false, expect }));
            return Ok(());
        }
        let value = |column: &ColumnId| (*column, self.read_value(table, &given, *column));
        let set = given.columns.iter().map(value).collect();
        let returning = self.returned(table, shape)?;
        let given = Some(given);
        let step = Update { id, table, set, given, filter, guard: None, check: None, returning, expect };
        self.steps.push(Step::Update(step));
        Ok(())
    }

    /// The body's row with these columns.
    fn given(&mut self, table: TableId, names: &[Box<str>], list: bool) -> Result<Given, Problem> {
        let of = &self.catalog[table];
        let column = |name: &str| {
            of.column(name).filter(|column| !of[*column].computed).ok_or_else(|| {
                let message =
                    format!("Could not find the '{name}' column of '{}' in the schema cache", of.name);
                Problem::new(Code::ColumnMissing, message)
            })
        };
        let columns = names.iter().map(|name| column(name)).collect::<Result<_, _>>()?;
        let document = self.param(ParamSource::Document { list }, ParamKind::Json, "body");
        let id = self.query_id();
        Ok(Given { id, document, list, columns, missing_default: false, filter: None })
    }

    /// What happens to rows that are there already. A table without a key has none that it could tell.
    fn conflicts(
        &self,
        table: TableId,
        conflict: Option<&Conflict>,
        written: &[ColumnId],
    ) -> Result<Option<OnConflict>, Problem> {
        let Some(conflict) = conflict else { return Ok(None) };
        let column = |name: &str| self.column(Relation::Table(table), name);
        let columns = match conflict.columns.is_empty() {
            true => self.catalog[table].primary_key.clone(),
            false => conflict.columns.iter().map(|name| column(name)).collect::<Result<_, _>>()?,
        };
        let merges = conflict.resolution == Resolution::Merge && !written.is_empty();
        let merge = merges.then(|| written.to_vec());
        Ok((!columns.is_empty()).then_some(OnConflict { columns, merge }))
    }

    /// Which rows are changed: what is embedded has no say in it.
    fn chosen(
        &mut self,
        id: QueryId,
        table: TableId,
        key: &[Slot],
        select: &Select,
    ) -> Result<Option<Expr>, Problem> {
        let select = Select { filter: select.filter.clone(), ..Select::default() };
        let mut query = self.empty_query(id, Relation::Table(table));
        self.restrict(&mut query, Relation::Table(table), &select)?;
        Ok(Expr::all([self.key_filter(id, table, key)?, query.filter]))
    }

    /// What the step that comes next returns of the rows it changes.
    fn returned(&mut self, table: TableId, shape: &Shape) -> Result<Returning, Problem> {
        match shape.returning {
            request::Returning::Minimal => Ok(Returning::default()),
            request::Returning::Key => {
                Ok(Returning { capture: self.catalog[table].primary_key.clone(), ..Returning::default() })
            }
            request::Returning::Rows => {
                let rows = self.shown_rows(table, &shape.select)?;
                self.reply = Some(self.steps.len() as u16);
                Ok(Returning { rows: Some(Box::new(rows)), ..Returning::default() })
            }
        }
    }

    fn shown_rows(&mut self, table: TableId, select: &Select) -> Result<crate::Query, Problem> {
        let id = self.query_id();
        let select = Select { filter: None, cursor: None, ..select.clone() };
        let mut query = self.query(id, Relation::Table(table), &select)?;
        query.source = Source::Written(table);
        Ok(query)
    }
}
