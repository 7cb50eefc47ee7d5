//! What end-to-end tests share: a real server process on a project of its own, and a plain HTTP client.
//!
//! Everything lives in a temporary folder and is gone when the test ends, whatever happened. A test that cannot go on
//! panics: that is how tests fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "tests fail by panicking"
)]

mod client;
mod engine;
mod project;
mod server;
mod token;

pub use client::{Client, Reply};
pub use engine::embedded_only;
pub use project::{Project, root};
pub use server::{Server, binary, run};
pub use token::{SECRET, token};
