//! In order, nothing missed, nothing twice, bounded memory; whatever the subscriber's pace and the log's health.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use proptest::prelude::*;
use support::{Log, anonymous, events_to, fixed, ids, insert, memory, next, policies, settle};
use transom_events::{ChangeFeed, FeedSettings, Observation};
use transom_ports::Database;
use transom_types::{ChangePosition, Code};

fn small() -> FeedSettings {
    FeedSettings { window_changes_max: 8, ..FeedSettings::default() }
}

#[tokio::test]
async fn resuming_from_any_position_yields_exactly_the_rest() {
    let log = Log::new();
    let feed = log.feed(small()).await;
    log.post_all(1..=300);
    for from in [0, 1, 7, 128, 129, 255, 290, 291, 292, 293, 299] {
        let mut subscription = feed.subscribe(anonymous(&["board"], Some(from))).await.unwrap();
        let events = events_to(&mut subscription, log.newest()).await;
        assert_eq!(ids(&events), (from + 1..=300).collect::<Vec<_>>(), "from {from}");
    }
    let mut at_the_end = feed.subscribe(anonymous(&["board"], Some(300))).await.unwrap();
    log.post(301);
    assert_eq!(ids(&next(&mut at_the_end).await.unwrap().events), [301]);
}

#[tokio::test]
async fn a_late_subscriber_begins_now() {
    let log = Log::new();
    let feed = log.feed(FeedSettings::default()).await;
    log.post_all(1..=10);
    let mut subscription = feed.subscribe(anonymous(&["board"], None)).await.unwrap();
    assert_eq!(subscription.position(), ChangePosition(10));
    log.post(11);
    assert_eq!(ids(&next(&mut subscription).await.unwrap().events), [11]);
}

#[tokio::test]
async fn a_slow_subscriber_catches_up_from_the_log_and_costs_no_memory() {
    let log = Log::new();
    let feed = log.feed(small()).await;
    let mut slow = feed.subscribe(anonymous(&["board"], None)).await.unwrap();
    let mut quick = feed.subscribe(anonymous(&["board"], None)).await.unwrap();
    for id in 1..=1_000 {
        let position = log.post(id);
        if id % 100 == 0 {
            events_to(&mut quick, position).await;
        }
    }
    let gauge = |name: &str| feed.gauges().iter().find(|(known, _)| *known == name).unwrap().1;
    assert!(gauge("change_feed_window_changes") <= 8.0);
    assert!(gauge("change_feed_subscribers") == 2.0 && gauge("change_feed_lag_changes") == 0.0);
    let events = events_to(&mut slow, log.newest()).await;
    assert_eq!(ids(&events), (1..=1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn many_subscribers_share_one_reading_of_the_log() {
    let log = Log::new();
    let feed = log.feed(FeedSettings::default()).await;
    let mut subscriptions = Vec::new();
    for _ in 0..50 {
        subscriptions.push(feed.subscribe(anonymous(&["board"], None)).await.unwrap());
    }
    for id in 1..=20 {
        let position = log.post(id);
        for subscription in &mut subscriptions {
            assert_eq!(ids(&events_to(subscription, position).await), [id]);
        }
    }
    assert!(log.read.load(Ordering::SeqCst) <= 20, "{:?} reads", log.read);
}

#[tokio::test]
async fn only_the_tables_asked_for_in_commit_order() {
    let log = Log::new();
    let feed = log.feed(FeedSettings::default()).await;
    let both =
        support::request(&["shared", "board"], Some(0), transom_types::Principal::anonymous("service_role"));
    let mut both = feed.subscribe(both).await.unwrap();
    let mut board = feed.subscribe(anonymous(&["board"], Some(0))).await.unwrap();
    let row = |id: u64| Some(serde_json::json!({"id": id, "team": "a", "text": "b"}));
    log.commit(vec![
        ("board", None, row(1)),
        ("shared", None, row(1)),
        ("notes", None, row(1)),
        ("board", None, row(2)),
    ]);
    log.commit(vec![("notes", None, row(2)), ("shared", row(1), None)]);
    assert_eq!(ids(&events_to(&mut both, log.newest()).await), [1, 2, 4, 6]);
    assert_eq!(ids(&next(&mut board).await.unwrap().events), [1, 4]);
    // The rest is not for it, but it moves on, so that it resumes behind it.
    assert!(settle(&mut board, log.newest()).await.is_empty());
}

#[tokio::test]
async fn a_call_that_is_dropped_loses_nothing() {
    let log = Log::new();
    let feed = log.feed(small()).await;
    let mut subscription = feed.subscribe(anonymous(&["board"], Some(0))).await.unwrap();
    let (mut seen, mut id) = (Vec::new(), 0);
    for polls in 0..200 {
        if polls % 3 == 0 {
            id += 1;
            log.post(id);
        }
        let mut call = Box::pin(subscription.next());
        for _ in 0..polls % 4 {
            let polled =
                std::future::poll_fn(|context| std::task::Poll::Ready(call.as_mut().poll(context))).await;
            if let std::task::Poll::Ready(batch) = polled {
                seen.extend(ids(&batch.unwrap().events));
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    seen.extend(ids(&events_to(&mut subscription, log.newest()).await));
    assert_eq!(seen, (1..=id).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_the_log_has_forgotten_is_said_not_skipped() {
    let log = Log::new();
    let feed = log.feed(small()).await;
    let mut slow = feed.subscribe(anonymous(&["board"], None)).await.unwrap();
    let mut quick = feed.subscribe(anonymous(&["board"], None)).await.unwrap();
    log.post_all(1..=100);
    events_to(&mut quick, log.newest()).await;
    log.keep(20);
    assert_eq!(next(&mut slow).await.unwrap_err().code(), Code::ChangesExpired);
    let expired = feed.subscribe(anonymous(&["board"], Some(79))).await.err().unwrap();
    assert_eq!((expired.code(), expired.code().status()), (Code::ChangesExpired, 410));
    let mut oldest = feed.subscribe(anonymous(&["board"], Some(80))).await.unwrap();
    assert_eq!(ids(&events_to(&mut oldest, log.newest()).await), (81..=100).collect::<Vec<_>>());
    // A position of another database: it would wait in silence for changes that came long ago.
    let ahead = feed.subscribe(anonymous(&["board"], Some(101))).await.err().unwrap();
    assert_eq!(ahead.code(), Code::ChangesExpired);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_tried_again() {
    let log = Log::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let observer: transom_events::Observer = Arc::new(move |one| sink.lock().unwrap().push(one.clone()));
    let feed = log.feed(FeedSettings { observer: Some(observer), ..small() }).await;
    let mut subscription = feed.subscribe(anonymous(&["board"], None)).await.unwrap();
    log.failing.store(3, Ordering::SeqCst);
    log.post(1);
    assert_eq!(ids(&next(&mut subscription).await.unwrap().events), [1]);
    let retries: Vec<u64> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|one| match one {
            Observation::LogUnreadable { retry_ms, .. } => *retry_ms,
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(retries, [50, 100, 200]);
}

#[tokio::test]
async fn subscribers_are_limited_and_give_their_place_back() {
    let log = Log::new();
    let feed = log.feed(FeedSettings { subscribers_max: 2, ..small() }).await;
    let first = feed.subscribe(anonymous(&["board"], None)).await.unwrap();
    let _second = feed.subscribe(anonymous(&["board"], None)).await.unwrap();
    let third = feed.subscribe(anonymous(&["board"], None)).await;
    assert_eq!(third.err().unwrap().code(), Code::Overloaded);
    drop(first);
    assert!(feed.subscribe(anonymous(&["board"], None)).await.is_ok());
}

#[tokio::test]
async fn nothing_before_commit() {
    let memory = Arc::new(memory());
    let settings = FeedSettings { tables: support::tracked(), ..FeedSettings::default() };
    let feed = ChangeFeed::start(memory.clone(), fixed(policies(support::POLICIES)), settings).await.unwrap();
    let mut subscription = feed.subscribe(anonymous(&["board"], None)).await.unwrap();
    let row = |id: u64| serde_json::json!({"id": id, "text": "x"});
    memory.write(insert("board", &row(1), true)).await.unwrap();
    assert!(
        tokio::time::timeout(Duration::from_millis(50), subscription.next()).await.is_err(),
        "rolled back"
    );
    for id in [2, 3] {
        memory.write(insert("board", &row(id), false)).await.unwrap();
        let settled = memory.settled().await.unwrap();
        assert!(memory.write(insert("board", &row(id), false)).await.is_err(), "the key is taken");
        let batch = next(&mut subscription).await.unwrap();
        assert_eq!(batch.position, settled);
        assert_eq!(batch.events.len(), 1);
        assert_eq!(batch.events[0].after.as_ref().unwrap()["id"], id);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_pace_sees_the_same_log(
        commits in proptest::collection::vec(1usize..40, 1..20),
        window in 1usize..50,
        paces in proptest::collection::vec((0u64..100, 1usize..8), 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let result: Result<(), TestCaseError> = runtime.block_on(async {
            let log = Log::new();
            let feed = log.feed(FeedSettings { window_changes_max: window, ..FeedSettings::default() }).await;
            let mut subscribers = Vec::new();
            let (mut id, mut round) = (0, 0);
            let mut waiting = paces.clone();
            for commit in &commits {
                for _ in 0..*commit {
                    id += 1;
                    log.post(id);
                }
                round += 1;
                // Everybody comes when the log has reached where they want to begin, and reads every so many rounds.
                let newest = log.newest().0;
                let (come, wait) = waiting.into_iter().partition(|(from, _)| *from <= newest);
                waiting = wait;
                for (from, pace) in come {
                    let subscription = feed.subscribe(anonymous(&["board"], Some(from))).await.unwrap();
                    subscribers.push((from, pace, subscription, Vec::new()));
                }
                for (_, pace, subscription, seen) in &mut subscribers {
                    if round % *pace == 0 && subscription.position() < log.newest() {
                        seen.extend(ids(&next(subscription).await.unwrap().events));
                    }
                }
            }
            for (from, _, mut subscription, mut seen) in subscribers {
                seen.extend(ids(&events_to(&mut subscription, log.newest()).await));
                prop_assert_eq!(seen, (from + 1..=id).collect::<Vec<_>>());
            }
            Ok(())
        });
        result?;
    }
}

/// What waits is always ready, so that a timer alone would never come to its turn.
#[tokio::test]
async fn a_token_that_has_expired_ends_even_a_stream_that_has_much_to_catch_up_with() {
    let log = Log::new();
    let feed = log.feed(small()).await;
    log.post_all(1..=5_000);
    let mut request = anonymous(&["board"], Some(0));
    request.lifetime = Some(Duration::ZERO);
    let mut late = feed.subscribe(request).await.unwrap();
    assert_eq!(next(&mut late).await.unwrap_err().code(), Code::TokenClaims);
    assert_eq!(late.position(), ChangePosition(0), "nothing was told");
}
