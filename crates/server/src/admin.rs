//! The admin listener: health and metrics. Whoever reaches it is trusted; it stands on an address of its own.

mod exposition;

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};

use crate::{
    app::App,
    listener::connections::Phase,
    reply::{self, Reply},
    telemetry::Observation,
};

/// Most connections at once; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 64;
/// How long a request's head may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long accepting rests after it failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long the database may take to say that it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves until `stop`'s sender is dropped.
pub(crate) async fn run(app: Arc<App>, listener: TcpListener, mut stop: watch::Receiver<()>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let (app, stop) = (app.clone(), stop.clone());
                tokio::spawn(async move {
                    connection(&app, stream, stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                app.telemetry.observe(&Observation::AcceptFailed(&error));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(app: &Arc<App>, stream: TcpStream, mut stop: watch::Receiver<()>) {
    let service =
        service_fn(
            |request: Request<Incoming>| async move { Ok::<_, Infallible>(answer(app, &request).await) },
        );
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(PING_TIMEOUT, connection).await;
        }
    }
}

async fn answer(app: &Arc<App>, request: &Request<Incoming>) -> Reply {
    let app = &*app.current();
    let mut reply = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/livez") => text(StatusCode::OK, "ok\n"),
        (&Method::GET | &Method::HEAD, "/readyz") => ready(app).await,
        (&Method::GET | &Method::HEAD, "/metrics") => metrics(app),
        (_, "/livez" | "/readyz" | "/metrics") => text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n"),
        _ => text(StatusCode::NOT_FOUND, "/livez /readyz /metrics\n"),
    };
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply::without_body(&mut reply, request.method(), false);
    reply
}

fn text(status: StatusCode, text: impl Into<String>) -> Reply {
    reply::with_body(status, HeaderValue::from_static("text/plain; charset=utf-8"), text.into())
}

/// Ready: not stopping, and the database answers. (The catalog is loaded before the server exists.)
async fn ready(app: &App) -> Reply {
    if app.connections.phase() != Phase::Serving {
        return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match tokio::time::timeout(PING_TIMEOUT, app.data.database().ping()).await {
        Ok(Ok(())) => text(StatusCode::OK, "ready\n"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            text(StatusCode::SERVICE_UNAVAILABLE, "database: does not answer\n")
        }
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "database: does not answer in time\n"),
    }
}

fn metrics(app: &App) -> Reply {
    let content_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    reply::with_body(StatusCode::OK, content_type, exposition::page(app))
}
