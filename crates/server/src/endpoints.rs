//! Where requests go.

mod batch;
mod changes;
mod context;
mod data;
mod described;
mod headers;
pub mod openapi;
mod plan;
mod resources;
pub mod stream_token;

use std::sync::Arc;

use http::Method;
use transom_types::{Code, Principal, Problem};

use crate::{app::App, edge::Admitted, pipeline::Passage, reply::Reply, telemetry::Route};

/// A place that answers requests, as far as the path's beginning tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/rest/v1/…`: tables, rows and functions.
    Data(Route),
    /// `/rest/v1/$batch`
    Batch,
    /// `/realtime/v1/changes`
    Changes,
    /// `/realtime/v1/token`
    StreamToken,
}

impl Endpoint {
    /// The place of this path. Errors: [`Code::PathInvalid`], [`Code::MethodUnsupported`].
    /// `base`: what the paths of tables begin with.
    pub fn of(method: &Method, base: &str, path: &str) -> Result<Self, Problem> {
        let endpoint = match path.strip_prefix(base) {
            Some(rest) if base.is_empty() => Self::of_compatible(rest),
            Some(rest) => Self::of_rest(rest),
            None if path == "/realtime/v1/changes" => Some(Self::Changes),
            None if path == "/realtime/v1/token" => Some(Self::StreamToken),
            None => None,
        };
        let endpoint = endpoint.ok_or_else(|| nothing_there(path))?;
        let methods = endpoint.methods();
        match methods.split(", ").any(|allowed| allowed == method.as_str()) {
            true => Ok(endpoint),
            false => Err(endpoint
                .refusal(method)
                .with_details(format!("This place takes {methods}"))
                .with_header("allow", methods)),
        }
    }

    fn of_rest(rest: &str) -> Option<Self> {
        if rest.is_empty() || rest == "/" {
            return Some(Self::Data(Route::Root));
        }
        let path = rest.strip_prefix('/')?;
        Some(match path.split_once('/') {
            None if path == "$batch" || path == "%24batch" => Self::Batch,
            None | Some((_, "")) => Self::Data(Route::Table),
            Some(("rpc", _)) => Self::Data(Route::Rpc),
            Some(_) => Self::Data(Route::Row),
        })
    }

    /// What PostgREST has: the root, tables and functions.
    fn of_compatible(path: &str) -> Option<Self> {
        match path.strip_prefix('/')?.split('/').collect::<Vec<_>>()[..] {
            [""] => Some(Self::Data(Route::Root)),
            [_] => Some(Self::Data(Route::Table)),
            ["rpc", _] => Some(Self::Data(Route::Rpc)),
            _ => None,
        }
    }

    /// The refusal of another method.
    fn refusal(self, method: &Method) -> Problem {
        match self {
            Self::Data(Route::Rpc) => {
                Problem::new(Code::FunctionMethod, format!("Cannot use the {method} method on RPC"))
            }
            _ => Problem::new(Code::MethodUnsupported, format!("Unsupported HTTP method: {method}")),
        }
    }

    fn methods(self) -> &'static str {
        match self {
            Self::Data(Route::Root) => "GET, HEAD, OPTIONS",
            Self::Data(Route::Rpc) => "GET, HEAD, POST, OPTIONS",
            Self::Data(Route::Row) => "GET, HEAD, PATCH, PUT, DELETE, OPTIONS",
            Self::Data(_) => "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS",
            Self::Batch | Self::StreamToken => "POST, OPTIONS",
            Self::Changes => "GET, OPTIONS",
        }
    }

    /// Its label.
    pub fn route(self) -> Route {
        match self {
            Self::Data(route) => route,
            Self::Batch => Route::Batch,
            Self::Changes => Route::Changes,
            Self::StreamToken => Route::StreamToken,
        }
    }
}

fn nothing_there(path: &str) -> Problem {
    Problem::new(Code::PathInvalid, "Invalid path specified in request URL")
        .with_details(format!("There is nothing at '{}'", path.chars().take(100).collect::<String>()))
        .with_hint("Tables, views and functions are below /rest/v1/")
}

/// Calls the endpoint.
pub async fn call(
    app: &Arc<App>,
    admitted: Admitted<'_>,
    principal: Principal,
    passage: &mut Passage,
) -> Result<Reply, Problem> {
    match admitted.endpoint {
        Endpoint::Data(_) => data::call(app, admitted, &principal, passage).await,
        Endpoint::Batch => batch::call(app, admitted, &principal, passage).await,
        Endpoint::Changes => changes::call(app, admitted, principal).await,
        Endpoint::StreamToken => stream_token::call(app, &admitted, &principal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, path: &str, expected: Result<Endpoint, Code>) {
        assert_eq!(
            Endpoint::of(&method, "/rest/v1", path).map_err(|problem| problem.code()),
            expected,
            "{method} {path}"
        );
    }

    #[test]
    fn finds_places_by_path_and_method() {
        check(Method::GET, "/rest/v1", Ok(Endpoint::Data(Route::Root)));
        check(Method::GET, "/rest/v1/", Ok(Endpoint::Data(Route::Root)));
        check(Method::GET, "/rest/v1/products", Ok(Endpoint::Data(Route::Table)));
        check(Method::GET, "/rest/v1/products/", Ok(Endpoint::Data(Route::Table)));
        check(Method::PATCH, "/rest/v1/products/1", Ok(Endpoint::Data(Route::Row)));
        check(Method::POST, "/rest/v1/rpc/f", Ok(Endpoint::Data(Route::Rpc)));
        check(Method::POST, "/rest/v1/$batch", Ok(Endpoint::Batch));
        check(Method::GET, "/realtime/v1/changes", Ok(Endpoint::Changes));
        check(Method::GET, "/rest/v1x", Err(Code::PathInvalid));
        check(Method::GET, "/", Err(Code::PathInvalid));
        check(Method::GET, "*", Err(Code::PathInvalid));
        check(Method::GET, "/rest/v1/$batch", Err(Code::MethodUnsupported));
        check(Method::POST, "/rest/v1/products/1", Err(Code::MethodUnsupported));
        check(Method::TRACE, "/rest/v1/products", Err(Code::MethodUnsupported));
    }

    #[test]
    fn knows_no_more_places_than_postgrest() {
        let place = |path| Endpoint::of(&Method::GET, "", path).ok();
        assert_eq!(place("/"), Some(Endpoint::Data(Route::Root)));
        assert_eq!(place("/products"), Some(Endpoint::Data(Route::Table)));
        assert_eq!(place("/$batch"), Some(Endpoint::Data(Route::Table)));
        assert_eq!(place("/rpc/f"), Some(Endpoint::Data(Route::Rpc)));
        for nothing in ["/products/1", "/products/", "/rpc/f/x", "*", "/realtime/v1/changes"] {
            assert_eq!(place(nothing), None, "{nothing}");
        }
    }
}
