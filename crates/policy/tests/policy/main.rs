//! The policy room through its public face: a policy file, a role and a plan go in; guards, refusals or faults come out.
#![allow(clippy::unwrap_used, missing_docs)]

mod conditions;
mod faults;
mod garbage;
mod grants;
mod steps;
mod support;
