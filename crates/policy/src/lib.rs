//! Who may do what to which rows: `policies.sql`, and its compilation into every plan.
//!
//! Only this crate makes a [`Grant`] or a [`GuardedPlan`], and the SQL room renders nothing else: a plan that
//! no policy has seen cannot reach a database.

mod compile;
mod fault;
pub mod grant;
pub mod guard;
mod model;
mod names;
mod overloads;
mod privileges;
mod read;
mod recursion;
mod rights;
mod roles;
mod signature;
mod simplify;
mod template;
mod tree;

pub use grant::{Grant, Policies};
pub use guard::{GuardedPlan, guard};
