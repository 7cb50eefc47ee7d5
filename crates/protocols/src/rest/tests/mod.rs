//! What the grammar accepts, what it refuses and how, and that what is printed parses back.
#![allow(clippy::unwrap_used)]

mod grammar;
mod negotiation;
mod refusals;
mod replies;
mod round_trip;
mod shapes;
mod writes;

use http::Method;
use transom_query::catalog::Callable;
use transom_types::Problem;

use super::{Head, Headers, RestRequest, parse, print};

/// A function that takes `a` and `b`; every other is unknown.
fn functions(name: &str) -> Option<Callable> {
    (name == "add").then(|| Callable { parameters: vec!["a".into(), "b".into()], of_engine: false })
}

/// `GET`, with a URL as a caller would send it.
fn get(url: &str) -> Result<RestRequest, Problem> {
    send(Method::GET, url, Headers::default(), "")
}

fn send(method: Method, url: &str, headers: Headers<'_>, body: &str) -> Result<RestRequest, Problem> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    parse(&Head { method, path, query, headers, ..Head::default() }, Some(body.as_bytes()), &functions)
}

/// The canonical URL of what was understood.
fn understood(url: &str) -> String {
    match get(url) {
        Ok(request) => print::url(&request.request),
        Err(problem) => panic!("{url}: {problem:?}"),
    }
}
