//! Reads where the request is: a connection per calling thread, a budget of steps per statement.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ahash::AHashMap;
use rusqlite::Connection;
use transom_ports::{Body, DbError, Fault};
use transom_sql::Statement;

use crate::{connection, options::Options, rows, watch::Watch};

/// A statement that was too dear runs elsewhere for so many calls, then may prove itself again.
const DEAR_CALLS: u32 = 1_000;
/// Most statements remembered as dear by one thread.
const DEAR_STATEMENTS_MAX: usize = 4_096;

thread_local! {
    /// This thread's connections, by database.
    static CONNECTIONS: RefCell<Vec<(u64, Option<Local>)>> = const { RefCell::new(Vec::new()) };
}

struct Local {
    connection: Connection,
    watch: Arc<Watch>,
    /// By the statement's address: calls left before it is tried here again.
    dear: AHashMap<usize, u32>,
}

/// The calling threads' connections to one database.
pub(crate) struct LocalReads {
    database: u64,
    options: Arc<Options>,
    reads: AtomicU64,
    demoted: AtomicU64,
}

impl LocalReads {
    pub(crate) fn new(options: Arc<Options>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let database = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { database, options, reads: AtomicU64::new(0), demoted: AtomicU64::new(0) }
    }

    /// Runs the statement here and now, or says that it belongs on a reader thread.
    pub(crate) fn read(&self, statement: &Statement) -> Option<Result<Body, DbError>> {
        CONNECTIONS.with_borrow_mut(|connections| {
            let at = match connections.iter().position(|(database, _)| *database == self.database) {
                Some(at) => at,
                None => {
                    connections.push((self.database, None));
                    connections.len() - 1
                }
            };
            let slot = &mut connections[at].1;
            let local = match slot {
                Some(local) => local,
                None => match self.open() {
                    Ok(local) => slot.insert(local),
                    Err(error) => return Some(Err(error)),
                },
            };
            self.run(local, statement)
        })
    }

    fn open(&self) -> Result<Local, DbError> {
        let watch = Arc::new(Watch::default());
        let connection = connection::open_reader(&self.options, &watch)?;
        Ok(Local { connection, watch, dear: AHashMap::new() })
    }

    fn run(&self, local: &mut Local, statement: &Statement) -> Option<Result<Body, DbError>> {
        let address = Arc::as_ptr(&statement.prepared) as usize;
        if !local.dear.is_empty()
            && let Some(calls) = local.dear.get_mut(&address)
        {
            *calls -= 1;
            if *calls > 0 {
                return None;
            }
            local.dear.remove(&address);
        }
        local.watch.allow(self.options.step_budget);
        let answer = rows::read(&local.connection, statement, self.options.reply_bytes_max);
        match answer {
            Err(DbError { fault: Fault::Deadline, .. }) => {
                self.demoted.fetch_add(1, Ordering::Relaxed);
                if local.dear.len() >= DEAR_STATEMENTS_MAX {
                    local.dear.clear();
                }
                local.dear.insert(address, DEAR_CALLS);
                None
            }
            answer => {
                self.reads.fetch_add(1, Ordering::Relaxed);
                Some(answer)
            }
        }
    }

    pub(crate) fn gauges(&self) -> [(&'static str, f64); 2] {
        [
            ("reads_local_total", self.reads.load(Ordering::Relaxed) as f64),
            ("reads_demoted_total", self.demoted.load(Ordering::Relaxed) as f64),
        ]
    }
}

impl Drop for LocalReads {
    /// The dropping thread's own connection goes now; other threads' go with their threads.
    fn drop(&mut self) {
        let _ = CONNECTIONS.try_with(|connections| {
            if let Ok(mut connections) = connections.try_borrow_mut() {
                connections.retain(|(database, _)| *database != self.database);
            }
        });
    }
}
