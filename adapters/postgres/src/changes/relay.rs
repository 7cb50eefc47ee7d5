//! Settles the inbox: again and again, quickly while changes come, seldom while none do, at once when a writer asks.
//!
//! Every server runs one. Whoever comes first settles for all; the others learn of it by one notification per batch, and
//! by looking themselves where notifications do not come through. A server that is gone is looked for until it is back.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, poll_fn};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_postgres::{AsyncMessage, Client, Connection, SimpleQueryMessage};
use transom_ports::{DbError, Fault};
use transom_types::ChangePosition;

use super::{install::install, pace::Pace};
use crate::{
    errors::{During, db_error},
    upkeep::{Keep, Upkeep},
};

/// Opens a connection of the relay's own. Whoever drives it does so with [`drive`].
pub(crate) type Connect = Arc<dyn Fn(Wake) -> BoxFuture<'static, Result<Client, DbError>> + Send + Sync>;

const CHANNEL: &str = "_transom_changes";

const LISTEN: &str = "LISTEN _transom_changes";

/// Each of its statements sees what was committed before it, whatever the role's own settings are.
const SETTLE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = 0; \
    SET LOCAL lock_timeout = 0; SELECT newest_is, moved, lag_ms FROM _transom.settle(50000); COMMIT";

/// So many changes in one round mean that there may be more. The same number as above.
const SETTLED_MAX: u64 = 50_000;

/// A look that has no answer for so long is given up, with its connection. What it settled is settled.
const ROUND_MAX: Duration = Duration::from_secs(60);

/// Writers who do not wait for positions are gathered for so long.
const GATHER: Duration = Duration::from_millis(5);

/// Settles the inbox for as long as it lives.
pub(crate) struct Relay {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    newest: watch::Sender<ChangePosition>,
    rounds: watch::Sender<Round>,
    /// How many times a round was asked for.
    asked: AtomicU64,
    wake: Wake,
    numbers: Mutex<Numbers>,
}

/// A round that is over.
#[derive(Default)]
struct Round {
    /// It began after so many had asked.
    answered: u64,
    failure: Option<(Fault, String)>,
}

/// For the metrics page.
struct Numbers {
    lag_ms: u64,
    failures: u64,
    settled_at: Instant,
    kept: u64,
}

/// What one look found.
struct Settled {
    newest: ChangePosition,
    moved: u64,
    lag_ms: u64,
}

/// Tells the relay that there may be something to settle.
#[derive(Clone)]
pub(crate) struct Wake {
    notify: Arc<Notify>,
    newest: watch::Receiver<ChangePosition>,
}

impl Wake {
    /// A position that another server has given. It is a hint: anybody may send one, so only the log itself is believed.
    fn hint(&self, payload: &str) {
        if payload.parse().is_ok_and(|position: u64| position > self.newest.borrow().0) {
            self.notify.notify_one();
        }
    }
}

/// Drives a connection until it ends, and wakes the relay when another server has settled something.
pub(crate) async fn drive<S, T>(mut connection: Connection<S, T>, wake: Wake)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(told))) if told.channel() == CHANNEL => {
                wake.hint(told.payload())
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return tracing::debug!(%error, "the change log's connection ended"),
            None => return,
        }
    }
}

/// Hears of what other servers settle. Not through a pooler that gives each transaction another session: there, looking
/// has to do.
pub(crate) async fn listen(client: &Client) -> Result<(), DbError> {
    client.batch_execute(LISTEN).await.map_err(|error| db_error(&error, During::Read))
}

impl Relay {
    /// Begins to settle, and returns after the first round.
    /// Errors: the database cannot be reached, or Transom's books cannot be made.
    pub(crate) async fn start(connect: Connect, keep: Keep) -> Result<Self, DbError> {
        let (newest, heard) = watch::channel(ChangePosition::default());
        let shared = Arc::new(Shared {
            newest,
            rounds: watch::Sender::default(),
            asked: AtomicU64::new(0),
            wake: Wake { notify: Arc::default(), newest: heard },
            numbers: Mutex::new(Numbers { lag_ms: 0, failures: 0, settled_at: Instant::now(), kept: 0 }),
        });
        let task = tokio::spawn(run(shared.clone(), connect, Upkeep::new(keep)));
        let relay = Self { shared, task };
        relay.settled().await?;
        Ok(relay)
    }

    /// Something was committed. Cheap; many of these are one.
    pub(crate) fn poke(&self) {
        self.shared.wake.notify.notify_one();
    }

    /// Told of the newest position whenever it changes.
    pub(crate) fn subscribe(&self) -> watch::Receiver<ChangePosition> {
        self.shared.newest.subscribe()
    }

    /// The newest position when all that is committed by now has one. Any number of callers share one round.
    pub(crate) async fn settled(&self) -> Result<ChangePosition, DbError> {
        let shared = &self.shared;
        let mut rounds = shared.rounds.subscribe();
        let ticket = shared.asked.fetch_add(1, Ordering::AcqRel) + 1;
        shared.wake.notify.notify_one();
        let closed = || DbError::new(Fault::Unavailable, "the database is closed");
        if self.task.is_finished() {
            return Err(closed());
        }
        let round = rounds.wait_for(|round| round.answered >= ticket).await.map_err(|_| closed())?;
        match &round.failure {
            Some((fault, message)) => Err(DbError::new(fault.clone(), message.clone())),
            None => Ok(*shared.newest.borrow()),
        }
    }

    /// Numbers for the metrics page.
    pub(crate) fn gauges(&self) -> Vec<(&'static str, f64)> {
        let numbers = self.shared.numbers();
        vec![
            ("change_log_position", self.shared.newest.borrow().0 as f64),
            ("change_log_kept_changes", numbers.kept as f64),
            // From the oldest change of the last batch to its position.
            ("change_log_lag_ms", numbers.lag_ms as f64),
            ("change_log_settled_ago_ms", numbers.settled_at.elapsed().as_millis() as f64),
            ("change_log_failures", numbers.failures as f64),
        ]
    }

    /// Stops settling; what is committed later is settled by the next server that starts.
    pub(crate) fn close(&self) {
        self.task.abort();
        // Who waits for a round waits for none.
        let failure = Some((Fault::Unavailable, "the database is closed".to_owned()));
        self.shared.rounds.send_replace(Round { answered: u64::MAX, failure });
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn numbers(&self) -> std::sync::MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rests until it is time for the next round: at once for who waits for one.
    async fn rest(&self, pause: Duration, gather: Duration) {
        let (latest, earliest) = (tokio::time::Instant::now() + pause, tokio::time::Instant::now() + gather);
        let mut until = latest;
        loop {
            if self.asked.load(Ordering::Acquire) > self.rounds.borrow().answered {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                () = self.wake.notify.notified() => until = earliest.min(latest),
            }
        }
    }

    fn succeeded(&self, settled: &Settled, kept: u64) {
        {
            let mut numbers = self.numbers();
            (numbers.lag_ms, numbers.failures) = (settled.lag_ms, 0);
            (numbers.settled_at, numbers.kept) = (Instant::now(), kept);
        }
        self.newest.send_if_modified(|newest| std::mem::replace(newest, settled.newest) != settled.newest);
    }

    fn over(&self, answered: u64, failure: Option<(Fault, String)>) {
        self.rounds.send_if_modified(|round| {
            // Closed is closed.
            let open = round.answered != u64::MAX;
            if open {
                *round = Round { answered, failure };
            }
            open
        });
    }
}

async fn run(shared: Arc<Shared>, connect: Connect, mut upkeep: Upkeep) {
    let mut pace = Pace::new();
    let mut client: Option<Client> = None;
    loop {
        let answered = shared.asked.load(Ordering::Acquire);
        let began = Instant::now();
        let round = tokio::time::timeout(ROUND_MAX, round(&shared, &connect, &mut client)).await;
        let late = || DbError::new(Fault::Unavailable, "the change log was not settled in time");
        let pause = match round.unwrap_or_else(|_| Err(late())) {
            Ok(settled) => {
                let took = began.elapsed();
                upkeep.moved(settled.moved);
                shared.succeeded(&settled, upkeep.kept(settled.newest));
                if settled.moved >= SETTLED_MAX {
                    continue;
                }
                shared.over(answered, None);
                // One receiver is the wake's own.
                let pause = pace.looked(settled.moved, shared.newest.receiver_count() > 1, took);
                match &client {
                    Some(client) => upkeep.look(client).await.map_or(pause, |soon| soon.min(pause)),
                    None => pause,
                }
            }
            Err(error) => {
                client = None;
                shared.numbers().failures += 1;
                tracing::warn!(%error, "the change log cannot be settled");
                shared.over(answered, Some((error.fault, error.message)));
                let pause = pace.failed();
                // Nobody who asks makes a server that is gone come back.
                tokio::time::sleep(pause).await;
                continue;
            }
        };
        shared.rest(pause, GATHER.max(began.elapsed())).await;
    }
}

/// One look, over a connection that is made where there is none.
async fn round(shared: &Shared, connect: &Connect, held: &mut Option<Client>) -> Result<Settled, DbError> {
    if held.as_ref().is_none_or(Client::is_closed) {
        let client = connect(shared.wake.clone()).await?;
        install(&client).await?;
        *held = Some(client);
    }
    let Some(client) = held else { return Err(DbError::new(Fault::Unavailable, "there is no connection")) };
    let messages = client.simple_query(SETTLE).await.map_err(|error| db_error(&error, During::Read))?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let number = |at: usize| row.and_then(|row| row.get(at)?.parse::<u64>().ok());
    match (number(0), number(1), number(2)) {
        (Some(newest), Some(moved), lag_ms) => {
            Ok(Settled { newest: ChangePosition(newest), moved, lag_ms: lag_ms.unwrap_or(0) })
        }
        _ => Err(DbError::new(Fault::Internal, "the change log has lost its row in _transom.log")),
    }
}
