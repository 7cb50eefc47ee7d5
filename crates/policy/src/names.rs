//! Finds tables, columns and functions by the names a policy file gives them.

use std::collections::BTreeSet;

use transom_query::{
    Catalog, ColumnId, FunctionId, TableId,
    catalog::{Function, Table},
};

use crate::{
    fault::{Checked, Fault},
    read::{FunctionName, Name},
    signature,
};

/// The one that is called so: by its exact name, else, when it stood without quotes, by its name in another case.
fn find<'a>(name: &Name, all: impl Iterator<Item = &'a str> + Clone) -> Option<usize> {
    if let Some(at) = all.clone().position(|candidate| candidate == name.text) {
        return Some(at);
    }
    if name.quoted {
        return None;
    }
    let mut alike = all.enumerate().filter(|(_, candidate)| candidate.eq_ignore_ascii_case(&name.text));
    let (at, _) = alike.next()?;
    alike.next().is_none().then_some(at)
}

/// The table or view of this name.
pub(crate) fn table(catalog: &Catalog, name: &Name) -> Checked<TableId> {
    let names: Vec<&str> = catalog.tables().map(|(_, table)| &*table.name).collect();
    match find(name, names.iter().copied()) {
        Some(at) => Ok(TableId(at as u32)),
        None => Err(Fault::at(name.line, format!("table '{}' does not exist", name.text)).suggest(
            &name.text,
            names.iter().copied(),
            "Create it in a migration, or remove the statement",
        )),
    }
}

/// The column of this name, if there is one. What a function computes of a row is granted with the function.
pub(crate) fn column_of(table: &Table, name: &Name) -> Option<ColumnId> {
    let names: Vec<&str> = table.stored().map(|column| &*column.name).collect();
    find(name, names.iter().copied()).map(|at| ColumnId(at as u32))
}

/// The column of this name.
pub(crate) fn column(table: &Table, name: &Name) -> Checked<ColumnId> {
    column_of(table, name).ok_or_else(|| {
        let message = format!("column '{}' does not exist in '{}'", name.text, table.name);
        let names = table.stored().map(|column| &*column.name);
        Fault::at(name.line, message).suggest(&name.text, names, columns_listed(table))
    })
}

/// The columns of a table as a remedy.
pub(crate) fn columns_listed(table: &Table) -> String {
    let names: Vec<&str> = table.stored().take(12).map(|column| &*column.name).collect();
    let more = if table.stored().count() > names.len() { ", …" } else { "" };
    format!("Its columns are {}{more}", names.join(", "))
}

/// The function that is meant: a named query by its name, one of the engine's own by its parameters too, where several
/// share the name.
pub(crate) fn function(catalog: &Catalog, written: &FunctionName) -> Checked<FunctionId> {
    let name = &written.name;
    let names: BTreeSet<&str> = catalog.functions().map(|(_, function)| &*function.name).collect();
    let Some(at) = find(name, names.iter().copied()) else {
        let fault = Fault::at(name.line, format!("function '{}' does not exist", name.text));
        return Err(fault.suggest(&name.text, names, what_can_be_called(catalog)));
    };
    let called = |(_, function): &(FunctionId, &Function)| names.iter().nth(at) == Some(&&*function.name);
    let found: Vec<(FunctionId, &Function)> = catalog.functions().filter(called).collect();
    let by_types = |types: &Vec<_>| found.iter().find(|(_, function)| signature::takes(function, types));
    match (found.as_slice(), &written.types) {
        ([(id, _)], None) => Ok(*id),
        // The parameters of a handwritten statement have no types that would have to be said.
        ([(id, of), ..], _) if of.engine.is_none() => Ok(*id),
        (_, Some(types)) => by_types(types).map(|(id, _)| *id).ok_or_else(|| {
            let message = format!("function '{}({})' does not exist", name.text, signature::written(types));
            Fault::at(name.line, message).hint(format!("There is {}", listed(&found)))
        }),
        (_, None) => Err(Fault::at(name.line, format!("there are several functions '{}'", name.text))
            .hint(format!("Say which: {}", listed(&found)))),
    }
}

fn listed(functions: &[(FunctionId, &Function)]) -> String {
    let shown: Vec<String> = functions
        .iter()
        .take(12)
        .map(|(_, function)| signature::shown(&function.name, &function.params))
        .collect();
    shown.join(", ")
}

fn what_can_be_called(catalog: &Catalog) -> &'static str {
    match catalog.functions().any(|(_, function)| function.engine.is_some()) {
        true => {
            "Functions are the files queries/NAME.sql, and those of the database but for triggers', extensions', and those \
             with several parameters of which one has no name"
        }
        false => "Functions are the files queries/NAME.sql",
    }
}
