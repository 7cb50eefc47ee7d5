//! Plan, guard, render: once per shape and role.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use quick_cache::Equivalent;
use transom_policy::{Grant, guard};
use transom_query::{
    Plan, planner,
    request::{Shape, Values},
};
use transom_sql::{Rendered, render};
use transom_types::Problem;

use crate::{Data, Model};

/// A shape as one role (or one schema) sees it.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    scope: Arc<str>,
    shape: Shape,
}

/// Looks a plan up without building a [`PlanKey`].
struct Lookup<'a> {
    scope: &'a str,
    shape: &'a Shape,
}

impl Hash for Lookup<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.scope.hash(state);
        self.shape.hash(state);
    }
}

impl Equivalent<PlanKey> for Lookup<'_> {
    fn equivalent(&self, key: &PlanKey) -> bool {
        *key.scope == *self.scope && key.shape == *self.shape
    }
}

/// A request ready to be bound and run.
pub(crate) struct Planned {
    pub(crate) rendered: Rendered,
}

impl Planned {
    pub(crate) fn plan(&self) -> &Plan {
        self.rendered.plan.plan()
    }
}

impl Data {
    /// The plan of a shape for a role: from the cache, or worked out and kept.
    pub(crate) fn planned(
        &self,
        model: &Model,
        (grant, schema): (&Grant, Option<&str>),
        shape: &Shape,
        values: &Values,
    ) -> Result<Arc<Planned>, Problem> {
        let scope = model.scope(grant, schema);
        if let Some(planned) = model.plans.get(&Lookup { scope: &scope, shape }) {
            return Ok(planned);
        }
        let plan = planner::plan(grant.catalog(), shape, values, &self.options)?;
        let cacheable = plan.cacheable;
        let planned = self.rendered(plan, grant)?;
        if cacheable {
            let key = PlanKey { scope, shape: shape.clone() };
            model.plans.insert(key, planned.clone());
        }
        Ok(planned)
    }

    pub(crate) fn rendered(&self, plan: Plan, grant: &Grant) -> Result<Arc<Planned>, Problem> {
        let guarded = Arc::new(guard(plan, grant)?);
        let rendered = render(self.database.dialect(), guarded)?;
        Ok(Arc::new(Planned { rendered }))
    }

    /// The plan options, with the request's own limit lowered to the deployment's.
    pub(crate) fn capped(&self, shape: &Shape, values: &mut Values) {
        let (Some(rows_max), Some(slot)) = (self.options.rows_max, shape.select.limit) else { return };
        if let Some(transom_query::request::Literal::Integer(limit)) =
            values.literals.get_mut(usize::from(slot.0))
        {
            *limit = (*limit).min(rows_max.into());
        }
    }
}
