//! Reader threads, for what is too dear to run where the request is.

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

/// Waits, answered or not; what nobody waits for any more is not run.
enum Job {
    Read { statement: Statement, deadline: Instant, reply: oneshot::Sender<Result<Body, DbError>> },
    Task(Box<dyn FnOnce(&Connection) + Send>),
}

/// The threads and their queue.
pub(crate) struct Readers {
    queue: Arc<Queue<Job>>,
}

impl Readers {
    pub(crate) fn start(options: Arc<Options>) -> Result<Self, DbError> {
        let queue = Arc::new(Queue::new(options.read_queue_max));
        // Held by every thread: goes with the last.
        let alive = Arc::new(Abandons(queue.clone()));
        for number in 0..options.reader_threads.max(1) {
            let (queue, options, alive) = (queue.clone(), options.clone(), alive.clone());
            let thread = thread::Builder::new().name(format!("sqlite-reader-{number}"));
            thread
                .spawn(move || {
                    let _alive = alive;
                    run(&queue, &options);
                })
                .map_err(|error| DbError::new(Fault::Unavailable, error.to_string()))?;
        }
        Ok(Self { queue })
    }

    pub(crate) async fn read(&self, statement: Statement, deadline: Instant) -> Result<Body, DbError> {
        let (reply, answer) = oneshot::channel();
        self.push(Job::Read { statement, deadline, reply })?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Runs anything that only reads.
    pub(crate) async fn task<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Connection) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let (reply, answer) = oneshot::channel();
        self.push(Job::Task(Box::new(move |connection| {
            // Nobody may be waiting any more.
            let _ = reply.send(task(connection));
        })))?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    fn push(&self, job: Job) -> Result<(), DbError> {
        self.queue.push(job).map_err(|refused| match refused {
            Refused::Full => DbError::new(Fault::Overloaded, "too many reads are waiting"),
            Refused::Closed => gone(),
        })
    }

    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn close(&self) {
        self.queue.close();
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

fn run(queue: &Arc<Queue<Job>>, options: &Options) {
    let mut reader = None;
    while let Taken::Jobs(jobs) = queue.take(1, None) {
        for job in jobs {
            if reader.is_none() {
                // Tried again for every job: what stands in the way now may pass.
                reader = Reader::open(options, options.busy_timeout).ok();
            }
            // Without a connection the job is dropped, which its caller learns as «closed».
            if let Some(reader) = &reader {
                job.run(reader, options);
            }
        }
    }
}

impl Job {
    fn run(self, reader: &Reader, options: &Options) {
        reader.clock.end();
        match self {
            Self::Task(task) => {
                reader.watch.until(None);
                task(&reader.connection);
            }
            Self::Read { reply, .. } if reply.is_closed() => {}
            Self::Read { statement, deadline, reply } => {
                let answer = match Instant::now() < deadline {
                    true => {
                        reader.watch.until(Some(deadline));
                        rows::read(&reader.connection, &statement, options.reply_bytes_max)
                    }
                    false => Err(DbError::new(Fault::Deadline, "the statement waited too long")),
                };
                let _ = reply.send(answer);
            }
        }
    }
}
