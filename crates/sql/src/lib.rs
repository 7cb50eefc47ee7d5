//! Guarded plans become SQL text here and nowhere else: [`render`](render::render) walks the plan once, and one small
//! module per engine says how that engine writes things.

pub mod render;
pub mod sqlite;
pub mod statement;

pub use render::{Dialect, render};
pub use statement::{Bound, Layout, Prepared, Rendered, Statement, Step, Unit};
