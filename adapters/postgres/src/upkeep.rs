//! What is kept for a while is removed in the end: old changes, and the replies of old idempotency keys. Never much at once.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, types::Type};
use transom_ports::DbError;
use transom_types::ChangePosition;

use crate::{
    changes::{LOCK_CLASS, Locked, present},
    errors::{During, db_error},
    options::Options,
};

/// Between two looks at what is old.
const LOOK: Duration = Duration::from_secs(60);
/// While there is more to remove than one cleaning may.
const LOOK_BEHIND: Duration = Duration::from_millis(100);
/// Most changes that one cleaning removes.
const CHANGES_MAX: i64 = 10_000;
/// Most keys that one cleaning removes.
const KEYS_MAX: i64 = 1_000;

/// So many changes that have left the inbox leave room that every look at it wades through; the engine would come to it in
/// a minute or so by itself.
const INBOX_ROOM_MAX: u64 = 20_000;
const INBOX_TIDY: &str = "VACUUM (SKIP_LOCKED) _transom.inbox";

/// How long, and how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// Most changes kept.
    pub(crate) change_count_max: u64,
    /// How long changes are kept.
    pub(crate) change_age_max: Duration,
    /// How long the reply of an idempotency key is kept.
    pub(crate) idempotency_age_max: Duration,
}

impl Keep {
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            change_count_max: options.change_count_max,
            change_age_max: options.change_age_max,
            idempotency_age_max: options.idempotency_age_max,
        }
    }
}

/// When it is time to look again.
pub(crate) struct Upkeep {
    keep: Keep,
    next: Instant,
    oldest: u64,
    /// Changes that have left the inbox since it was tidied.
    moved: u64,
}

impl Upkeep {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, next: Instant::now(), oldest: 1, moved: 0 }
    }

    /// So many changes have left the inbox.
    pub(crate) fn moved(&mut self, count: u64) {
        self.moved += count;
    }

    /// Removes some of what is old when it is time; when to look again, if soon. What cannot be removed now is removed later.
    pub(crate) async fn look(&mut self, client: &Client) -> Option<Duration> {
        if self.moved >= INBOX_ROOM_MAX {
            self.moved = 0;
            if let Err(error) = client.batch_execute(INBOX_TIDY).await {
                tracing::debug!(%error, "the change log's inbox was not tidied");
            }
        }
        if Instant::now() < self.next {
            return None;
        }
        let more = clean(client, &self.keep).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "old changes cannot be removed");
            false
        });
        self.oldest = oldest(client).await.unwrap_or(self.oldest);
        let pause = if more { LOOK_BEHIND } else { LOOK };
        self.next = Instant::now() + pause;
        more.then_some(LOOK_BEHIND)
    }

    /// How many changes the log holds.
    pub(crate) fn kept(&self, newest: ChangePosition) -> u64 {
        (newest.0 + 1).saturating_sub(self.oldest)
    }
}

/// Removes some of the changes that are too old or too many, and of the keys; whether there may be more. The newest change
/// stays, so that the log can tell what it has lost.
pub(crate) async fn clean(client: &Client, keep: &Keep) -> Result<bool, DbError> {
    let failed = |error: tokio_postgres::Error| db_error(&error, During::Read);
    let (count_max, age_ms) = (number(keep.change_count_max), milliseconds(keep.change_age_max));
    // Only the oldest are looked at: the log is long. One server at a time is enough.
    let changes = format!(
        "DELETE FROM _transom.changes WHERE (SELECT pg_try_advisory_xact_lock({LOCK_CLASS}, {lock})) \
         AND position <= (SELECT max(position) FROM ( \
           SELECT position, at FROM _transom.changes ORDER BY position LIMIT {CHANGES_MAX}) AS oldest, _transom.log \
           WHERE position < newest AND (position <= newest - $1 OR at < clock_timestamp() - $2 * interval '1 ms'))",
        lock = Locked::Clean as i32,
    );
    let values: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&count_max, Type::INT8), (&age_ms, Type::INT8)];
    let changes = client.execute_typed(&changes, &values).await.map_err(failed)?;
    let keys = format!(
        "DELETE FROM _transom.idempotency WHERE (scope, key) IN ( \
           SELECT scope, key FROM _transom.idempotency WHERE at < clock_timestamp() - $1 * interval '1 ms' \
           ORDER BY at LIMIT {KEYS_MAX} FOR UPDATE SKIP LOCKED)"
    );
    let age_ms = milliseconds(keep.idempotency_age_max);
    let keys = client.execute_typed(&keys, &[(&age_ms, Type::INT8)]).await.map_err(failed)?;
    Ok(changes >= CHANGES_MAX as u64 || keys >= KEYS_MAX as u64)
}

async fn oldest(client: &Client) -> Option<u64> {
    let rows = client.query_typed("SELECT min(position) FROM _transom.changes", &[]).await;
    let oldest: Option<i64> = present(rows).ok()?.first()?.get(0);
    oldest.map(|oldest| oldest.max(0) as u64)
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// No longer than a thousand years, which the engine can still take from now.
pub(crate) fn milliseconds(age: Duration) -> i64 {
    i64::try_from(age.as_millis()).unwrap_or(i64::MAX).min(31_536_000_000_000)
}
