//! What a request yields, whichever protocol asked.

use bytes::Bytes;
use serde_json::Value as Json;
use transom_policy::Grant;
use transom_ports::{Body, Outcome};
use transom_query::{
    Catalog, Plan,
    catalog::Returns,
    plan::Step,
    request::{Resource, Shape},
};

/// The result of one request.
#[derive(Clone, Debug, Default)]
pub struct DataReply {
    /// A JSON array of rows; empty bytes when nothing is returned.
    pub json: Bytes,
    /// Rows read, or affected by a write.
    pub rows: u64,
    /// Rows without limit and offset, when asked for.
    pub total: Option<u64>,
    /// The order values of the last row, a JSON array, when asked for.
    pub cursor: Option<Box<str>>,
    /// Rows that an insert added (and not merely changed).
    pub inserted: u64,
    /// The primary key of a single inserted row, when asked for.
    pub key: Option<Vec<(Box<str>, Json)>>,
    /// Whether this is the stored reply of an earlier request with the same idempotency key.
    pub replayed: bool,
    /// The wire form of a function's result; `None` for tables.
    pub returns: Option<Returns>,
    /// Nanoseconds spent on planning and binding.
    pub plan_ns: u64,
    /// Nanoseconds spent in the database, waiting included.
    pub database_ns: u64,
}

impl DataReply {
    pub(crate) fn from_body(body: Body) -> Self {
        Self { json: body.json, rows: body.rows, total: body.total, cursor: body.cursor, ..Self::default() }
    }

    /// `outcomes` are those of this plan's steps alone.
    pub(crate) fn from_outcomes(plan: &Plan, outcomes: &[Outcome], replayed: bool) -> Self {
        let mut reply = Self { replayed, ..Self::default() };
        let changes = |step: &Step| !matches!(step, Step::Read(_) | Step::Judge(_));
        for (step, outcome) in plan.steps.iter().zip(outcomes).filter(|(step, _)| changes(step)) {
            reply.rows += outcome.rows;
            reply.inserted += outcome.inserted;
            if let (Step::Insert(insert), [captured]) = (step, outcome.captured.as_slice()) {
                reply.key = Some(named_key(insert, captured));
            }
        }
        if let Some(outcome) = plan.reply.and_then(|step| outcomes.get(usize::from(step))) {
            reply.json = Bytes::from(outcome.json.clone().into_bytes());
            reply.rows = outcome.rows.max(if outcome.json.is_empty() { reply.rows } else { 0 });
        }
        reply
    }

    /// Gives the captured key its columns' names.
    pub(crate) fn name_key(&mut self, catalog: &Catalog, plan: &Plan) {
        let insert = plan.steps.iter().find_map(|step| match step {
            Step::Insert(insert) => Some(insert),
            _ => None,
        });
        if let (Some(insert), Some(key)) = (insert, &mut self.key) {
            for ((name, _), column) in key.iter_mut().zip(&insert.returning.capture) {
                *name = catalog[insert.table][*column].name.clone();
            }
        }
    }
}

fn named_key(insert: &transom_query::plan::Insert, captured: &str) -> Vec<(Box<str>, Json)> {
    let values: Vec<Json> = serde_json::from_str(captured).unwrap_or_default();
    insert.returning.capture.iter().zip(values).map(|(_, value)| (Box::from(""), value)).collect()
}

pub(crate) fn returns(grant: &Grant, shape: &Shape) -> Option<Returns> {
    match &shape.resource {
        Resource::Function(name) => {
            let catalog = grant.catalog();
            Some(catalog[catalog.function(name)?].returns)
        }
        _ => None,
    }
}
