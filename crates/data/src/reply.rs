//! What a request yields, whichever protocol asked.

use serde_json::Value as Json;
use transom_ports::{Body, Contents, Outcome};
use transom_query::{
    Catalog, FunctionId, Plan, Query,
    catalog::Returns,
    plan::{Insert, ParamSource, Read, Source, Step},
    request::Media,
};
use transom_types::SessionReply;

/// The result of one request.
#[derive(Clone, Debug, Default)]
pub struct DataReply {
    /// A JSON array of rows; empty bytes when nothing is returned.
    pub json: Contents,
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
    /// Whether rows that were there already had a say in an insert.
    pub resolved: bool,
    /// Whether this is the stored reply of an earlier request with the same idempotency key.
    pub replayed: bool,
    /// The wire form of a function's result; `None` for tables.
    pub returns: Option<Returns>,
    /// What the statements asked of the reply, where the engine ran them as a role of its own.
    pub session: SessionReply,
    /// The form that was chosen of those that the caller takes; `None` where the protocol chooses.
    pub media: Option<Media>,
}

/// How long the stages of a request took, in nanoseconds: those that it came to, even where one failed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Planning and binding.
    pub plan_ns: Option<u64>,
    /// The database, waiting included.
    pub database_ns: Option<u64>,
}

impl DataReply {
    /// `body` has the rows of this read.
    pub(crate) fn from_body(read: &Read, body: Body) -> Self {
        let total = read.total(body.total, body.rows);
        Self { json: body.json, rows: body.rows, total, cursor: body.cursor, ..Self::default() }
    }

    /// `outcomes` are those of this plan's steps alone.
    pub(crate) fn from_outcomes(
        plan: &Plan,
        catalog: &Catalog,
        outcomes: &[Outcome],
        replayed: bool,
    ) -> Self {
        let mut reply = Self { replayed, media: plan.form.media.clone(), ..Self::default() };
        let changes = |step: &Step| !matches!(step, Step::Read(_) | Step::Judge(_));
        for (_, outcome) in plan.steps.iter().zip(outcomes).filter(|(step, _)| changes(step)) {
            reply.rows += outcome.rows;
            reply.inserted += outcome.inserted;
        }
        reply.resolved = root_insert(plan).is_some_and(|(_, insert)| insert.conflict.is_some());
        if let Some((step, insert)) = root_insert(plan)
            && let Some([captured]) = outcomes.get(step).map(|outcome| outcome.captured.as_slice())
        {
            reply.key = named_key(catalog, insert, captured);
        }
        if let (Some(_), [outcome]) = (&plan.form.account, outcomes) {
            reply.json = outcome.whole.clone().unwrap_or_default();
            return reply;
        }
        if let Some(outcome) = plan.reply.and_then(|step| outcomes.get(usize::from(step))) {
            let whole = outcome.whole.clone();
            reply.json = whole.unwrap_or_else(|| outcome.json.clone().into());
            reply.rows = outcome.rows.max(if outcome.json.is_empty() { reply.rows } else { 0 });
            reply.total = match plan.reply.and_then(|step| plan.steps.get(usize::from(step))) {
                Some(Step::Read(read)) => read.total(outcome.total, outcome.rows),
                _ => outcome.total,
            };
            reply.cursor = outcome.cursor.clone();
        }
        reply
    }
}

/// The place of the change that was asked for. Of a nested insert it is the reply, or the step that is read back;
/// `None` where several were asked for.
pub(crate) fn root(plan: &Plan) -> Option<usize> {
    let changes = |step: &Step| matches!(step, Step::Insert(_) | Step::Update(_) | Step::Delete(_));
    let mut places = (0..plan.steps.len()).filter(|at| changes(&plan.steps[*at]));
    let (first, second) = (places.next()?, places.next());
    if second.is_none() {
        return Some(first);
    }
    if let Some(reply) = plan.reply.map(usize::from)
        && plan.steps.get(reply).is_some_and(changes)
    {
        return Some(reply);
    }
    let mut read_back = plan.params.iter().filter_map(|param| match param.source {
        ParamSource::CapturedRows { step } => Some(usize::from(step)),
        _ => None,
    });
    read_back.next().filter(|_| read_back.next().is_none())
}

fn root_insert(plan: &Plan) -> Option<(usize, &Insert)> {
    let at = root(plan)?;
    match &plan.steps[at] {
        Step::Insert(insert) => Some((at, insert)),
        _ => None,
    }
}

/// The primary key, where it was captured: its columns come first.
fn named_key(catalog: &Catalog, insert: &Insert, captured: &str) -> Option<Vec<(Box<str>, Json)>> {
    let table = &catalog[insert.table];
    let values: Vec<Json> = serde_json::from_str(captured).ok()?;
    if table.primary_key.is_empty() || !insert.returning.capture.starts_with(&table.primary_key) {
        return None;
    }
    let names = table.primary_key.iter().map(|column| table[*column].name.clone());
    Some(names.zip(values).collect())
}

/// The wire form of what the plan's function returns in so many rows; `None` where it calls none.
pub(crate) fn returns(plan: &Plan, catalog: &Catalog, rows: u64) -> Option<Returns> {
    let function = &catalog[called(plan)?];
    Some(match function.returns {
        // A row of the engine's own function that a filter has taken away is as a value that is not there.
        Returns::Row if rows == 0 && function.engine.is_some() => Returns::Scalar,
        returns => returns,
    })
}

/// The function that the plan calls.
pub(crate) fn called(plan: &Plan) -> Option<FunctionId> {
    match plan.steps.as_slice() {
        [Step::Call(call)] => Some(call.function),
        [Step::Read(Read { query: Query { source: Source::Function(function, _), .. }, .. })] => {
            Some(*function)
        }
        _ => None,
    }
}
