//! Reads where the request is: a connection per calling thread, a budget of steps per statement.

use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use ahash::AHashMap;
use transom_ports::{Body, DbError, Fault};
use transom_sql::Statement;

use crate::{
    connection::Reader,
    errors,
    options::{Location, Options},
    rows,
    snapshot::{Commits, Held, Registry},
};

/// A statement that was too dear runs elsewhere for so many calls, then may prove itself again.
const DEAR_CALLS: u32 = 1_000;
/// Most statements remembered as dear by one thread.
const DEAR_STATEMENTS_MAX: usize = 4_096;

thread_local! {
    /// This thread's connections, by database.
    static CONNECTIONS: RefCell<Vec<(u64, Arc<Mutex<Local>>)>> = const { RefCell::new(Vec::new()) };
}

/// One thread's connection. Locked by that thread for each read, and by the janitor when it has been idle.
pub(crate) struct Local {
    pub(crate) reader: Reader,
    /// The read transaction it keeps open.
    pub(crate) held: Held,
    /// By the statement's address: calls left before it is tried here again.
    dear: AHashMap<usize, u32>,
}

/// The calling threads' connections to one database.
pub(crate) struct LocalReads {
    database: u64,
    options: Arc<Options>,
    commits: Arc<Commits>,
    registry: Arc<Registry>,
    closed: AtomicBool,
    reads: AtomicU64,
    demoted: AtomicU64,
}

impl LocalReads {
    pub(crate) fn new(options: Arc<Options>, commits: Arc<Commits>) -> Result<Self, DbError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let database = NEXT.fetch_add(1, Ordering::Relaxed);
        let registry =
            Registry::start().map_err(|error| DbError::new(Fault::Unavailable, error.to_string()))?;
        Ok(Self {
            database,
            options,
            commits,
            registry,
            closed: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            demoted: AtomicU64::new(0),
        })
    }

    /// Runs the statement here and now, or says that it belongs on a reader thread.
    pub(crate) fn read(&self, statement: &Statement) -> Option<Result<Body, DbError>> {
        if self.closed.load(Ordering::Relaxed) {
            return Some(Err(DbError::new(Fault::Unavailable, "the database is closed")));
        }
        CONNECTIONS.with_borrow_mut(|connections| {
            let at = match connections.iter().position(|(database, _)| *database == self.database) {
                Some(at) => at,
                None => match self.open() {
                    Ok(local) => {
                        connections.push((self.database, local));
                        connections.len() - 1
                    }
                    Err(error) => return Some(Err(error)),
                },
            };
            let mut local = connections[at].1.lock().unwrap_or_else(PoisonError::into_inner);
            self.run(&mut local, statement)
        })
    }

    fn open(&self) -> Result<Arc<Mutex<Local>>, DbError> {
        // The event loop waits for nobody: what is locked is read on a reader thread.
        let reader = Reader::open(&self.options, Duration::ZERO)?;
        let local = Local { reader, held: Held::default(), dear: AHashMap::new() };
        let local = Arc::new(Mutex::new(local));
        self.registry.add(&local);
        Ok(local)
    }

    /// In memory there is no log: a reader that held on would hold up the writer.
    fn refresh(&self, local: &mut Local) -> Result<(), DbError> {
        if let Location::Memory(_) = self.options.location {
            return Ok(());
        }
        self.registry.wake();
        local.held.refresh(&local.reader.connection, &self.commits).map_err(|error| errors::db_error(&error))
    }

    /// Reads no more, and ends every thread's read transaction.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.registry.release_all();
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
        local.reader.watch.allow(self.options.step_budget);
        if let Err(error) = self.refresh(local) {
            return Some(Err(error));
        }
        local.reader.clock.end();
        let answer = rows::read(&local.reader.connection, statement, self.options.reply_bytes_max);
        match answer {
            Err(DbError { fault: Fault::Deadline, .. }) => {
                self.demoted.fetch_add(1, Ordering::Relaxed);
                if local.dear.len() >= DEAR_STATEMENTS_MAX {
                    local.dear.clear();
                }
                local.dear.insert(address, DEAR_CALLS);
                None
            }
            Err(DbError { fault: Fault::Unavailable, .. }) => {
                local.held.release(&local.reader.connection);
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
        self.registry.release_all();
        self.registry.close();
        let _ = CONNECTIONS.try_with(|connections| {
            if let Ok(mut connections) = connections.try_borrow_mut() {
                connections.retain(|(database, _)| *database != self.database);
            }
        });
    }
}
