//! What an implementation brings to the suite.

use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use transom_ports::Database;

/// Makes databases of one implementation.
#[async_trait]
pub trait Factory: Send + Sync {
    /// A new, empty database, apart from every other. Its schema is [`crate::fixture::SCHEMA`], or will be when that is applied as
    /// a migration.
    async fn open(&self) -> Opened;

    /// The schema to apply as the first migration: the fixture's, and the engine's own full-text index over the products' names.
    fn schema(&self) -> String {
        crate::fixture::SCHEMA.to_owned()
    }

    /// A script after which an engine that counts keys without regard to the rows goes on from the greatest, or from
    /// `first` where that is more.
    fn count_keys_from(&self, first: u32) -> Option<String> {
        let _ = first;
        None
    }

    /// The same database again, after it was closed. `None`: it keeps nothing.
    async fn reopen(&self, _: Keep) -> Option<Opened> {
        None
    }

    /// What the implementation can do beyond what every one must.
    fn traits(&self) -> Traits;
}

/// What must live as long as a database.
pub type Keep = Box<dyn Any + Send + Sync>;

/// A database, and what must live as long.
pub struct Opened {
    /// The database.
    pub database: Arc<dyn Database>,
    /// Dropped after it: a temporary directory, say.
    pub keep: Keep,
}

/// What an implementation can do beyond what every one must.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traits {
    /// Stops what runs at its deadline.
    pub deadlines: bool,
    /// Refuses values and operands of another type than is meant, where an engine without strict types makes something of them.
    pub typed: bool,
    /// Runs SQL: migrations make tables, scripts and handwritten statements work.
    pub sql: bool,
}
