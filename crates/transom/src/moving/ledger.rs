//! What was copied so far: a table in the target, written in the same transactions as the rows, and dropped at the end.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use transom_ports::Database;
use transom_query::{
    DataRequest,
    request::{Action, Cell, Conflict, Insert, Payload, Resolution, Resource, Returning, Shape, Values},
};

use transom_sql::ledger::{CREATE, DROP, TABLE};
use transom_types::limits::BATCH_OPERATIONS_MAX;

use super::{fault, order::Step, side::Side};
use crate::faults::Faults;

/// The columns of the bookkeeping.
const COLUMNS: [&str; 4] = ["name", "position", "row_count", "finished"];

/// The name of the line that says where the rows come from; no table has it.
const SOURCE: &str = "";

/// How far a step came.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Entry {
    name: String,
    /// The key of the last row copied; for the first line, where the rows come from.
    pub(super) position: Option<Box<str>>,
    pub(super) row_count: u64,
    pub(super) finished: bool,
}

/// What an earlier move has noted.
pub(super) struct Ledger {
    entries: BTreeMap<String, Entry>,
    place: String,
}

/// Marks an empty target as one that is being moved to.
/// Errors: tables that no interrupted move has left there.
pub(super) async fn begin(database: &dyn Database, place: &str) -> anyhow::Result<()> {
    let catalog = database.introspect().await.map_err(fault)?;
    if catalog.table(TABLE).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = catalog.tables().map(|(_, table)| &*table.name).take(3).collect();
    anyhow::ensure!(
        names.is_empty(),
        "{place} has tables already, such as {}: nothing was done\n    Rows are moved to an empty database only; \
         make one with `createdb`, or drop what is there",
        names.join(", ")
    );
    Ok(database.run_script(CREATE).await.map_err(fault)?)
}

/// Removes the bookkeeping, when all is well.
pub(super) async fn remove(target: &Side) -> anyhow::Result<()> {
    Ok(target.database.run_script(DROP).await.map_err(fault)?)
}

impl Ledger {
    pub(super) async fn read(target: &Side) -> anyhow::Result<Self> {
        let reply = target.read(Shape::read(TABLE), Values::default()).await.map_err(Faults::from)?;
        let entries: Vec<Entry> = serde_json::from_slice(&reply.json.into_bytes()?)?;
        let entries = entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        Ok(Self { entries, place: target.place.clone() })
    }

    /// Whether an earlier move from this source has begun to copy.
    pub(super) fn started(&self, source: &str) -> anyhow::Result<bool> {
        let Some(first) = self.entries.get(SOURCE) else { return Ok(false) };
        let earlier = first.position.as_deref().unwrap_or_default();
        anyhow::ensure!(
            earlier == source,
            "{} holds a part of {earlier}, not of {source}: empty it, or end that move first",
            self.place
        );
        Ok(true)
    }

    /// Notes the source. Rows that migrations have put into the target are the source's matter: they go.
    pub(super) async fn start(&self, target: &Side, source: &str, steps: &[Step]) -> anyhow::Result<()> {
        let emptied = |step: &Step| {
            let resource = Resource::Table(step.table.clone());
            let shape =
                Shape { resource, action: Action::Delete, returning: Returning::Minimal, ..Shape::read("") };
            DataRequest { shape, values: Values::default() }
        };
        let tables: Vec<&Step> = steps.iter().rev().filter(|step| !step.filling).collect();
        for some in tables.chunks(BATCH_OPERATIONS_MAX as usize) {
            target.write(some.iter().map(|step| emptied(step)).collect()).await.map_err(Faults::from)?;
        }
        // Last: only now is it safe to go on without emptying anything.
        Ok(target.write(vec![note(SOURCE, Some(source), 0)]).await.map_err(Faults::from)?)
    }

    /// How far a step came before.
    pub(super) fn entry(&self, step: &str) -> Entry {
        self.entries.get(step).cloned().unwrap_or_default()
    }
}

/// The request that notes a page beside its rows.
pub(super) fn note(step: &str, position: Option<&str>, row_count: u64) -> DataRequest {
    let columns: Vec<Box<str>> = COLUMNS.map(Into::into).into();
    let cells = [json!(step), json!(position), json!(row_count), Json::Bool(position.is_none())];
    let conflict = Some(Conflict { columns: Vec::new(), resolution: Resolution::Merge });
    insert(TABLE, columns, vec![cells.map(Cell::Json).into()], conflict)
}

/// An insert of these rows.
pub(super) fn insert(
    table: &str,
    columns: Vec<Box<str>>,
    rows: Vec<Vec<Cell>>,
    conflict: Option<Conflict>,
) -> DataRequest {
    let insert =
        Insert { columns: columns.clone(), single: false, conflict, missing_default: false, objects: vec![] };
    let shape = Shape {
        resource: Resource::Table(table.into()),
        action: Action::Insert(insert),
        returning: Returning::Minimal,
        ..Shape::read("")
    };
    DataRequest {
        shape,
        values: Values { payload: Payload { columns, rows, ..Default::default() }, ..Values::default() },
    }
}
