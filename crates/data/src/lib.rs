//! The data line: request → plan → guard → SQL → port → rows.
//!
//! Everything up to the SQL text is worked out once per shape and role and kept in a bounded cache; a request then
//! binds its values and calls the port. The model (catalog, policies, cache) is swapped as a whole when the schema
//! changes, so no request ever waits for a reload.

mod batch;
mod execute;
mod explain;
mod model;
mod precondition;
mod prepare;
mod reply;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use transom_ports::Database;
use transom_query::catalog::Callable;
use transom_sql::statement::Idempotency;
use transom_types::{Principal, Problem, RequestId, Session};

pub use explain::{Explained, Warning};
pub use model::{Model, Sources};
pub use reply::{DataReply, Spent};
pub use transom_query::planner::Options as PlanOptions;

/// The data of one project.
pub struct Data {
    database: Arc<dyn Database>,
    model: ArcSwap<Model>,
    options: PlanOptions,
}

/// What one request brings beside its [`transom_query::DataRequest`].
#[derive(Clone, Debug)]
pub struct Context {
    /// Names the request in the change log.
    pub request_id: RequestId,
    /// How long the database may take.
    pub timeout: Duration,
    /// Makes a write happen once however often it is sent.
    pub idempotency: Option<Idempotency>,
    /// Whether a write is undone at its end (`Prefer: tx=rollback`).
    pub rollback: bool,
    /// The schema that is meant, where there are several; the first where none is named.
    pub schema: Option<Box<str>>,
    /// As whom the engine runs it, where the engine decides who may do what.
    pub session: Option<Session>,
}

impl Data {
    /// Reads the schema and checks the project's policies and named queries against it.
    /// Errors: every fault found.
    pub async fn open(
        database: Arc<dyn Database>,
        sources: &Sources,
        options: PlanOptions,
    ) -> Result<Self, Vec<Problem>> {
        let options = PlanOptions {
            engine_types: database.dialect().reads_text(),
            native: !sources.native_schemas.is_empty(),
            ..options
        };
        let model = Model::load(&*database, sources).await?;
        Ok(Self { database, model: ArcSwap::from_pointee(model), options })
    }

    /// Reads the schema and the project's sources again. On error the last good model keeps serving.
    pub async fn reload(&self, sources: &Sources) -> Result<(), Vec<Problem>> {
        let model = Model::load(&*self.database, sources).await?;
        self.model.store(Arc::new(model));
        Ok(())
    }

    /// The current catalog, policies and plan cache.
    pub fn model(&self) -> Arc<Model> {
        self.model.load_full()
    }

    /// The database, for what is not a request to the data: health, metrics, the change log.
    pub fn database(&self) -> &Arc<dyn Database> {
        &self.database
    }

    /// What the role may call by a name; the REST grammar needs it to tell arguments from filters.
    pub fn callable(&self, principal: &Principal, schema: Option<&str>, name: &str) -> Option<Callable> {
        let grant = self.model.load().policies_of(schema).ok()?.authorize(principal).ok()?;
        grant.catalog().callable(name)
    }
}
