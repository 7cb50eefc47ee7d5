//! Calls of an engine's own functions as sources of rows.

use transom_query::{
    ColumnId, Expr, FunctionId, Query,
    plan::{Computed, Source},
};
use transom_types::Problem;

use super::Writer;

/// What a call's rows go by where they are read more than once.
const CALLED: &str = "called";

impl Writer<'_> {
    /// Whether the query is of an engine's own function: a count must not call it again.
    pub(super) fn calls(&self, query: &Query) -> bool {
        matches!(&query.source, Source::Function(function, _) if self.catalog[*function].engine.is_some())
    }

    /// Calls the query's function before all else and once, and takes of its rows what is read of them.
    pub(super) fn call_before(&mut self, query: &Query, columns: &[ColumnId]) -> Result<(), Problem> {
        let Source::Function(function, arguments) = &query.source else { return Ok(()) };
        self.push("WITH ");
        self.push(CALLED);
        self.push(" AS MATERIALIZED (SELECT ");
        if columns.is_empty() {
            self.push("1");
        }
        self.list(columns, ", ", |writer, column| {
            let name = writer.column_name(query.id, *column)?;
            writer.push("t.");
            writer.name(&name);
            Ok(())
        })?;
        self.push(" FROM ");
        self.called_before = false;
        self.called(*function, arguments)?;
        self.push(" AS t) ");
        Ok(())
    }

    /// What stands behind `FROM`, without its alias.
    pub(super) fn called(&mut self, function: FunctionId, arguments: &[Expr]) -> Result<(), Problem> {
        if self.called_before {
            self.push(CALLED);
            return Ok(());
        }
        let catalog = self.catalog;
        let called = &catalog[function];
        let value = called.columns.first().filter(|_| called.engine.as_ref().is_some_and(|of| of.scalar));
        if value.is_some() {
            self.push("(SELECT ");
        }
        self.call_of(function, arguments)?;
        if let Some(value) = value {
            self.push(" AS ");
            self.name(&value.name);
            self.push(")");
        }
        Ok(())
    }

    /// `schema.function(name := argument, …)`
    fn call_of(&mut self, function: FunctionId, arguments: &[Expr]) -> Result<(), Problem> {
        let catalog = self.catalog;
        let called = &catalog[function];
        if let Some(engine) = &called.engine {
            self.name(&engine.schema);
            self.push(".");
        }
        self.name(&called.name);
        self.push("(");
        let given =
            called.params.iter().zip(arguments).filter(|(_, argument)| !matches!(argument, Expr::Default));
        self.list(given, ", ", |writer, (param, argument)| {
            if param.engine.as_ref().is_some_and(|engine| engine.variadic) {
                writer.push("VARIADIC ");
            }
            if !param.name.is_empty() {
                writer.name(&param.name);
                writer.push(" := ");
            }
            writer.expr(argument)
        })?;
        self.push(")");
        Ok(())
    }

    /// `schema.function((row of another query))`: the row is made of its columns, for it may itself have been gathered.
    pub(super) fn computed(&mut self, computed: &Computed) -> Result<(), Problem> {
        let catalog = self.catalog;
        self.name(&computed.schema);
        self.push(".");
        self.name(&computed.name);
        self.push("(CAST(ROW(");
        let stored = catalog[computed.from].columns.iter().filter(|column| !column.computed).count();
        self.list((0..stored as u32).map(ColumnId), ", ", |writer, column| {
            writer.expr(&Expr::Column(computed.of, column))
        })?;
        self.push(") AS ");
        self.table(computed.from);
        self.push("))");
        Ok(())
    }
}
