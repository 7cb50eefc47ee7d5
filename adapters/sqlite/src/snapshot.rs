//! Read transactions that outlive one read.
//!
//! Beginning a read takes a lock that all connections of the process share, and holds it across system calls: with two
//! threads of point reads, most of them meet there. So a thread keeps its read transaction open for the reads that follow,
//! until this process commits something (then the next read begins anew, and sees it), or a few milliseconds pass (then
//! it may see what other processes wrote). A janitor ends those of threads that went idle: an open one keeps the log from being cut back.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use crate::local::Local;

/// What other processes write is seen after this long at the latest.
const AGE_MAX: Duration = Duration::from_millis(10);
/// A thread that has read nothing for this long lets go.
const IDLE_MAX: Duration = Duration::from_millis(50);

/// How many groups this process has committed: a snapshot taken at another count is stale.
#[derive(Debug, Default)]
pub(crate) struct Commits(AtomicU64);

impl Commits {
    /// A commit is done; called before anybody is told of it.
    pub(crate) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// The read transaction that one connection keeps open.
#[derive(Debug, Default)]
pub(crate) struct Held {
    since: Option<(u64, Instant)>,
    used: Option<Instant>,
}

impl Held {
    /// Makes sure that the connection's next read sees everything committed by now.
    pub(crate) fn refresh(&mut self, connection: &Connection, commits: &Commits) -> rusqlite::Result<()> {
        let now = Instant::now();
        self.used = Some(now);
        let commits = commits.0.load(Ordering::Acquire);
        match self.since {
            Some((at, since)) if at == commits && now.duration_since(since) < AGE_MAX => return Ok(()),
            Some(_) => self.release(connection),
            None => {}
        }
        connection.prepare_cached("BEGIN")?.raw_execute()?;
        self.since = Some((commits, now));
        Ok(())
    }

    /// Ends the transaction. Whatever goes wrong, it is begun anew by the next read.
    pub(crate) fn release(&mut self, connection: &Connection) {
        if self.since.take().is_some() {
            let _ = connection.prepare_cached("COMMIT").and_then(|mut commit| commit.raw_execute());
        }
    }

    /// Ends the transaction of a connection that nobody uses; whether there is none any more.
    fn release_idle(&mut self, connection: &Connection) -> bool {
        if self.used.is_none_or(|used| used.elapsed() >= IDLE_MAX) {
            self.release(connection);
        }
        self.since.is_none()
    }
}

/// Every thread's connection, and the janitor that looks after them.
#[derive(Default)]
pub(crate) struct Registry {
    locals: Mutex<Vec<Weak<Mutex<Local>>>>,
    awake: AtomicBool,
    closed: AtomicBool,
    lock: Mutex<()>,
    called: Condvar,
}

impl Registry {
    /// Starts the janitor, which ends when the registry is closed.
    pub(crate) fn start() -> std::io::Result<Arc<Self>> {
        let registry = Arc::new(Self::default());
        let janitor = registry.clone();
        thread::Builder::new().name("sqlite-snapshots".to_owned()).spawn(move || janitor.look_after())?;
        Ok(registry)
    }

    pub(crate) fn add(&self, local: &Arc<Mutex<Local>>) {
        let mut locals = self.locals.lock().unwrap_or_else(PoisonError::into_inner);
        locals.retain(|local| local.strong_count() > 0);
        locals.push(Arc::downgrade(local));
    }

    /// A transaction is held open: the janitor must look. Costs a load where it is awake already.
    pub(crate) fn wake(&self) {
        if !self.awake.load(Ordering::Relaxed) {
            self.awake.store(true, Ordering::Relaxed);
            self.call();
        }
    }

    fn call(&self) {
        let _lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.called.notify_all();
    }

    fn look_after(&self) {
        loop {
            {
                let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
                while !self.awake.load(Ordering::Relaxed) && !self.closed.load(Ordering::Relaxed) {
                    lock = self.called.wait(lock).unwrap_or_else(PoisonError::into_inner);
                }
                // Also the pause between two looks; closing ends it early.
                let _ = self.called.wait_timeout(lock, IDLE_MAX);
            }
            if self.closed.load(Ordering::Relaxed) {
                return;
            }
            // Sleeps before it looks: a read that comes meanwhile wakes it again.
            self.awake.store(false, Ordering::Relaxed);
            if !self.each(|local| local.held.release_idle(&local.reader.connection)) {
                self.awake.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Ends every transaction, whatever it is used for.
    pub(crate) fn release_all(&self) {
        self.each(|local| {
            local.held.release(&local.reader.connection);
            true
        });
    }

    /// Whether every one says yes.
    fn each(&self, mut look: impl FnMut(&mut Local) -> bool) -> bool {
        let locals: Vec<_> = {
            let locals = self.locals.lock().unwrap_or_else(PoisonError::into_inner);
            locals.iter().filter_map(Weak::upgrade).collect()
        };
        let mut all = true;
        for local in locals {
            all &= look(&mut local.lock().unwrap_or_else(PoisonError::into_inner));
        }
        all
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.call();
    }
}
