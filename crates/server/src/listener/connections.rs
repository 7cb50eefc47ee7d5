//! The open connections: how many there are, and how all of them are woken when the server stops. A connection costs
//! nothing here between its first and its last moment.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    task::Waker,
};

use tokio::sync::{Notify, Semaphore};

/// Most connections that are being turned away with a word; others are closed without one.
const FAREWELLS_MAX: usize = 32;

/// What every connection is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Serve.
    Serving,
    /// Finish what runs, then close.
    Draining,
    /// Close now.
    Closing,
}

/// The open connections of one listener.
#[derive(Debug)]
pub struct Connections {
    /// Places to turn a connection away with a word.
    pub farewells: Semaphore,
    phase: AtomicU8,
    open: Mutex<Open>,
    emptied: Notify,
    told: Notify,
}

#[derive(Debug, Default)]
struct Open {
    count: usize,
    /// By [`Slot`]; a task's waker stays good for its whole life.
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub struct Slot<'a> {
    connections: &'a Connections,
    place: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            farewells: Semaphore::new(FAREWELLS_MAX),
            phase: AtomicU8::default(),
            open: Mutex::default(),
            emptied: Notify::default(),
            told: Notify::default(),
        }
    }
}

impl Connections {
    /// Takes a place, unless `count_max` are taken.
    pub fn open(&self, count_max: usize) -> Option<Slot<'_>> {
        let mut open = self.lock();
        if open.count >= count_max {
            return None;
        }
        open.count += 1;
        let place = open.free.pop().unwrap_or_else(|| {
            open.wakers.push(None);
            open.wakers.len() - 1
        });
        Some(Slot { connections: self, place })
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.lock().count
    }

    /// What every connection is to do.
    pub fn phase(&self) -> Phase {
        match self.phase.load(SeqCst) {
            0 => Phase::Serving,
            1 => Phase::Draining,
            _ => Phase::Closing,
        }
    }

    /// Tells every connection to finish, or to close at once.
    pub fn tell(&self, phase: Phase) {
        self.phase.store(phase as u8, SeqCst);
        let wakers: Vec<Waker> = self.lock().wakers.iter().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
        self.told.notify_waiters();
    }

    /// Waits until the server stops.
    pub async fn told(&self) {
        let told = self.told.notified();
        if self.phase() == Phase::Serving {
            told.await;
        }
    }

    /// Waits until none is open.
    pub async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.count() == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot<'_> {
    /// Whom [`Connections::tell`] wakes. To be called in the connection's task before it looks at the phase.
    pub fn register(&self, waker: &Waker) {
        self.connections.lock().wakers[self.place] = Some(waker.clone());
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.wakers[self.place] = None;
        open.free.push(self.place);
        open.count -= 1;
        if open.count == 0 {
            self.connections.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn counts_and_empties() {
        let connections = Connections::default();
        let first = connections.open(2).unwrap();
        let second = connections.open(2).unwrap();
        assert!(connections.open(2).is_none());
        drop(first);
        assert_eq!(connections.count(), 1);
        connections.tell(Phase::Draining);
        assert_eq!(connections.phase(), Phase::Draining);
        let emptied = connections.emptied();
        drop(second);
        emptied.await;
    }
}
