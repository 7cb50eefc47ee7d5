//! What a caller can rely on, feature by feature, against the real binary.
//!
//! Each spec is a text of requests and replies (see `spec.rs`) on a small project of its own or on the example shop.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod spec;

mod addresses;
mod aggregates;
mod bad_days;
mod beyond;
mod calls;
mod changes;
mod combinations;
mod commands;
mod embedding;
mod entity_tags;
mod errors;
mod functions;
mod guide;
mod hostile;
mod large;
mod mistakes;
mod moving;
mod openapi;
mod outages;
mod own_types;
mod policies;
mod pooler;
mod postgrest;
mod preferences;
mod reading;
mod refusing;
mod replying;
mod round_trips;
mod rpc;
mod search;
mod sessions;
mod shop;
mod telling;
mod time_zones;
mod timeouts;
mod tokens;
mod writing;
