//! Several requests in one transaction, where later ones may use what earlier ones returned.

use transom_policy::Grant;
use transom_query::{
    DataRequest, Plan,
    catalog::ColumnId,
    plan::Step as PlanStep,
    planner,
    request::{Action, Cell, Earlier, Literal, Shape},
};
use transom_sql::{Bound, bind::bind};
use transom_types::{Code, Principal, Problem, limits::BATCH_OPERATIONS_MAX};

use crate::{Context, Data, DataReply, execute, prepare::Planned, reply};

/// Where an operation's captured columns stand in the unit.
struct Captured {
    step: u16,
    columns: Vec<Box<str>>,
}

impl Data {
    /// Runs every request or none. Problems say which operation they belong to.
    pub async fn batch(
        &self,
        requests: Vec<DataRequest>,
        principal: &Principal,
        context: &Context,
    ) -> Result<Vec<DataReply>, Problem> {
        if requests.is_empty() || requests.len() > BATCH_OPERATIONS_MAX as usize {
            return Err(Problem::new(
                Code::BatchInvalid,
                format!("A batch has 1 to {BATCH_OPERATIONS_MAX} operations"),
            )
            .with_details(format!("This one has {}", requests.len())));
        }
        let model = self.model.load();
        let schema = context.schema.as_deref();
        let grant = model.policies_of(schema)?.authorize(principal)?;
        let references = references(&requests);
        let mut steps = Vec::new();
        let mut planned = Vec::with_capacity(requests.len());
        let mut captured: Vec<Captured> = Vec::with_capacity(requests.len());
        for (at, mut request) in requests.into_iter().enumerate() {
            self.capped(&request.shape, &mut request.values);
            let wanted = references.iter().filter(|(operation, _)| usize::from(*operation) == at);
            let wanted: Vec<_> = wanted.map(|(_, column)| column.clone()).collect();
            let found = self
                .operation(&model, (&grant, schema), &request, &wanted)
                .map_err(|p| in_operation(p, at))?;
            refuse_unsafe(&found, &request.shape).map_err(|problem| in_operation(problem, at))?;
            let earlier = |reference: &Earlier| resolve(&captured, at, reference);
            let first = steps.len() as u16;
            let look = self
                .look(&model, (&grant, principal), &mut request, &earlier, (context, first))
                .map_err(|problem| in_operation(problem, at))?;
            steps.extend(look);
            let base = steps.len() as u16;
            let params =
                bind(self.database.dialect(), found.plan(), &request.values, principal, &earlier, base)
                    .map_err(|problem| in_operation(problem, at))?;
            steps.extend(execute::steps(&found, params, &request.values, context));
            captured.push(capture_of(&found, &grant, base));
            planned.push((first..=base, found, request));
        }
        let committed =
            transom_ports::write(&*self.database, self.unit(steps, context)).await.map_err(|error| {
                let step = error.step.unwrap_or(0);
                let at = planned.iter().rposition(|(places, _, _)| *places.start() <= step).unwrap_or(0);
                let (places, found, request) = &planned[at];
                in_operation(execute::problem(error, found, *places.end(), request), at)
            })?;
        let replies = planned.iter().map(|(places, found, _)| {
            let outcomes = committed.outcomes.get(usize::from(*places.end())..).unwrap_or_default();
            let reply = DataReply::from_outcomes(found.plan(), grant.catalog(), outcomes, committed.replayed);
            let returns = reply::returns(found.plan(), grant.catalog(), reply.rows);
            DataReply { returns, ..reply }
        });
        Ok(replies.collect())
    }

    /// The plan of one operation; columns that later ones refer to are captured by its mutation.
    fn operation(
        &self,
        model: &crate::Model,
        (grant, schema): (&Grant, Option<&str>),
        request: &DataRequest,
        wanted: &[Box<str>],
    ) -> Result<std::sync::Arc<Planned>, Problem> {
        if wanted.is_empty() {
            return self.planned(model, (grant, schema), &request.shape, &request.values);
        }
        let mut plan = planner::plan(grant.catalog(), &request.shape, &request.values, &self.options)?;
        capture(&mut plan, grant, wanted)?;
        self.rendered(plan, grant)
    }
}

/// A batch is no transaction that only reads: what may write is not called by a method that promises not to.
fn refuse_unsafe(planned: &Planned, shape: &Shape) -> Result<(), Problem> {
    let Some(function) = reply::called(planned.plan()) else { return Ok(()) };
    let function = &planned.rendered.plan.catalog()[function];
    if function.read_only || !matches!(shape.action, Action::Call { read_only: true, .. }) {
        return Ok(());
    }
    let message = format!("cannot run '{}' in a read-only transaction", function.name);
    Err(Problem::new(Code::ReadOnly, message).with_hint("It may write: call it with POST"))
}

/// Every (operation, column) that some later operation refers to.
fn references(requests: &[DataRequest]) -> Vec<(u16, Box<str>)> {
    let mut found = Vec::new();
    let mut add = |earlier: &Earlier| {
        let reference = (earlier.operation, earlier.column.clone());
        if !found.contains(&reference) {
            found.push(reference);
        }
    };
    for request in requests {
        for literal in &request.values.literals {
            if let Literal::Earlier(earlier) = literal {
                add(earlier);
            }
        }
        for cell in request.values.payload.rows.iter().flatten() {
            if let Cell::Earlier(earlier) = cell {
                add(earlier);
            }
        }
    }
    found
}

fn capture(plan: &mut Plan, grant: &Grant, wanted: &[Box<str>]) -> Result<(), Problem> {
    let root = reply::root(plan);
    let mutation = root.and_then(|at| match &mut plan.steps[at] {
        PlanStep::Insert(insert) => Some((insert.table, &mut insert.returning)),
        PlanStep::Update(update) => Some((update.table, &mut update.returning)),
        PlanStep::Delete(delete) => Some((delete.table, &mut delete.returning)),
        _ => None,
    });
    let Some((table, returning)) = mutation else {
        return Err(Problem::new(Code::BatchInvalid, "Only what a write returns can be referred to"));
    };
    for name in wanted {
        let of = &grant.catalog()[table];
        let column: ColumnId =
            of.column(name).filter(|column| of[*column].access.select).ok_or_else(|| {
                Problem::new(Code::ColumnUndefined, format!("column {}.{name} does not exist", of.name))
                    .suggesting(name, of.columns.iter().filter(|c| c.access.select).map(|c| &*c.name))
            })?;
        if !returning.capture.contains(&column) {
            returning.capture.push(column);
        }
    }
    Ok(())
}

fn capture_of(planned: &Planned, grant: &Grant, base: u16) -> Captured {
    let none = Captured { step: base, columns: Vec::new() };
    let Some(at) = reply::root(planned.plan()) else { return none };
    let (table, returning) = match &planned.plan().steps[at] {
        PlanStep::Insert(insert) => (insert.table, &insert.returning),
        PlanStep::Update(update) => (update.table, &update.returning),
        PlanStep::Delete(delete) => (delete.table, &delete.returning),
        _ => return none,
    };
    let name = |column: &ColumnId| grant.catalog()[table][*column].name.clone();
    Captured { step: base + at as u16, columns: returning.capture.iter().map(name).collect() }
}

fn resolve(captured: &[Captured], at: usize, reference: &Earlier) -> Result<Bound, Problem> {
    let found = captured[..at].get(usize::from(reference.operation)).and_then(|operation| {
        let column = operation.columns.iter().position(|name| *name == reference.column)?;
        Some(Bound::Captured { step: operation.step, column: column as u16 })
    });
    found.ok_or_else(|| {
        let message = format!("'{}.{}' refers to nothing before it", reference.operation, reference.column);
        Problem::new(Code::BatchInvalid, message)
            .with_hint("A reference names an earlier operation, counted from 0, and a column of its table")
    })
}

fn in_operation(problem: Problem, at: usize) -> Problem {
    let details = match problem.details() {
        Some(details) => format!("Operation {at}: {details}"),
        None => format!("Operation {at}"),
    };
    problem.with_details(details)
}
