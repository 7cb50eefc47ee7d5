//! The server over real sockets, byte by byte.
#![allow(clippy::unwrap_used, missing_docs)]

mod admin;
mod bounds;
mod changes;
mod data;
mod http2;
mod replies;
mod smuggling;
mod stopping;
mod support;
