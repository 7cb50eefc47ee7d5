//! The suite on SQLite, and SQLite against the memory implementation.

use std::sync::Arc;

use transom_conformance::{Factory, Keep, Opened, Traits, agreement, fixture};
use transom_ports::Memory;
use transom_sqlite::{Options, Sqlite};

struct OnDisk;

fn opened(directory: Arc<tempfile::TempDir>) -> Opened {
    let database = Sqlite::open(Options::file(directory.path().join("shop.db")));
    Opened { database: Arc::new(database.expect("the database opens")), keep: Box::new(directory) }
}

#[async_trait::async_trait]
impl Factory for OnDisk {
    async fn open(&self) -> Opened {
        opened(Arc::new(tempfile::tempdir().expect("a temporary directory")))
    }

    async fn reopen(&self, keep: Keep) -> Option<Opened> {
        keep.downcast::<Arc<tempfile::TempDir>>().ok().map(|directory| opened(*directory))
    }

    fn schema(&self) -> String {
        format!("{}{}", fixture::SCHEMA, fixture::SEARCH_SQLITE)
    }

    fn traits(&self) -> Traits {
        Traits { deadlines: true, sql: true, ..Traits::default() }
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

transom_conformance::suite!(OnDisk);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn predicates_agree() {
    agreement::agree(&InMemory, &OnDisk, 48).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_agree() {
    agreement::reads(&InMemory, &OnDisk, 48).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_agree() {
    agreement::histories(&InMemory, &OnDisk, 48).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expressions_agree() {
    agreement::expressions(&InMemory, &OnDisk, 48).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worlds_agree() {
    agreement::worlds(&OnDisk, 64).await;
}
