//! A bounded queue between the event loop and threads.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Jobs in order; at most so many.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    jobs_max: usize,
}

struct State<T> {
    jobs: VecDeque<T>,
    closed: bool,
}

/// Why a job was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    Closed,
}

/// What a thread finds when it asks for work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    /// At least one.
    Jobs(Vec<T>),
    /// None came for as long as the thread would wait.
    Idle,
    /// None will come any more.
    Closed,
}

impl<T> Queue<T> {
    pub(crate) fn new(jobs_max: usize) -> Self {
        let state = State { jobs: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), filled: Condvar::new(), jobs_max }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A job that panicked left the queue itself whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, job: T) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.jobs.len() >= self.jobs_max {
            return Err(Refused::Full);
        }
        state.jobs.push_back(job);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes up to so many jobs, waiting for the first as long as `patience` lasts (`None`: for ever).
    pub(crate) fn take(&self, count_max: usize, patience: Option<Duration>) -> Taken<T> {
        let mut state = self.lock();
        while state.jobs.is_empty() {
            if state.closed {
                return Taken::Closed;
            }
            state = match patience {
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let waited = self.filled.wait_timeout(state, patience);
                    let (state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() && state.jobs.is_empty() && !state.closed {
                        return Taken::Idle;
                    }
                    state
                }
            };
        }
        let count = state.jobs.len().min(count_max.max(1));
        Taken::Jobs(state.jobs.drain(..count).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// No job is taken any more; those that wait are still worked off.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// No job is taken any more, and those that wait are dropped: nobody is left to do them.
    pub(crate) fn abandon(&self) {
        let dropped = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.jobs)
        };
        self.filled.notify_all();
        // Outside of the lock: a job's drop may wake whoever waits for it.
        drop(dropped);
    }
}

/// Abandons the queue when its last worker ends, be it by a panic: nobody shall wait for an answer that cannot come.
pub(crate) struct Abandons<T>(pub(crate) std::sync::Arc<Queue<T>>);

impl<T> Drop for Abandons<T> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_bounded_and_works_off_what_waits() {
        let queue = Queue::new(3);
        assert_eq!(queue.take(1, Some(Duration::ZERO)), Taken::Idle);
        assert_eq!([1, 2, 3].map(|job| queue.push(job)), [Ok(()), Ok(()), Ok(())]);
        assert_eq!(queue.push(4), Err(Refused::Full));
        assert_eq!(queue.take(2, None), Taken::Jobs(vec![1, 2]));
        queue.close();
        assert_eq!(queue.push(5), Err(Refused::Closed));
        assert_eq!(queue.take(2, None), Taken::Jobs(vec![3]));
        assert_eq!(queue.take(2, None), Taken::Closed);
    }

    #[test]
    fn drops_what_nobody_will_do() {
        let queue = std::sync::Arc::new(Queue::new(3));
        assert_eq!(queue.push(1), Ok(()));
        drop(Abandons(queue.clone()));
        assert_eq!((queue.len(), queue.push(2)), (0, Err(Refused::Closed)));
    }
}
