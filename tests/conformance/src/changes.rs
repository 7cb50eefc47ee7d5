//! The change log: every committed change of the tracked tables, in commit order, once.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use transom_ports::{Change, ChangeKind};
use transom_query::request::Resolution;
use transom_types::ChangePosition;

use crate::{
    Factory, Shop,
    json::assert_same,
    request::{delete, eq, insert, update},
};

async fn tracking(factory: &dyn Factory, tables: &[&str]) -> Shop {
    let shop = Shop::open(factory).await;
    let tables: Vec<Box<str>> = tables.iter().map(|table| (*table).into()).collect();
    shop.database.track_changes(&tables).await.expect("the tables are there");
    shop
}

async fn all(shop: &Shop) -> Vec<Change> {
    settled(shop).await;
    after(shop, ChangePosition::default()).await
}

async fn settled(shop: &Shop) -> ChangePosition {
    shop.database.settled().await.expect("the log is settled")
}

async fn after(shop: &Shop, position: ChangePosition) -> Vec<Change> {
    shop.database.changes_after(position, 1_000).await.expect("the log reaches back")
}

#[track_caller]
fn assert_image(what: &str, image: Option<&Map<String, Json>>, expected: Json) {
    assert_same(what, &image.cloned().map_or(Json::Null, Json::Object), &expected);
}

/// Short units overtake long ones that began before them. Whoever follows meanwhile sees each change once, each unit's together,
/// and each writer's in its order.
pub async fn a_late_committer_and_nothing_missed(factory: &dyn Factory) {
    const WRITERS: i64 = 4;
    const UNITS: i64 = 12;
    let shop = Arc::new(tracking(factory, &["tags"]).await);
    let length = |writer: i64, unit: i64| if (writer + unit) % 4 == 0 { 40 } else { 1 };
    let writers = (0..WRITERS).map(|writer| {
        let shop = shop.clone();
        tokio::spawn(async move {
            for unit in 0..UNITS {
                let row = |step| json!({ "id": writer * 100_000 + unit * 1_000 + step, "label": "x" });
                let steps = (0..length(writer, unit)).map(|step| insert("tags", row(1_000 + step)));
                shop.write(steps.collect()).await.expect("is written");
                let settled = settled(&shop).await;
                let later = shop.database.changes_after(settled, 1).await.expect("a page");
                assert!(later.iter().all(|change| change.position > settled));
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let count: i64 = (0..WRITERS).flat_map(|writer| (0..UNITS).map(move |unit| length(writer, unit))).sum();
    let (mut position, mut seen) = (ChangePosition::default(), Vec::new());
    let follow = async {
        while (seen.len() as i64) < count {
            for change in shop.database.changes_after(position, 7).await.expect("a page") {
                assert_eq!(change.position.0, position.0 + 1, "no gaps");
                position = change.position;
                seen.push(change.key["id"].as_i64().expect("a number"));
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::shop::TIMEOUT, follow).await.expect("all come in time");
    for writer in writers {
        writer.await.expect("no writer panics");
    }
    for together in seen.chunk_by(|one, next| one / 1_000 == next / 1_000) {
        let (writer, unit) = (together[0] / 100_000, together[0] % 100_000 / 1_000 - 1);
        assert_eq!(
            together.len() as i64,
            length(writer, unit),
            "a unit's changes stand together: {together:?}"
        );
        assert!(together.is_sorted());
    }
    for writer in 0..WRITERS {
        let own: Vec<_> = seen.iter().filter(|id| *id / 100_000 == writer).collect();
        assert!(own.is_sorted(), "a writer's units are in its order");
    }
    assert_eq!(all(&shop).await.len() as i64, count);
}

pub async fn in_commit_order_with_images(factory: &dyn Factory) {
    let shop = tracking(factory, &["tags", "product_tags"]).await;
    shop.write(vec![
        insert("tags", json!({ "id": 9, "label": "a" })),
        update("tags", eq("id", "9"), json!({ "label": "b" })),
    ])
    .await
    .expect("is written");
    shop.write(vec![delete("tags", eq("id", "9")), delete("product_tags", eq("tag_id", "1"))])
        .await
        .expect("is written");
    let settled = settled(&shop).await;
    let changes = all(&shop).await;
    let kinds: Vec<_> = changes.iter().map(|change| (&*change.table, change.kind)).collect();
    let (inserted, updated, deleted) = (ChangeKind::Insert, ChangeKind::Update, ChangeKind::Delete);
    assert_eq!(kinds, [("tags", inserted), ("tags", updated), ("tags", deleted), ("product_tags", deleted)]);
    assert_image("inserted", changes[0].before.as_ref(), Json::Null);
    assert_image("inserted", changes[0].after.as_ref(), json!({ "id": 9, "label": "a" }));
    assert_image("updated", changes[1].before.as_ref(), json!({ "id": 9, "label": "a" }));
    assert_image("updated", changes[1].after.as_ref(), json!({ "id": 9, "label": "b" }));
    assert_image("deleted", changes[2].before.as_ref(), json!({ "id": 9, "label": "b" }));
    assert_image("deleted", changes[2].after.as_ref(), Json::Null);
    assert_image("the key", Some(&changes[1].key), json!({ "id": 9 }));
    assert_image("a key of two", Some(&changes[3].key), json!({ "product_id": 1, "tag_id": 1 }));
    for pair in changes.windows(2) {
        assert_eq!(pair[1].position.0, pair[0].position.0 + 1, "no gaps");
    }
    assert_eq!(changes.last().map(|change| change.position), Some(settled));
    assert!(changes.iter().all(|change| &*change.cause == "conformance" && change.at_ms > 1_600_000_000_000));
}

pub async fn only_of_tracked_tables(factory: &dyn Factory) {
    let shop = tracking(factory, &["tags"]).await;
    shop.write(vec![
        insert("customers", json!({ "name": "unseen" })),
        insert("tags", json!({ "label": "seen" })),
    ])
    .await
    .expect("is written");
    let tables: Vec<_> = all(&shop).await.iter().map(|change| change.table.clone()).collect();
    assert_eq!(tables, ["tags".into()]);
    shop.database.track_changes(&["customers".into()]).await.expect("another one");
    shop.write(vec![
        insert("customers", json!({ "name": "seen" })),
        insert("tags", json!({ "label": "still" })),
    ])
    .await
    .expect("is written");
    assert_eq!(all(&shop).await.len(), 3);
}

pub async fn nothing_of_rolled_back_units(factory: &dyn Factory) {
    let shop = tracking(factory, &["tags"]).await;
    let row = || insert("tags", json!({ "id": 9, "label": "a" }));
    assert!(shop.write(vec![row(), insert("tags", json!({ "id": 1, "label": "taken" }))]).await.is_err());
    let mut unit = shop.unit(vec![row()]);
    unit.rollback = true;
    assert!(shop.database.write(unit).await.is_ok());
    assert_eq!(all(&shop).await, []);
    shop.write(vec![row()]).await.expect("is written");
    let changes = all(&shop).await;
    assert_eq!(changes.len(), 1);
}

pub async fn resume_from_any_position(factory: &dyn Factory) {
    let shop = tracking(factory, &["tags"]).await;
    for id in 100..120 {
        shop.write(vec![insert("tags", json!({ "id": id, "label": "x" }))]).await.expect("is written");
    }
    let changes = all(&shop).await;
    assert_eq!(changes.len(), 20);
    for (place, change) in changes.iter().enumerate() {
        assert_eq!(after(&shop, change.position).await, changes[place + 1..]);
    }
    let (mut position, mut seen) = (ChangePosition::default(), Vec::new());
    loop {
        let page = shop.database.changes_after(position, 7).await.expect("a page");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 7);
        position = last.position;
        seen.extend(page);
    }
    assert_eq!(seen, changes);
}

pub async fn receivers_are_told(factory: &dyn Factory) {
    let shop = tracking(factory, &["tags"]).await;
    let mut receiver = shop.database.changes().await.expect("a receiver");
    let before = *receiver.borrow_and_update();
    shop.write(vec![insert("tags", json!({ "label": "told" }))]).await.expect("is written");
    let told = tokio::time::timeout(crate::shop::TIMEOUT, receiver.wait_for(|position| *position > before));
    assert!(told.await.expect("in time").is_ok());
    assert_eq!(after(&shop, before).await.len(), 1, "what was told can be read");
}

pub async fn merges_are_inserts_or_updates(factory: &dyn Factory) {
    let shop = tracking(factory, &["tags"]).await;
    let rows = json!([{ "id": 1, "label": "changed" }, { "id": 9, "label": "fresh" }]);
    shop.write(vec![insert("tags", rows.clone()).on_conflict(&[], Resolution::Merge)])
        .await
        .expect("is written");
    shop.write(vec![insert("tags", rows).on_conflict(&[], Resolution::Ignore)])
        .await
        .expect("changes nothing");
    let kinds: Vec<_> = all(&shop).await.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Update, ChangeKind::Insert]);
}
