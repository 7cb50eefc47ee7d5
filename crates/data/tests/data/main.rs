//! A request's whole way, from its URL to the rows, on the real engine: statements by snapshot, rows by value, and
//! what must hold for any request by property.

#![allow(clippy::expect_used, clippy::unwrap_used, missing_docs)]

mod aggregates;
mod batches;
mod embeds;
mod filters;
mod harness;
mod hostile;
mod judging;
mod models;
mod nested;
mod paging;
mod requests;
mod statements;
mod writes;
