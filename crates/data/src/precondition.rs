//! A write that depends on its row's state begins with a step that reads the row: in one transaction, so nothing comes between.

use transom_policy::Grant;
use transom_query::{
    DataRequest,
    request::{Action, Resource, Shape},
};
use transom_sql::{
    Step,
    bind::{Resolve, bind},
};
use transom_types::{Code, Principal, Problem};

use crate::{Context, Data, Model, execute};

impl Data {
    /// The step that looks at the row a conditional write is about; its representation is that of `GET /TABLE/KEY`.
    /// `base` is the number of the unit's steps before it.
    pub(crate) fn look(
        &self,
        model: &Model,
        (grant, principal): (&Grant, &Principal),
        request: &mut DataRequest,
        earlier: &Resolve,
        (context, base): (&Context, u16),
    ) -> Result<Option<Step>, Problem> {
        let writes = !matches!(request.shape.action, Action::Read | Action::Call { .. });
        let Some(precondition) = request.values.precondition.take().filter(|_| writes) else {
            return Ok(None);
        };
        let Resource::Row(..) = &request.shape.resource else {
            // A caller who asked for protection must not believe to have it.
            return Err(Problem::new(Code::PreconditionFailed, "A condition can be kept for one row only")
                .with_details("If-Match and If-None-Match of a write need a row's own address")
                .with_hint("Write to /rest/v1/TABLE/KEY"));
        };
        let shape = Shape { resource: request.shape.resource.clone(), ..Shape::read("") };
        let planned = self.planned(model, (grant, context.schema.as_deref()), &shape, &request.values)?;
        let params =
            bind(self.database.dialect(), planned.plan(), &request.values, principal, earlier, base)?;
        let mut steps = execute::steps(&planned, params, &request.values, context);
        // A row that is not there is the precondition's to judge.
        let step =
            steps.pop().map(|step| Step { precondition: Some(precondition), ..Step::any(step.statement) });
        Ok(step)
    }
}
