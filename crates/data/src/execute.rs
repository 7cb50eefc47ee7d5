//! One request: find its plan, bind its values, run it.

use std::{sync::Arc, time::Instant};

use transom_ports::{DbError, Fault};
use transom_query::{
    DataRequest,
    plan::{Expect, Insert, Read, Step as PlanStep},
    request::{Action, Earlier, Resource, Shape, Values},
};
use transom_sql::{Bound, Statement, Step, Unit, bind::bind};
use transom_types::{Code, Principal, Problem, Session};

use crate::{Context, Data, DataReply, Spent, prepare::Planned, reply};

/// The plan, the step that looks at the row first, and the values.
type Ready = (Arc<Planned>, Option<Step>, Arc<[Bound]>);

impl Data {
    /// Runs one request as the principal, and notes in `spent` how long that took, whatever comes of it.
    pub async fn execute(
        &self,
        mut request: DataRequest,
        principal: &Principal,
        context: &Context,
        spent: &mut Spent,
    ) -> Result<DataReply, Problem> {
        let started = Instant::now();
        let ready = self.ready(&mut request, principal, context);
        let plan_ns = started.elapsed().as_nanos() as u64;
        spent.plan_ns = Some(plan_ns);
        let (planned, look, params) = ready?;
        let reply = match planned.plan().steps.as_slice() {
            [PlanStep::Read(read)] if context.session.is_none() => {
                self.run_read((&planned, read), params, &request, context).await
            }
            [] => Ok(DataReply::default()),
            _ => self.run_write(&planned, (look, params), &request, context).await,
        };
        spent.database_ns = Some((started.elapsed().as_nanos() as u64).saturating_sub(plan_ns));
        let mut reply = reply?;
        reply.returns = reply::returns(planned.plan(), planned.rendered.plan.catalog(), reply.rows);
        Ok(reply)
    }

    /// All that comes before the database.
    fn ready(
        &self,
        request: &mut DataRequest,
        principal: &Principal,
        context: &Context,
    ) -> Result<Ready, Problem> {
        let model = self.model.load();
        let schema = context.schema.as_deref();
        let grant = model.policies_of(schema)?.authorize(principal)?;
        self.capped(&request.shape, &mut request.values);
        let planned = self.planned(&model, (&grant, schema), &request.shape, &request.values)?;
        // A conditional write looks at its row first.
        let look = self.look(&model, (&grant, principal), request, &no_earlier, (context, 0))?;
        let base = u16::from(look.is_some());
        let params =
            bind(self.database.dialect(), planned.plan(), &request.values, principal, &no_earlier, base)?;
        Ok((planned, look, params))
    }

    async fn run_read(
        &self,
        (planned, read): (&Planned, &Read),
        params: Arc<[Bound]>,
        request: &DataRequest,
        context: &Context,
    ) -> Result<DataReply, Problem> {
        let prepared = &planned.rendered.steps[0];
        let statement = Statement { prepared: prepared.clone(), params, timeout: context.timeout };
        let body =
            self.database.read(statement).await.map_err(|error| problem(error, planned, 0, request))?;
        match prepared.expect {
            Expect::Exactly(rows) if body.rows != u64::from(rows) => {
                Err(unexpected(&request.shape, body.rows))
            }
            _ => Ok(DataReply::from_body(read, body)),
        }
    }

    async fn run_write(
        &self,
        planned: &Planned,
        (look, params): (Option<Step>, Arc<[Bound]>),
        request: &DataRequest,
        context: &Context,
    ) -> Result<DataReply, Problem> {
        let base = usize::from(look.is_some());
        let steps = look.into_iter().chain(steps(planned, params, &request.values, context)).collect();
        let mut unit = self.unit(steps, context);
        unit.session = session(planned, &request.shape, context);
        if unit.session.as_ref().is_some_and(|session| session.read_only) {
            // Nothing is written that must not be written twice, nor could the key be kept.
            unit.idempotency = None;
        }
        let committed = transom_ports::write(&*self.database, unit).await;
        let committed = committed.map_err(|error| problem(error, planned, base as u16, request))?;
        let catalog = planned.rendered.plan.catalog();
        let outcomes = committed.outcomes.get(base..).unwrap_or_default();
        let mut reply = DataReply::from_outcomes(planned.plan(), catalog, outcomes, committed.replayed);
        reply.session = committed.session;
        Ok(reply)
    }

    pub(crate) fn unit(&self, steps: Vec<Step>, context: &Context) -> Unit {
        Unit {
            steps,
            timeout: context.timeout,
            cause: context.request_id.clone(),
            idempotency: context.idempotency.clone(),
            rollback: context.rollback,
            session: context.session.clone().map(Arc::new),
        }
    }
}

/// The session of one plan: what only reads may not write. A function may, if it is called by a method that may change
/// something, and does not promise that it only reads or is to be remembered by a key; it may also want a transaction of
/// its own kind.
fn session(planned: &Planned, shape: &Shape, context: &Context) -> Option<Arc<Session>> {
    let mut session = context.session.clone()?;
    let reads = |step: &PlanStep| matches!(step, PlanStep::Read(_));
    let catalog = planned.rendered.plan.catalog();
    let function = reply::called(planned.plan()).map(|function| &catalog[function]);
    let posted = matches!(shape.action, Action::Call { read_only: false, .. });
    let writes =
        posted && (context.idempotency.is_some() || function.is_some_and(|function| !function.read_only));
    session.read_only |= !writes && planned.plan().steps.iter().all(reads);
    if let Some(engine) = function.and_then(|function| function.engine.as_ref()) {
        session.settings = session.settings.iter().chain(&engine.settings).cloned().collect();
        session.isolation = engine.isolation.as_deref().map(Into::into).or(session.isolation);
    }
    Some(Arc::new(session))
}

/// The steps of one plan with their values.
pub(crate) fn steps(
    planned: &Planned,
    params: Arc<[Bound]>,
    values: &Values,
    context: &Context,
) -> Vec<Step> {
    let step = |(prepared, of): (&Arc<transom_sql::Prepared>, &PlanStep)| Step {
        expect: match passes_over(of) {
            Some(insert) => every(rows_of(insert, values), prepared.expect),
            None => prepared.expect,
        },
        statement: Statement { prepared: prepared.clone(), params: params.clone(), timeout: context.timeout },
        precondition: None,
    };
    planned.rendered.steps.iter().zip(&planned.plan().steps).map(step).collect()
}

/// An insert that passes over rows of which policy has something to say, so that the number of rows tells of them: a merge
/// over those that policy hides; one that leaves rows as they are, over what it has not judged.
fn passes_over(step: &PlanStep) -> Option<&Insert> {
    let PlanStep::Insert(insert) = step else { return None };
    let judged = match merges(insert) {
        true => insert.merge_guard.is_some(),
        false => insert.check.is_some(),
    };
    (judged && insert.conflict.is_some()).then_some(insert)
}

fn merges(insert: &Insert) -> bool {
    insert.conflict.as_ref().is_some_and(|conflict| conflict.merge.is_some())
}

/// None of so many rows is passed over, and what was asked of their number is met; where that cannot be, nothing is.
fn every(rows: u32, asked: Expect) -> Expect {
    let met = match asked {
        Expect::Any => true,
        Expect::Exactly(count) => rows == count,
        Expect::AtMost(count) => rows <= count,
    };
    Expect::Exactly(if met { rows } else { rows.saturating_add(1) })
}

fn rows_of(insert: &Insert, values: &Values) -> u32 {
    match insert.rows {
        None => 1,
        Some(_) => values.payload.rows.len() as u32,
    }
}

fn no_earlier(_: &Earlier) -> Result<Bound, Problem> {
    Err(Problem::new(Code::BatchInvalid, "a reference to an earlier operation stands outside a batch"))
}

/// What a failure means for this request: the number of rows expected is the request's own matter.
/// `base` is the place in the unit of the plan's first step.
pub(crate) fn problem(error: DbError, planned: &Planned, base: u16, request: &DataRequest) -> Problem {
    let Fault::Expectation { rows } = error.fault else { return error.into_problem() };
    let step = usize::from(error.step.unwrap_or(base).saturating_sub(base));
    let merge = planned.plan().steps.get(step).and_then(passes_over).filter(|insert| merges(insert));
    match merge {
        Some(insert) if rows < rows_of(insert, &request.values).into() => {
            DbError::new(Fault::Policy, error.message).into_problem()
        }
        _ => unexpected(&request.shape, rows),
    }
}

fn unexpected(shape: &Shape, rows: u64) -> Problem {
    use transom_query::request::Expect;
    match (&shape.resource, shape.expect) {
        (_, Expect::AtMost(_)) => {
            Problem::new(Code::MaxAffectedExceeded, "Query result exceeds max-affected preference constraint")
                .with_details(format!("The query affects {rows} rows"))
        }
        (_, Expect::Any) if matches!(shape.action, Action::Put { .. }) => {
            Problem::new(Code::PutKeyMismatch, "Payload values do not match URL in primary key column(s)")
        }
        (Resource::Row(table, _), _) if rows == 0 => Problem::new(
            Code::ResourceMissing,
            format!("There is no such row in '{table}', or none that you may see"),
        ),
        _ => Problem::new(Code::SingularExpected, "Cannot coerce the result to a single JSON object")
            .with_details(format!("The result contains {rows} rows")),
    }
}
