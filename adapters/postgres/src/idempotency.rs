//! Replies kept by idempotency key, in the transaction of the unit they belong to.
//!
//! A unit first puts its key down, without a reply. Another one with the same key, at the same time, then waits for the first to end:
//! it finds the first's reply, or takes the key when the first came to nothing.

use std::time::Duration;

use tokio_postgres::{Client, types::Type};
use transom_ports::{DbError, Fault, Outcome};
use transom_sql::statement::Idempotency;

use crate::upkeep::milliseconds;

/// Takes a key that is free, or that was kept too long.
const TAKE: &str = "INSERT INTO _transom.idempotency AS kept (scope, key, fingerprint) VALUES ($1, $2, $3) \
    ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint, outcomes = NULL, at = excluded.at \
    WHERE kept.at < excluded.at - $4 * interval '1 ms' RETURNING 1";

const FIND: &str = "SELECT fingerprint, outcomes FROM _transom.idempotency WHERE scope = $1 AND key = $2";

const REMEMBER: &str = "UPDATE _transom.idempotency SET outcomes = $3 WHERE scope = $1 AND key = $2";

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The engine refused. Two transactions may have stood in each other's way: then the unit may well be run again.
    Engine(tokio_postgres::Error),
    /// The key was used for another request, or what was kept cannot be read.
    Refused(DbError),
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Engine(error)
    }
}

/// What the unit of this key did, if it was here before; else the key is this unit's. The first statement of its transaction.
/// Errors: the key was used for another request.
pub(crate) async fn earlier(
    client: &Client,
    key: &Idempotency,
    age_max: Duration,
) -> Result<Option<Vec<Outcome>>, Failed> {
    let (scope, name, fingerprint) = (&*key.scope, &*key.key, &*key.fingerprint);
    let age_ms = milliseconds(age_max);
    let taken = client
        .query_typed(
            TAKE,
            &[(&scope, Type::TEXT), (&name, Type::TEXT), (&fingerprint, Type::TEXT), (&age_ms, Type::INT8)],
        )
        .await?;
    if !taken.is_empty() {
        return Ok(None);
    }
    let found = client.query_typed(FIND, &[(&scope, Type::TEXT), (&name, Type::TEXT)]).await?;
    let Some(row) = found.first() else {
        // It was removed between the two: the caller tries again, and takes it.
        return Err(Failed::Refused(DbError::new(Fault::Collided, "the key was given up this moment")));
    };
    if row.get::<_, &str>(0) != fingerprint {
        let error = DbError::new(Fault::IdempotencyMismatch, "the key was used for another request");
        return Err(Failed::Refused(error));
    }
    let outcomes: Option<&str> = row.get(1);
    match serde_json::from_str(outcomes.unwrap_or("[]")) {
        Ok(outcomes) => Ok(Some(outcomes)),
        Err(error) => {
            let message = format!("a stored reply cannot be read: {error}");
            Err(Failed::Refused(DbError::new(Fault::Internal, message)))
        }
    }
}

/// Keeps what the unit of this key did.
pub(crate) async fn remember(client: &Client, key: &Idempotency, outcomes: &[Outcome]) -> Result<(), Failed> {
    let outcomes = serde_json::to_string(outcomes)
        .map_err(|error| Failed::Refused(DbError::new(Fault::Internal, error.to_string())))?;
    let (scope, name) = (&*key.scope, &*key.key);
    client
        .execute_typed(REMEMBER, &[(&scope, Type::TEXT), (&name, Type::TEXT), (&outcomes, Type::TEXT)])
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::{
        changes::{install, tests::scratch::Scratch},
        upkeep::{Keep, clean},
    };

    const DAY: Duration = Duration::from_secs(86_400);

    fn key(fingerprint: &str) -> Idempotency {
        Idempotency { key: "k".into(), scope: "s".into(), fingerprint: fingerprint.into() }
    }

    fn outcome(json: &str) -> Vec<Outcome> {
        vec![Outcome { json: json.to_owned(), rows: 1, ..Outcome::default() }]
    }

    async fn execute(client: &Client, sql: &str) {
        client.batch_execute(sql).await.unwrap();
    }

    #[tokio::test]
    async fn a_key_is_used_once() {
        let scratch = Scratch::start();
        let client = scratch.client().await;
        install(&client).await.unwrap();
        let (first, kept) = (key("a"), outcome("[{\"a\":\"\\u0000\"}]"));
        execute(&client, "BEGIN").await;
        assert_eq!(earlier(&client, &first, DAY).await.unwrap(), None);
        execute(&client, "ROLLBACK; BEGIN").await;
        assert_eq!(earlier(&client, &first, DAY).await.unwrap(), None, "what failed may try again");
        remember(&client, &first, &kept).await.unwrap();
        execute(&client, "COMMIT; BEGIN").await;
        assert_eq!(earlier(&client, &first, DAY).await.unwrap(), Some(kept.clone()));
        let Err(Failed::Refused(error)) = earlier(&client, &key("b"), DAY).await else {
            panic!("is another request")
        };
        assert_eq!(error.fault, Fault::IdempotencyMismatch);
        let other = Idempotency { scope: "t".into(), ..key("b") };
        assert_eq!(earlier(&client, &other, DAY).await.unwrap(), None, "scopes are apart");
        execute(&client, "COMMIT; SELECT pg_sleep(0.01)").await;
        let short = Duration::from_millis(1);
        let keep = Keep { change_count_max: 1, change_age_max: DAY, idempotency_age_max: DAY };
        clean(&client, &keep).await.unwrap();
        assert_eq!(earlier(&client, &first, DAY).await.unwrap(), Some(kept), "not old enough");
        assert_eq!(earlier(&client, &key("b"), short).await.unwrap(), None, "too old to count");
        execute(&client, "SELECT pg_sleep(0.01)").await;
        clean(&client, &Keep { idempotency_age_max: short, ..keep }).await.unwrap();
        let left = client.query_typed("SELECT count(*) FROM _transom.idempotency", &[]).await.unwrap();
        assert_eq!(left[0].get::<_, i64>(0), 0);
    }

    /// How the first ends, and what the second of two at the same time finds.
    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let scratch = Scratch::start();
        let (one, two) = (scratch.client().await, scratch.client().await);
        install(&one).await.unwrap();
        let kept = outcome("[]");
        for (end, level, expected) in [
            ("ROLLBACK", "READ COMMITTED", None),
            ("COMMIT", "READ COMMITTED", Some(kept.clone())),
            ("COMMIT", "REPEATABLE READ", None),
        ] {
            execute(&one, "TRUNCATE _transom.idempotency; BEGIN").await;
            execute(&two, &format!("BEGIN ISOLATION LEVEL {level}")).await;
            assert_eq!(earlier(&one, &key("a"), DAY).await.unwrap(), None);
            remember(&one, &key("a"), &kept).await.unwrap();
            let wanted = key("a");
            let second = earlier(&two, &wanted, DAY);
            let first = async {
                // Until the engine says that the other waits.
                let waits = "SELECT FROM pg_locks WHERE NOT granted";
                while one.query_typed(waits, &[]).await.unwrap().is_empty() {}
                execute(&one, end).await;
            };
            let (found, ()) = futures_util::future::join(second, first).await;
            match (level, found) {
                ("REPEATABLE READ", Err(Failed::Engine(error))) => assert!(crate::errors::collided(&error)),
                (_, found) => assert_eq!(found.unwrap(), expected, "{end}"),
            }
            execute(&two, "ROLLBACK").await;
        }
    }
}
