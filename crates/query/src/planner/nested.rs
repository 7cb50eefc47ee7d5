//! Nested inserts: a row and the rows that belong to it, in one body.
//!
//! A key of the body that is no column but a relationship holds rows of the related table. Referenced rows go in
//! first, the row itself next with their keys, and referring rows last with its own. Values decide the steps, so such
//! plans are not cached.

use serde_json::Value as Json;
use transom_types::{Code, DataType, Problem, limits::BATCH_OPERATIONS_MAX};

use super::{Planner, relation::Relation};
use crate::{
    TableId,
    catalog::{ColumnId, Relationship, RelationshipKind},
    plan::{Expect, Expr, Insert, InsertColumn, InsertValue, ParamKind, ParamSource, Returning, Step},
    request::{self, Cell, Embed, Select, Shape},
};

/// A row to insert, apart from the rows related to it.
struct Parts {
    columns: Vec<(Box<str>, Cell)>,
    related: Vec<(Relationship, Vec<serde_json::Map<String, Json>>)>,
}

impl Planner<'_> {
    /// Whether a key of the body is a relationship and no column.
    pub(super) fn is_nested(&self, table: TableId, name: &str) -> bool {
        self.catalog[table].column(name).is_none() && self.related_by(table, name).is_ok()
    }

    /// Whether a column is a foreign key, so that an object in it is the row to refer to.
    pub(super) fn refers(&self, table: TableId, name: &str) -> bool {
        let of = &self.catalog[table];
        of.column(name).is_some_and(|column| of[column].data_type != DataType::Json)
            && self.related_by(table, name).is_ok_and(|way| matches!(way.kind, RelationshipKind::ToOne(_)))
    }

    fn related_by(&self, table: TableId, name: &str) -> Result<Relationship, Problem> {
        let (resource, hint) = match name.split_once('!') {
            Some((resource, hint)) => (resource, Some(hint.into())),
            None => (name, None),
        };
        let embed = Embed {
            alias: None,
            resource: resource.into(),
            hint,
            inner: false,
            spread: false,
            select: Select::default(),
            empty: false,
        };
        self.relationship(Relation::Table(table), &embed)
    }

    pub(super) fn nested_insert(
        &mut self,
        table: TableId,
        insert: &request::Insert,
        shape: &Shape,
    ) -> Result<(), Problem> {
        self.cacheable = false;
        if insert.conflict.is_some() {
            return Err(Problem::new(Code::Unsupported, "A nested insert cannot resolve conflicts")
                .with_hint("Leave out Prefer: resolution, or send the related rows in a batch"));
        }
        let rows = self.values.payload.rows.clone();
        let mut steps = Vec::with_capacity(rows.len());
        for row in rows {
            let cells = insert.columns.iter().cloned().zip(row);
            steps.push(self.nested_row(table, cells, Vec::new())?);
        }
        match (shape.returning, steps.as_slice()) {
            (request::Returning::Rows, _) => self.read_back(table, &steps, &shape.select)?,
            // Whose key is asked for, or referred to later.
            (_, [root]) => self.reply = Some(*root),
            _ => {}
        }
        Ok(())
    }

    /// Inserts one row with what belongs to it; returns its step.
    fn nested_row(
        &mut self,
        table: TableId,
        cells: impl Iterator<Item = (Box<str>, Cell)>,
        mut fixed: Vec<InsertColumn>,
    ) -> Result<u16, Problem> {
        self.allowed(table, "INSERT", |access| access.insert)?;
        let parts = self.parts(table, cells)?;
        let (before, after): (Vec<_>, Vec<_>) =
            parts.related.into_iter().partition(|(way, _)| matches!(way.kind, RelationshipKind::ToOne(_)));
        for (way, rows) in before {
            let RelationshipKind::ToOne(pairs) = &way.kind else { continue };
            for row in rows {
                let step = self.nested_row(way.to, json_cells(row), Vec::new())?;
                fixed.extend(self.captured(step, way.to, pairs.iter().copied()));
            }
        }
        let step = self.push_insert(table, parts.columns, fixed)?;
        for (way, rows) in after {
            let pairs = match &way.kind {
                RelationshipKind::ToMany(pairs) | RelationshipKind::OneToOne(pairs) => pairs,
                _ => return Err(self.junction_between(&way)),
            };
            for row in rows {
                let keys = self.captured(step, table, pairs.iter().map(|(near, far)| (*far, *near)));
                self.nested_row(way.to, json_cells(row), keys)?;
            }
        }
        Ok(step)
    }

    pub(super) fn push_insert(
        &mut self,
        table: TableId,
        cells: Vec<(Box<str>, Cell)>,
        fixed: Vec<InsertColumn>,
    ) -> Result<u16, Problem> {
        if self.steps.len() >= BATCH_OPERATIONS_MAX as usize {
            return Err(Problem::new(Code::TooManyParts, "A nested insert has too many rows")
                .with_details(format!("At most {BATCH_OPERATIONS_MAX} rows go in at once")));
        }
        let (names, row): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
        let (mut columns, kind) = self.cells(table, &names, false)?;
        let ParamKind::Rows(types) = &kind else { return Err(internal()) };
        if types.is_empty() {
            columns.extend(fixed);
            return Ok(self.push_step(table, columns, None));
        }
        let source = ParamSource::ConstantRows { columns: names, rows: vec![row] };
        let rows = self.param(source, kind, &self.catalog[table].name);
        columns.retain(|column| fixed.iter().all(|given| given.column != column.column));
        columns.extend(fixed);
        Ok(self.push_step(table, columns, Some(rows)))
    }

    fn push_step(
        &mut self,
        table: TableId,
        columns: Vec<InsertColumn>,
        rows: Option<crate::plan::ParamId>,
    ) -> u16 {
        let step = self.steps.len() as u16;
        let returning = Returning { capture: self.key_columns(table), ..Returning::default() };
        let id = self.query_id();
        self.steps.push(Step::Insert(Insert {
            id,
            table,
            columns,
            rows,
            given: None,
            conflict: None,
            check: None,
            merge_guard: None,
            returning,
            expect: Expect::Exactly(1),
        }));
        step
    }

    /// The primary key first, so that the row can be read back, then every other column that a foreign key may refer to.
    fn key_columns(&self, table: TableId) -> Vec<ColumnId> {
        let of = &self.catalog[table];
        let mut columns = of.primary_key.clone();
        for way in self.catalog.relationships(table) {
            if let RelationshipKind::ToMany(pairs) | RelationshipKind::OneToOne(pairs) = &way.kind {
                columns.extend(pairs.iter().map(|(near, _)| *near));
            }
        }
        let mut seen = Vec::new();
        columns.retain(|column| {
            !seen.contains(column) && {
                seen.push(*column);
                true
            }
        });
        columns
    }

    /// Columns that take what an earlier step captured: pairs (column written, column captured of `of`).
    fn captured(
        &mut self,
        step: u16,
        of: TableId,
        pairs: impl Iterator<Item = (ColumnId, ColumnId)>,
    ) -> Vec<InsertColumn> {
        let keys = self.key_columns(of);
        let mut columns = Vec::new();
        for (written, captured) in pairs {
            let Some(place) = keys.iter().position(|key| *key == captured) else { continue };
            let kind = ParamKind::Scalar(self.catalog[of][captured].data_type);
            let source = ParamSource::Captured { step, column: place as u16 };
            let param = self.param(source, kind, &self.catalog[of][captured].name);
            columns.push(InsertColumn { column: written, value: InsertValue::Expr(Expr::Param(param)) });
        }
        columns
    }

    fn parts(&self, table: TableId, cells: impl Iterator<Item = (Box<str>, Cell)>) -> Result<Parts, Problem> {
        let mut parts = Parts { columns: Vec::new(), related: Vec::new() };
        for (name, cell) in cells {
            let row = matches!(cell, Cell::Json(Json::Object(_))) && self.refers(table, &name);
            if !row && !self.is_nested(table, &name) {
                if cell != Cell::Missing {
                    parts.columns.push((name, cell));
                }
                continue;
            }
            let way = self.related_by(table, &name)?;
            let rows = match cell {
                Cell::Json(Json::Array(rows)) if !way.kind.to_one() => {
                    rows.into_iter().map(|row| object(&name, row)).collect::<Result<_, _>>()?
                }
                Cell::Json(Json::Null) | Cell::Missing => Vec::new(),
                Cell::Json(row) => vec![object(&name, row)?],
                Cell::Earlier(_) => return Err(not_rows(&name)),
            };
            parts.related.push((way, rows));
        }
        Ok(parts)
    }

    fn junction_between(&self, way: &Relationship) -> Problem {
        let RelationshipKind::ManyToMany { junction, .. } = &way.kind else { return internal() };
        let junction = &self.catalog[*junction].name;
        let message = format!("'{}' cannot be inserted through '{junction}'", self.catalog[way.to].name);
        Problem::new(Code::Unsupported, message).with_hint(format!("Nest rows of '{junction}' instead"))
    }
}

fn json_cells(row: serde_json::Map<String, Json>) -> impl Iterator<Item = (Box<str>, Cell)> {
    row.into_iter().map(|(name, value)| (name.into(), Cell::Json(value)))
}

fn object(name: &str, row: Json) -> Result<serde_json::Map<String, Json>, Problem> {
    match row {
        Json::Object(row) => Ok(row),
        _ => Err(not_rows(name)),
    }
}

fn not_rows(name: &str) -> Problem {
    Problem::new(
        Code::BodyInvalid,
        format!("'{name}' is a relationship: it takes an object, or a list of objects"),
    )
}

fn internal() -> Problem {
    Problem::new(Code::Internal, "a nested insert was planned wrongly")
}
