//! The rim: what is vetted before a request is a request, and what a request may cost.

pub mod admit;
pub mod alarm;
pub mod body;
pub mod chunks;
pub mod scan;
pub mod strict;

pub use admit::{Admitted, Permit, admit};
