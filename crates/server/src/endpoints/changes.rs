//! `GET /realtime/v1/changes?table=a,b`: committed changes as server-sent events, resumable by `Last-Event-ID`.

use std::{sync::Arc, time::SystemTime};

use bytes::{Bytes, BytesMut};
use http::{HeaderName, Method, request::Parts};
use tokio::sync::mpsc;
use transom_events::{Batch, Subscription, SubscriptionRequest, lifetime, sse};
use transom_types::{ChangePosition, Code, Principal, Problem};

use crate::{
    app::App,
    edge::Admitted,
    endpoints::{headers, stream_token},
    reply::{self, Reply},
    telemetry::Observation,
};

/// How long clients wait before they connect again, in milliseconds.
const RETRY_MS: u32 = 2_000;
/// Batches on their way to one client; a client that is slower than that is waited for.
const BATCHES_MAX: usize = 1;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Subscribes, then hands the stream to a task of its own.
pub async fn call(app: &Arc<App>, admitted: Admitted<'_>, principal: Principal) -> Result<Reply, Problem> {
    let head = admitted.head;
    if head.method == Method::OPTIONS {
        return Ok(reply::allow("GET, OPTIONS"));
    }
    let feed = app.changes.as_ref().ok_or_else(|| {
        Problem::new(Code::ChangesNotTracked, "No changes are tracked")
            .with_hint("Name tables in `changes.tables` in transom.toml")
    })?;
    let (tables, from) = asked(head)?;
    let now_seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let lifetime = lifetime(&principal, now_seconds, app.settings.clock_skew_seconds);
    let subscription = feed.subscribe(SubscriptionRequest { tables, from, principal, lifetime }).await?;
    let (sender, receiver) = mpsc::channel(BATCHES_MAX);
    tokio::spawn(stream(app.clone(), subscription, sender));
    Ok(reply::stream(sse::MEDIA_TYPE, receiver))
}

/// The tables, and the position after which to begin.
fn asked(head: &Parts) -> Result<(Vec<Box<str>>, Option<ChangePosition>), Problem> {
    let mut tables: Vec<Box<str>> = Vec::new();
    let mut since = headers::text(&head.headers, LAST_EVENT_ID)?.map(sse::position).transpose()?;
    for (name, value) in form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()) {
        match &*name {
            "table" => tables.extend(value.split(',').filter(|table| !table.is_empty()).map(Box::from)),
            // What a client that reconnects by itself says is newer than what its address says.
            "since" if since.is_none() => since = Some(sse::position(&value)?),
            // The pipeline has read it: it says who asks.
            stream_token::PARAMETER | "since" => {}
            other => {
                return Err(Problem::new(Code::QuerySyntax, format!("'{other}' means nothing here"))
                    .with_hint("Possible: table=a,b, since=POSITION and token=STREAM_TOKEN"));
            }
        }
    }
    tables.sort_unstable();
    tables.dedup();
    Ok((tables, since))
}

/// Sends until the client goes, the subscription ends or the server stops.
async fn stream(app: Arc<App>, mut subscription: Subscription, client: mpsc::Sender<Bytes>) {
    app.telemetry.observe(&Observation::StreamOpened);
    let mut next = Some(sse::opening(RETRY_MS));
    while let Some(bytes) = next {
        if !sent(&app, &client, bytes).await {
            break;
        }
        next = tokio::select! {
            batch = subscription.next() => match batch {
                Ok(batch) => Some(events(&batch)),
                Err(problem) => {
                    farewell(&app, &client, &problem).await;
                    None
                }
            },
            () = tokio::time::sleep(app.settings.stream_keep_alive) => Some(sse::keep_alive(subscription.position())),
            () = app.connections.told() => {
                farewell(&app, &client, &Problem::new(Code::ShuttingDown, "The server is stopping")).await;
                None
            }
            () = client.closed() => None,
        };
    }
    app.telemetry.observe(&Observation::StreamClosed);
}

/// Hands on what the client is to get. `false`: it is gone, or takes nothing; then its place is for somebody else, and it
/// resumes where it stood.
async fn sent(app: &App, client: &mpsc::Sender<Bytes>, bytes: Bytes) -> bool {
    matches!(tokio::time::timeout(app.settings.write_timeout, client.send(bytes)).await, Ok(Ok(())))
}

async fn farewell(app: &App, client: &mpsc::Sender<Bytes>, problem: &Problem) {
    // A client that is gone needs none.
    let _ = sent(app, client, sse::problem(problem)).await;
}

fn events(batch: &Batch) -> Bytes {
    let mut bytes = BytesMut::new();
    batch.events.iter().for_each(|event| bytes.extend_from_slice(&sse::event(event)));
    bytes.freeze()
}
