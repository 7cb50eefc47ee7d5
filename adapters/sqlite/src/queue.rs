//! A bounded queue between the event loop and threads.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
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

    /// Takes up to so many jobs, waiting for the first; none when the queue is closed and empty.
    pub(crate) fn take(&self, count_max: usize) -> Vec<T> {
        let mut state = self.lock();
        while state.jobs.is_empty() && !state.closed {
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.jobs.len().min(count_max);
        state.jobs.drain(..count).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// No job is taken any more; those that wait are still worked off.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }
}
