//! Which row a column's name belongs to: the innermost query that has one of that name.

use sqlparser::ast;
use transom_query::{ColumnId, Expr, QueryId, TableId};

use super::{Compiler, types::Typed};
use crate::{
    fault::{Checked, Fault},
    names,
    read::Name,
};

/// A row in sight.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The table's name or its alias.
    pub name: String,
    pub query: QueryId,
    pub table: TableId,
}

/// An identifier as a [`Name`].
pub(super) fn name_of(ident: &ast::Ident, start: u64) -> Name {
    let line = if ident.span.start.line == 0 { start } else { ident.span.start.line };
    Name { text: ident.value.clone(), quoted: ident.quote_style.is_some(), line }
}

impl Row {
    fn is_called(&self, name: &Name) -> bool {
        if name.quoted { self.name == name.text } else { self.name.eq_ignore_ascii_case(&name.text) }
    }
}

impl Compiler<'_> {
    /// The column that `column`, `table.column` or `public.table.column` names.
    pub(super) fn column(&mut self, idents: &[ast::Ident], at: &ast::Expr) -> Checked<Typed> {
        let parts: Vec<Name> = idents.iter().map(|ident| name_of(ident, self.start)).collect();
        match parts.as_slice() {
            [column] => self.unqualified(column),
            [table, column] => self.qualified(table, column),
            [schema, table, column] if schema.text.eq_ignore_ascii_case("public") => {
                self.qualified(table, column)
            }
            _ => Err(self.unsupported(at)),
        }
    }

    fn unqualified(&mut self, column: &Name) -> Checked<Typed> {
        for rows in self.scopes.iter().rev() {
            let mut found = rows
                .iter()
                .filter_map(|row| Some((row, names::column_of(&self.catalog[row.table], column)?)));
            let Some((row, id)) = found.next() else { continue };
            if let Some((other, _)) = found.next() {
                let message = format!("column '{}' is ambiguous", column.text);
                let hint = format!("Write {}.{} or {}.{}", row.name, column.text, other.name, column.text);
                return Err(Fault::at(column.line, message).hint(hint));
            }
            return Ok(self.column_of(row, id));
        }
        Err(self.missing(column))
    }

    fn qualified(&mut self, table: &Name, column: &Name) -> Checked<Typed> {
        let Some(row) = self.scopes.iter().rev().flatten().find(|row| row.is_called(table)) else {
            let names: Vec<&str> = self.scopes.iter().flatten().map(|row| row.name.as_str()).collect();
            let message = format!("there is no table '{}' in sight", table.text);
            let hint = format!("In sight are {}", names.join(", "));
            return Err(Fault::at(table.line, message).suggest(&table.text, names.iter().copied(), hint));
        };
        let id = names::column(&self.catalog[row.table], column)?;
        Ok(self.column_of(row, id))
    }

    fn column_of(&self, row: &Row, id: ColumnId) -> Typed {
        Typed::fixed(Expr::Column(row.query, id), self.catalog[row.table][id].data_type)
    }

    fn missing(&self, column: &Name) -> Fault {
        let tables = || self.scopes.iter().rev().flatten().map(|row| &self.catalog[row.table]);
        let names: Vec<&str> = tables().map(|table| &*table.name).collect();
        let message = format!("column '{}' does not exist in {}", column.text, quoted(&names));
        let candidates = tables().flat_map(|table| table.stored().map(|column| &*column.name));
        let hint = tables().next().map(names::columns_listed).unwrap_or_default();
        let hint = if column.quoted { format!("Text is written in single quotes. {hint}") } else { hint };
        Fault::at(column.line, message).suggest(&column.text, candidates, hint)
    }
}

fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(" or ")
}
