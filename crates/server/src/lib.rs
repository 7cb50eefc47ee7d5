//! The server: accepts HTTP requests, takes each along the request line and sends its answer.
//!
//! What a request means is the protocols' matter, who asks is the identity room's, what happens the data room's. This
//! room keeps bounds, time and order: no request can cost more than its limits, or harm another.

pub mod admin;
pub mod app;
pub mod cors;
pub mod edge;
pub mod endpoints;
pub mod listener;
pub mod pipeline;
pub mod reply;
mod serve;
pub mod session;
mod settings;
pub mod telemetry;

pub use app::App;
pub use serve::{Stopped, serve};
pub use settings::{Cors, Described, Native, Settings};
pub use telemetry::{LogFormat, LogSettings, start_logging};
