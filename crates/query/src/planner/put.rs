//! `PUT`: one row by its key, inserted or replaced.

use transom_types::{Code, DataType, Problem};

use super::{Planner, expect};
use crate::{
    TableId,
    catalog::ColumnId,
    plan::{Insert, InsertColumn, InsertValue, QueryId, Step},
    request::{self, Cell, Condition, Conflict, Filter, Resolution, Select, Shape, Slot, Test},
};

impl Planner<'_> {
    /// PUT: the row of exactly this key is inserted, or takes the body's values.
    pub(super) fn put(
        &mut self,
        table: TableId,
        key: &[Slot],
        names: &[Box<str>],
        shape: &Shape,
    ) -> Result<(), Problem> {
        self.cacheable = false;
        let primary_key = self.catalog[table].primary_key.clone();
        let slots = match key.is_empty() {
            true => self.put_slots(table, &primary_key, &shape.select)?,
            false if key.len() == primary_key.len() => key.to_vec(),
            false => {
                self.key_filter(QueryId(0), table, key)?;
                key.to_vec()
            }
        };
        let mut insert = request::Insert {
            columns: names.to_vec(),
            single: true,
            conflict: Some(Conflict { columns: Vec::new(), resolution: Resolution::Merge }),
            missing_default: true,
            objects: Vec::new(),
        };
        let conflict = self.conflict(table, insert.conflict.take().as_ref(), names)?;
        self.allowed(table, "INSERT", |access| access.insert)?;
        let id = self.query_id();
        let mut columns = self.single_row(table, &insert)?;
        for (column, slot) in primary_key.iter().zip(slots) {
            let of = &self.catalog[table][*column];
            let given = names.iter().position(|name| *name == of.name);
            if given.is_none() && key.is_empty() {
                let message = format!("The body has no '{}'", of.name);
                return Err(Problem::new(Code::PutKeyMismatch, message).with_hint(
                    "PUT takes the whole row; the key may be left out of the body at TABLE/KEY alone",
                ));
            }
            if let Some(at) = given {
                self.same_key(at, slot, of.data_type, &of.name)?;
                continue;
            }
            let value = InsertValue::Expr(self.literal(slot, of.data_type, &of.name));
            columns.push(InsertColumn { column: *column, value });
        }
        let returning = self.returning(id, table, shape, true)?;
        let expect = expect(shape.expect);
        let step = Insert {
            id,
            table,
            columns,
            rows: None,
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

    /// The filter of a PUT names exactly the primary key, by `eq`.
    pub(super) fn put_slots(
        &self,
        table: TableId,
        primary_key: &[ColumnId],
        select: &Select,
    ) -> Result<Vec<Slot>, Problem> {
        let of = &self.catalog[table];
        let conditions: Vec<&Condition> = match &select.filter {
            Some(Filter::And(parts)) => parts.iter().filter_map(leaf).collect(),
            Some(filter) => leaf(filter).into_iter().collect(),
            None => Vec::new(),
        };
        let slot_of = |column: &ColumnId| {
            conditions.iter().find_map(|condition| match (&condition.path, &condition.test) {
                (Some(path), Test::Compare(request::Operator::Eq, None, slot))
                    if path.column == of[*column].name && path.json.is_empty() =>
                {
                    Some(*slot)
                }
                _ => None,
            })
        };
        let slots: Option<Vec<Slot>> = primary_key.iter().map(slot_of).collect();
        slots.filter(|slots| !slots.is_empty() && slots.len() == conditions.len()).ok_or_else(|| {
            Problem::new(
                Code::PutFilter,
                "Filters must include all and only primary key columns with 'eq' operators",
            )
        })
    }

    fn same_key(&self, cell: usize, slot: Slot, data_type: DataType, name: &str) -> Result<(), Problem> {
        let literal = match self.values.literals.get(usize::from(slot.0)) {
            Some(request::Literal::Text(text)) => data_type.parse(text),
            _ => None,
        };
        let given = match self.values.payload.rows.first().and_then(|row| row.get(cell)) {
            Some(Cell::Json(serde_json::Value::String(text))) => data_type.parse(text),
            Some(Cell::Json(json)) => data_type.parse(&json.to_string()),
            _ => None,
        };
        match literal.is_some() && literal == given {
            true => Ok(()),
            false => Err(Problem::new(
                Code::PutKeyMismatch,
                "Payload values do not match URL in primary key column(s)",
            )
            .with_details(format!("'{name}' differs between the URL and the body"))),
        }
    }
}

fn leaf(filter: &Filter) -> Option<&Condition> {
    match filter {
        Filter::Condition(condition) => Some(condition),
        _ => None,
    }
}
