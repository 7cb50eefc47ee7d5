//! Guarded plans become SQL text here and nowhere else: [`render`](render::render) walks the plan once, and one small
//! module per engine says how that engine writes things. [`bind`] gives a plan's parameters their values.

pub mod bind;
pub mod ledger;
pub mod named;
pub mod postgres;
pub mod render;
pub mod sqlite;
pub mod statement;
pub mod words;

pub use bind::bind;
pub use render::{Dialect, ENGINES, render};
pub use statement::{Bound, Layout, Prepared, Rendered, Statement, Step, Unit};
