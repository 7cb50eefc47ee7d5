//! All that is stored. Cloning shares every table until it is changed, so a unit works on a copy and either replaces
//! the whole state or drops it.

use std::sync::Arc;

use transom_query::TableId;
use transom_sql::statement::Idempotency;
use transom_types::Value;

use super::change_log::ChangeLog;
use crate::{DbError, Fault, Migration, Outcome};

/// A row's values, by column.
pub(super) type Row = Arc<[Value]>;

/// All that is stored.
#[derive(Clone, Debug)]
pub(super) struct State {
    tables: Vec<Arc<Vec<Row>>>,
    pub(super) changes: ChangeLog,
    pub(super) replays: Vec<Replay>,
    pub(super) migrations: Vec<Migration>,
}

/// What a unit with an idempotency key did.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    pub(super) promise: Idempotency,
    pub(super) outcomes: Vec<Outcome>,
}

impl State {
    pub(super) fn new(tables: usize) -> Self {
        let tables = vec![Arc::default(); tables];
        Self { tables, changes: ChangeLog::default(), replays: Vec::new(), migrations: Vec::new() }
    }

    pub(super) fn rows(&self, table: TableId) -> &[Row] {
        self.tables.get(table.0 as usize).map_or(&[], |rows| rows)
    }

    pub(super) fn rows_mut(&mut self, table: TableId) -> Result<&mut Vec<Row>, DbError> {
        let missing =
            || DbError::new(Fault::Internal, format!("the plan names table {} of another catalog", table.0));
        self.tables.get_mut(table.0 as usize).map(Arc::make_mut).ok_or_else(missing)
    }

    pub(super) fn rows_count(&self) -> usize {
        self.tables.iter().map(|rows| rows.len()).sum()
    }

    /// What was done under the same key; another request under it is refused.
    pub(super) fn replay(&self, promise: &Idempotency) -> Result<Option<Vec<Outcome>>, DbError> {
        let same_key =
            |known: &&Replay| known.promise.key == promise.key && known.promise.scope == promise.scope;
        match self.replays.iter().find(same_key) {
            None => Ok(None),
            Some(known) if known.promise.fingerprint == promise.fingerprint => {
                Ok(Some(known.outcomes.clone()))
            }
            Some(_) => Err(DbError::new(Fault::IdempotencyMismatch, "the key was used for another request")),
        }
    }
}
