//! Sessions that stand behind one another on shared connections, each sent whole and answered whole.
//!
//! The messages of one session end in one `Sync`: its settings, its statement and the question for what it asked of the
//! reply. Up to there they are one transaction, and once one of them is refused the server skips the rest. So no statement
//! can ever run without the role that was to be set before it, and a session costs the server one reply. The client library
//! puts a `Sync` behind every statement, which costs a session of five statements more than half of its time; so these
//! messages are put together here, by the library's own codec, on connections that the library has opened.
//!
//! Only reads that are known to be quick come here, and only for as long as nothing goes wrong: whatever the server
//! refuses is run once more by itself, and told from there. A read has changed nothing.

mod drive;
mod line;
mod messages;
mod open;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use transom_ports::{Committed, DbError, Fault};
use transom_sql::{Prepared, Step, Unit};
use transom_types::Session;

use crate::{
    by_statement::ByStatement,
    connect::Connector,
    params,
    read::{QUICK_MAX, REMEMBERED_MAX},
    session,
    write::Failure,
};
use line::{Ended, Line};

/// A statement that once took so long here runs by itself the next time. More than what makes one quick: a busy machine
/// lets everything wait now and then.
const DEAR_MIN: Duration = Duration::from_millis(50);

/// How long after a connection could not be opened the next attempt is.
const OPENING_PAUSE: Duration = Duration::from_secs(1);

/// Which of a statement's parameters are arrays; nothing for a statement that is not quick.
type Arrays = Option<Arc<[bool]>>;

/// A few connections for sessions.
pub(crate) struct Pipelines {
    connector: Arc<Connector>,
    timeout: Duration,
    slots: Box<[Arc<Slot>]>,
    next: AtomicUsize,
    known: ByStatement<Arrays>,
    bytes_max: usize,
}

#[derive(Default)]
struct Slot {
    line: ArcSwapOption<Line>,
    opening: AtomicBool,
}

impl Pipelines {
    /// `count` connections, opened when first needed; no statement runs longer than `timeout`.
    pub(crate) fn new(connector: Arc<Connector>, count: usize, timeout: Duration, bytes_max: usize) -> Self {
        let slots = (0..count.max(1)).map(|_| Arc::default()).collect();
        let known = ByStatement::new(REMEMBERED_MAX);
        Self { connector, timeout, slots, next: AtomicUsize::new(0), known, bytes_max }
    }

    /// The session and the only step of a unit that may run here, once its statement is known to be quick.
    pub(crate) fn takes<'u>(&self, unit: &'u Unit) -> Option<(&'u Session, &'u Step)> {
        let (Some(session), [step]) = (session::deciding(unit), unit.steps.as_slice()) else { return None };
        let plain = session.read_only && session.isolation.is_none() && self.connector.prepares();
        let fits = session::decides_nothing(session, step) && !params::bloat(&step.statement);
        // Nobody is to stand behind one that may take longer than others wait.
        let short = session::own_timeout(session)
            .is_none_or(|own| own.is_some_and(|timeout| timeout <= self.timeout));
        (plain && fits && short).then_some((session, step))
    }

    /// Remembers how long a statement took when it ran by itself, and which of its parameters are arrays.
    pub(crate) fn remember(
        &self,
        prepared: &Arc<Prepared>,
        took: Duration,
        arrays: impl FnOnce() -> Arc<[bool]>,
    ) {
        let arrays = (took <= QUICK_MAX).then(arrays);
        self.known.insert(prepared, arrays);
    }

    /// Runs a unit that [`takes`](Self::takes) has found. `None` where it is to be run by itself.
    pub(crate) async fn run(
        &self,
        (session, step): (&Session, &Step),
        deadline: Instant,
    ) -> Option<Result<Committed, Failure>> {
        let prepared = &step.statement.prepared;
        let arrays = self.known.get(prepared)??;
        let (slot, line) = self.line()?;
        let asked = line.ask(session, step, &arrays, self.bytes_max)?;
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, asked).await {
            Ok(Ended::Answered { rows, took }) => {
                if took > DEAR_MIN {
                    self.known.insert(prepared, None);
                }
                messages::committed(&rows, step, self.bytes_max)
            }
            // What was wrong is told by the run that follows.
            Ok(Ended::Refused) => {
                line.forget(prepared);
                None
            }
            Ok(Ended::Lost) => None,
            Err(_) => {
                // Who comes next does not stand behind it.
                slot.give_up(&line);
                self.known.insert(prepared, None);
                Some(Err(Failure::last(DbError::new(Fault::Deadline, "the deadline has passed"))))
            }
        }
    }

    /// The next connection in turn, where it is open.
    fn line(&self) -> Option<(&Slot, Arc<Line>)> {
        let slot = &self.slots[self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len()];
        let line = slot.line.load_full().filter(|line| !line.is_closed());
        if line.is_none() && !slot.opening.swap(true, Ordering::AcqRel) {
            let (slot, connector, timeout) = (slot.clone(), self.connector.clone(), self.timeout);
            tokio::spawn(async move { fill(&slot, &connector, timeout).await });
        }
        line.map(|line| (&**slot, line))
    }

    /// How many statements are prepared on each connection that is open.
    pub(crate) fn statements(&self) -> impl Iterator<Item = usize> {
        let open = |slot: &Arc<Slot>| slot.line.load_full().filter(|line| !line.is_closed());
        self.slots.iter().filter_map(open).map(|line| line.statements())
    }

    /// Closes every connection once what runs on it is done.
    pub(crate) fn close(&self) {
        self.slots.iter().for_each(|slot| slot.line.store(None));
    }
}

impl Slot {
    /// Lets a connection go once what runs on it is done.
    fn give_up(&self, line: &Arc<Line>) {
        if self.line.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, line)) {
            self.line.store(None);
        }
    }
}

/// Opens a slot's connection. Until then, and where that fails, sessions run by themselves.
async fn fill(slot: &Slot, connector: &Connector, timeout: Duration) {
    match open::open(connector, timeout).await {
        Ok(line) => slot.line.store(Some(Arc::new(line))),
        Err(error) => {
            tracing::debug!(error, "no connection for sessions could be opened");
            tokio::time::sleep(OPENING_PAUSE).await;
        }
    }
    if connector.is_closed() {
        slot.line.store(None);
    }
    slot.opening.store(false, Ordering::Release);
}
