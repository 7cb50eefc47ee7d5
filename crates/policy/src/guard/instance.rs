//! Puts a policy's template into a plan: fresh ids for its subqueries, the plan's parameters for its claims, and the
//! policies of the tables it reads into those subqueries.

use ahash::AHashMap;
use transom_query::{
    Expr, Query, QueryId, TableId,
    plan::{ParamId, Source},
};
use transom_types::{Code, Problem};

use super::Guarder;
use crate::{
    rights::{Rule, Rules},
    simplify::{is_true, simplify},
    template::OWN,
    tree,
};

/// Most subqueries that policies may add to one plan.
const SUBQUERIES_MAX: u32 = 2_000;

/// The plan's id for each of a template's.
type Ids = AHashMap<QueryId, QueryId>;

impl Guarder<'_> {
    /// What these rules of a table together demand of the row `own`.
    pub(super) fn rule(
        &mut self,
        table: TableId,
        own: QueryId,
        rules: &[fn(&Rules) -> &Rule],
    ) -> Result<Option<Expr>, Problem> {
        let Some(of_table) = self.rights.rules.get(&table) else { return Ok(None) };
        let parts = rules.iter().filter_map(|rule| rule(of_table).clone()).collect();
        let mut condition = simplify(Expr::And(parts));
        if is_true(&condition) {
            return Ok(None);
        }
        let outermost = self.guarding.is_none();
        self.guarding.get_or_insert(table);
        self.bind(&mut condition, own, &mut Ids::new())?;
        if outermost {
            self.guarding = None;
        }
        Ok(Some(condition))
    }

    fn bind(&mut self, expr: &mut Expr, own: QueryId, ids: &mut Ids) -> Result<(), Problem> {
        // The judged row's own columns are the policy's to read; those of other tables need the role's privilege.
        if let Expr::Column(row, column) = expr
            && let Some(id) = ids.get(row)
            && let Some(Some(table)) = self.rows.get(id)
        {
            self.need_columns(*table, &[*column], "SELECT", |access| access.select)?;
        }
        tree::try_children(expr, &mut |child| self.bind_child(child, own, ids))
    }

    fn bind_child(&mut self, child: tree::Child, own: QueryId, ids: &mut Ids) -> Result<(), Problem> {
        match child {
            tree::Child::Expr(expr) => self.bind(expr, own, ids),
            tree::Child::Query(query) => self.bind_query(query, own, ids),
            tree::Child::Param(param) => {
                *param = self.param(*param)?;
                Ok(())
            }
            tree::Child::Row(row) => {
                *row = if *row == OWN { own } else { *ids.get(row).ok_or_else(malformed)? };
                Ok(())
            }
        }
    }

    fn bind_query(&mut self, query: &mut Query, own: QueryId, ids: &mut Ids) -> Result<(), Problem> {
        self.subqueries += 1;
        if self.subqueries > SUBQUERIES_MAX || self.next_id == OWN.0 {
            return Err(too_many());
        }
        let id = QueryId(self.next_id);
        self.next_id += 1;
        ids.insert(query.id, id);
        query.id = id;
        let Source::Table(table) = query.source else { return Err(malformed()) };
        if query.beside.is_some() {
            return Err(malformed());
        }
        self.need_select(table)?;
        self.rows.insert(id, Some(table));
        tree::try_query_children(query, &mut |child| self.bind_child(child, own, ids))?;
        query.guard = self.rule(table, id, &[|rules| &rules.select])?;
        Ok(())
    }

    fn param(&mut self, template: ParamId) -> Result<ParamId, Problem> {
        if let Some(bound) = self.bound.get(&template) {
            return Ok(*bound);
        }
        let wanted = self.rights.pool.get(template).ok_or_else(malformed)?;
        let same =
            self.params.iter().position(|param| param.source == wanted.source && param.kind == wanted.kind);
        let place = same.unwrap_or(self.params.len());
        let id = ParamId(u16::try_from(place).map_err(|_| too_many())?);
        if same.is_none() {
            self.params.push(wanted.clone());
        }
        self.bound.insert(template, id);
        Ok(id)
    }
}

fn malformed() -> Problem {
    Problem::new(Code::Internal, "A policy is not well formed")
}

fn too_many() -> Problem {
    Problem::new(Code::TooManyParts, "The request with its policies has too many parts")
        .with_hint("Embed fewer resources in one request")
}
