//! Every rendered text is run by the real engine.

#![allow(clippy::expect_used, clippy::unwrap_used, missing_docs)]

mod build;
mod engine;
mod expressions;
mod fixture;
mod reads;
mod words;
mod writes;
