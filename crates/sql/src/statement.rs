//! What the SQL room hands to a database port: statements with their parameters, and units of them.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use transom_policy::GuardedPlan;
use transom_query::plan::{Cost, Expect, ParamId};
use transom_types::{Precondition, Problem, RequestId, Session, Value};

use crate::{Dialect, render};

/// A plan in one engine's SQL: worked out once per shape and role, then shared.
#[derive(Debug)]
pub struct Rendered {
    /// The plan it was made from; the memory implementation interprets it, and its parameters say what to bind.
    pub plan: Arc<GuardedPlan>,
    /// One per step of the plan, in order.
    pub steps: Vec<Arc<Prepared>>,
}

/// One statement's text and what its rows hold.
#[derive(Debug)]
pub struct Prepared {
    /// The SQL text; `?1` … `?N` (or the engine's way of writing them) are `params` in order.
    pub text: Box<str>,
    /// The plan's parameters that the text uses, each once.
    pub params: Vec<ParamId>,
    /// Asks how many rows are expected, for a count that is planned or estimated: one value, the engine's account as JSON.
    pub estimate: Option<Arc<Prepared>>,
    /// What the columns of a result row are.
    pub layout: Layout,
    /// Whether it changes the database.
    pub writes: bool,
    /// Whether it calls a function of the engine's own: what that says and asks for is for the caller.
    pub calls: bool,
    /// How dear it is likely to be.
    pub cost: Cost,
    /// What the number of rows must be.
    pub expect: Expect,
    /// The plan and the step in it, for the memory implementation.
    pub plan: Arc<GuardedPlan>,
    /// The step of the plan that this is.
    pub step: usize,
    /// Holds the new rows of a write against its check without writing; made when it is first asked for
    /// ([`Prepared::check`]).
    pub check: OnceLock<Arc<Prepared>>,
}

impl Prepared {
    /// The statement that refuses, as this one does, what policy refuses of its new rows, and writes nothing; `None` where
    /// policy demands nothing of them. It has the parameters of this one.
    /// Errors: [`transom_types::Code::Unsupported`] where the engine cannot express a part.
    pub fn check(&self, dialect: &dyn Dialect) -> Result<Option<Arc<Self>>, Problem> {
        if let Some(check) = self.check.get() {
            return Ok(Some(check.clone()));
        }
        let Some(plan) = self.plan.check_of(self.step) else { return Ok(None) };
        let made = render(dialect, Arc::new(plan))?.steps.pop();
        Ok(made.map(|made| self.check.get_or_init(|| made).clone()))
    }
}

/// What the columns of a result row are. Those that are there stand in the order of these fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The row as a JSON object, or a line below the `head`: NULL when this row carries only the total.
    pub body: bool,
    /// The number of rows without limit and offset, the same on every row.
    pub total: bool,
    /// The values of the order terms, a JSON array: only the last row's is of use.
    pub cursor: bool,
    /// Whether the new row satisfies what policy demands; when not 1, the unit is refused and rolled back.
    pub check: bool,
    /// The captured columns, a JSON array.
    pub capture: bool,
    /// Of an insert that may change a row instead: whether the row is new. Engines that cannot say count otherwise.
    pub inserted: bool,
    /// How many rows a merge has changed so far, as the engine has counted them; the greatest is the number.
    pub merged: bool,
    /// The one row is the whole reply: the total (NULL where it is not counted), the number of rows, of a change how many
    /// a merge has changed (`merged`), and last the body. Of the others, only `merged` is there beside it.
    pub whole: bool,
    /// The body is a line of text and no JSON object, and stands below this one and those of the rows before.
    pub head: Option<Box<str>>,
    /// Each row is a line of text that is shown as it is. Nothing else is there.
    pub lines: bool,
    /// Columns of a handwritten statement, returned as they are: name and type of each. When not empty, nothing else is there.
    pub columns: Vec<(Box<str>, transom_types::DataType)>,
}

/// A prepared statement with its values.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What to run.
    pub prepared: Arc<Prepared>,
    /// Every parameter of the plan, by [`ParamId`]; `prepared.params` names those to bind.
    pub params: Arc<[Bound]>,
    /// Interrupted after this long.
    pub timeout: Duration,
}

/// A parameter's value, ready to bind.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// Known before the unit runs. Lists and rows are bound as JSON text ([`Value::Json`]).
    Value(Value),
    /// What step `step` of the same [`Unit`] captured, column `column` of its first row; NULL when it had none.
    Captured {
        /// The step of the unit.
        step: u16,
        /// The place in the captured array.
        column: u16,
    },
    /// What step `step` of the same [`Unit`] captured: a JSON array with the captured array of each row.
    CapturedRows {
        /// The step of the unit.
        step: u16,
    },
}

/// All that one request does to the database: every step or none.
/// A value, not a conversation: a writer can commit many together, a server can pipeline them.
#[derive(Clone, Debug)]
pub struct Unit {
    /// In order.
    pub steps: Vec<Step>,
    /// Given up when not begun, and interrupted when running, after this long.
    pub timeout: Duration,
    /// Which request it belongs to, for the change log.
    pub cause: RequestId,
    /// Makes the unit happen once however often it is sent.
    pub idempotency: Option<Idempotency>,
    /// Whether everything is rolled back at the end, and only the replies kept (`Prefer: tx=rollback`).
    pub rollback: bool,
    /// As whom it runs, where the engine decides who may do what.
    pub session: Option<Arc<Session>>,
}

/// One statement of a [`Unit`].
#[derive(Clone, Debug)]
pub struct Step {
    /// What to run; reads see what the steps before have done.
    pub statement: Statement,
    /// What the number of rows must be, else the unit is rolled back; for a write, the rows affected.
    pub expect: Expect,
    /// Of a step that reads one row: the state it must be in, else the unit is rolled back. What stands in the row
    /// cannot change between this step and the end of the unit.
    pub precondition: Option<Precondition>,
}

impl Step {
    /// A step that may have any number of rows.
    pub fn any(statement: Statement) -> Self {
        Self { statement, expect: Expect::Any, precondition: None }
    }
}

/// A caller's promise that units with the same key are the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key.
    pub key: Box<str>,
    /// Whose key it is: role and subject, so that callers cannot see each other's replies.
    pub scope: Box<str>,
    /// A digest of method, target and body: another one under the same key is refused.
    pub fingerprint: Box<str>,
}
