//! Who may do what to which rows: `policies.sql`, and its compilation into every plan.
//!
//! Only this crate makes a [`Grant`] or a [`GuardedPlan`], and the SQL room renders nothing else: a plan that
//! no policy has seen cannot reach a database.

pub mod grant;
pub mod guard;

pub use grant::{Grant, Policies};
pub use guard::{GuardedPlan, guard};
