//! What was granted to whom, statement by statement.

use std::collections::{BTreeMap, BTreeSet};

use transom_query::{
    Catalog, ColumnId, FunctionId, TableId,
    catalog::{Access, Function, Table},
};

use crate::{
    fault::{Checked, Fault},
    names,
    read::{FunctionName, Name, Objects, Privilege},
};

/// The columns of one table that a privilege covers.
#[derive(Clone, Debug, Default)]
struct Columns {
    /// The whole table.
    whole: bool,
    /// These columns, whether or not the whole table is covered too.
    some: BTreeSet<ColumnId>,
}

/// What one grantee may do with one table.
#[derive(Clone, Debug, Default)]
struct OnTable {
    select: Columns,
    insert: Columns,
    update: Columns,
    delete: bool,
}

/// Every grant of a file.
#[derive(Debug, Default)]
pub(crate) struct Privileges {
    tables: BTreeMap<(Box<str>, TableId), OnTable>,
    /// Each with the line of its grant.
    functions: BTreeMap<(Box<str>, u32), u64>,
}

/// A privilege on tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Select,
    Insert,
    Update,
    Delete,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

impl OnTable {
    fn columns(&mut self, kind: Kind) -> Option<&mut Columns> {
        match kind {
            Kind::Select => Some(&mut self.select),
            Kind::Insert => Some(&mut self.insert),
            Kind::Update => Some(&mut self.update),
            Kind::Delete => None,
        }
    }
}

/// The kinds that a written privilege stands for.
fn kinds(privilege: &Privilege) -> Checked<Vec<Kind>> {
    let line = privilege.name.line;
    let word = privilege.name.text.to_ascii_uppercase();
    let kinds = match word.as_str() {
        "ALL" if privilege.columns.is_some() => vec![Kind::Select, Kind::Insert, Kind::Update],
        "ALL" => vec![Kind::Select, Kind::Insert, Kind::Update, Kind::Delete],
        "SELECT" => vec![Kind::Select],
        "INSERT" => vec![Kind::Insert],
        "UPDATE" => vec![Kind::Update],
        "DELETE" if privilege.columns.is_some() => {
            return Err(
                Fault::at(line, "DELETE takes no column list").hint("Rows are deleted whole: GRANT DELETE")
            );
        }
        "DELETE" => vec![Kind::Delete],
        _ => {
            let fault = Fault::at(line, format!("privilege '{word}' does not exist on tables here"));
            let known = ["SELECT", "INSERT", "UPDATE", "DELETE", "ALL"];
            return Err(fault.suggest(&word, known, format!("Privileges are {}", known.join(", "))));
        }
    };
    Ok(kinds)
}

impl Privileges {
    /// Applies one `GRANT` or `REVOKE`; `roles` exist. Faults are added to `faults`, and the rest is applied.
    pub fn apply(
        &mut self,
        catalog: &Catalog,
        grant: bool,
        (privileges, objects): (&[Privilege], &Objects),
        roles: &[Box<str>],
        faults: &mut Vec<Fault>,
    ) {
        let result = match objects {
            Objects::Ignored => Ok(()),
            Objects::AllFunctions => {
                let line = privileges.first().map_or(1, |privilege| privilege.name.line);
                self.on_functions(
                    catalog.functions().map(|(id, _)| (id, line)).collect(),
                    grant,
                    privileges,
                    roles,
                )
            }
            Objects::Functions(written) => {
                let found =
                    |written: &FunctionName| Ok((names::function(catalog, written)?, written.name.line));
                let ids: Checked<Vec<_>> = written.iter().map(found).collect();
                ids.and_then(|ids| self.on_functions(ids, grant, privileges, roles))
            }
            Objects::AllTables => {
                let tables: Vec<TableId> = catalog.tables().map(|(id, _)| id).collect();
                self.on_tables(catalog, &tables, grant, privileges, roles)
            }
            Objects::Tables(written) => {
                let mut tables = Vec::new();
                for name in written {
                    match names::table(catalog, name) {
                        Ok(table) => tables.push(table),
                        Err(fault) => faults.push(fault),
                    }
                }
                self.on_tables(catalog, &tables, grant, privileges, roles)
            }
        };
        faults.extend(result.err());
    }

    fn on_functions(
        &mut self,
        functions: Vec<(FunctionId, u64)>,
        grant: bool,
        privileges: &[Privilege],
        roles: &[Box<str>],
    ) -> Checked<()> {
        for privilege in privileges {
            let word = &privilege.name.text;
            if !(word.eq_ignore_ascii_case("execute") || word.eq_ignore_ascii_case("all")) {
                let message = format!("privilege '{word}' does not exist on functions");
                return Err(Fault::at(privilege.name.line, message).hint("Write EXECUTE"));
            }
        }
        for role in roles {
            for (function, line) in &functions {
                let key = (role.clone(), function.0);
                if grant {
                    self.functions.entry(key).or_insert(*line);
                } else {
                    self.functions.remove(&key);
                }
            }
        }
        Ok(())
    }

    fn on_tables(
        &mut self,
        catalog: &Catalog,
        tables: &[TableId],
        grant: bool,
        privileges: &[Privilege],
        roles: &[Box<str>],
    ) -> Checked<()> {
        for privilege in privileges {
            for kind in kinds(privilege)? {
                for table in tables {
                    let columns = match &privilege.columns {
                        Some(written) => Some(columns(&catalog[*table], written)?),
                        None => None,
                    };
                    for role in roles {
                        let entry = self.tables.entry((role.clone(), *table)).or_default();
                        change(entry, kind, grant, columns.as_deref())
                            .map_err(|()| still_whole(privilege, kind, &catalog[*table].name, role))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The line on which one of these grantees was granted the function, if any was.
    pub fn granted_on<'a>(
        &self,
        grantees: impl Iterator<Item = &'a str>,
        function: FunctionId,
    ) -> Option<u64> {
        grantees.filter_map(|role| self.functions.get(&(Box::from(role), function.0)).copied()).min()
    }

    /// Narrows access to what these grantees hold together.
    pub fn narrow<'a>(
        &self,
        grantees: impl Iterator<Item = &'a str> + Clone,
        tables: &mut [Table],
        functions: &mut [Function],
    ) {
        for (id, table) in (0u32..).map(TableId).zip(tables.iter_mut()) {
            let held: Vec<&OnTable> =
                grantees.clone().filter_map(|role| self.tables.get(&(Box::from(role), id))).collect();
            narrow_table(table, &held);
        }
        for (id, function) in (0u32..).zip(functions.iter_mut()) {
            let held = grantees.clone().any(|role| self.functions.contains_key(&(Box::from(role), id)));
            function.executable &= held;
        }
        narrow_computed(tables, functions);
    }
}

/// What a function computes of a row can be read by who may read all of the row, which the function sees, and may call the
/// function: also of the rows that another function returns.
fn narrow_computed(tables: &mut [Table], functions: &mut [Function]) {
    let mut allowed: BTreeSet<(TableId, Box<str>)> = BTreeSet::new();
    for function in functions.iter().filter(|function| function.executable) {
        let of_row = function.engine.as_ref().and_then(|engine| engine.of_row);
        allowed.extend(of_row.map(|table| (table, function.name.clone())));
    }
    for (id, table) in (0u32..).map(TableId).zip(tables.iter_mut()) {
        for column in table.columns.iter_mut().filter(|column| column.computed) {
            column.access.select &= allowed.contains(&(id, column.name.clone()));
        }
    }
    for function in functions {
        let Some(rows_of) = function.engine.as_ref().and_then(|engine| engine.rows_of) else { continue };
        let table = &tables[rows_of.0 as usize];
        for (column, of_table) in function.columns.iter_mut().zip(&table.columns) {
            if column.computed {
                column.access = of_table.access;
            }
        }
    }
}

fn columns(table: &Table, written: &[Name]) -> Checked<Vec<ColumnId>> {
    written.iter().map(|name| names::column(table, name)).collect()
}

/// Grants or revokes one kind; an error when a column is revoked that the grant on the whole table still covers.
fn change(entry: &mut OnTable, kind: Kind, grant: bool, written: Option<&[ColumnId]>) -> Result<(), ()> {
    let Some(columns) = entry.columns(kind) else {
        entry.delete = grant;
        return Ok(());
    };
    match (written, grant) {
        (None, true) => columns.whole = true,
        // As in PostgreSQL, this takes the grants on single columns back as well.
        (None, false) => *columns = Columns::default(),
        (Some(written), true) => columns.some.extend(written),
        (Some(_), false) if columns.whole => return Err(()),
        (Some(written), false) => columns.some.retain(|column| !written.contains(column)),
    }
    Ok(())
}

fn still_whole(privilege: &Privilege, kind: Kind, table: &str, role: &str) -> Fault {
    let kind = kind.name();
    let message =
        format!("role '{role}' keeps {kind} on these columns: it was granted {kind} on all of '{table}'");
    Fault::at(privilege.name.line, message).hint(format!(
        "REVOKE {kind} ON {table} FROM {role}, then GRANT {kind} (columns) ON {table} TO {role}"
    ))
}

fn narrow_table(table: &mut Table, held: &[&OnTable]) {
    let held_on = |pick: fn(&OnTable) -> &Columns, id: ColumnId| {
        held.iter().any(|on| pick(on).whole || pick(on).some.contains(&id))
    };
    let whole = |pick: fn(&OnTable) -> &Columns| held.iter().any(|on| pick(on).whole);
    let mut any = Access::NONE;
    for (id, column) in (0u32..).map(ColumnId).zip(&mut table.columns) {
        let access = &mut column.access;
        access.select &= held_on(|on| &on.select, id);
        access.insert &= held_on(|on| &on.insert, id);
        access.update &= held_on(|on| &on.update, id);
        access.delete = false;
        any.select |= access.select;
        any.insert |= access.insert;
        any.update |= access.update;
    }
    table.access.select &= any.select || whole(|on| &on.select);
    table.access.insert &= any.insert || whole(|on| &on.insert);
    table.access.update &= any.update || whole(|on| &on.update);
    table.access.delete &= held.iter().any(|on| on.delete);
}
