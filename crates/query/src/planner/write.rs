//! Inserts, updates, deletes and PUT: one mutation, and a later read where what is returned needs other tables.

use transom_types::{Code, DataType, Problem, Value};

use super::{Planner, expect, names::no_privilege, relation::Relation};
use crate::{
    TableId,
    catalog::{Access, Column, ColumnId},
    plan::{
        Delete, Expr, Insert, InsertColumn, InsertValue, OnConflict, OrderTerm, ParamKind, ParamSource,
        QueryId, Read, Returning, Step, Update,
    },
    request::{self, Action, Cell, Conflict, Item, Resolution, Select, Shape, Slot},
};

impl Planner<'_> {
    pub(super) fn write(
        &mut self,
        name: &str,
        key: &[Slot],
        action: &Action,
        shape: &Shape,
    ) -> Result<(), Problem> {
        let table = self.table(name)?;
        if self.options.native {
            return self.mutate(table, key, action, shape);
        }
        if let crate::catalog::TableKind::View { writable: false } = self.catalog[table].kind {
            return Err(Problem::new(Code::Unsupported, format!("cannot write to view \"{name}\""))
                .with_hint("Write to the table beneath it, or give the view INSTEAD OF triggers"));
        }
        match action {
            Action::Insert(insert) => self.insert(table, insert, shape),
            Action::Update { columns, .. } => self.update(table, key, columns, shape),
            Action::Put { columns } => self.put(table, key, columns, shape),
            Action::Delete => self.delete(table, key, shape),
            Action::Read | Action::Call { .. } => {
                Err(Problem::new(Code::MethodUnsupported, format!("'{name}' cannot be called")))
            }
        }
    }

    fn insert(&mut self, table: TableId, insert: &request::Insert, shape: &Shape) -> Result<(), Problem> {
        self.allowed(table, "INSERT", |access| access.insert)?;
        if insert.columns.iter().any(|name| self.is_nested(table, name)) || self.holds_rows(table, insert) {
            return self.nested_insert(table, insert, shape);
        }
        let conflict = self.conflict(table, insert.conflict.as_ref(), &insert.columns)?;
        if !insert.single && insert.columns.is_empty() {
            return self.empty_rows(table, shape);
        }
        let id = self.query_id();
        let (columns, rows) = match insert.single {
            true => (self.single_row(table, insert)?, None),
            false => {
                let (columns, kind) = self.cells(table, &insert.columns, insert.missing_default)?;
                (columns, Some(self.param(ParamSource::Payload, kind, "body")))
            }
        };
        let returning = self.returning(id, table, shape, insert.single)?;
        let expect = expect(shape.expect);
        // A row of defaults alone has nothing to conflict with but what the defaults make anew.
        let conflict = conflict.filter(|_| !columns.is_empty());
        let step = Insert {
            id,
            table,
            columns,
            rows,
            given: None,
            conflict,
            check: None,
            merge_guard: None,
            returning,
            expect,
        };
        self.steps.push(Step::Insert(step));
        self.represent(table, shape)
    }

    /// Whether a foreign key's column holds a row and no key. The shape says which.
    fn holds_rows(&self, table: TableId, insert: &request::Insert) -> bool {
        let column = |at: &u16| insert.columns.get(usize::from(*at));
        insert.objects.iter().filter_map(column).any(|name| self.refers(table, name))
    }

    /// `[]` inserts nothing; `[{}, {}]` inserts rows of defaults, one after the other.
    fn empty_rows(&mut self, table: TableId, shape: &Shape) -> Result<(), Problem> {
        self.cacheable = false;
        let rows = self.values.payload.rows.len();
        let steps: Result<Vec<u16>, Problem> =
            (0..rows).map(|_| self.push_insert(table, Vec::new(), Vec::new())).collect();
        let steps = steps?;
        match shape.returning {
            request::Returning::Rows => self.read_back(table, &steps, &shape.select),
            // What is asked for is checked all the same.
            _ => self.outputs(QueryId(0), Relation::Table(table), &shape.select).map(|_| ()),
        }
    }

    /// One row's columns, each a parameter of its own: the cheapest statement.
    pub(super) fn single_row(
        &mut self,
        table: TableId,
        insert: &request::Insert,
    ) -> Result<Vec<InsertColumn>, Problem> {
        let mut columns = Vec::with_capacity(insert.columns.len());
        let row = self.values.payload.rows.first();
        for (cell, name) in (0u16..).zip(&insert.columns) {
            if row.is_some_and(|row| matches!(row.get(usize::from(cell)), Some(Cell::Missing))) {
                // `columns=` names a key that the body does not have.
                self.cacheable = false;
                if insert.missing_default {
                    continue;
                }
            }
            let column = self.writable(table, name, |access| access.insert, "INSERT")?;
            let of = &self.catalog[table][column];
            let value = self.cell_value(cell, of);
            columns.push(InsertColumn { column, value: InsertValue::Expr(value) });
        }
        Ok(columns)
    }

    /// A cell of the body's one row as a value of its column. An engine with types of its own reads them from JSON.
    fn cell_value(&mut self, cell: u16, of: &Column) -> Expr {
        let source = ParamSource::Cell(cell);
        match &of.engine_type {
            Some(engine_type) if self.options.engine_types && of.data_type == DataType::Any => {
                let param = self.param(source, ParamKind::Json, &of.name);
                Expr::FromJson(param, engine_type.clone())
            }
            _ => Expr::Param(self.param(source, ParamKind::Scalar(of.data_type), &of.name)),
        }
    }

    /// The columns of many rows, each a cell of the rows parameter, and that parameter's kind.
    pub(super) fn cells(
        &self,
        table: TableId,
        names: &[Box<str>],
        missing_default: bool,
    ) -> Result<(Vec<InsertColumn>, ParamKind), Problem> {
        let mut columns = Vec::with_capacity(names.len());
        let mut types = Vec::with_capacity(names.len());
        for (cell, name) in (0u16..).zip(names) {
            let column = self.writable(table, name, |access| access.insert, "INSERT")?;
            let data_type = self.catalog[table][column].data_type;
            types.push(data_type);
            columns
                .push(InsertColumn { column, value: InsertValue::Cell { cell, data_type, missing_default } });
        }
        Ok((columns, ParamKind::Rows(types)))
    }

    pub(super) fn conflict(
        &self,
        table: TableId,
        conflict: Option<&Conflict>,
        written: &[Box<str>],
    ) -> Result<Option<OnConflict>, Problem> {
        let Some(conflict) = conflict else { return Ok(None) };
        let of = &self.catalog[table];
        let columns = match conflict.columns.is_empty() {
            true => of.primary_key.clone(),
            false => conflict
                .columns
                .iter()
                .map(|name| self.column(Relation::Table(table), name))
                .collect::<Result<_, _>>()?,
        };
        let same =
            |key: &Vec<ColumnId>| key.len() == columns.len() && key.iter().all(|c| columns.contains(c));
        if columns.is_empty() || !(same(&of.primary_key) || of.unique_keys.iter().any(same)) {
            return Err(Problem::new(
                Code::ConflictTarget,
                "there is no unique or exclusion constraint matching the ON CONFLICT specification",
            )
            .with_details(format!(
                "on_conflict of '{}' must name a primary key or unique columns",
                of.name
            )));
        }
        let merge = match conflict.resolution {
            Resolution::Ignore => None,
            Resolution::Merge => {
                let written: Vec<ColumnId> = written.iter().filter_map(|name| of.column(name)).collect();
                let rest: Vec<ColumnId> = written.iter().copied().filter(|c| !columns.contains(c)).collect();
                // Setting the key to itself returns the row where nothing else is given.
                Some(if rest.is_empty() { columns.clone() } else { rest })
            }
        };
        Ok(Some(OnConflict { columns, merge }))
    }

    fn update(
        &mut self,
        table: TableId,
        key: &[Slot],
        names: &[Box<str>],
        shape: &Shape,
    ) -> Result<(), Problem> {
        self.allowed(table, "UPDATE", |access| access.update)?;
        let id = self.query_id();
        let mut set = Vec::with_capacity(names.len());
        for (cell, name) in (0u16..).zip(names) {
            let column = self.writable(table, name, |access| access.update, "UPDATE")?;
            let of = &self.catalog[table][column];
            let value = self.cell_value(cell, of);
            set.push((column, value));
        }
        let filter = self.mutation_filter(id, table, key, &shape.select)?;
        if set.is_empty() {
            // An empty object changes nothing; names were checked all the same.
            return match shape.returning {
                request::Returning::Rows => self.read_back(table, &[], &shape.select),
                _ => Ok(()),
            };
        }
        let returning = self.returning(id, table, shape, false)?;
        let expect = expect(shape.expect);
        self.steps.push(Step::Update(Update {
            id,
            table,
            set,
            given: None,
            filter,
            guard: None,
            check: None,
            returning,
            expect,
        }));
        self.represent(table, shape)
    }

    fn delete(&mut self, table: TableId, key: &[Slot], shape: &Shape) -> Result<(), Problem> {
        self.allowed(table, "DELETE", |access| access.delete)?;
        let id = self.query_id();
        let filter = self.mutation_filter(id, table, key, &shape.select)?;
        let outputs = match shape.returning {
            // Related rows may go with the row, so they are read before; the policy room gives both the same rows.
            request::Returning::Rows if self.needs_read(table, &shape.select) => {
                self.read_ahead(table, key, &shape.select)?;
                Vec::new()
            }
            request::Returning::Rows => {
                self.reply = Some(self.steps.len() as u16);
                self.outputs(id, Relation::Table(table), &shape.select)?
            }
            _ => Vec::new(),
        };
        let returning = Returning { outputs, ..Returning::default() };
        let expect = expect(shape.expect);
        self.steps.push(Step::Delete(Delete { id, table, filter, guard: None, returning, expect }));
        Ok(())
    }

    /// Reads the rows that the next step deletes.
    fn read_ahead(&mut self, table: TableId, key: &[Slot], select: &Select) -> Result<(), Problem> {
        let id = self.query_id();
        let mut query = self.query(id, Relation::Table(table), select)?;
        query.filter = Expr::all([self.key_filter(id, table, key)?, query.filter]);
        self.reply = Some(self.steps.len() as u16);
        let expect = crate::plan::Expect::Any;
        self.steps.push(Step::Read(Read { query, count: None, count_max: None, cursor: false, expect }));
        Ok(())
    }

    fn mutation_filter(
        &mut self,
        id: QueryId,
        table: TableId,
        key: &[Slot],
        select: &Select,
    ) -> Result<Option<Expr>, Problem> {
        if select.limit.is_some() || select.offset.is_some() {
            return Err(Problem::new(
                Code::Unsupported,
                "limit and offset do not apply to what is changed or deleted",
            )
            .with_hint(
                "Choose the rows by a filter; Prefer: handling=strict, max-affected=N refuses more than N",
            ));
        }
        let mut query = self.empty_query(id, Relation::Table(table));
        self.restrict(&mut query, Relation::Table(table), select)?;
        Ok(Expr::all([self.key_filter(id, table, key)?, query.filter]))
    }

    /// What the mutation itself returns; `represent` adds the read that follows where this cannot be enough.
    pub(super) fn returning(
        &mut self,
        id: QueryId,
        table: TableId,
        shape: &Shape,
        single: bool,
    ) -> Result<Returning, Problem> {
        let primary_key = &self.catalog[table].primary_key;
        match shape.returning {
            request::Returning::Minimal => Ok(Returning::default()),
            request::Returning::Key => {
                let capture = if single { self.address(table) } else { Vec::new() };
                Ok(Returning { capture, ..Returning::default() })
            }
            request::Returning::Rows if self.needs_read(table, &shape.select) => {
                if primary_key.is_empty() {
                    let name = &self.catalog[table].name;
                    return Err(Problem::new(Code::Unsupported, format!("'{name}' has no primary key"))
                        .with_details("Embedding, aggregates and order in what a write returns need one"));
                }
                Ok(Returning { capture: primary_key.clone(), ..Returning::default() })
            }
            request::Returning::Rows => {
                self.reply = Some(self.steps.len() as u16);
                let outputs = self.outputs(id, Relation::Table(table), &shape.select)?;
                let capture = if single { self.address(table) } else { Vec::new() };
                Ok(Returning { outputs, capture, ..Returning::default() })
            }
        }
    }

    /// The columns of a row's `Location`: its key, where all of it may be read.
    fn address(&self, table: TableId) -> Vec<ColumnId> {
        let of = &self.catalog[table];
        let readable = of.primary_key.iter().all(|column| of[*column].access.select);
        if readable { of.primary_key.clone() } else { Vec::new() }
    }

    pub(super) fn represent(&mut self, table: TableId, shape: &Shape) -> Result<(), Problem> {
        if shape.returning == request::Returning::Rows && self.needs_read(table, &shape.select) {
            let step = (self.steps.len() - 1) as u16;
            self.read_back(table, &[step], &shape.select)?;
        }
        Ok(())
    }

    /// Reads the rows whose keys earlier steps captured, as `select` shapes them. The root's filter chose them already.
    pub(super) fn read_back(
        &mut self,
        table: TableId,
        steps: &[u16],
        select: &Select,
    ) -> Result<(), Problem> {
        let id = self.query_id();
        let select = Select { filter: None, limit: None, offset: None, cursor: None, ..select.clone() };
        let mut query = self.query(id, Relation::Table(table), &select)?;
        let primary_key = self.catalog[table].primary_key.clone();
        let kinds: Vec<_> = primary_key.iter().map(|column| self.catalog[table][*column].data_type).collect();
        let mut captured = Vec::with_capacity(steps.len());
        for step in steps {
            let source = ParamSource::CapturedRows { step: *step };
            let param = self.param(source, ParamKind::Rows(kinds.clone()), "key");
            let key = primary_key.iter().map(|column| Expr::Column(id, *column)).collect();
            captured.push(Expr::InRows(key, param));
        }
        if query.order.is_empty() && query.group_by.is_none() {
            query.order.extend(self.written_order(id, table, steps, &captured));
        }
        let captured = if captured.len() == 1 { captured.pop() } else { Some(Expr::Or(captured)) };
        query.on = captured;
        self.reply = Some(self.steps.len() as u16);
        let expect = crate::plan::Expect::Any;
        self.steps.push(Step::Read(Read { query, count: None, count_max: None, cursor: false, expect }));
        Ok(())
    }

    /// Whether what is returned needs more than the changed row itself.
    fn needs_read(&self, table: TableId, select: &Select) -> bool {
        let beyond = |item: &Item| match item {
            Item::All => false,
            Item::Field(field) => self.counted(Relation::Table(table), field).aggregate.is_some(),
            Item::Embed(embed) => !embed.empty,
        };
        !select.order.is_empty() || select.items.iter().any(beyond)
    }

    /// Rows that were inserted come back in the order in which they were given.
    fn written_order(
        &self,
        id: QueryId,
        table: TableId,
        steps: &[u16],
        captured: &[Expr],
    ) -> Option<OrderTerm> {
        let inserted = |step: &u16| matches!(&self.steps[usize::from(*step)], Step::Insert(insert) if insert.rows.is_some());
        let expr = match captured {
            [Expr::InRows(_, rows)] if inserted(steps.first()?) => {
                Expr::Place { query: id, table, key: self.catalog[table].primary_key.clone(), rows: *rows }
            }
            [] | [_] => return None,
            several => {
                let place = |(place, of): (i64, &Expr)| (of.clone(), Expr::Value(Value::Integer(place)));
                Expr::Case((0..).zip(several).map(place).collect(), None)
            }
        };
        Some(OrderTerm { expr, descending: false, nulls_first: false })
    }

    pub(super) fn allowed(
        &self,
        table: TableId,
        privilege: &str,
        access: impl Fn(Access) -> bool,
    ) -> Result<(), Problem> {
        match access(self.catalog[table].access) {
            true => Ok(()),
            false => Err(no_privilege(privilege, &self.catalog[table].name)),
        }
    }

    /// A column of the body that may be written.
    fn writable(
        &self,
        table: TableId,
        name: &str,
        access: impl Fn(Access) -> bool,
        privilege: &str,
    ) -> Result<ColumnId, Problem> {
        let of = &self.catalog[table];
        let known = || of.columns.iter().filter(|column| column.access.any());
        let found = of.column(name).filter(|column| of[*column].access.any()).ok_or_else(|| {
            let message = format!("Could not find the '{name}' column of '{}' in the schema cache", of.name);
            Problem::new(Code::ColumnMissing, message).suggesting(name, known().map(|column| &*column.name))
        })?;
        if of[found].generated {
            let message = format!("cannot insert a non-DEFAULT value into column \"{name}\"");
            return Err(Problem::new(Code::GeneratedColumn, message)
                .with_details(format!("Column \"{name}\" is a generated column.")));
        }
        match access(of[found].access) {
            true => Ok(found),
            false => Err(no_privilege(&format!("{privilege} ({name})"), &of.name)),
        }
    }
}
