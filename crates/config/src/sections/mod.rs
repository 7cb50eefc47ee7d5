//! The concerns, each with its keys, defaults and their reasons.

mod auth;
mod changes;
mod database;
mod log;
mod rest;
mod seed;
mod server;

pub use auth::{Auth, DEVELOPMENT_SECRET};
pub use changes::Changes;
pub use database::{Database, DatabaseUrl, Synchronous};
pub use log::{Level, Log, LogFormat};
pub use rest::Rest;
pub use seed::Seed;
pub use server::{Cors, Limits, Mode, Server};
