//! Keyset pagination: the rows after the last one seen, in any order, by the values of its order terms.

use transom_types::{Code, DataType, Problem};

use super::{Planner, relation::Relation};
use crate::{
    plan::{Comparison, Expr, OrderTerm, ParamKind, ParamSource, Query},
    request::{IsValue, Select, Slot},
};

impl Planner<'_> {
    /// Makes the order total and starts after the cursor.
    pub(super) fn page(
        &mut self,
        query: &mut Query,
        relation: Relation,
        select: &Select,
    ) -> Result<(), Problem> {
        let Some(cursor) = &select.cursor else { return Ok(()) };
        let Relation::Table(table) = relation else {
            return Err(Problem::new(Code::Unsupported, "a cursor needs a table or view"));
        };
        if query.group_by.is_some() || self.catalog[table].primary_key.is_empty() {
            let message = format!("'{}' cannot be paged by a cursor here", self.catalog[table].name);
            return Err(Problem::new(Code::Unsupported, message)
                .with_details("A cursor needs a primary key and no aggregates")
                .with_hint("Use limit and offset"));
        }
        let bytes = |term: &OrderTerm| matches!(&term.expr, Expr::Column(_, column) if self.catalog[table][*column].data_type == DataType::Bytes);
        if query.order.iter().any(bytes) {
            return Err(Problem::new(Code::Unsupported, "a cursor cannot hold bytes")
                .with_hint("Order by other columns, or use limit and offset"));
        }
        for column in &self.catalog[table].primary_key {
            let named = |term: &OrderTerm| matches!(&term.expr, Expr::Column(_, of) if of == column);
            if !query.order.iter().any(named) {
                let expr = Expr::Column(query.id, *column);
                query.order.push(OrderTerm { expr, descending: false, nulls_first: false });
            }
        }
        let Some(after) = &cursor.after else { return Ok(()) };
        if after.len() != query.order.len() {
            return Err(Problem::new(
                Code::CursorInvalid,
                "The cursor does not fit the order of this request",
            )
            .with_hint("Start again with cursor=start"));
        }
        let after = self.after(query, relation, after);
        query.filter = Expr::all([query.filter.take(), Some(after)]);
        Ok(())
    }

    /// Strictly after in the first term, or equal in it and strictly after in the next, and so on.
    fn after(&mut self, query: &Query, relation: Relation, slots: &[Slot]) -> Expr {
        let mut equal: Vec<Expr> = Vec::new();
        let mut ways = Vec::new();
        let mut bound = None;
        for (term, slot) in query.order.iter().zip(slots) {
            let value =
                Expr::Param(self.param(ParamSource::Literal(*slot), ParamKind::CursorValue, "cursor"));
            let nullable = match &term.expr {
                Expr::Column(_, column) => relation.columns(self.catalog)[column.0 as usize].nullable,
                _ => true,
            };
            if ways.is_empty() && !nullable {
                // Says again, in a form that an index can use, what the whole implies.
                let or_equal = if term.descending { Comparison::Lte } else { Comparison::Gte };
                bound = Some(compare(or_equal, &term.expr, &value));
            }
            let mut way = equal.clone();
            way.push(strictly_after(term, &value, nullable));
            ways.push(Expr::And(way));
            equal.push(compare(Comparison::NotDistinct, &term.expr, &value));
        }
        Expr::all([bound, Some(Expr::Or(ways))]).unwrap_or(Expr::Or(Vec::new()))
    }
}

fn strictly_after(term: &OrderTerm, value: &Expr, nullable: bool) -> Expr {
    let beyond = if term.descending { Comparison::Lt } else { Comparison::Gt };
    let beyond = compare(beyond, &term.expr, value);
    if !nullable {
        return beyond;
    }
    let is = |expr: &Expr, is| Expr::Is(Box::new(expr.clone()), is);
    let across = match term.nulls_first {
        true => [is(value, IsValue::Null), is(&term.expr, IsValue::NotNull)],
        false => [is(value, IsValue::NotNull), is(&term.expr, IsValue::Null)],
    };
    Expr::Or(vec![beyond, Expr::And(across.into())])
}

fn compare(comparison: Comparison, left: &Expr, right: &Expr) -> Expr {
    Expr::Compare(comparison, Box::new(left.clone()), Box::new(right.clone()))
}
