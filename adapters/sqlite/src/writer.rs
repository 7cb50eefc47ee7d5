//! The one thread that writes: it takes all units that wait, and commits them together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use ahash::AHashSet;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch as tokio_watch};
use transom_ports::{Committed, DbError, Fault};
use transom_sql::Unit;
use transom_types::ChangePosition;

use crate::{
    changes, connection,
    functions::Clock,
    group,
    options::Options,
    queue::{Abandons, Queue, Refused, Taken},
    snapshot::Commits,
    upkeep::Upkeep,
    watch::Watch,
};

/// A unit that waits.
pub(crate) struct Waiting {
    pub(crate) unit: Unit,
    pub(crate) deadline: Instant,
    pub(crate) reply: oneshot::Sender<Result<Committed, DbError>>,
}

/// Work on the writer's connection beside units: migrations, scripts, triggers.
type Task = Box<dyn FnOnce(&mut Context) + Send>;

enum Job {
    Unit(Box<Waiting>),
    Task(Task),
}

/// What the writer's thread works with.
pub(crate) struct Context {
    pub(crate) connection: Connection,
    pub(crate) options: Arc<Options>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) positions: tokio_watch::Sender<ChangePosition>,
    /// Told of every commit.
    pub(crate) commits: Arc<Commits>,
    /// Whether the change log is there, so that its position is worth reading.
    pub(crate) tracking: bool,
    /// The tables that are followed.
    pub(crate) tracked: Vec<Box<str>>,
    /// The schema that the temporary triggers were made for; `None` makes them anew.
    pub(crate) schema_version: Option<i64>,
    /// Tables without row ids whose inserts are counted by a temporary trigger, or that were found to need none.
    pub(crate) counted: AHashSet<Box<str>>,
}

#[derive(Default)]
struct Numbers {
    groups: AtomicU64,
    units: AtomicU64,
    units_last: AtomicU64,
    /// The newest position that is no longer in the change log.
    removed: AtomicU64,
}

/// The writer's handle.
pub(crate) struct Writer {
    queue: Arc<Queue<Job>>,
    positions: tokio_watch::Receiver<ChangePosition>,
    numbers: Arc<Numbers>,
    /// Its sender goes with the thread.
    ended: tokio_watch::Receiver<()>,
}

impl Writer {
    pub(crate) fn start(options: Arc<Options>, commits: Arc<Commits>) -> Result<Self, DbError> {
        let (watch, clock) = (Arc::new(Watch::default()), Arc::new(Clock::default()));
        let connection = connection::open_writer(&options, &watch, &clock)?;
        let newest = changes::newest(&connection);
        let (sender, positions) = tokio_watch::channel(newest.unwrap_or_default());
        let queue = Arc::new(Queue::new(options.write_queue_max));
        let numbers = Arc::new(Numbers::default());
        let context = Context {
            connection,
            options,
            watch,
            clock,
            positions: sender,
            commits,
            tracking: newest.is_some(),
            tracked: Vec::new(),
            schema_version: None,
            counted: AHashSet::new(),
        };
        let (thread_queue, thread_numbers) = (queue.clone(), numbers.clone());
        let (alive, ended) = tokio_watch::channel(());
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || {
                let _alive = alive;
                let _queue = Abandons(thread_queue.clone());
                run(&thread_queue, context, &thread_numbers);
            })
            .map_err(|error| DbError::new(Fault::Unavailable, error.to_string()))?;
        Ok(Self { queue, positions, numbers, ended })
    }

    pub(crate) async fn write(&self, unit: Unit) -> Result<Committed, DbError> {
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + unit.timeout;
        self.push(Job::Unit(Box::new(Waiting { unit, deadline, reply })))?;
        answer.await.unwrap_or_else(|_| Err(unknown()))
    }

    /// Runs a task on the writer's thread, between two groups.
    pub(crate) async fn task<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Context) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let (reply, answer) = oneshot::channel();
        self.push(Job::Task(Box::new(move |context| {
            let outcome = task(context);
            context.commits.advance();
            // Nobody may be waiting any more.
            let _ = reply.send(outcome);
        })))?;
        answer.await.unwrap_or_else(|_| Err(unknown()))
    }

    fn push(&self, job: Job) -> Result<(), DbError> {
        self.queue.push(job).map_err(|refused| match refused {
            Refused::Full => DbError::new(Fault::Overloaded, "Too many writes are waiting"),
            Refused::Closed => DbError::new(Fault::Unavailable, "the database is closed"),
        })
    }

    pub(crate) fn positions(&self) -> tokio_watch::Receiver<ChangePosition> {
        self.positions.clone()
    }

    pub(crate) fn newest(&self) -> ChangePosition {
        *self.positions.borrow()
    }

    /// Works off what waits, then closes.
    pub(crate) async fn close(&self) {
        self.queue.close();
        let mut ended = self.ended.clone();
        // Nothing is ever sent: this returns when the thread has let go of its end.
        while ended.changed().await.is_ok() {}
    }

    pub(crate) fn gauges(&self) -> Vec<(&'static str, f64)> {
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed) as f64;
        vec![
            ("writer_queue_units", self.queue.len() as f64),
            ("group_units_last", of(&self.numbers.units_last)),
            ("groups_total", of(&self.numbers.groups)),
            ("group_units_total", of(&self.numbers.units)),
            ("change_position", self.newest().0 as f64),
            (
                "changes_retained",
                self.newest().0.saturating_sub(self.numbers.removed.load(Ordering::Relaxed)) as f64,
            ),
        ]
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The thread ended with the unit in its hands.
fn unknown() -> DbError {
    DbError::new(Fault::Unknown, "the writer ended before it answered")
}

fn run(queue: &Queue<Job>, mut context: Context, numbers: &Numbers) {
    let mut upkeep = Upkeep::default();
    loop {
        match queue.take(context.options.group_units_max, upkeep.patience()) {
            Taken::Jobs(jobs) => {
                work(&mut context, jobs, numbers);
                upkeep.after_work(&mut context);
            }
            Taken::Idle => upkeep.when_idle(&mut context),
            Taken::Closed => return upkeep.at_the_end(&mut context),
        }
        numbers.removed.store(changes::removed(&context), Ordering::Relaxed);
    }
}

fn work(context: &mut Context, jobs: Vec<Job>, numbers: &Numbers) {
    let mut units: Vec<Waiting> = Vec::with_capacity(jobs.len());
    for job in jobs {
        match job {
            Job::Unit(waiting) => units.push(*waiting),
            // What came before a task is committed before it runs.
            Job::Task(task) => {
                commit(context, &mut units, numbers);
                context.watch.until(None);
                // A group may have had less patience than a task has.
                let _ = context.connection.busy_timeout(context.options.busy_timeout);
                task(context);
                context.clock.end();
            }
        }
    }
    commit(context, &mut units, numbers);
}

fn commit(context: &mut Context, units: &mut Vec<Waiting>, numbers: &Numbers) {
    if units.is_empty() {
        return;
    }
    let group = std::mem::take(units);
    numbers.units_last.store(group.len() as u64, Ordering::Relaxed);
    numbers.units.fetch_add(group.len() as u64, Ordering::Relaxed);
    numbers.groups.fetch_add(1, Ordering::Relaxed);
    group::commit(context, group);
}
