//! One subscriber: where it stands in the log, and what of the log it may see.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value as Json};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};
use transom_ports::{Change, ChangeKind};
use transom_types::{ChangePosition, Code, Principal, Problem};

use crate::{
    Event,
    event::time_text,
    feed::{PAGE_CHANGES_MAX, Shared},
    judge::{RoleView, selectable},
    show,
    window::Bounds,
};

/// Most tables of one subscription.
const TABLES_MAX: usize = 64;
/// What is taken from the window at once.
const PAGE: Bounds = Bounds { changes_max: PAGE_CHANGES_MAX as usize, bytes_max: 256 * 1024 };

/// What a subscriber asks for.
#[derive(Clone, Debug)]
pub struct SubscriptionRequest {
    /// Whose changes: at least one table.
    pub tables: Vec<Box<str>>,
    /// After which position; `None` begins with what is committed from now on.
    pub from: Option<ChangePosition>,
    /// Who asks.
    pub principal: Principal,
    /// Ends after so long: when the token expires. See [`lifetime`].
    pub lifetime: Option<Duration>,
}

/// How long a token is still good: until its `exp` claim, plus the clock skew it was accepted with. `None` is for ever.
pub fn lifetime(principal: &Principal, now_seconds: u64, skew_seconds: u32) -> Option<Duration> {
    let expires = principal.claims.get("exp")?.as_f64()?;
    let left = expires + f64::from(skew_seconds) - now_seconds as f64;
    // What is longer than a century is for ever.
    (left < 3.2e9).then(|| Duration::from_secs(left.max(0.0) as u64))
}

/// Some changes, in commit order.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// What the subscriber may see; at least one.
    pub events: Vec<Event>,
    /// Everything up to here has been told or was not for this subscriber.
    pub position: ChangePosition,
}

/// One subscriber's way through the change log. Holds a position and no changes, so that a slow one costs nothing.
pub struct Subscription {
    shared: Arc<Shared>,
    head: watch::Receiver<ChangePosition>,
    tables: Vec<Box<str>>,
    principal: Principal,
    position: ChangePosition,
    ends_at: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

impl Subscription {
    pub(crate) async fn begin(shared: Arc<Shared>, request: SubscriptionRequest) -> Result<Self, Problem> {
        if request.tables.is_empty() || request.tables.len() > TABLES_MAX {
            let count = request.tables.len();
            return Err(Problem::new(
                Code::TooManyParts,
                format!("{count} tables cannot be followed at once"),
            )
            .with_hint(format!("Name 1 to {TABLES_MAX} tables: `?table=orders`")));
        }
        let policies = (shared.policies)();
        let grant = policies.authorize(&request.principal)?;
        for table in &request.tables {
            // Existence first: of what the role may not see, nothing is told.
            selectable(grant.catalog(), table)?;
            if !shared.tracks(table) {
                return Err(Problem::new(
                    Code::ChangesNotTracked,
                    format!("Changes of '{table}' are not tracked"),
                )
                .with_hint(format!("Add '{table}' to `changes.tables` in transom.toml")));
            }
        }
        let place = shared.place()?;
        // Before the position is taken, so that nothing committed in between is overlooked.
        let head = shared.head();
        let position = match request.from {
            Some(position) => known(&shared, position).await?,
            // What was committed before is not told, even where an engine orders it only later.
            None => shared.database.settled().await.map_err(|error| error.into_problem())?,
        };
        Ok(Self {
            head,
            tables: request.tables,
            principal: request.principal,
            position,
            ends_at: request.lifetime.and_then(|lifetime| Instant::now().checked_add(lifetime)),
            shared,
            _place: place,
        })
    }

    /// Up to where changes have been told, or were not for this subscriber: where to resume.
    pub fn position(&self) -> ChangePosition {
        self.position
    }

    /// Waits for the next changes that the subscriber may see. Can be dropped at any time and called again: nothing is lost.
    /// Errors end the subscription: `ChangesExpired`, `ShuttingDown`, `TokenClaims` (the token has expired), `TableMissing`
    /// (the role may no longer select), or the database's own; resuming from [`Self::position`] is always right.
    pub async fn next(&mut self) -> Result<Batch, Problem> {
        let Some(ends_at) = self.ends_at else { return self.advance().await };
        // Looked at first: a backlog is always ready, and a timer alone would let all of it through.
        if Instant::now() >= ends_at {
            return Err(token_expired());
        }
        tokio::time::timeout_at(ends_at, self.advance()).await.unwrap_or_else(|_| Err(token_expired()))
    }

    async fn advance(&mut self) -> Result<Batch, Problem> {
        loop {
            // Before the page: what has been announced by now is in the window, should it concern this subscriber.
            let announced = *self.head.borrow();
            let page = self.page().await?;
            let Some(last) = page.last() else {
                self.position = self.position.max(announced);
                let position = self.position;
                let closed = |_| Problem::new(Code::ShuttingDown, "The change log is no longer followed");
                self.head.wait_for(|newest| *newest > position).await.map_err(closed)?;
                continue;
            };
            let events = self.authorized(&page).await?;
            // Only now, so that a call that is dropped while it waits has moved nothing.
            self.position = last.position;
            if !events.is_empty() {
                return Ok(Batch { events, position: self.position });
            }
            // A long stretch of other people's changes must not hold the thread.
            tokio::task::yield_now().await;
        }
    }

    /// The next changes of all tables: from the window, or from the log where the subscriber has fallen behind it.
    async fn page(&self) -> Result<Vec<Arc<Change>>, Problem> {
        let begins_after = {
            let window = self.shared.window();
            if let Some(page) = window.page(self.position, PAGE) {
                return Ok(page);
            }
            window.begins_after()
        };
        let page = self.shared.database.changes_after(self.position, PAGE_CHANGES_MAX).await;
        let page = page.map_err(|error| error.into_problem())?;
        if page.is_empty() {
            // The window has forgotten changes that the log does not know either.
            return Err(expired().with_details(format!("Nothing is left before position {}", begins_after.0)));
        }
        Ok(page.into_iter().map(Arc::new).collect())
    }

    /// What of a page the subscriber may see, under the policies as they are now.
    async fn authorized(&self, page: &[Arc<Change>]) -> Result<Vec<Event>, Problem> {
        let policies = (self.shared.policies)();
        let mut events = Vec::new();
        for table in &self.tables {
            let changes: Vec<&Change> =
                page.iter().map(|change| &**change).filter(|change| change.table == *table).collect();
            // Also when nothing changed: a role that lost its right must not wait for the next change to learn it.
            let view = self.shared.judges.view(&*self.shared.database, &policies, &self.principal, table)?;
            if changes.is_empty() {
                continue;
            }
            let images: Vec<&Map<String, Json>> =
                changes.iter().flat_map(|change| change.before.iter().chain(&change.after)).collect();
            let visible = view.visible(&*self.shared.database, &self.principal, &images).await?;
            let mut visible = visible.into_iter();
            for change in changes {
                let mut seen = |image: &Option<_>| image.is_some() && visible.next().unwrap_or(false);
                let (before, after) = (seen(&change.before), seen(&change.after));
                events.extend(event(&view, change, before, after));
            }
        }
        events.sort_by_key(|event| event.id);
        Ok(events)
    }
}

/// The change from where the subscriber stands, given which images it may see.
fn event(view: &RoleView, change: &Change, before_seen: bool, after_seen: bool) -> Option<Event> {
    let table = view.table();
    let image = |image: &Option<Map<String, Json>>| image.as_ref().map(|stored| show::image(table, stored));
    let (kind, before, after) = match (change.kind, before_seen, after_seen) {
        (_, false, false) => return None,
        (ChangeKind::Delete, _, _) => (ChangeKind::Delete, image(&change.before), None),
        (ChangeKind::Insert, _, _) => (ChangeKind::Insert, None, image(&change.after)),
        (ChangeKind::Update, true, true) => (ChangeKind::Update, image(&change.before), image(&change.after)),
        (ChangeKind::Update, false, true) => (ChangeKind::Insert, None, image(&change.after)),
        // Out of sight: the key alone, which it has seen already.
        (ChangeKind::Update, true, false) => (ChangeKind::Delete, None, None),
    };
    let key = match (kind, &change.before) {
        // The key under which the subscriber knows the row, should the update have changed it.
        (ChangeKind::Delete, Some(row)) => known_key(change, row),
        _ => change.key.clone(),
    };
    Some(Event {
        id: change.position,
        table: change.table.clone(),
        kind,
        key: show::image(table, &key),
        before,
        after,
        at: time_text(change.at_ms),
    })
}

/// The key's columns with the values they had in `row`.
fn known_key(change: &Change, row: &Map<String, Json>) -> Map<String, Json> {
    let value = |(name, value): (&String, &Json)| (name.clone(), row.get(name).unwrap_or(value).clone());
    change.key.iter().map(value).collect()
}

/// A position to resume after, when the log still reaches back to it.
async fn known(shared: &Shared, position: ChangePosition) -> Result<ChangePosition, Problem> {
    let reads = |from: ChangePosition| async move {
        shared.database.changes_after(from, 1).await.map_err(|error| error.into_problem())
    };
    if position > *shared.committed.borrow() {
        // Perhaps told a moment before its announcement; else of another database, a backup restored, say.
        let before = ChangePosition(position.0.saturating_sub(1));
        let known = reads(before).await?.first().is_some_and(|change| change.position == position);
        return if known {
            Ok(position)
        } else {
            Err(expired().with_details("The position has not been reached yet"))
        };
    }
    if shared.window().page(position, PAGE).is_none() {
        reads(position).await?;
    }
    Ok(position)
}

fn token_expired() -> Problem {
    Problem::new(Code::TokenClaims, "JWT expired").with_hint("Connect again with a new token")
}

fn expired() -> Problem {
    Problem::new(Code::ChangesExpired, "The change log no longer reaches back to this position")
        .with_hint("Read the table again, then follow changes from now")
}
