//! Whether the role holds the privileges that a plan needs.

use transom_query::{
    ColumnId, FunctionId, QueryId, TableId,
    catalog::{Access, Column},
};
use transom_types::{Code, Problem};

use super::{Guarder, malformed};

impl Guarder<'_> {
    /// The plan reads these columns of a row.
    pub(super) fn reads(&mut self, row: QueryId, columns: &[ColumnId]) -> Result<(), Problem> {
        let Some(table) = self.rows.get(&row) else {
            return Err(malformed(format!("{row:?} is out of sight")));
        };
        let Some(table) = *table else { return Ok(()) };
        self.read.insert(row);
        self.need_columns(table, columns, "SELECT", |access| access.select)
    }

    /// The table can be read, if only its rows be counted.
    pub(super) fn need_select(&self, table: TableId) -> Result<(), Problem> {
        self.need_table(table, "SELECT", |access| access.select)
    }

    pub(super) fn need_table(
        &self,
        table: TableId,
        privilege: &str,
        held: fn(Access) -> bool,
    ) -> Result<(), Problem> {
        if held(self.rights.catalog[table].access) {
            return Ok(());
        }
        Err(self.denied(table, privilege, None))
    }

    pub(super) fn need_columns(
        &self,
        table: TableId,
        columns: &[ColumnId],
        privilege: &str,
        held: fn(Access) -> bool,
    ) -> Result<(), Problem> {
        for column in columns {
            let column = &self.rights.catalog[table][*column];
            if !held(column.access) {
                return Err(self.denied(table, privilege, Some(column)));
            }
        }
        Ok(())
    }

    pub(super) fn need_execute(&self, function: FunctionId) -> Result<(), Problem> {
        let function = &self.rights.catalog[function];
        if function.executable {
            return Ok(());
        }
        let name = &function.name;
        let problem = Problem::new(Code::Privilege, format!("permission denied for function {name}"));
        Err(problem.with_hint(format!("GRANT EXECUTE ON FUNCTION {name} TO {};", self.role)))
    }

    fn denied(&self, table: TableId, privilege: &str, column: Option<&Column>) -> Problem {
        let name = &self.rights.catalog[table].name;
        let list = column.map(|column| format!(" ({})", column.name)).unwrap_or_default();
        let grant = format!("GRANT {privilege}{list} ON {name} TO {};", self.role);
        match self.guarding {
            // What a policy reads is its author's matter: the caller is not told of tables it cannot see.
            Some(guarded) => {
                let guarded = &self.rights.catalog[guarded].name;
                let cause = format!("a policy on {guarded} reads {name} as role {}: {grant}", self.role);
                Problem::new(Code::Privilege, format!("permission denied for table {guarded}"))
                    .with_hint("A policy of this table reads what this role may not read; the server's log says what")
                    .caused_by(cause)
            }
            None => {
                let on =
                    column.map_or_else(|| "it".to_owned(), |column| format!("its column '{}'", column.name));
                Problem::new(Code::Privilege, format!("permission denied for table {name}"))
                    .with_details(format!("Role '{}' has no {privilege} on {on}", self.role))
                    .with_hint(grant)
            }
        }
    }
}
