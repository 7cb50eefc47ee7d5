//! What stands beside a write: a question for what policy says of its new rows, for a constraint may have refused them first.

use transom_query::{
    ColumnId, Expr, Plan, QueryId, TableId,
    catalog::TableKind,
    plan::{Form, Step},
};

use super::GuardedPlan;
use crate::tree;

impl GuardedPlan {
    /// The plan that holds the new rows of one step against its check; `None` where policy demands nothing of them.
    /// It has the parameters of this plan.
    #[must_use]
    pub fn check_of(&self, step: usize) -> Option<Self> {
        let mut step = self.plan.steps.get(step)?.clone();
        let (id, table, written, check) = match &mut step {
            Step::Insert(insert) => {
                let written = insert.columns.iter().map(|column| column.column).collect();
                (insert.id, insert.table, Some(written), insert.check.as_mut()?)
            }
            Step::Update(update) => (update.id, update.table, None, update.check.as_mut()?),
            _ => return None,
        };
        if self.is_beyond(check, id, table, written) {
            *check = Expr::Or(Vec::new());
        }
        let steps = vec![Step::Check(Box::new(step))];
        let params = self.plan.params.clone();
        let plan = Plan { steps, reply: None, params, form: Form::default(), ..self.plan };
        Some(Self { plan, catalog: self.catalog.clone() })
    }

    /// Whether a check asks for what only the engine knows of a row before it is there: such a row counts as refused, for
    /// any other answer would tell that it breaks a constraint.
    fn is_beyond(
        &self,
        check: &mut Expr,
        id: QueryId,
        table: TableId,
        inserted: Option<Vec<ColumnId>>,
    ) -> bool {
        let table = &self.catalog[table];
        let view = table.kind != TableKind::Table;
        let mut beyond = false;
        tree::walk(check, &mut |part| {
            if let Expr::Column(row, column) = part
                && *row == id
            {
                let computed = table[*column].generated && table[*column].default.is_none();
                // A view does not say what its table takes.
                let left_out = inserted.as_ref().is_some_and(|written| !written.contains(column));
                beyond |= computed || (view && left_out);
            }
        });
        beyond
    }
}
