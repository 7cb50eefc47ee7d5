//! `select`: columns, casts, JSON paths and aggregates become outputs; with an aggregate, the rest becomes the grouping.

use std::{borrow::Cow, collections::BTreeSet};

use transom_types::{Code, DataType, Problem, Value};

use super::{Options, Planner, names::path_key, relation::Relation, renumber, type_name};
use crate::{
    catalog::{Column, ColumnId},
    plan::{Expr, Output, ParamKind, ParamSource, Query, QueryId, Source},
    request::{Aggregate, Field, IsValue, Item, Select},
};

impl Planner<'_> {
    /// The query of one level: its outputs, filter, grouping, order and bounds.
    pub(super) fn query(
        &mut self,
        id: QueryId,
        relation: Relation,
        select: &Select,
    ) -> Result<Query, Problem> {
        let mut query = self.empty_query(id, relation);
        self.join_tested(&mut query, relation, select)?;
        query.outputs = self.outputs(id, relation, select)?;
        self.restrict(&mut query, relation, select)?;
        self.group(&mut query, relation, select)?;
        query.order = self.order_terms(&query, relation, select)?;
        self.check_order(&query, relation)?;
        self.page(&mut query, relation, select)?;
        for (slot, place, name) in
            [(select.limit, &mut query.limit, "limit"), (select.offset, &mut query.offset, "offset")]
        {
            *place = slot.map(|slot| {
                self.param(ParamSource::Literal(slot), ParamKind::Scalar(DataType::Integer), name)
            });
        }
        Ok(query)
    }

    /// The rows of a resource that is embedded.
    pub(super) fn embedded(
        &mut self,
        id: QueryId,
        table: crate::TableId,
        select: &Select,
    ) -> Result<Query, Problem> {
        self.depth += 1;
        let query = self.query(id, Relation::Table(table), select);
        self.depth -= 1;
        query
    }

    pub(super) fn empty_query(&self, id: QueryId, relation: Relation) -> Query {
        let mut query = Query::table(id, crate::TableId(0));
        query.source = match relation {
            Relation::Table(table) => Source::Table(table),
            // The function room puts the arguments in.
            Relation::Function(function) => Source::Function(function, Vec::new()),
        };
        query
    }

    /// The rows of a level: the caller's filter, and `!inner` embeds that must have a match.
    pub(super) fn restrict(
        &mut self,
        query: &mut Query,
        relation: Relation,
        select: &Select,
    ) -> Result<(), Problem> {
        let filter = match &select.filter {
            Some(filter) => Some(self.filter(query.id, relation, select, filter)?),
            None => None,
        };
        let inner = self.inner_embeds(query.id, relation, select)?;
        query.filter = Expr::all([query.filter.take(), filter].into_iter().chain(inner));
        Ok(())
    }

    pub(super) fn outputs(
        &mut self,
        id: QueryId,
        relation: Relation,
        select: &Select,
    ) -> Result<Vec<Output>, Problem> {
        if let (true, Relation::Table(from)) = (self.options.native, relation) {
            self.check_embeds(from, select)?;
        }
        if select.items.is_empty() {
            return Ok(self.every_column(id, relation));
        }
        let mut outputs = Vec::with_capacity(select.items.len());
        for item in &select.items {
            match item {
                Item::All => outputs.extend(self.every_column(id, relation)),
                Item::Field(field) => outputs.push(self.field(id, relation, field)?),
                Item::Embed(embed) => outputs.extend(self.embed(id, relation, embed)?),
            }
        }
        Ok(outputs)
    }

    fn every_column(&self, id: QueryId, relation: Relation) -> Vec<Output> {
        let output = |(column, of): (ColumnId, &crate::catalog::Column)| Output {
            key: of.name.clone(),
            expr: shown(Expr::Column(id, column), of),
            data_type: of.data_type,
        };
        relation.shown(self.catalog).map(output).collect()
    }

    /// `count` without parentheses is `count()` where no column has that name, as it was before there were aggregates.
    pub(super) fn counted<'f>(&self, relation: Relation, field: &'f Field) -> Cow<'f, Field> {
        let Some(path) = &field.path else { return Cow::Borrowed(field) };
        let word = field.aggregate.is_none() && path.json.is_empty() && &*path.column == "count";
        if !word || relation.readable(self.catalog).any(|(_, column)| &*column.name == "count") {
            return Cow::Borrowed(field);
        }
        Cow::Owned(Field {
            alias: field.alias.clone(),
            path: None,
            cast: None,
            aggregate: Some(Aggregate::Count),
            aggregate_cast: field.cast.clone(),
        })
    }

    fn field(&mut self, id: QueryId, relation: Relation, field: &Field) -> Result<Output, Problem> {
        let counted = self.counted(relation, field);
        // The old form is there whether aggregates are or not, as it is in PostgREST.
        let old_form = matches!(counted, Cow::Owned(_));
        let field = &*counted;
        let value = match &field.path {
            Some(path) => {
                let (expr, data_type) = self.path(id, relation, path)?;
                let expr = match &expr {
                    Expr::Column(_, column) if field.aggregate.is_none() => {
                        shown(expr.clone(), &relation.columns(self.catalog)[column.0 as usize])
                    }
                    _ => expr,
                };
                Some(cast(
                    (self.options, &self.catalog.notes().types),
                    expr,
                    data_type,
                    field.cast.as_deref(),
                )?)
            }
            None => None,
        };
        let named = |default: &str| field.alias.clone().unwrap_or_else(|| default.into());
        if let Some(aggregate) = field.aggregate {
            let (expr, data_type) = match old_form {
                true => (Expr::Aggregate(aggregate, None), DataType::Integer),
                false => self.aggregate(aggregate, value)?,
            };
            let (expr, data_type) = cast(
                (self.options, &self.catalog.notes().types),
                expr,
                data_type,
                field.aggregate_cast.as_deref(),
            )?;
            return Ok(Output { key: named(aggregate_name(aggregate)), expr, data_type });
        }
        if self.options.native && field.path.is_none() {
            let there = Expr::Value(Value::Integer(1));
            return Ok(Output { key: "count".into(), expr: there, data_type: DataType::Integer });
        }
        let (Some((expr, data_type)), Some(path)) = (value, &field.path) else {
            return Err(Problem::new(Code::QuerySyntax, "select has an item without a column"));
        };
        Ok(Output { key: named(path_key(path)), expr, data_type })
    }

    /// Refuses aggregates where the deployment does.
    pub(super) fn check_aggregates(&self) -> Result<(), Problem> {
        match self.options.aggregates {
            true => Ok(()),
            false => Err(Problem::new(Code::AggregatesDisabled, "Use of aggregate functions is not allowed")
                .with_hint("Set rest.aggregates = true in transom.toml")),
        }
    }

    /// An aggregate over a value (or over rows), with the type of its result.
    pub(super) fn aggregate(
        &self,
        aggregate: Aggregate,
        value: Option<(Expr, DataType)>,
    ) -> Result<(Expr, DataType), Problem> {
        self.check_aggregates()?;
        let data_type = match (aggregate, &value) {
            (Aggregate::Count, _) => DataType::Integer,
            (_, None) => {
                let message = format!("{}() needs a column", aggregate_name(aggregate));
                return Err(Problem::new(Code::QuerySyntax, message)
                    .with_hint(format!("column.{}()", aggregate_name(aggregate))));
            }
            (Aggregate::Avg, _) => DataType::Numeric,
            (_, Some((_, data_type))) => *data_type,
        };
        let summable = |data_type| {
            matches!(data_type, DataType::Integer | DataType::Real | DataType::Numeric | DataType::Any)
        };
        if let (Aggregate::Sum | Aggregate::Avg, Some((_, of))) = (aggregate, &value)
            && !self.options.native
            && !summable(*of)
        {
            let message = format!("function {}({}) does not exist", aggregate_name(aggregate), of.name());
            return Err(Problem::new(Code::FunctionUndefined, message)
                .with_hint("Cast the column to a number: column::numeric"));
        }
        Ok((Expr::Aggregate(aggregate, value.map(|(expr, _)| Box::new(expr))), data_type))
    }

    /// With an aggregate among the outputs, the other outputs are what the rows are grouped by.
    fn group(&mut self, query: &mut Query, relation: Relation, select: &Select) -> Result<(), Problem> {
        query.having = match &select.having {
            Some(having) => Some(self.having(query.id, relation, having)?),
            None => None,
        };
        let aggregated = query.outputs.iter().any(|output| has_aggregate(&output.expr));
        let ordered = select.order.iter().any(|order| order.aggregate.is_some());
        if !aggregated && query.having.is_none() {
            return match ordered {
                true => Err(Problem::new(Code::GroupingInvalid, "ordering by an aggregate needs groups")
                    .with_hint(
                        "Select an aggregate too: select=category_id,price.sum()&order=price.sum().desc",
                    )),
                false => Ok(()),
            };
        }
        let mut keys = Vec::new();
        for (place, output) in (0u16..).zip(&mut query.outputs) {
            if has_aggregate(&output.expr) {
                continue;
            }
            if self.options.native && matches!(output.expr, Expr::Scalar(_)) {
                // The engine tells no two subqueries to be the same: what was spread is named by its place.
                if output.data_type == DataType::Json {
                    let shown = std::mem::replace(&mut output.expr, Expr::Default);
                    output.expr = Expr::EngineCast(Box::new(shown), "jsonb".into());
                }
                keys.push(Expr::Output(place));
                continue;
            }
            grouping_keys(&output.expr, query.id, &mut keys);
        }
        if !aggregated && keys.is_empty() {
            return Err(Problem::new(
                Code::GroupingInvalid,
                "having needs groups: select returns nothing to group by",
            )
            .with_hint("Add a column or an aggregate to select, for example select=count()"));
        }
        // A key is evaluated apart from the output it came from: its subqueries are rows of their own.
        keys.iter_mut().for_each(|key| renumber::renumber(key, &mut self.query_ids));
        query.group_by = Some(keys);
        Ok(())
    }

    /// Groups are ordered by what they have one value of.
    fn check_order(&self, query: &Query, relation: Relation) -> Result<(), Problem> {
        let Some(keys) = &query.group_by else { return Ok(()) };
        for term in &query.order {
            let Expr::Column(id, column) = &term.expr else { continue };
            let grouped =
                keys.iter().any(|key| matches!(key, Expr::Column(of, key) if of == id && key == column));
            if !grouped {
                let name = &relation.columns(self.catalog)[column.0 as usize].name;
                let of = relation.name(self.catalog);
                let message = format!(
                    "column \"{of}.{name}\" must appear in the GROUP BY clause or be used in an aggregate function"
                );
                return Err(Problem::new(Code::GroupingInvalid, message).with_hint(format!(
                    "Add {name} to select, or order by an aggregate: order={name}.max()"
                )));
            }
        }
        Ok(())
    }
}

/// A column's value as the schema says that its type is shown.
fn shown(expr: Expr, of: &Column) -> Expr {
    match of.representation.as_ref().and_then(|representation| representation.to_json.clone()) {
        Some(function) => Expr::EngineCall(function, Box::new(expr)),
        None => expr,
    }
}

pub(super) fn has_aggregate(expr: &Expr) -> bool {
    match expr {
        Expr::Aggregate(..) => true,
        Expr::EngineCall(_, inner)
        | Expr::Cast(inner, _)
        | Expr::EngineCast(inner, _)
        | Expr::Is(inner, _) => has_aggregate(inner),
        // A cast of truth to text.
        Expr::Case(branches, _) => branches.iter().any(|(when, _)| has_aggregate(when)),
        _ => false,
    }
}

/// What an output depends on. An embedded resource depends on the columns that join it.
fn grouping_keys(expr: &Expr, id: QueryId, keys: &mut Vec<Expr>) {
    match expr {
        Expr::Object(query) | Expr::Objects(query) => {
            if let Some(on) = &query.on {
                outer_columns(on, id, keys);
            }
        }
        _ => keys.push(expr.clone()),
    }
}

fn outer_columns(on: &Expr, id: QueryId, keys: &mut Vec<Expr>) {
    match on {
        Expr::Column(of, _) if *of == id => keys.push(on.clone()),
        Expr::And(parts) => parts.iter().for_each(|part| outer_columns(part, id, keys)),
        Expr::Compare(_, left, right) => {
            outer_columns(left, id, keys);
            outer_columns(right, id, keys);
        }
        Expr::InQuery(_, junction) => {
            if let Some(on) = &junction.on {
                outer_columns(on, id, keys);
            }
        }
        _ => {}
    }
}

pub(super) fn cast(
    (options, types): (&Options, &BTreeSet<Box<str>>),
    expr: Expr,
    data_type: DataType,
    name: Option<&str>,
) -> Result<(Expr, DataType), Problem> {
    let Some(name) = name else { return Ok((expr, data_type)) };
    let known = DataType::from_cast_name(name);
    if options.native || (options.engine_types && known.is_none()) {
        let document = matches!(known, Some(DataType::Json));
        let to = if document { DataType::Json } else { DataType::Any };
        let text = match options.native {
            true => type_name::type_text(name),
            false => type_name::known_type_text(name, types),
        };
        return Ok((Expr::EngineCast(Box::new(expr), text?), to));
    }
    let to = known.ok_or_else(|| type_name::unknown(name))?;
    if data_type == DataType::Bool && to == DataType::Text {
        // Words, also where truth is stored as a number.
        let word = |word: &str| Expr::Value(Value::text(word));
        let is = |value| Expr::Is(Box::new(expr.clone()), value);
        let words = vec![(is(IsValue::True), word("true")), (is(IsValue::False), word("false"))];
        return Ok((Expr::Case(words, None), to));
    }
    Ok((Expr::Cast(Box::new(expr), to), to))
}

pub(super) fn aggregate_name(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Count => "count",
        Aggregate::Sum => "sum",
        Aggregate::Avg => "avg",
        Aggregate::Max => "max",
        Aggregate::Min => "min",
    }
}
