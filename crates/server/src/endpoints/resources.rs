//! What there is and what may be done with it: the root's list, and `OPTIONS`. Both show only what the role may use.

use http::request::Parts;
use serde_json::{Value as Json, json};
use transom_protocols::rest::{self, BASE, Target};
use transom_query::catalog::{Access, Catalog, Function, TableKind};
use transom_types::{Code, Principal, Problem};

use crate::{
    app::App,
    reply::{self, Reply},
};

/// `GET /rest/v1`: every table, view and function that the role may use.
pub fn root(app: &App, principal: &Principal) -> Result<Reply, Problem> {
    let grant = app.data.model().policies.authorize(principal)?;
    let catalog = grant.catalog();
    let mut names: Vec<&str> = catalog.table_names().collect();
    names.sort_unstable();
    let resources: Vec<Json> = names.iter().filter_map(|name| table(catalog, name)).collect();
    let mut names: Vec<&str> = catalog.function_names().collect();
    names.sort_unstable();
    let functions: Vec<Json> = names.iter().filter_map(|name| function(catalog, name)).collect();
    Ok(reply::ok_json(json!({"resources": resources, "functions": functions}).to_string()))
}

fn table(catalog: &Catalog, name: &str) -> Option<Json> {
    let table = &catalog[catalog.table(name)?];
    let kind = match table.kind {
        TableKind::Table => "table",
        TableKind::View { .. } => "view",
    };
    let methods: Vec<&str> = table_methods(table.access).collect();
    Some(json!({"name": name, "kind": kind, "path": format!("{BASE}/{name}"), "methods": methods}))
}

fn function(catalog: &Catalog, name: &str) -> Option<Json> {
    let function = &catalog[catalog.function(name)?];
    let parameters: Vec<&str> = function.params.iter().map(|param| &*param.name).collect();
    let methods = function_methods(function);
    Some(
        json!({"name": name, "path": format!("{BASE}/rpc/{name}"), "parameters": parameters, "methods": methods}),
    )
}

/// `OPTIONS`: the methods that the role may use here.
pub fn options(app: &App, head: &Parts, principal: &Principal) -> Result<Reply, Problem> {
    let path = head.uri.path();
    let target = rest::target(path.strip_prefix(BASE).unwrap_or(path))?;
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
