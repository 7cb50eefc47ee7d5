//! One request: find its plan, bind its values, run it.

use std::{sync::Arc, time::Instant};

use transom_ports::{DbError, Fault};
use transom_query::{
    DataRequest,
    plan::{Expect, Step as PlanStep},
    request::{Earlier, Resource, Shape},
};
use transom_sql::{Bound, Statement, Step, Unit, bind::bind};
use transom_types::{Code, Principal, Problem};

use crate::{Context, Data, DataReply, prepare::Planned, reply};

impl Data {
    /// Runs one request as the principal.
    pub async fn execute(
        &self,
        mut request: DataRequest,
        principal: &Principal,
        context: &Context,
    ) -> Result<DataReply, Problem> {
        let started = Instant::now();
        let model = self.model.load();
        let grant = model.policies.authorize(principal)?;
        self.capped(&request.shape, &mut request.values);
        let planned = self.planned(&model, &grant, &request.shape, &request.values)?;
        let params = bind(planned.plan(), &request.values, principal, &no_earlier, 0)?;
        let plan_ns = started.elapsed().as_nanos() as u64;
        let mut reply = match planned.plan().steps.as_slice() {
            [PlanStep::Read(_)] => self.run_read(&planned, params, &request.shape, context).await?,
            [] => DataReply::default(),
            _ => {
                let mut reply = self.run_write(&planned, params, &request.shape, context).await?;
                reply.name_key(grant.catalog(), planned.plan());
                reply
            }
        };
        reply.plan_ns = plan_ns;
        reply.database_ns = (started.elapsed().as_nanos() as u64).saturating_sub(plan_ns);
        reply.returns = reply::returns(&grant, &request.shape);
        Ok(reply)
    }

    async fn run_read(
        &self,
        planned: &Planned,
        params: Arc<[Bound]>,
        shape: &Shape,
        context: &Context,
    ) -> Result<DataReply, Problem> {
        let prepared = &planned.rendered.steps[0];
        let statement = Statement { prepared: prepared.clone(), params, timeout: context.timeout };
        let body = self.database.read(statement).await.map_err(|error| problem(error, shape))?;
        match prepared.expect {
            Expect::Exactly(rows) if body.rows != u64::from(rows) => Err(unexpected(shape, body.rows)),
            _ => Ok(DataReply::from_body(body)),
        }
    }

    async fn run_write(
        &self,
        planned: &Planned,
        params: Arc<[Bound]>,
        shape: &Shape,
        context: &Context,
    ) -> Result<DataReply, Problem> {
        let unit = self.unit(steps(planned, params, context), context);
        let committed = self.database.write(unit).await.map_err(|error| problem(error, shape))?;
        Ok(DataReply::from_outcomes(planned.plan(), &committed.outcomes, committed.replayed))
    }

    pub(crate) fn unit(&self, steps: Vec<Step>, context: &Context) -> Unit {
        Unit {
            steps,
            timeout: context.timeout,
            cause: context.request_id.clone(),
            idempotency: context.idempotency.clone(),
            rollback: context.rollback,
        }
    }
}

/// The steps of one plan with their values.
pub(crate) fn steps(planned: &Planned, params: Arc<[Bound]>, context: &Context) -> Vec<Step> {
    let step = |prepared: &Arc<transom_sql::Prepared>| Step {
        expect: prepared.expect,
        statement: Statement { prepared: prepared.clone(), params: params.clone(), timeout: context.timeout },
    };
    planned.rendered.steps.iter().map(step).collect()
}

fn no_earlier(_: &Earlier) -> Result<Bound, Problem> {
    Err(Problem::new(Code::BatchInvalid, "a reference to an earlier operation stands outside a batch"))
}

/// What a failure means for this request: the number of rows expected is the request's own matter.
pub(crate) fn problem(error: DbError, shape: &Shape) -> Problem {
    match error.fault {
        Fault::Expectation { rows } => unexpected(shape, rows),
        _ => error.into_problem(),
    }
}

fn unexpected(shape: &Shape, rows: u64) -> Problem {
    use transom_query::request::Expect;
    match (&shape.resource, shape.expect) {
        (_, Expect::AtMost(_)) => {
            Problem::new(Code::MaxAffectedExceeded, "Query result exceeds max-affected preference constraint")
                .with_details(format!("The query affects {rows} rows"))
        }
        (Resource::Row(table, _), _) if rows == 0 => Problem::new(
            Code::ResourceMissing,
            format!("There is no such row in '{table}', or none that you may see"),
        ),
        _ => Problem::new(Code::SingularExpected, "Cannot coerce the result to a single JSON object")
            .with_details(format!("The result contains {rows} rows")),
    }
}
