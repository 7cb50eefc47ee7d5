//! Connections that many requests share: each sends its one statement, and the answers come back in order. A statement
//! that keeps the others waiting does not run here twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;
use transom_ports::DbError;

use crate::connect::{Connection, Connector, Purpose};

/// A few connections, opened when first needed and again when they are lost.
pub(crate) struct Shared {
    connector: Arc<Connector>,
    purpose: Purpose,
    timeout: Duration,
    slots: Box<[Arc<Slot>]>,
    next: AtomicUsize,
}

#[derive(Default)]
struct Slot {
    connection: ArcSwapOption<Connection>,
    /// Held by who opens it, so that one does.
    opening: Mutex<()>,
}

impl Slot {
    /// Opens the connection, unless that was done meanwhile.
    async fn fill(
        self: &Arc<Self>,
        connector: &Connector,
        purpose: Purpose,
        timeout: Duration,
    ) -> Result<Arc<Connection>, DbError> {
        if let Some(connection) = open(self) {
            return Ok(connection);
        }
        let connection = Arc::new(connector.open(purpose, timeout).await?);
        self.connection.store(Some(connection.clone()));
        Ok(connection)
    }
}

impl Shared {
    pub(crate) fn new(connector: Arc<Connector>, purpose: Purpose, count: usize, timeout: Duration) -> Self {
        let slots = (0..count.max(1)).map(|_| Arc::default()).collect();
        Self { connector, purpose, timeout, slots, next: AtomicUsize::new(0) }
    }

    /// A connection, the next in turn. Where that is not open another serves meanwhile; without any, one waits for it.
    pub(crate) async fn get(&self) -> Result<Arc<Connection>, DbError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        let slot = &self.slots[turn];
        if let Some(connection) = open(slot) {
            return Ok(connection);
        }
        let (before, after) = self.slots.split_at(turn);
        if let Some(connection) = after.iter().chain(before).find_map(open) {
            let (slot, connector) = (slot.clone(), self.connector.clone());
            let (purpose, timeout) = (self.purpose, self.timeout);
            tokio::spawn(async move {
                // Another may be at it already; and why it cannot be opened, those will tell who have none.
                if let Ok(_alone) = slot.opening.try_lock() {
                    slot.fill(&connector, purpose, timeout).await.ok();
                }
            });
            return Ok(connection);
        }
        let _alone = slot.opening.lock().await;
        match Box::pin(slot.fill(&self.connector, self.purpose, self.timeout)).await {
            Ok(connection) => Ok(connection),
            // A server that takes no new sessions may well answer in those that are open.
            Err(error) => self.connections().next().ok_or(error),
        }
    }

    /// Lets a connection go once what runs on it is done; the next that needs one opens another.
    pub(crate) fn give_up(&self, connection: &Arc<Connection>) {
        for slot in &self.slots {
            if slot.connection.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, connection)) {
                slot.connection.store(None);
            }
        }
    }

    /// The connections that are open.
    pub(crate) fn connections(&self) -> impl Iterator<Item = Arc<Connection>> {
        self.slots.iter().filter_map(open)
    }

    /// Closes every connection once what runs on it is done.
    pub(crate) fn close(&self) {
        self.slots.iter().for_each(|slot| slot.connection.store(None));
    }
}

fn open(slot: &Arc<Slot>) -> Option<Arc<Connection>> {
    slot.connection.load_full().filter(|connection| !connection.client.is_closed())
}
