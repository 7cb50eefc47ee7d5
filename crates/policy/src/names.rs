//! Finds tables, columns and functions by the names a policy file gives them.

use transom_query::{Catalog, ColumnId, FunctionId, TableId, catalog::Table};

use crate::{
    fault::{Checked, Fault},
    read::Name,
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

/// The column of this name, if there is one.
pub(crate) fn column_of(table: &Table, name: &Name) -> Option<ColumnId> {
    find(name, table.columns.iter().map(|column| &*column.name)).map(|at| ColumnId(at as u32))
}

/// The column of this name.
pub(crate) fn column(table: &Table, name: &Name) -> Checked<ColumnId> {
    column_of(table, name).ok_or_else(|| {
        let message = format!("column '{}' does not exist in '{}'", name.text, table.name);
        let names = table.columns.iter().map(|column| &*column.name);
        Fault::at(name.line, message).suggest(&name.text, names, columns_listed(table))
    })
}

/// The columns of a table as a remedy.
pub(crate) fn columns_listed(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().take(12).map(|column| &*column.name).collect();
    let more = if table.columns.len() > names.len() { ", …" } else { "" };
    format!("Its columns are {}{more}", names.join(", "))
}

/// The named query of this name.
pub(crate) fn function(catalog: &Catalog, name: &Name) -> Checked<FunctionId> {
    let names: Vec<&str> = catalog.functions().map(|(_, function)| &*function.name).collect();
    match find(name, names.iter().copied()) {
        Some(at) => Ok(FunctionId(at as u32)),
        None => Err(Fault::at(name.line, format!("function '{}' does not exist", name.text)).suggest(
            &name.text,
            names.iter().copied(),
            "Functions are the files queries/NAME.sql",
        )),
    }
}
