//! Tails the change log once for all subscribers.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinHandle,
};
use transom_policy::Policies;
use transom_ports::{Database, DbError, Fault};
use transom_types::{ChangePosition, Code, Problem};

use crate::{
    Subscription, SubscriptionRequest,
    judge::Judges,
    window::{Bounds, Window},
};

/// Most changes read from the log at once.
pub(crate) const PAGE_CHANGES_MAX: u32 = 128;
/// Between two tries of a log that cannot be read.
const RETRY_MS_MIN: u64 = 50;
const RETRY_MS_MAX: u64 = 5_000;

/// Gives the policies as they are now; asked for every batch, so that a reload takes effect at once.
pub type PolicySource = Arc<dyn Fn() -> Arc<Policies> + Send + Sync>;

/// Told of what happens behind the subscribers.
pub type Observer = Arc<dyn Fn(&Observation) + Send + Sync>;

/// What happens behind the subscribers, for logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The change log could not be read; it is tried again.
    LogUnreadable {
        /// Why.
        reason: String,
        /// After how long.
        retry_ms: u64,
    },
    /// The log was shortened before it was read: the feed goes on from here, and subscribers that stood before it are told.
    LogExpired {
        /// Where it goes on.
        position: ChangePosition,
    },
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogUnreadable { reason, retry_ms } => {
                write!(f, "the change log cannot be read ({reason}); next try in {retry_ms} ms")
            }
            Self::LogExpired { position } => {
                write!(f, "the change log was shortened before it was read; going on after {}", position.0)
            }
        }
    }
}

/// What a deployment chooses about the feed.
#[derive(Clone)]
pub struct FeedSettings {
    /// The tables whose changes are logged.
    pub tables: Vec<Box<str>>,
    /// Most subscribers at a time.
    pub subscribers_max: usize,
    /// Most changes kept in memory for all subscribers together.
    pub window_changes_max: usize,
    /// Most memory for them.
    pub window_bytes_max: usize,
    /// Told of trouble.
    pub observer: Option<Observer>,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            subscribers_max: 10_000,
            window_changes_max: 4_096,
            window_bytes_max: 8 * 1024 * 1024,
            observer: None,
        }
    }
}

impl FeedSettings {
    fn window_bounds(&self) -> Bounds {
        Bounds { changes_max: self.window_changes_max.max(1), bytes_max: self.window_bytes_max.max(1) }
    }
}

/// Follows one database's change log. Cheap to clone; the log is no longer followed when the last clone is gone.
#[derive(Clone)]
pub struct ChangeFeed {
    shared: Arc<Shared>,
    _pump: Arc<Pump>,
}

/// What the pump and the subscribers share.
pub(crate) struct Shared {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) policies: PolicySource,
    pub(crate) judges: Judges,
    settings: FeedSettings,
    window: Mutex<Window>,
    /// The newest position in the window.
    head: watch::Sender<ChangePosition>,
    /// The newest position that is committed.
    pub(crate) committed: watch::Receiver<ChangePosition>,
    places: Arc<Semaphore>,
}

struct Pump(JoinHandle<()>);

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ChangeFeed {
    /// Has the tables' changes logged from now on, and begins to follow the log. Needs a runtime.
    pub async fn start(
        database: Arc<dyn Database>,
        policies: PolicySource,
        settings: FeedSettings,
    ) -> Result<Self, Problem> {
        let failed = |error: DbError| error.into_problem();
        database.track_changes(&settings.tables).await.map_err(failed)?;
        let committed = database.changes().await.map_err(failed)?;
        let begin = *committed.borrow();
        let shared = Arc::new(Shared {
            database,
            policies,
            judges: Judges::default(),
            window: Mutex::new(Window::new(begin, settings.window_bounds())),
            head: watch::Sender::new(begin),
            committed,
            places: Arc::new(Semaphore::new(settings.subscribers_max.min(Semaphore::MAX_PERMITS))),
            settings,
        });
        let pump = Pump(tokio::spawn(shared.clone().pump(begin)));
        Ok(Self { shared, _pump: Arc::new(pump) })
    }

    /// Begins to follow changes for one subscriber.
    /// Errors: `TableMissing` (also for what the role may not select), `ChangesNotTracked`, `ChangesExpired`, `Overloaded`.
    pub async fn subscribe(&self, request: SubscriptionRequest) -> Result<Subscription, Problem> {
        Subscription::begin(self.shared.clone(), request).await
    }

    /// Numbers for the metrics page: name and value.
    pub fn gauges(&self) -> Vec<(&'static str, f64)> {
        let shared = &self.shared;
        let (count, bytes) = shared.window().size();
        let (head, committed) = (shared.head.borrow().0, shared.committed.borrow().0);
        let taken = shared.settings.subscribers_max.saturating_sub(shared.places.available_permits());
        vec![
            ("change_feed_position", head as f64),
            ("change_feed_lag_changes", committed.saturating_sub(head) as f64),
            ("change_feed_subscribers", taken as f64),
            ("change_feed_window_changes", count as f64),
            ("change_feed_window_bytes", bytes as f64),
        ]
    }
}

impl Shared {
    pub(crate) fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Told of each new position in the window.
    pub(crate) fn head(&self) -> watch::Receiver<ChangePosition> {
        self.head.subscribe()
    }

    /// Whether a table's changes are logged.
    pub(crate) fn tracks(&self, table: &str) -> bool {
        self.settings.tables.iter().any(|tracked| **tracked == *table)
    }

    /// A subscriber's place, given back when it is dropped.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.places.clone().try_acquire_owned().map_err(|_| {
            Problem::new(Code::Overloaded, "Too many subscribers follow changes")
                .with_hint("Try again later, or follow several tables with one subscription")
        })
    }

    /// Reads the log as it grows, until the database is closed.
    async fn pump(self: Arc<Self>, mut position: ChangePosition) {
        let mut committed = self.committed.clone();
        let mut retry_ms = RETRY_MS_MIN;
        while committed.wait_for(|newest| *newest > position).await.is_ok() {
            match self.database.changes_after(position, PAGE_CHANGES_MAX).await {
                Ok(page) => {
                    retry_ms = RETRY_MS_MIN;
                    // An empty page although more is committed: whatever stood there is not for this log.
                    position = match page.last() {
                        Some(last) => last.position,
                        None => *committed.borrow(),
                    };
                    let mut window = self.window();
                    page.into_iter().for_each(|change| window.push(change));
                }
                Err(error) if error.fault == Fault::ChangesExpired => {
                    position = *committed.borrow();
                    *self.window() = Window::new(position, self.settings.window_bounds());
                    self.observe(&Observation::LogExpired { position });
                }
                Err(error) => {
                    self.observe(&Observation::LogUnreadable { reason: error.to_string(), retry_ms });
                    tokio::time::sleep(Duration::from_millis(retry_ms)).await;
                    retry_ms = (retry_ms * 2).min(RETRY_MS_MAX);
                    continue;
                }
            }
            // After the window: who is woken finds the changes there.
            self.head.send_replace(position);
        }
    }

    fn observe(&self, observation: &Observation) {
        if let Some(observer) = &self.settings.observer {
            observer(observation);
        }
    }
}
