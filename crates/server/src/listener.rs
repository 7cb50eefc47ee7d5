//! Accepts connections and drives each to its end; stops gracefully. HTTP/1.1 is the hot path: the strict filter, the HTTP
//! library and the pipeline, without a router, a middleware or a boxed body between them.

pub mod connections;
mod http2;

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    app::App,
    edge::{
        scan::HeadLimits,
        strict::{Strict, StrictLimits},
    },
    listener::connections::{Connections, Phase, Slot},
    pipeline,
    telemetry::Observation,
};

/// How long accepting rests after it failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Largest buffer of one connection in the HTTP library.
const BUFFER_BYTES_MAX: usize = 256 * 1024;
/// How an HTTP/2 connection with prior knowledge begins, as far as it is unlike every HTTP/1 method (RFC 9113, section 3.4).
const HTTP2_BEGINNING: &[u8] = b"PRI ";
/// How soon a connection whose first bytes come one by one is looked at again; twice as late each time, lest many such
/// connections keep a processor busy.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(320));

/// Serves until `shutdown`, then finishes what runs. Returns how many connections had to be cut off.
pub(crate) async fn run(app: &Arc<App>, listener: TcpListener, shutdown: impl Future<Output = ()>) -> usize {
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => accept(app, stream),
                Err(error) => accept_failed(app, &error).await,
            },
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    drain(app).await
}

async fn drain(app: &App) -> usize {
    let connections = &app.connections;
    app.telemetry.observe(&Observation::Draining { connections: connections.count() });
    connections.tell(Phase::Draining);
    let finished = tokio::time::timeout(app.settings.drain_timeout, connections.emptied()).await;
    let cut_off = if finished.is_ok() { 0 } else { connections.count() };
    connections.tell(Phase::Closing);
    app.telemetry.observe(&Observation::Drained { cut_off });
    cut_off
}

/// A connection that is gone already is the client's matter; anything else is ours, and would repeat at once.
async fn accept_failed(app: &App, error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        app.telemetry.observe(&Observation::AcceptFailed(error));
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

fn accept(app: &Arc<App>, stream: TcpStream) {
    let app = app.clone();
    tokio::spawn(async move {
        match app.connections.open(app.settings.connections_max) {
            Some(slot) => {
                app.telemetry.observe(&Observation::ConnectionOpened);
                connection(&app, stream, &slot).await;
                app.telemetry.observe(&Observation::ConnectionClosed);
            }
            None => turn_away(&app, stream).await,
        }
    });
}

async fn connection(app: &Arc<App>, stream: TcpStream, slot: &Slot<'_>) {
    // Replies are written whole: waiting for more would only delay them. Failing here means the client is gone.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    if app.settings.http2 && begins_http2(&stream, app.settings.header_timeout, &app.connections).await {
        http2::run(app, stream, slot).await;
    } else {
        drive_http1(app, stream, slot).await;
    }
}

/// Looks at the first bytes without taking them.
async fn begins_http2(stream: &TcpStream, timeout: Duration, connections: &Connections) -> bool {
    let look = async {
        let mut bytes = [0; HTTP2_BEGINNING.len()];
        let mut pause = LOOK_AGAIN.0;
        while let Ok(length @ 1..) = stream.peek(&mut bytes).await {
            if bytes[..length] != HTTP2_BEGINNING[..length] {
                return false;
            }
            if length == bytes.len() {
                return true;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_AGAIN.1);
        }
        false
    };
    let mut look = pin!(tokio::time::timeout(timeout, look));
    poll_fn(|cx| match look.as_mut().poll(cx) {
        Poll::Ready(found) => Poll::Ready(found.unwrap_or(false)),
        Poll::Pending if connections.phase() == Phase::Serving => Poll::Pending,
        Poll::Pending => Poll::Ready(false),
    })
    .await
}

async fn drive_http1(app: &Arc<App>, stream: TcpStream, slot: &Slot<'_>) {
    let settings = &app.settings;
    let limits = StrictLimits {
        head: HeadLimits {
            uri_bytes_max: settings.uri_bytes_max,
            head_bytes_max: settings.headers_bytes_max,
        },
        header_timeout: settings.header_timeout,
        idle_timeout: settings.idle_timeout,
        write_timeout: settings.write_timeout,
    };
    let service = service_fn(|request: Request<Incoming>| answer(app, request));
    // The filter in front keeps the time, with one timer per connection and not one per request. Not `pipeline_flush`: it
    // forgets a reply when the connection closes with bytes unread, as after a body too large.
    let connection = http1::Builder::new()
        .half_close(true)
        .header_read_timeout(None)
        .max_buf_size(BUFFER_BYTES_MAX.max(settings.headers_bytes_max))
        .serve_connection(TokioIo::new(Strict::new(stream, limits)), service);
    let mut connection = pin!(connection);
    drive(app, slot, |cx, draining| {
        if draining {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    })
    .await;
}

async fn answer(app: &Arc<App>, request: Request<Incoming>) -> Result<crate::reply::Reply, Infallible> {
    Ok(pipeline::answer(app, request).await)
}

/// Polls a connection to its end, telling it once when the server drains. The end's error is the client's matter.
async fn drive(
    app: &App,
    slot: &Slot<'_>,
    mut poll: impl FnMut(&mut std::task::Context<'_>, bool) -> Poll<hyper::Result<()>>,
) {
    let mut registered = false;
    let mut told = false;
    poll_fn(move |cx| {
        if !registered {
            slot.register(cx.waker());
            registered = true;
        }
        let phase = app.connections.phase();
        if phase == Phase::Closing {
            return Poll::Ready(());
        }
        let tell = phase == Phase::Draining && !told;
        told |= tell;
        poll(cx, tell).map(drop)
    })
    .await;
}

/// One connection too many: says so, and closes. Bounded in time and number (the sockets of those turned away count with the
/// system too), and it never reads a request.
async fn turn_away(app: &App, mut stream: TcpStream) {
    app.telemetry.observe(&Observation::ConnectionRefused);
    let Ok(_place) = app.connections.farewells.try_acquire() else { return };
    let farewell = async {
        stream.write_all(crate::reply::problem::too_many_connections().as_bytes()).await?;
        stream.shutdown().await?;
        let mut waste = [0; 4096];
        while stream.read(&mut waste).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(Duration::from_millis(500), Pin::from(Box::new(farewell))).await;
}
