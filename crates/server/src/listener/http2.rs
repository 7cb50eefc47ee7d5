//! HTTP/2 connections, and what keeps them honest. The library answers pings and keeps windows; that a client asks for
//! nothing, or asks for much and takes none of it, is nobody's matter there, and it would cost us a connection or the
//! memory of a hundred replies for ever. So each connection is looked at once in a while.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::Notify,
    time::{Instant, Interval, MissedTickBehavior},
};

use crate::{
    app::App,
    listener::{connections::Slot, drive},
    pipeline,
    reply::ReplyBody,
    settings::Settings,
};

/// Most requests at once on one connection.
const STREAMS_MAX: u32 = 128;
/// Largest buffer of one stream in the library.
const BUFFER_BYTES_MAX: usize = 256 * 1024;
/// Most bytes of replies that the client has not taken yet; the next request waits until there is room.
const UNTAKEN_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What a client has to take per second of what is ready for it, beyond the write timeout.
const TAKEN_BYTES_PER_SECOND_MIN: usize = 32 * 1024;
/// How often a connection is looked at, at most and at least.
const LOOK: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Drives a connection to its end.
pub(super) async fn run(app: &Arc<App>, stream: TcpStream, slot: &Slot<'_>) {
    let settings = &app.settings;
    let shared = Arc::new(Shared::default());
    let (app_of_connection, shared_of_connection) = (app.clone(), shared.clone());
    let service =
        service_fn(move |request| answer(app_of_connection.clone(), shared_of_connection.clone(), request));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(settings.headers_bytes_max).unwrap_or(u32::MAX))
        .max_send_buf_size(BUFFER_BYTES_MAX)
        .keep_alive_interval(settings.idle_timeout / 2)
        .keep_alive_timeout(settings.header_timeout)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut watch = Watch::new(settings, shared);
    drive(app, slot, |cx, draining| {
        match watch.poll(cx) {
            Finding::Good => {}
            Finding::Idle => connection.as_mut().graceful_shutdown(),
            Finding::Lost => return Poll::Ready(Ok(())),
        }
        if draining {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    })
    .await;
}

async fn answer(
    app: Arc<App>,
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Watched>, Infallible> {
    let place = Place::new(&shared);
    shared.room().await;
    let reply = pipeline::answer(&app, request).await;
    Ok(reply.map(|body| Watched { body, place }))
}

/// What is known of a connection.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    taken: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that are being answered, their replies' bodies included.
    open: usize,
    /// When something began or ended last; `None` before the first request.
    active_at: Option<Instant>,
    /// What was handed to the library and is not on the socket yet: since when, and how many bytes.
    untaken: BTreeMap<u64, (Instant, usize)>,
    untaken_bytes: usize,
    handed: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the client has taken enough of earlier replies. One that never does loses its connection.
    async fn room(&self) {
        loop {
            let taken = self.taken.notified();
            if self.lock().untaken_bytes < UNTAKEN_BYTES_MAX {
                return;
            }
            taken.await;
        }
    }

    /// The same bytes, known to be with the library until it drops them.
    fn hand_over(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        let mut state = self.lock();
        let place = state.handed;
        state.handed += 1;
        state.untaken_bytes += bytes.len();
        state.untaken.insert(place, (Instant::now(), bytes.len()));
        drop(state);
        Bytes::from_owner(Handed { bytes, place, shared: self.clone() })
    }
}

/// One of the requests that are being answered.
#[derive(Debug)]
struct Place(Arc<Shared>);

impl Place {
    fn new(shared: &Arc<Shared>) -> Self {
        let mut state = shared.lock();
        state.open += 1;
        state.active_at = Some(Instant::now());
        drop(state);
        Self(shared.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.open -= 1;
        state.active_at = Some(Instant::now());
    }
}

/// Bytes on their way to the client.
struct Handed {
    bytes: Bytes,
    place: u64,
    shared: Arc<Shared>,
}

impl AsRef<[u8]> for Handed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.untaken.remove(&self.place);
        state.untaken_bytes -= self.bytes.len();
        state.active_at = Some(Instant::now());
        drop(state);
        self.shared.taken.notify_waiters();
    }
}

/// A reply's body that is watched until it is on the socket.
#[derive(Debug)]
struct Watched {
    body: ReplyBody,
    place: Place,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Self { body, place } = &mut *self;
        Pin::new(body).poll_frame(cx).map(|frame| {
            frame.map(|frame| frame.map(|frame| frame.map_data(|bytes| place.0.hand_over(bytes))))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What looking at a connection found.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    Good,
    /// Nothing is asked for: the client may finish what it was about to, and go.
    Idle,
    /// It asks for nothing from the beginning, takes none of its replies, or did not go.
    Lost,
}

struct Watch {
    shared: Arc<Shared>,
    ticks: Interval,
    opened_at: Instant,
    told_at: Option<Instant>,
    header_timeout: Duration,
    idle_timeout: Duration,
    write_timeout: Duration,
}

impl Watch {
    fn new(settings: &Settings, shared: Arc<Shared>) -> Self {
        let shortest = settings.header_timeout.min(settings.idle_timeout).min(settings.write_timeout);
        let mut ticks = tokio::time::interval((shortest / 8).clamp(LOOK.0, LOOK.1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            shared,
            ticks,
            opened_at: Instant::now(),
            told_at: None,
            header_timeout: settings.header_timeout,
            idle_timeout: settings.idle_timeout,
            write_timeout: settings.write_timeout,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Finding {
        let mut finding = Finding::Good;
        while finding == Finding::Good && self.ticks.poll_tick(cx).is_ready() {
            finding = self.look(Instant::now());
        }
        finding
    }

    fn look(&mut self, now: Instant) -> Finding {
        let state = self.shared.lock();
        let Some(active_at) = state.active_at else {
            return if now > self.opened_at + self.header_timeout { Finding::Lost } else { Finding::Good };
        };
        if let Some((since, _)) = state.untaken.values().next() {
            let seconds = state.untaken_bytes / TAKEN_BYTES_PER_SECOND_MIN;
            let patience = self.write_timeout + Duration::from_secs(seconds as u64);
            return if now > *since + patience { Finding::Lost } else { Finding::Good };
        }
        match self.told_at {
            Some(told_at) if state.open == 0 && now > told_at + self.header_timeout => Finding::Lost,
            None if state.open == 0 && now > active_at + self.idle_timeout => {
                self.told_at = Some(now);
                Finding::Idle
            }
            _ => Finding::Good,
        }
    }
}
