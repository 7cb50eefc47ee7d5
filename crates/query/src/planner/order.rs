//! `order`: by columns, JSON paths, aggregates, and columns of embedded to-one resources.

use transom_types::{Code, Problem};

use super::{Planner, relation::Relation};
use crate::{
    TableId,
    plan::{Expr, Found, OrderTerm, Output, Query, Source},
    request::{Embed, Item, Order, Select},
};

impl Planner<'_> {
    pub(super) fn order_terms(
        &mut self,
        query: &Query,
        relation: Relation,
        select: &Select,
    ) -> Result<Vec<OrderTerm>, Problem> {
        select.order.iter().map(|order| self.order_term(query, relation, select, order)).collect()
    }

    fn order_term(
        &mut self,
        query: &Query,
        relation: Relation,
        select: &Select,
        order: &Order,
    ) -> Result<OrderTerm, Problem> {
        let id = query.id;
        let expr = match (&order.embed, order.aggregate, &order.path) {
            (Some(embed), _, _) => self.related(query, relation, select, embed, order)?,
            (None, Some(aggregate), path) => {
                let value = match path {
                    Some(path) => Some(self.path(id, relation, path)?),
                    None => None,
                };
                self.aggregate(aggregate, value)?.0
            }
            (None, None, Some(path)) => self.path(id, relation, path)?.0,
            (None, None, None) => {
                return Err(Problem::new(Code::QuerySyntax, "order has a term without a column"));
            }
        };
        let nulls_first = order.nulls_first.unwrap_or(order.descending);
        Ok(OrderTerm { expr, descending: order.descending, nulls_first })
    }

    fn related(
        &mut self,
        query: &Query,
        relation: Relation,
        select: &Select,
        name: &str,
        order: &Order,
    ) -> Result<Expr, Problem> {
        let embed = select.items.iter().find_map(|item| match item {
            Item::Embed(embed) if &**embed.alias.as_ref().unwrap_or(&embed.resource) == name => Some(embed),
            _ => None,
        });
        let (Some(embed), Some(path)) = (embed, &order.path) else {
            let message = format!("'{name}' is not an embedded resource in this request");
            return Err(Problem::new(Code::NotEmbedded, message).with_hint(self.not_embedded(name)));
        };
        let way = self.relationship(relation, embed)?;
        if !way.kind.to_one() {
            let message = format!("A related order on '{name}' is not possible");
            let from = relation.name(self.catalog);
            return Err(Problem::new(Code::RelatedOrder, message).with_details(format!(
                "'{from}' and '{name}' do not form a many-to-one or one-to-one relationship"
            )));
        }
        if self.options.native
            && embed.spread
            && let Some(place) = self.spread_output(query, (embed, way.to), &path.column)
        {
            return Ok(Expr::Output(place));
        }
        let mut query = self.joined(query.id, &way, embed)?;
        let (expr, data_type) = self.path(query.id, Relation::Table(way.to), path)?;
        query.outputs = vec![Output { key: path.column.clone(), expr, data_type }];
        Ok(Expr::Scalar(Box::new(query)))
    }

    fn not_embedded(&self, name: &str) -> String {
        match self.options.native {
            true => format!("Verify that '{name}' is included in the 'select' query parameter."),
            false => format!("Add it to select: select=*,{name}(…)"),
        }
    }

    /// Where a column that was spread of this table stands, by the name that it has there.
    fn spread_output(&self, query: &Query, (embed, table): (&Embed, TableId), name: &str) -> Option<u16> {
        let there = self.joined_as(query.id, embed).map(|joined| &joined.there);
        let spread = |output: &Output| {
            let scalar = match &output.expr {
                Expr::Joined(id, Found::Output(key)) => {
                    return **key == *name && matches!(there, Some(Expr::Joined(of, _)) if of == id);
                }
                Expr::EngineCast(inner, _) => inner,
                expr => expr,
            };
            let of_table = |inner: &Query| matches!(inner.source, Source::Table(of) if of == table);
            *output.key == *name && matches!(scalar, Expr::Scalar(inner) if of_table(inner))
        };
        query.outputs.iter().position(spread).and_then(|place| u16::try_from(place).ok())
    }
}
