//! `OPTIONS`: what may be done with a resource, as far as the role may use it.

use http::request::Parts;
use transom_protocols::rest::{self, Target};
use transom_query::catalog::{Access, Function};
use transom_types::{Code, Principal, Problem};

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
