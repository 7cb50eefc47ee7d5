//! Resolves a request's names against a catalog.

use transom_types::Problem;

use crate::{Catalog, Plan, request::{Shape, Values}};

/// Plans a request. The catalog is the caller's role's own, so that only names it may use are found or suggested.
/// `values` decide nothing unless the plan says it is not cacheable.
pub fn plan(_catalog: &Catalog, _shape: &Shape, _values: &Values) -> Result<Plan, Problem> {
    Err(Problem::new(transom_types::Code::Internal, "planner not written"))
}
