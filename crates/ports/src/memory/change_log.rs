//! The change log: positions without gaps, images of rows before and after.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value as Json};
use transom_query::{TableId, catalog::Table, evaluate::show};
use transom_types::{ChangePosition, DataType, Value};

use super::{rows::Affected, state::Row};
use crate::{Change, ChangeKind, DbError, Fault};

/// The newest changes, and which tables are followed.
#[derive(Clone, Debug, Default)]
pub(super) struct ChangeLog {
    tracked: BTreeSet<TableId>,
    /// The position before the first change kept.
    before: u64,
    changes: Vec<Arc<Change>>,
}

impl ChangeLog {
    pub(super) fn track(&mut self, table: TableId) {
        self.tracked.insert(table);
    }

    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn position(&self) -> ChangePosition {
        ChangePosition(self.before + self.changes.len() as u64)
    }

    pub(super) fn after(&self, position: ChangePosition, count_max: u32) -> Result<Vec<Change>, DbError> {
        let Some(skipped) = position.0.checked_sub(self.before) else {
            let message = format!("the log begins after {}", self.before);
            return Err(DbError::new(Fault::ChangesExpired, message));
        };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        Ok(self
            .changes
            .iter()
            .skip(skipped)
            .take(count_max as usize)
            .map(|change| (**change).clone())
            .collect())
    }

    pub(super) fn append(
        &mut self,
        id: TableId,
        table: &Table,
        affected: &Affected,
        cause: &str,
        at_ms: i64,
    ) {
        if !self.tracked.contains(&id) {
            return;
        }
        for (before, after) in &affected.rows {
            let (kind, row) = match (before, after) {
                (None, Some(row)) => (ChangeKind::Insert, row),
                (Some(_), Some(row)) => (ChangeKind::Update, row),
                (Some(row), None) => (ChangeKind::Delete, row),
                (None, None) => continue,
            };
            let position = ChangePosition(self.position().0 + 1);
            let image = |row: &Row| image(table, row);
            self.changes.push(Arc::new(Change {
                position,
                table: table.name.clone(),
                kind,
                key: key(table, row),
                before: before.as_ref().map(image),
                after: after.as_ref().map(image),
                cause: cause.into(),
                at_ms,
            }));
        }
    }

    /// Forgets the oldest changes above `changes_max`.
    pub(super) fn shorten(&mut self, changes_max: usize) {
        let surplus = self.changes.len().saturating_sub(changes_max);
        self.before += surplus as u64;
        self.changes.drain(..surplus);
    }
}

fn key(table: &Table, row: &Row) -> Map<String, Json> {
    let member = |column: &transom_query::ColumnId| {
        Some((table[*column].name.to_string(), stored(row.get(column.0 as usize)?)))
    };
    table.primary_key.iter().filter_map(member).collect()
}

fn image(table: &Table, row: &Row) -> Map<String, Json> {
    table
        .columns
        .iter()
        .zip(row.iter())
        .map(|(column, value)| (column.name.to_string(), stored(value)))
        .collect()
}

/// A stored value; a JSON document as its text.
fn stored(value: &Value) -> Json {
    serde_json::from_str(&show(value, DataType::Text)).unwrap_or(Json::Null)
}
