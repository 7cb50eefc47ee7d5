//! The REST protocol: PostgREST's grammar and a few additions, between HTTP's parts and a [`DataRequest`].
//!
//! In: [`target`] says what a path names, [`parse`] reads one request, [`parse_batch`] an atomic batch.
//! Out: [`shape`] says how rows get the form that was asked for; [`Window::read`] and [`write_reply`] say how it ended;
//! [`problem_body`], [`next_link`], [`location`] and [`batch_reply`] write the rest.

mod accept;
mod action;
mod batch;
mod body;
mod build;
mod call;
mod conditions;
mod cursor;
mod decode;
mod filter;
mod link;
mod logic;
mod order;
mod path;
mod prefer;
pub mod print;
mod problem;
mod query_string;
mod range;
mod reply;
mod request;
mod scanner;
mod select;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use accept::parameter;
pub use accept::{Asked, BareMedia, PlanForm, ReplyForm, negotiate};
pub use batch::{BatchPart, batch_reply, parse_batch};
pub use conditions::{conditions, idempotency_key};
pub use cursor::{decode_cursor, encode_cursor, fingerprint};
pub use link::{BASE, content_location, location, next_link};
pub use prefer::{Allowed, Preferences, Return, Transaction, preferences, transaction_name};
pub use problem::{
    PROBLEM_CONTENT_TYPE, problem_body, problem_body_as, problem_body_plain, resource_missing,
    singular_expected,
};
pub use range::{ReplyKind, Window, content_range, write_reply};
pub use reply::{Shape, Shaping, shape};
pub use request::{FunctionParameters, Head, Headers, RestRequest, parse, schema};
pub use target::{Target, target};
