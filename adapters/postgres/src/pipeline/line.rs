//! One connection, as those see it who send sessions by it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

use bytes::BytesMut;
use postgres_protocol::message::backend::DataRowBody;
use tokio::sync::{mpsc, oneshot};
use transom_sql::{Prepared, Step};
use transom_types::Session;

use super::{drive::Drive, messages, open::Wire};
use crate::by_statement::ByStatement;

/// Sessions that wait to be sent.
const ASKS_MAX: usize = 1_024;

/// What is on its way to the server.
pub(super) struct Ask {
    pub(super) messages: BytesMut,
    /// The statement that is prepared on the way.
    pub(super) named: Option<Arc<Named>>,
    /// The place of that statement among those of the session.
    pub(super) main: usize,
    /// Most bytes of rows.
    pub(super) bytes_max: usize,
    pub(super) reply: oneshot::Sender<Ended>,
}

/// How a session ended.
pub(super) enum Ended {
    /// Every statement was answered.
    Answered {
        /// Each row with the place of its statement.
        rows: Vec<(usize, DataRowBody)>,
        /// How long the server was at it, those before it not counted.
        took: std::time::Duration,
    },
    /// The server refused a statement, or the rows are too large.
    Refused,
    /// The connection ended.
    Lost,
}

/// A statement that is prepared on the connection.
pub(super) struct Named {
    pub(super) name: Box<str>,
    state: AtomicU8,
    /// The names that nobody needs any more.
    closing: Arc<Mutex<Vec<Box<str>>>>,
}

const NEW: u8 = 0;
const SENT: u8 = 1;
const READY: u8 = 2;

/// A connection.
pub(crate) struct Line {
    asks: mpsc::Sender<Ask>,
    statements: ByStatement<Arc<Named>>,
    closing: Arc<Mutex<Vec<Box<str>>>>,
    number: AtomicU64,
}

impl Line {
    /// A connection whose server is ready for queries. `None` where it does not take what every session needs.
    pub(super) async fn new(wire: Wire, statement_count_max: usize) -> Option<Self> {
        let (asks, asked) = mpsc::channel(ASKS_MAX);
        tokio::spawn(Drive::new(wire, asked));
        let (reply, ended) = oneshot::channel();
        let messages = messages::prepare().ok()?;
        asks.send(Ask { messages, named: None, main: 0, bytes_max: 0, reply }).await.ok()?;
        let Ok(Ended::Answered { .. }) = ended.await else { return None };
        let statements = ByStatement::new(statement_count_max);
        Some(Self { asks, statements, closing: Arc::default(), number: AtomicU64::new(0) })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.asks.is_closed()
    }

    /// Sends a session. `None` where it cannot be written down, or too many wait.
    pub(super) fn ask(
        &self,
        session: &Session,
        step: &Step,
        arrays: &[bool],
        bytes_max: usize,
    ) -> Option<impl Future<Output = Ended> + use<>> {
        let permit = self.asks.try_reserve().ok()?;
        let named = self.named(&step.statement.prepared);
        let place = named.place();
        let mut messages = BytesMut::with_capacity(1_024);
        let closed = std::mem::take(&mut *self.closing.lock().unwrap_or_else(PoisonError::into_inner));
        let written = messages::session(&mut messages, &closed, session, step, (&place, arrays));
        let Ok(main) = written else {
            named.back();
            return None;
        };
        let named = matches!(place, Place::Prepares(_)).then(|| named.clone());
        let (reply, ended) = oneshot::channel();
        permit.send(Ask { messages, named, main, bytes_max, reply });
        Some(async { ended.await.unwrap_or(Ended::Lost) })
    }

    /// How many statements are prepared.
    pub(super) fn statements(&self) -> usize {
        self.statements.len()
    }

    /// Forgets a statement: the schema may have changed under it.
    pub(super) fn forget(&self, prepared: &Arc<Prepared>) {
        self.statements.remove(prepared);
    }

    fn named(&self, prepared: &Arc<Prepared>) -> Arc<Named> {
        if let Some(named) = self.statements.get(prepared) {
            return named;
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (name, closing) = (format!("p{number}").into(), self.closing.clone());
        let named = Arc::new(Named { name, state: AtomicU8::new(NEW), closing });
        self.statements.insert(prepared, named.clone());
        named
    }
}

/// How a session gets at its statement.
pub(super) enum Place<'a> {
    /// It prepares it under a name, for those that come after.
    Prepares(&'a str),
    /// It is there.
    Prepared(&'a str),
    /// Another session is preparing it, and may fail to.
    Unnamed,
}

impl Named {
    fn place(&self) -> Place<'_> {
        match self.state.compare_exchange(NEW, SENT, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Place::Prepares(&self.name),
            Err(READY) => Place::Prepared(&self.name),
            Err(_) => Place::Unnamed,
        }
    }

    /// The server has prepared it.
    pub(super) fn ready(&self) {
        self.state.store(READY, Ordering::Release);
    }

    /// Whoever was to prepare it did not come so far.
    pub(super) fn back(&self) {
        let _ = self.state.compare_exchange(SENT, NEW, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        if *self.state.get_mut() == READY {
            let mut closing = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
            closing.push(std::mem::take(&mut self.name));
        }
    }
}
