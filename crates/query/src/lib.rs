//! What can be asked of the data, whichever protocol asked and whichever engine answers.
//!
//! [`catalog`] is what the database holds; [`request`] is what a caller asked, in names; [`planner`]
//! resolves names against the catalog and yields a [`plan`], which the policy room guards and the SQL
//! room renders. Everything here is pure.

pub mod catalog;
pub mod evaluate;
pub mod notes;
pub mod plan;
pub mod planner;
pub mod request;

pub use catalog::{Catalog, ColumnId, FunctionId, TableId};
pub use plan::{Expr, Plan, Query, QueryId};
pub use request::DataRequest;
