//! Reader threads, for what is too dear to run where the request is, and one for what the server itself must know soon.
//!
//! Dear reads give way to everything else: their threads have a lower priority, and what is short (whether the database
//! answers, what changed) does not queue behind them.

use std::{sync::Arc, thread, time::Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;
use transom_ports::{Body, DbError, Fault};
use transom_sql::Statement;

use crate::{
    connection::Reader,
    options::Options,
    queue::{Abandons, Queue, Refused, Taken},
    rows,
};

/// How far dear reads stand back: about a thirtieth of a core when cheap ones could use all of it, all of it when they do not.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 15;

/// A dear read. It waits, answered or not; what nobody waits for any more is not run.
struct Read {
    statement: Statement,
    deadline: Instant,
    reply: oneshot::Sender<Result<Body, DbError>>,
}

type Task = Box<dyn FnOnce(&Connection) + Send>;

/// The threads and their queues.
pub(crate) struct Readers {
    reads: Arc<Queue<Read>>,
    tasks: Arc<Queue<Task>>,
}

impl Readers {
    pub(crate) fn start(options: Arc<Options>) -> Result<Self, DbError> {
        let readers = Self {
            reads: Arc::new(Queue::new(options.read_queue_max)),
            tasks: Arc::new(Queue::new(options.read_queue_max)),
        };
        // Held by every thread: goes with the last.
        let alive = Arc::new(Abandons(readers.reads.clone()));
        for number in 0..options.reader_threads.max(1) {
            let (alive, options) = (alive.clone(), options.clone());
            spawn(format!("sqlite-reader-{number}"), move || {
                stand_back();
                work(&alive.0, &options, |read, reader| read.run(reader, options.reply_bytes_max));
            })?;
        }
        let alive = Abandons(readers.tasks.clone());
        spawn("sqlite-tasks".to_owned(), move || {
            work(&alive.0, &options, |task: Task, reader| {
                reader.watch.until(None);
                task(&reader.connection);
            });
        })?;
        Ok(readers)
    }

    pub(crate) async fn read(&self, statement: Statement, deadline: Instant) -> Result<Body, DbError> {
        let (reply, answer) = oneshot::channel();
        push(&self.reads, Read { statement, deadline, reply })?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Runs anything short that only reads.
    pub(crate) async fn task<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Connection) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let (reply, answer) = oneshot::channel();
        let task: Task = Box::new(move |connection| {
            // Nobody may be waiting any more.
            let _ = reply.send(task(connection));
        });
        push(&self.tasks, task)?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Dear reads that wait.
    pub(crate) fn queued(&self) -> usize {
        self.reads.len()
    }

    pub(crate) fn close(&self) {
        self.reads.close();
        self.tasks.close();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

fn gone() -> DbError {
    DbError::new(Fault::Unavailable, "the database is closed")
}

fn push<T>(queue: &Queue<T>, job: T) -> Result<(), DbError> {
    queue.push(job).map_err(|refused| match refused {
        Refused::Full => DbError::new(Fault::Overloaded, "Too many reads are waiting"),
        Refused::Closed => gone(),
    })
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<(), DbError> {
    let thread = thread::Builder::new().name(name).spawn(run);
    thread.map(drop).map_err(|error| DbError::new(Fault::Unavailable, error.to_string()))
}

/// Lowers the calling thread's priority. Elsewhere than on Linux the whole process would stand back.
fn stand_back() {
    #[cfg(target_os = "linux")]
    // Where it is not allowed, dear reads only compete on equal terms.
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

fn work<T>(queue: &Queue<T>, options: &Options, run: impl Fn(T, &Reader)) {
    let mut reader = None;
    while let Taken::Jobs(jobs) = queue.take(1, None) {
        for job in jobs {
            if reader.is_none() {
                // Tried again for every job: what stands in the way now may pass.
                reader = Reader::open(options, options.busy_timeout).ok();
            }
            // Without a connection the job is dropped, which its caller learns as «closed».
            if let Some(reader) = &reader {
                reader.clock.end();
                run(job, reader);
            }
        }
    }
}

impl Read {
    fn run(self, reader: &Reader, bytes_max: usize) {
        if self.reply.is_closed() {
            return;
        }
        let answer = match Instant::now() < self.deadline {
            true => {
                reader.watch.until(Some(self.deadline));
                rows::read(&reader.connection, &self.statement, bytes_max)
            }
            false => Err(DbError::new(Fault::Deadline, "the statement waited too long")),
        };
        let _ = self.reply.send(answer);
    }
}
