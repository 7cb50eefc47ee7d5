//! The suite on PostgreSQL, and PostgreSQL against the memory implementation.

use std::sync::Arc;

use transom_conformance::{Factory, Keep, Opened, Traits, agreement, fixture};
use transom_pgkit as pgkit;
use transom_ports::Memory;
use transom_postgres::{Options, Postgres};

struct OnServer;

async fn opened(kept: Arc<pgkit::Database>) -> Opened {
    let database = Postgres::open(Options::url(kept.url())).await.expect("the database opens");
    Opened { database: Arc::new(database), keep: Box::new(kept) }
}

#[async_trait::async_trait]
impl Factory for OnServer {
    async fn open(&self) -> Opened {
        opened(Arc::new(tokio::task::block_in_place(pgkit::Database::create))).await
    }

    async fn reopen(&self, keep: Keep) -> Option<Opened> {
        match keep.downcast::<Arc<pgkit::Database>>() {
            Ok(kept) => Some(opened(*kept).await),
            Err(_) => None,
        }
    }

    fn schema(&self) -> String {
        fixture::SCHEMA_POSTGRES.to_owned()
    }

    fn count_keys_from(&self, first: u32) -> Option<String> {
        let counted = ["categories", "products", "customers", "orders", "tags", "ratings"];
        let next = |table| {
            format!(
                "SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest((SELECT max(id) + 1 FROM {table}), {first}), false);"
            )
        };
        Some(counted.map(next).concat())
    }

    fn traits(&self) -> Traits {
        Traits { deadlines: true, typed: true, sql: true }
    }
}

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

transom_conformance::suite!(OnServer);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn predicates_agree() {
    agreement::agree(&InMemory, &OnServer, 48).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_agree() {
    agreement::reads(&InMemory, &OnServer, 48).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_agree() {
    agreement::histories(&InMemory, &OnServer, 48).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expressions_agree() {
    agreement::expressions(&InMemory, &OnServer, 48).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worlds_agree() {
    agreement::worlds(&OnServer, 40).await;
}
