//! The suite on the memory implementation.

use std::sync::Arc;

use transom_conformance::{Factory, Opened, Traits, fixture};
use transom_ports::Memory;

struct InMemory;

#[async_trait::async_trait]
impl Factory for InMemory {
    async fn open(&self) -> Opened {
        let memory = Memory::new(Arc::new(fixture::catalog()), Arc::new(transom_sql::sqlite::Sqlite));
        Opened { database: Arc::new(memory), keep: Box::new(()) }
    }

    fn traits(&self) -> Traits {
        Traits::default()
    }
}

transom_conformance::suite!(InMemory);
