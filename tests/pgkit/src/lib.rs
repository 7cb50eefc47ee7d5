//! Throw-away PostgreSQL: a server in a temporary folder, and databases in one that is shared by a whole test run.
//!
//! `cargo xtask test` starts one server for all tests and names it in [`SHARED`]; without it each test process that asks for
//! a database starts a server of its own, which takes a second.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot have its server fails")]

mod database;
mod pooler;
mod programs;
mod server;

pub use database::Database;
pub use pooler::{Pooler, without_pooler};
pub use programs::{PROGRAMS, Programs, missing};
pub use server::{Durability, Server};

/// Names the server that tests share, as the address of its database `postgres`.
pub const SHARED: &str = "TRANSOM_TEST_POSTGRES_URL";
