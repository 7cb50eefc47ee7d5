//! Bytes ↔ [`transom_query::DataRequest`] and replies, one module per protocol. Pure: no IO, no clock, no async runtime.
//!
//! A protocol knows its own grammar and nothing of the catalog: names are resolved by the planner.

pub mod described;
pub mod openapi;
pub mod rest;
pub mod swagger;
