//! Subqueries: `EXISTS`, `IN (SELECT …)` and scalar ones. A plan has no joins, so that every table stands in a query
//! with a guard of its own: joined tables become `EXISTS` inside `EXISTS`, which keeps the same rows.

use sqlparser::ast;
use transom_query::{
    Expr, Query, QueryId,
    plan::{Comparison, OrderTerm, Output, ParamKind, ParamSource},
};
use transom_types::{DataType, Value};

use super::{
    Compiler, SUBQUERY_DEPTH_MAX, negate,
    operators::conjuncts,
    scope::{Row, name_of},
    types::{Typed, brief},
};
use crate::{fault::Checked, names, tree};

/// Most tables in one FROM.
const TABLES_MAX: usize = 8;

/// A subquery with its names resolved.
struct Body {
    rows: Vec<Row>,
    conditions: Vec<Expr>,
    outputs: Vec<Typed>,
    order: Vec<OrderTerm>,
    aggregate: bool,
}

impl Compiler<'_> {
    pub(super) fn exists(&mut self, query: &ast::Query, negated: bool, at: &ast::Expr) -> Checked<Typed> {
        let select = self.select(query, at)?;
        self.limit(query, at)?;
        let body = self.body(select, None, &[], at)?;
        let query = nest(body.rows, body.conditions, &[]).ok_or_else(|| self.unsupported(at))?;
        Ok(Typed::boolean(negate(Expr::Exists(Box::new(query)), negated)))
    }

    pub(super) fn in_subquery(
        &mut self,
        operand: &ast::Expr,
        query: &ast::Query,
        negated: bool,
        at: &ast::Expr,
    ) -> Checked<Typed> {
        let select = self.select(query, at)?;
        if self.limit(query, at)?.is_some() {
            return Err(self.fault(at, "LIMIT inside IN is not supported in a policy"));
        }
        if select.from.is_empty() {
            return self.in_bare(operand, select, negated, at);
        }
        let operands: Vec<&ast::Expr> = match operand {
            ast::Expr::Tuple(operands) => operands.iter().collect(),
            operand => vec![operand],
        };
        let items = self.items(select, at)?;
        if operands.len() != items.len() {
            let message = format!("IN compares {} values with {} columns", operands.len(), items.len());
            return Err(self.fault(at, message));
        }
        let body = self.body(select, Some(&items), &[], at)?;
        if body.aggregate {
            return Err(self.unsupported(at));
        }
        let mut lefts = Vec::new();
        let mut outputs = Vec::new();
        for ((operand, output), item) in operands.iter().zip(body.outputs).zip(&items) {
            let left = self.expr(operand)?;
            let (left, output) = self.unify((left, operand), (output, item))?;
            lefts.push(left.expr);
            outputs.push(output);
        }
        let query = self.with_outputs(body.rows, body.conditions, outputs, at)?;
        Ok(Typed::boolean(negate(Expr::InQuery(lefts, Box::new(query)), negated)))
    }

    /// `x IN (SELECT expression)`: one value, or the elements of a claim.
    fn in_bare(
        &mut self,
        operand: &ast::Expr,
        select: &ast::Select,
        negated: bool,
        at: &ast::Expr,
    ) -> Checked<Typed> {
        let items = self.items(select, at)?;
        let [item] = items.as_slice() else { return Err(self.unsupported(at)) };
        if select.selection.is_some() {
            return Err(self.unsupported(at));
        }
        let listed = elements_of(item).unwrap_or(item);
        let list = self.expr(listed)?;
        let left = self.expr(operand)?;
        let element = if left.firmness == super::Firmness::Fixed { left.data_type } else { DataType::Text };
        if let Some(list) = self.claim_list(&list, element, at)? {
            let left = self.coerce(left, element, operand)?;
            return Ok(Typed::boolean(negate(Expr::InList(Box::new(left.expr), list), negated)));
        }
        if elements_of(item).is_some() {
            let fault = self.fault(item, format!("{} is not a claim", brief(listed)));
            return Err(fault.hint("Only arrays in the token can be unfolded, such as auth.jwt() -> 'teams'"));
        }
        let (left, right) = self.unify((left, operand), (list, item))?;
        let test = Expr::Compare(Comparison::Eq, Box::new(left.expr), Box::new(right.expr));
        Ok(Typed::boolean(negate(test, negated)))
    }

    /// A subquery for its one value. Without FROM it is that value: `(SELECT auth.uid())` is `auth.uid()`.
    pub(super) fn scalar(&mut self, query: &ast::Query, at: &ast::Expr) -> Checked<Typed> {
        let select = self.select(query, at)?;
        let items = self.items(select, at)?;
        let [item] = items.as_slice() else {
            return Err(self.fault(at, "a subquery used as a value returns one column"));
        };
        let limit = self.limit(query, at)?;
        if select.from.is_empty() && select.selection.is_none() {
            return self.expr(item);
        }
        let order = order_terms(query).ok_or_else(|| self.unsupported(at))?;
        let body = self.body(select, Some(&items), order, at)?;
        let (order, aggregate, joined) = (body.order, body.aggregate, body.rows.len() > 1);
        if aggregate && (joined || limit.is_some()) {
            return Err(self.fault(at, "an aggregate over joined tables is not supported in a policy"));
        }
        let Some(data_type) = body.outputs.first().map(|output| output.data_type) else {
            return Err(self.unsupported(at));
        };
        let mut query = self.with_outputs(body.rows, body.conditions, body.outputs, at)?;
        if !order.iter().all(|term| !mentions_inner(term, &query)) {
            return Err(self.fault(at, "ORDER BY names another table than the output does"));
        }
        query.order = order;
        if aggregate {
            query.group_by = Some(Vec::new());
        }
        if let Some(limit) = limit {
            let source = ParamSource::Constant(Value::Integer(limit));
            let line = self.line(at);
            query.limit = Some(self.pool.param(source, ParamKind::Scalar(DataType::Integer), line)?);
        }
        Ok(Typed::fixed(Expr::Scalar(Box::new(query)), data_type))
    }

    /// The rows in sight, the conditions and the outputs, every name resolved inside out.
    fn body(
        &mut self,
        select: &ast::Select,
        items: Option<&[&ast::Expr]>,
        order: &[ast::OrderByExpr],
        at: &ast::Expr,
    ) -> Checked<Body> {
        let outer = self.aggregate.take();
        let depth = self.scopes.len();
        if depth > SUBQUERY_DEPTH_MAX {
            return Err(
                self.fault(at, format!("subqueries are nested deeper than {SUBQUERY_DEPTH_MAX} levels"))
            );
        }
        let body = self.body_in_scope(select, items, order, at);
        self.scopes.truncate(depth);
        self.aggregate = outer;
        body
    }

    fn body_in_scope(
        &mut self,
        select: &ast::Select,
        items: Option<&[&ast::Expr]>,
        order: &[ast::OrderByExpr],
        at: &ast::Expr,
    ) -> Checked<Body> {
        let (rows, joins) = self.from(select, at)?;
        self.scopes.push(rows.clone());
        let mut conditions = Vec::new();
        for condition in joins.iter().copied().chain(&select.selection).flat_map(conjuncts) {
            let typed = self.expr(condition)?;
            conditions.push(self.boolean(typed, condition, "WHERE")?);
        }
        self.aggregate = Some(false);
        let mut outputs = Vec::new();
        for item in items.unwrap_or_default() {
            outputs.push(self.expr(item)?);
        }
        let aggregate = self.aggregate.take() == Some(true);
        let ids: Vec<QueryId> = rows.iter().map(|row| row.query).collect();
        if aggregate && outputs.iter_mut().any(|output| bare_column(&mut output.expr, &ids)) {
            return Err(self
                .fault(at, "a column stands beside an aggregate")
                .hint("Aggregate it, or leave it out"));
        }
        let mut terms = Vec::new();
        for term in order {
            let expr = self.expr(&term.expr)?.expr;
            let descending = matches!(term.options.sort, Some(ast::OrderBySort::Desc));
            let nulls_first = term.options.nulls_first.unwrap_or(descending);
            terms.push(OrderTerm { expr, descending, nulls_first });
        }
        Ok(Body { rows, conditions, outputs, order: terms, aggregate })
    }

    /// The tables of FROM and the conditions that join them.
    fn from<'a>(
        &mut self,
        select: &'a ast::Select,
        at: &ast::Expr,
    ) -> Checked<(Vec<Row>, Vec<&'a ast::Expr>)> {
        let mut rows = Vec::new();
        let mut joins = Vec::new();
        for table in &select.from {
            rows.push(self.row(&table.relation, at)?);
            for join in &table.joins {
                rows.push(self.row(&join.relation, at)?);
                use ast::JoinOperator as J;
                match &join.join_operator {
                    J::Join(ast::JoinConstraint::On(on)) | J::Inner(ast::JoinConstraint::On(on)) => {
                        joins.push(on)
                    }
                    J::CrossJoin(ast::JoinConstraint::None) => {}
                    _ => {
                        let fault = self.fault(at, "only JOIN … ON and CROSS JOIN are supported in a policy");
                        return Err(fault.hint("Write JOIN table ON condition"));
                    }
                }
            }
        }
        if rows.len() > TABLES_MAX {
            return Err(self.fault(at, format!("more than {TABLES_MAX} tables in one subquery")));
        }
        for (place, row) in rows.iter().enumerate() {
            if rows[..place].iter().any(|other| other.name.eq_ignore_ascii_case(&row.name)) {
                let message = format!("table name '{}' is given twice", row.name);
                return Err(self.fault(at, message).hint("Give one of them an alias"));
            }
        }
        Ok((rows, joins))
    }

    fn row(&mut self, factor: &ast::TableFactor, at: &ast::Expr) -> Checked<Row> {
        let ast::TableFactor::Table { name, alias, args: None, with_ordinality: false, sample: None, .. } =
            factor
        else {
            let fault = self.fault(at, "FROM takes only tables and views in a policy");
            return Err(fault.hint("Name a table, or make a view in a migration"));
        };
        let parts: Option<Vec<&ast::Ident>> = name.0.iter().map(ast::ObjectNamePart::as_ident).collect();
        let ident = match parts.as_deref() {
            Some([table]) => *table,
            Some([schema, table]) if schema.value.eq_ignore_ascii_case("public") => *table,
            _ => {
                let fault = self.fault(at, format!("'{name}' is not a table of this database"));
                return Err(fault.hint("There is one schema, called public"));
            }
        };
        let table = names::table(self.catalog, &name_of(ident, self.start))?;
        let called = match alias {
            Some(alias) if alias.columns.is_empty() => alias.name.value.clone(),
            Some(_) => return Err(self.unsupported(at)),
            None => self.catalog[table].name.to_string(),
        };
        let line = self.line(at);
        Ok(Row { name: called, query: self.pool.query(line)?, table })
    }

    /// The plain SELECT of a subquery; anything that would change which rows it has is refused.
    fn select<'a>(&mut self, query: &'a ast::Query, at: &ast::Expr) -> Checked<&'a ast::Select> {
        let plain = query.with.is_none() && query.fetch.is_none() && query.locks.is_empty();
        let ast::SetExpr::Select(select) = &*query.body else { return Err(self.unsupported(at)) };
        let ungrouped = match &select.group_by {
            ast::GroupByExpr::Expressions(by, modifiers) => by.is_empty() && modifiers.is_empty(),
            ast::GroupByExpr::All(_) => false,
        };
        let simple = plain
            && ungrouped
            && select.having.is_none()
            && select.qualify.is_none()
            && select.into.is_none()
            && select.top.is_none()
            && select.lateral_views.is_empty()
            && select.prewhere.is_none()
            && select.connect_by.is_empty()
            && query.pipe_operators.is_empty();
        if simple {
            return Ok(select);
        }
        let fault = self.fault(at, "a subquery of a policy is SELECT … FROM … WHERE … only");
        Err(fault.hint("WITH, GROUP BY, HAVING and UNION are not supported: make a view in a migration"))
    }

    fn items<'a>(&mut self, select: &'a ast::Select, at: &ast::Expr) -> Checked<Vec<&'a ast::Expr>> {
        let items = select.projection.iter().map(|item| match item {
            ast::SelectItem::UnnamedExpr(item) | ast::SelectItem::ExprWithAlias { expr: item, .. } => {
                Ok(item)
            }
            _ => Err(self
                .fault(at, "a subquery used as a value names its column")
                .hint("Write the column, not *")),
        });
        items.collect()
    }

    /// The number in LIMIT.
    fn limit(&mut self, query: &ast::Query, at: &ast::Expr) -> Checked<Option<i64>> {
        let limit = match &query.limit_clause {
            None => return Ok(None),
            Some(ast::LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by })
                if limit_by.is_empty() =>
            {
                limit
            }
            Some(_) => return Err(self.fault(at, "OFFSET is not supported in a policy")),
        };
        match self.expr(limit)?.expr {
            Expr::Value(Value::Integer(limit)) if limit > 0 => Ok(Some(limit)),
            _ => Err(self.fault(at, "LIMIT takes a constant above 0 in a policy")),
        }
    }

    /// The nested query whose outermost row is the one the outputs come from.
    fn with_outputs(
        &mut self,
        rows: Vec<Row>,
        conditions: Vec<Expr>,
        mut outputs: Vec<Typed>,
        at: &ast::Expr,
    ) -> Checked<Query> {
        let mut used = Vec::new();
        for row in &rows {
            if outputs.iter_mut().any(|output| tree::mentions(&mut output.expr, &[row.query])) {
                used.push(row.query);
            }
        }
        if used.len() > 1 {
            let fault = self.fault(at, "a subquery's output mixes columns of two joined tables");
            return Err(fault.hint("Write EXISTS (SELECT 1 FROM … WHERE …) instead"));
        }
        let mut query = nest(rows, conditions, &used).ok_or_else(|| self.unsupported(at))?;
        query.outputs = (0u32..)
            .zip(outputs)
            .map(|(place, typed)| Output {
                key: format!("c{place}").into(),
                expr: typed.expr,
                data_type: typed.data_type,
            })
            .collect();
        Ok(query)
    }
}

/// One query per table, each but the first inside an EXISTS of the one before; `first` comes first.
/// A condition stands in the outermost query where all rows it mentions are in sight.
fn nest(mut rows: Vec<Row>, conditions: Vec<Expr>, first: &[QueryId]) -> Option<Query> {
    rows.sort_by_key(|row| !first.contains(&row.query));
    let mut levels: Vec<Vec<Expr>> = rows.iter().map(|_| Vec::new()).collect();
    for mut condition in conditions {
        let level = rows.iter().rposition(|row| tree::mentions(&mut condition, &[row.query])).unwrap_or(0);
        levels.get_mut(level)?.push(condition);
    }
    let mut inner: Option<Query> = None;
    for (row, mut conditions) in rows.into_iter().zip(levels).rev() {
        if let Some(query) = inner.take() {
            conditions.push(Expr::Exists(Box::new(query)));
        }
        let mut query = Query::table(row.query, row.table);
        query.filter = Expr::all(conditions.into_iter().map(Some));
        inner = Some(query);
    }
    inner
}

fn mentions_inner(term: &OrderTerm, query: &Query) -> bool {
    let mut foreign = false;
    tree::walk(&mut term.expr.clone(), &mut |part| {
        if let Expr::Column(id, _) = part {
            foreign |= *id != query.id;
        }
    });
    foreign
}

/// Whether a column of these rows stands outside every aggregate.
fn bare_column(expr: &mut Expr, ids: &[QueryId]) -> bool {
    if let Expr::Column(id, _) = expr {
        return ids.contains(id);
    }
    if matches!(expr, Expr::Aggregate(..)) {
        return false;
    }
    let mut found = false;
    tree::children(expr, &mut |child| {
        if let tree::Child::Expr(operand) = child {
            found |= bare_column(operand, ids);
        }
    });
    found
}

fn order_terms(query: &ast::Query) -> Option<&[ast::OrderByExpr]> {
    match &query.order_by {
        None => Some(&[]),
        Some(ast::OrderBy { kind: ast::OrderByKind::Expressions(terms), .. }) => Some(terms),
        Some(_) => None,
    }
}

/// What `jsonb_array_elements_text(…)` unfolds.
fn elements_of(item: &ast::Expr) -> Option<&ast::Expr> {
    let ast::Expr::Function(function) = item else { return None };
    let name = function.name.to_string().to_ascii_lowercase();
    let base = name.strip_prefix("jsonb").or_else(|| name.strip_prefix("json"))?;
    let ast::FunctionArguments::List(list) = &function.args else { return None };
    match (base, list.args.as_slice()) {
        (
            "_array_elements_text" | "_array_elements",
            [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(listed))],
        ) => Some(listed),
        _ => None,
    }
}
