//! `OPTIONS`: what may be done with a resource, as far as the role may use it.

use http::{HeaderValue, header, request::Parts};
use transom_protocols::rest::{self, Target};
use transom_query::{
    catalog::{Access, Function},
    planner::table_missing,
};
use transom_types::{Code, Principal, Problem};

use super::headers;
use crate::{
    app::App,
    reply::{self, Reply},
};

/// `OPTIONS`: the methods that the role may use here.
pub fn options(app: &App, head: &Parts, principal: &Principal) -> Result<Reply, Problem> {
    let path = head.uri.path();
    let target = rest::target(path.strip_prefix(app.settings.base()).unwrap_or(path))?;
    let grant = app.data.model().policies.authorize(principal)?;
    let catalog = grant.catalog();
    let table = |name: &str| match catalog.table(name) {
        Some(id) => Ok(&catalog[id]),
        None => Err(Problem::new(
            Code::TableMissing,
            format!("Could not find the table '{name}' in the schema cache"),
        )
        .suggesting(name, catalog.table_names())),
    };
    let mut methods: Vec<&str> = match &target {
        Target::Root => vec!["GET", "HEAD"],
        Target::Batch => vec!["POST"],
        Target::Table(name) => table_methods(table(name)?.access).collect(),
        Target::Row(name, _) => {
            table_methods(table(name)?.access).filter(|method| *method != "POST").collect()
        }
        Target::Function(name) => match catalog.function(name) {
            Some(id) => function_methods(&catalog[id]).to_vec(),
            None => {
                return Err(Problem::new(
                    Code::FunctionMissing,
                    format!("Could not find the function '{name}'"),
                )
                .suggesting(name, catalog.function_names()));
            }
        },
    };
    methods.push("OPTIONS");
    Ok(reply::allow(&methods.join(", ")))
}

/// The same as PostgREST answers it: what the engine itself takes here, whoever asks, for pages of every origin.
pub fn compatible_options(app: &App, head: &Parts) -> Result<Reply, Problem> {
    let model = app.data.model();
    let request = headers::head(head, app.settings.base())?;
    let policies = model.policies_of(rest::schema(&request))?;
    let grant = policies.authorize(&Principal::anonymous(""))?;
    let catalog = grant.catalog();
    let methods = match rest::target(head.uri.path())? {
        Target::Table(name) => {
            let id = catalog.table(&name).ok_or_else(|| table_missing(catalog, &name))?;
            let notes = catalog.notes().table(id).cloned().unwrap_or_default();
            let has_key = !catalog[id].primary_key.is_empty();
            let methods = [
                ("POST", notes.insertable),
                ("PUT", notes.insertable && notes.updatable && has_key),
                ("PATCH", notes.updatable),
                ("DELETE", notes.deletable),
            ];
            let writes = methods.into_iter().filter(|(_, may)| *may).map(|(method, _)| method);
            ["GET", "HEAD"].into_iter().chain(writes).collect()
        }
        Target::Function(name) => match catalog.function(&name) {
            Some(id) => function_methods(&catalog[id]).to_vec(),
            None => {
                let message =
                    format!("Could not find the function {}.{name} in the schema cache", catalog.schema());
                return Err(Problem::new(Code::FunctionMissing, message));
            }
        },
        _ => vec!["GET", "HEAD"],
    };
    let mut reply = reply::allow(&format!("OPTIONS,{}", methods.join(",")));
    reply.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(reply)
}

fn table_methods(access: Access) -> impl Iterator<Item = &'static str> {
    let methods = [
        ("GET", access.select),
        ("HEAD", access.select),
        ("POST", access.insert),
        ("PATCH", access.update),
        ("PUT", access.insert && access.update),
        ("DELETE", access.delete),
    ];
    methods.into_iter().filter(|(_, may)| *may).map(|(method, _)| method)
}

fn function_methods(function: &Function) -> &'static [&'static str] {
    if function.read_only { &["GET", "HEAD", "POST"] } else { &["POST"] }
}
