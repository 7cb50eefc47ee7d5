//! Queries: where rows come from, which, in what order; and the forms of subqueries.

use transom_query::{
    ColumnId, Expr, Query, QueryId, TableId,
    catalog::Fragment,
    plan::{OrderTerm, ParamId, ParamKind, ParamSource, Source},
    request::FullTextKind,
};
use transom_types::{Code, DataType, Problem};

use super::{Search, Writer, limited::bounded, output::is_json};

impl Writer<'_> {
    /// Everything after the select list.
    pub(super) fn rest(&mut self, query: &Query) -> Result<(), Problem> {
        self.source_and_conditions(query)?;
        self.order(&query.order)?;
        self.bounds(query)
    }

    /// `FROM … WHERE … GROUP BY … HAVING …`
    pub(super) fn source_and_conditions(&mut self, query: &Query) -> Result<(), Problem> {
        let catalog = self.catalog;
        match &query.source {
            Source::One => {}
            Source::Table(table) => {
                self.push(" FROM ");
                self.table(*table);
                self.push(" AS ");
                self.alias(query.id);
            }
            Source::Function(function, arguments) if catalog[*function].engine.is_some() => {
                self.push(" FROM ");
                self.called(*function, arguments)?;
                self.push(" AS ");
                self.alias(query.id);
            }
            Source::Computed(computed) => {
                self.push(" FROM ");
                self.computed(computed)?;
                self.push(" AS ");
                self.alias(query.id);
            }
            Source::Written(_) => {
                self.push(" FROM ");
                self.push(self.prefix);
                self.push("w AS ");
                self.alias(query.id);
            }
            Source::Function(function, arguments) => {
                self.push(" FROM (");
                self.fragments(&catalog[*function].body, arguments)?;
                // On a line of its own, for the statement may end in a comment.
                self.push("\n) AS ");
                self.alias(query.id);
            }
        }
        if let Some((id, junction)) = query.beside {
            self.push(", ");
            self.table(junction);
            self.push(" AS ");
            self.alias(id);
        }
        self.joins(query)?;
        self.conditions(&[&query.on, &query.filter, &query.guard])?;
        if let Some(keys) = &query.group_by
            && !keys.is_empty()
        {
            self.push(" GROUP BY ");
            self.list(keys, ", ", |writer, key| writer.expr(key))?;
        }
        if let Some(having) = &query.having {
            self.push(" HAVING ");
            self.expr(having)?;
        }
        Ok(())
    }

    pub(super) fn order(&mut self, terms: &[OrderTerm]) -> Result<(), Problem> {
        if terms.is_empty() {
            return Ok(());
        }
        self.push(" ORDER BY ");
        self.order_terms(terms)
    }

    fn order_terms(&mut self, terms: &[OrderTerm]) -> Result<(), Problem> {
        self.list(terms, ", ", |writer, term| {
            let document = writer.is_document(&term.expr);
            writer.comparable(&term.expr, document)?;
            if term.descending {
                writer.push(" DESC");
            }
            // Where there are no NULLs their place is not said, so that an index can serve.
            if writer.nullable(&term.expr) {
                let nulls = writer.dialect.nulls(term.descending, term.nulls_first);
                writer.push(nulls);
            }
            Ok(())
        })
    }

    fn nullable(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Column(id, column) => match self.table_of(*id) {
                Some(table) => self.catalog[table][*column].nullable,
                None => true,
            },
            _ => true,
        }
    }

    pub(super) fn bounds(&mut self, query: &Query) -> Result<(), Problem> {
        if query.limit.is_none() && query.offset.is_none() {
            return Ok(());
        }
        let (limit, offset) = (self.bound(query.limit)?, self.bound(query.offset)?);
        self.dialect.bounds(&mut self.text, limit.as_deref(), offset.as_deref());
        Ok(())
    }

    fn bound(&mut self, param: Option<ParamId>) -> Result<Option<String>, Problem> {
        let Some(param) = param else { return Ok(None) };
        let text = self.apart(|writer| {
            writer.param(param);
            Ok(())
        })?;
        Ok(Some(text))
    }

    pub(super) fn subquery(&mut self, expr: &Expr) -> Result<(), Problem> {
        if let Expr::Exists(query)
        | Expr::InQuery(_, query)
        | Expr::Scalar(query)
        | Expr::Object(query)
        | Expr::Objects(query)
        | Expr::Array(query) = expr
        {
            self.enter(query);
        }
        self.subqueries += 1;
        match expr {
            Expr::Exists(query) => {
                self.push("EXISTS (SELECT 1");
                self.source_and_conditions(query)?;
            }
            Expr::InQuery(values, query) => {
                self.push("((");
                self.list(values, ", ", |writer, value| writer.expr(value))?;
                self.push(") IN (SELECT ");
                self.list(&query.outputs, ", ", |writer, output| writer.expr(&output.expr))?;
                self.rest(query)?;
                self.push(")");
            }
            Expr::Scalar(query) => {
                self.push("(SELECT ");
                match query.outputs.first() {
                    Some(output) => self.expr(&output.expr)?,
                    None => self.push("NULL"),
                }
                self.rest(query)?;
            }
            Expr::Object(query) if self.dialect.has_records() => {
                self.push("(");
                self.related_records(query, false)?;
            }
            Expr::Objects(query) if self.dialect.has_records() => {
                self.push("(");
                self.related_records(query, true)?;
            }
            Expr::Object(query) => {
                self.push("(SELECT ");
                self.object(&query.outputs, query.group_by.is_some())?;
                self.rest(query)?;
            }
            Expr::Objects(query) => self
                .aggregated(query, true, |writer| writer.object(&query.outputs, query.group_by.is_some()))?,
            Expr::Array(query) => {
                let json = query.outputs.first().is_some_and(is_json);
                self.aggregated(query, json, |writer| match query.outputs.first() {
                    Some(output) => writer.shown(output),
                    None => {
                        writer.push("NULL");
                        Ok(())
                    }
                })?;
            }
            _ => return Err(Problem::new(Code::Internal, "not a subquery")),
        }
        self.push(")");
        Ok(())
    }

    /// A JSON array over a query's rows. Bounds and groups need the rows to be there first.
    fn aggregated(
        &mut self,
        query: &Query,
        json: bool,
        element: impl FnOnce(&mut Self) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let (element, columns) = self.gathered(query.id, element)?;
        self.push("(SELECT ");
        if bounded(query) {
            self.dialect.json_aggregate(&mut self.text, &element, "");
            return self.limited(query, &columns);
        }
        if query.group_by.is_none() {
            let order = self.apart(|writer| writer.order_terms(&query.order))?;
            self.dialect.json_aggregate(&mut self.text, &element, &order);
            return self.source_and_conditions(query);
        }
        let mut value = String::new();
        match json {
            true => self.dialect.as_json(&mut value, "x"),
            false => value.push('x'),
        }
        self.dialect.json_aggregate(&mut self.text, &value, "");
        let mut carried = String::new();
        match json {
            true => self.dialect.json_text(&mut carried, &element),
            false => carried.push_str(&element),
        }
        self.push(&format!(" FROM (SELECT {carried} AS x"));
        self.rest(query)?;
        self.push(") AS grouped");
        Ok(())
    }

    pub(super) fn full_text(
        &mut self,
        (query, table): (QueryId, TableId),
        columns: &[ColumnId],
        (kind, words): (FullTextKind, ParamId),
    ) -> Result<(), Problem> {
        let catalog = self.catalog;
        let Some(index) = &catalog[table].full_text else {
            return Err(Problem::new(Code::Unsupported, "the table has no full-text index"));
        };
        let row_id = self.expr_apart(&Expr::Column(query, index.row_id))?;
        let name = self.apart(|writer| {
            writer.name(&index.name);
            Ok(())
        })?;
        let searched = if columns.is_empty() { &index.columns } else { columns };
        let column = |column: &ColumnId| {
            let engine_type = catalog[table][*column].engine_type.as_deref();
            Ok((self.expr_apart(&Expr::Column(query, *column))?, engine_type))
        };
        let columns = searched.iter().map(column).collect::<Result<Vec<_>, Problem>>()?;
        let words = self.param_apart(words)?;
        let search = Search { row_id: &row_id, index: &name, columns: &columns, kind, words: &words };
        self.dialect.full_text(&mut self.text, &search);
        Ok(())
    }

    /// A handwritten statement with its arguments in place.
    pub(super) fn fragments(&mut self, body: &[Fragment], arguments: &[Expr]) -> Result<(), Problem> {
        for fragment in body {
            let source = match fragment {
                Fragment::Text(text) => {
                    self.push(text);
                    continue;
                }
                Fragment::Param(at) => {
                    let argument = arguments.get(usize::from(*at)).ok_or_else(missing)?;
                    self.argument(argument)?;
                    continue;
                }
                Fragment::Claim(path) => ParamSource::Claim(path.clone()),
                Fragment::Role => ParamSource::Role,
            };
            let at = self.plan.params.iter().position(|param| param.source == source).ok_or_else(missing)?;
            self.param(ParamId(at as u16));
        }
        Ok(())
    }

    /// An argument stands where a handwritten statement has it: its type is that of the declared parameter.
    fn argument(&mut self, argument: &Expr) -> Result<(), Problem> {
        let Expr::Param(id) = argument else { return self.expr(argument) };
        let placeholder = self.param_apart(*id)?;
        match self.plan.params[usize::from(id.0)].kind {
            ParamKind::Scalar(data_type) => self.dialect.typed(&mut self.text, &placeholder, data_type),
            _ => self.push(&placeholder),
        }
        Ok(())
    }

    /// The table whose rows a query id stands for.
    pub(super) fn table_of(&self, id: QueryId) -> Option<TableId> {
        self.sources.get(&id).and_then(|source| match source {
            Source::Table(table) | Source::Written(table) => Some(*table),
            Source::Computed(computed) => Some(computed.table),
            _ => None,
        })
    }

    /// What a column holds.
    pub(super) fn column_type(&self, id: QueryId, column: transom_query::ColumnId) -> Option<DataType> {
        match self.sources.get(&id)? {
            Source::Table(table) | Source::Written(table) => Some(self.catalog[*table][column].data_type),
            Source::Computed(computed) => Some(self.catalog[computed.table][column].data_type),
            Source::Function(function, _) => {
                self.catalog[*function].columns.get(column.0 as usize).map(|column| column.data_type)
            }
            Source::One => None,
        }
    }

    pub(super) fn column_name(
        &self,
        id: QueryId,
        column: transom_query::ColumnId,
    ) -> Result<Box<str>, Problem> {
        match self.sources.get(&id) {
            Some(Source::Table(table) | Source::Written(table)) => {
                Ok(self.catalog[*table][column].name.clone())
            }
            Some(Source::Computed(computed)) => Ok(self.catalog[computed.table][column].name.clone()),
            Some(Source::Function(function, _)) => {
                Ok(self.catalog[*function].columns[column.0 as usize].name.clone())
            }
            Some(Source::One) | None => Err(missing()),
        }
    }
}

impl<'a> Writer<'a> {
    /// The engine's own type of a column.
    pub(super) fn engine_type(&self, expr: &Expr) -> Option<&'a str> {
        let Expr::Column(id, column) = expr else { return None };
        let catalog: &'a transom_query::Catalog = self.catalog;
        let columns = match self.sources.get(id)? {
            Source::Table(table) | Source::Written(table) => &catalog[*table].columns,
            Source::Computed(computed) => &catalog[computed.table].columns,
            Source::Function(function, _) => &catalog[*function].columns,
            Source::One => return None,
        };
        columns.get(column.0 as usize)?.engine_type.as_deref()
    }
}

fn missing() -> Problem {
    Problem::new(Code::Internal, "the plan refers to something that is not in it")
}
