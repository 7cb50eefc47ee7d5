//! What Transom asks of the outside world. Each port is a trait with a memory implementation (and a faulty one);
//! adapters implement it over a real engine, and one conformance suite runs on all of them.

pub mod change;
pub mod contents;
pub mod database;
pub mod error;
pub mod faulty;
pub mod memory;
mod reported;
mod told;

pub use change::{Change, ChangeKind};
pub use contents::{Contents, Gathering, MEMORY_BYTES_MAX, Stored};
pub use database::{Body, Committed, Database, Migration, Notice, Outcome, Visible};
pub use error::{DbError, Fault};
pub use faulty::{Faulty, Injection};
pub use memory::Memory;
pub use reported::Reported;
pub use told::write;
