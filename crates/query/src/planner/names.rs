//! Finds tables and columns by name; what is not there is refused with the nearest name.

use transom_types::{Code, DataType, Likeness, Problem, nearest::nearest_few, resembling};

use super::{Planner, relation::Relation};
use crate::{
    Catalog, TableId,
    catalog::ColumnId,
    plan::{Expr, QueryId},
    request::{JsonKey, Path},
};

impl Planner<'_> {
    pub(super) fn table(&self, name: &str) -> Result<TableId, Problem> {
        self.catalog.table(name).ok_or_else(|| match self.options.native {
            true => table_missing(self.catalog, name),
            false => table_missing(self.catalog, name)
                .with_details(format!("No table or view '{name}' exists, or your role has no grant on it"))
                .suggesting(name, self.catalog.table_names()),
        })
    }

    /// A column that may be read.
    pub(super) fn column(&self, relation: Relation, name: &str) -> Result<ColumnId, Problem> {
        relation
            .readable(self.catalog)
            .find(|(_, column)| &*column.name == name)
            .map(|(id, _)| id)
            .ok_or_else(|| {
                let of = self.source(relation);
                let problem =
                    Problem::new(Code::ColumnUndefined, format!("column {of}.{name} does not exist"));
                if self.options.native {
                    let columns = relation.shown(self.catalog).map(|(_, column)| &*column.name);
                    let near = nearest_few(name, columns);
                    let near: Vec<_> = near.iter().map(|near| format!("column \"{of}.{near}\"")).collect();
                    return match near.is_empty() {
                        true => problem,
                        false => problem.with_hint(format!(
                            "Perhaps you meant to reference the {}.",
                            near.join(" or the ")
                        )),
                    };
                }
                if self.leads_to(relation, name) {
                    return problem
                        .with_details(format!("'{name}' is a related table"))
                        .with_hint(format!("Write {name}(*) in select to embed it"));
                }
                problem.suggesting(name, relation.readable(self.catalog).map(|(_, column)| &*column.name))
            })
    }

    /// What the engine calls this source of rows in its errors, where it is PostgREST that asks it.
    fn source(&self, relation: Relation) -> String {
        let name = relation.name(self.catalog);
        match (self.options.native, self.depth) {
            (true, depth @ 1..) => format!("{name}_{depth}"),
            _ => name.to_owned(),
        }
    }

    fn leads_to(&self, relation: Relation, name: &str) -> bool {
        let Some(from) = relation.rows_of(self.catalog) else { return false };
        self.catalog.relationships(from).iter().any(|way| &*self.catalog[way.to].name == name)
    }

    /// A column or a way into its JSON, with its type.
    pub(super) fn path(
        &self,
        id: QueryId,
        relation: Relation,
        path: &Path,
    ) -> Result<(Expr, DataType), Problem> {
        let column = self.column(relation, &path.column)?;
        let expr = Expr::Column(id, column);
        let data_type = relation.data_type(self.catalog, column);
        let Some(last) = path.json.last() else { return Ok((expr, data_type)) };
        if !self.options.native && !matches!(data_type, DataType::Json | DataType::Text | DataType::Any) {
            let message = format!("operator does not exist: {} ->", data_type.name());
            return Err(Problem::new(Code::FunctionUndefined, message)
                .with_details(format!("'{}' is not a JSON column", path.column)));
        }
        let data_type = if last.as_text { DataType::Text } else { DataType::Json };
        Ok((Expr::Json(Box::new(expr), path.json.clone()), data_type))
    }
}

/// There is no such table in the catalog's schema; with the hint that PostgREST gives.
pub fn table_missing(catalog: &Catalog, name: &str) -> Problem {
    let schema = catalog.schema();
    let message = format!("Could not find the table '{schema}.{name}' in the schema cache");
    let problem = Problem::new(Code::TableMissing, message);
    match resembling(name, catalog.table_names(), Likeness::Close) {
        Some(near) => problem.with_hint(format!("Perhaps you meant the table '{schema}.{near}'")),
        None => problem,
    }
}

/// The key a path has in the result: its last member's name, as PostgREST names it.
pub(super) fn path_key(path: &Path) -> &str {
    let member = path.json.iter().rev().find_map(|step| match &step.key {
        JsonKey::Member(name) => Some(&**name),
        JsonKey::Index(_) => None,
    });
    member.unwrap_or(&path.column)
}

pub(super) fn no_privilege(privilege: &str, table: &str) -> Problem {
    Problem::new(Code::Privilege, format!("permission denied for table {table}"))
        .with_hint(format!("GRANT {privilege} ON {table} TO the role in policies.sql"))
}
