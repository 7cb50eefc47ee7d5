//! Who may see what of a change, under the policies of the moment.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value as Json, json};
use support::{Log, POLICIES, anonymous, fixed, insert, next, policies, request, settle, user};
use transom_events::{Event, FeedSettings, PolicySource, event_json, lifetime};
use transom_ports::Database;
use transom_types::{Code, Principal};

fn note(id: u64, owner: &str) -> Option<Json> {
    let tags = r#"["a","b"]"#;
    Some(json!({"id": id, "owner": owner, "body": "text", "secret": "hush", "done": 1, "tags": tags}))
}

/// What `user` sees of one change of `notes`.
async fn seen(principal: Principal, before: Option<Json>, after: Option<Json>) -> Vec<Event> {
    let log = Log::new();
    let feed = log.feed(FeedSettings::default()).await;
    let mut subscription = feed.subscribe(request(&["notes", "board"], Some(0), principal)).await.unwrap();
    // Something that everybody sees, so that what is hidden shows as a gap.
    log.commit(vec![("notes", before, after)]);
    log.post(1);
    let mut events = Vec::new();
    while subscription.position() < log.newest() {
        events.extend(next(&mut subscription).await.unwrap().events);
    }
    assert_eq!(&*events.pop().unwrap().table, "board");
    events
}

async fn check(before: Option<Json>, after: Option<Json>, expected: Option<Json>) {
    let events = seen(user("ann"), before, after).await;
    let events: Vec<Json> =
        events.iter().map(|event| serde_json::from_str(&event_json(event)).unwrap()).collect();
    assert_eq!(events, expected.into_iter().collect::<Vec<_>>());
}

fn shown(id: u64, owner: &str) -> Json {
    json!({"id": id, "owner": owner, "body": "text", "done": true, "tags": ["a", "b"]})
}

fn expected(kind: &str, key: u64, before: Option<Json>, after: Option<Json>) -> Option<Json> {
    let mut event = json!({"id": 1, "table": "notes", "kind": kind, "key": {"id": key}, "at": "2026-01-02T03:04:05.678Z"});
    if let Some(before) = before {
        event["before"] = before;
    }
    if let Some(after) = after {
        event["after"] = after;
    }
    Some(event)
}

#[tokio::test]
async fn rows_are_judged_and_columns_cut() {
    check(None, note(1, "ann"), expected("INSERT", 1, None, Some(shown(1, "ann")))).await;
    check(None, note(1, "bob"), None).await;
    check(note(1, "ann"), None, expected("DELETE", 1, Some(shown(1, "ann")), None)).await;
    check(note(1, "bob"), None, None).await;
    let both = expected("UPDATE", 1, Some(shown(1, "ann")), Some(shown(1, "ann")));
    check(note(1, "ann"), note(1, "ann"), both).await;
    check(note(1, "bob"), note(1, "bob"), None).await;
}

#[tokio::test]
async fn an_update_out_of_sight_is_a_delete_by_key_and_one_into_sight_an_insert() {
    check(note(1, "ann"), note(1, "bob"), expected("DELETE", 1, None, None)).await;
    check(note(1, "bob"), note(1, "ann"), expected("INSERT", 1, None, Some(shown(1, "ann")))).await;
    // Gone under another key: the subscriber is told the key that it knows, never the new one.
    check(note(1, "ann"), note(2, "bob"), expected("DELETE", 1, None, None)).await;
    check(note(1, "bob"), note(2, "ann"), expected("INSERT", 2, None, Some(shown(2, "ann")))).await;
}

#[tokio::test]
async fn claims_decide_and_hostile_claims_do_not_match() {
    for claims in [json!({}), json!({"sub": null}), json!({"sub": ["ann"]}), json!({"sub": "ann' OR '1'='1"})]
    {
        let principal = Principal::with_claims("authenticated", claims);
        assert!(seen(principal, None, note(1, "ann")).await.is_empty());
    }
    let service = seen(Principal::anonymous("service_role"), None, note(1, "ann")).await;
    assert_eq!(service[0].after.as_ref().unwrap()["secret"], "hush");
}

#[tokio::test]
async fn a_claim_is_read_as_the_column_it_meets() {
    for (operator, expected) in [("=", vec![7]), ("<>", vec![8])] {
        let text = format!(
            "GRANT SELECT ON board TO authenticated; \
             CREATE POLICY p ON board FOR SELECT TO authenticated USING (id {operator} auth.uid());"
        );
        for (subject, expected) in [("7", expected.as_slice()), ("seven", &[])] {
            let log = Log::new();
            let feed = log.feed_with(FeedSettings::default(), fixed(policies(&text))).await;
            let mut subscription = feed.subscribe(request(&["board"], Some(0), user(subject))).await.unwrap();
            log.post(7);
            log.post(8);
            let events = settle(&mut subscription, log.newest()).await;
            let seen: Vec<Json> = events.iter().map(|event| event.key["id"].clone()).collect();
            assert_eq!(seen, expected, "{operator} {subject}");
        }
    }
}

#[tokio::test]
async fn policies_that_look_at_other_tables_are_judged_by_the_database() {
    let log = Log::new();
    let feed = log.feed(FeedSettings::default()).await;
    log.memory
        .write(insert("members", &json!({"id": 1, "team": "red", "person": "ann"}), false))
        .await
        .unwrap();
    let mut ann = feed.subscribe(request(&["shared"], Some(0), user("ann"))).await.unwrap();
    let row = |id: u64, team: &str| ("shared", None, Some(json!({"id": id, "team": team})));
    log.commit(vec![row(1, "blue"), row(2, "red"), row(3, "blue"), row(4, "red")]);
    let batch = next(&mut ann).await.unwrap();
    assert_eq!(support::ids(&batch.events), [2, 4]);
}

#[tokio::test]
async fn many_rows_in_one_commit() {
    let log = Log::new();
    let feed = log.feed(FeedSettings::default()).await;
    let mut ann = feed.subscribe(request(&["notes"], Some(0), user("ann"))).await.unwrap();
    let owner = |id: u64| if id.is_multiple_of(3) { "ann" } else { "bob" };
    log.commit((1..=700).map(|id| ("notes", note(id, owner(id + 1)), note(id, owner(id)))).collect());
    let events = support::events_to(&mut ann, transom_types::ChangePosition(699)).await;
    let expected: Vec<u64> = (1..=700).filter(|id| id % 3 != 1).collect();
    assert_eq!(support::ids(&events), expected);
}

#[tokio::test]
async fn what_a_role_may_not_select_does_not_exist() {
    let log = Log::new();
    let feed = log.feed(FeedSettings::default()).await;
    let refused = |tables: &'static [&'static str]| {
        let feed = feed.clone();
        async move { feed.subscribe(anonymous(tables, None)).await.err().unwrap() }
    };
    for hidden in [&["hidden"][..], &["notes"], &["board", "hidden"], &["missing"], &[""], &["Board"]] {
        let problem = refused(Box::leak(hidden.into())).await;
        assert_eq!((problem.code(), problem.code().status()), (Code::TableMissing, 404), "{hidden:?}");
        assert!(!problem.hint().unwrap_or_default().contains("hidden"));
    }
    assert_eq!(refused(&["bord"]).await.hint(), Some("Perhaps you meant 'board'"));
    let untracked = refused(&["untracked"]).await;
    assert_eq!((untracked.code(), untracked.code().status()), (Code::ChangesNotTracked, 404));
    assert_eq!(refused(&[]).await.code(), Code::TooManyParts);
}

#[tokio::test]
async fn a_policy_that_changes_counts_from_the_next_batch() {
    let current = Arc::new(Mutex::new(policies(POLICIES)));
    let source: PolicySource = {
        let current = current.clone();
        Arc::new(move || current.lock().unwrap().clone())
    };
    let log = Log::new();
    let feed = log.feed_with(FeedSettings::default(), source).await;
    let mut subscription = feed.subscribe(request(&["notes"], Some(0), user("ann"))).await.unwrap();
    log.commit(vec![("notes", None, note(1, "ann"))]);
    assert_eq!(support::ids(&next(&mut subscription).await.unwrap().events), [1]);

    let reversed = POLICIES.replace("USING (owner = auth.uid())", "USING (owner <> auth.uid())");
    *current.lock().unwrap() = policies(&reversed);
    log.commit(vec![("notes", None, note(2, "ann")), ("notes", None, note(3, "bob"))]);
    assert_eq!(support::ids(&next(&mut subscription).await.unwrap().events), [3]);

    *current.lock().unwrap() = policies("GRANT SELECT ON board TO authenticated;");
    log.commit(vec![("notes", None, note(4, "bob"))]);
    let ended = next(&mut subscription).await.unwrap_err();
    assert_eq!(ended.code(), Code::TableMissing);
}

#[tokio::test]
async fn a_subscription_ends_with_its_token() {
    let log = Log::new();
    let feed = log.feed_with(FeedSettings::default(), fixed(policies(POLICIES))).await;
    let mut short = anonymous(&["board"], None);
    short.lifetime = Some(Duration::from_millis(1));
    let mut subscription = feed.subscribe(short).await.unwrap();
    assert_eq!(next(&mut subscription).await.unwrap_err().code(), Code::TokenClaims);

    let until = |exp: Json| lifetime(&Principal::with_claims("a", json!({ "exp": exp })), 1_000, 30);
    assert_eq!(until(json!(1_010)), Some(Duration::from_secs(40)));
    assert_eq!(until(json!(900)), Some(Duration::ZERO));
    assert_eq!(until(json!(1e300)), None);
    assert_eq!(until(json!("1010")), None);
    assert_eq!(lifetime(&Principal::anonymous("anon"), 1_000, 30), None);
}
