//! A set of keys behind a URL: fetched when first needed, again when it has grown old or a token names a key that is not
//! in it, and kept when fetching fails. One fetch at a time, and not sooner than the interval after the last one.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use tokio::sync::watch;
use transom_types::{Code, Problem};

use crate::{
    Settings,
    jwks::{self, Secrets},
    key::Key,
    settings::Observer,
    tls::HttpClient,
};

/// Largest key set that is read.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// What happens behind the requests, for logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A set of keys was fetched.
    KeysFetched {
        /// From where.
        url: String,
        /// How many of its keys are of use.
        keys: usize,
        /// Whether they differ from those known before.
        changed: bool,
    },
    /// A set of keys could not be fetched; what was known before stays.
    KeysNotFetched {
        /// From where.
        url: String,
        /// Why.
        reason: String,
        /// How many keys are still known from an earlier fetch.
        keys_kept: usize,
    },
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeysFetched { url, keys, .. } => write!(f, "fetched {keys} token keys from {url}"),
            Self::KeysNotFetched { url, reason, keys_kept } => {
                write!(
                    f,
                    "could not fetch token keys from {url} ({reason}); {keys_kept} earlier keys stay in use"
                )
            }
        }
    }
}

/// One key set behind a URL.
pub(crate) struct KeySource {
    url: Uri,
    client: HttpClient,
    timeout: Duration,
    age_seconds_max: i64,
    interval_seconds_min: u64,
    keys: RwLock<Arc<[Key]>>,
    /// When the keys count as old; far past before the first fetch.
    due_at_seconds: AtomicI64,
    fetching: Mutex<Fetching>,
    /// Counts finished fetches.
    finished: watch::Sender<u64>,
    /// Counts changes of the keys, over all sources.
    generation: Arc<AtomicU64>,
    observer: Option<Observer>,
}

#[derive(Default)]
struct Fetching {
    running: bool,
    began_at_seconds: Option<i64>,
}

impl KeySource {
    /// A source that has fetched nothing yet.
    pub(crate) fn new(
        url: &str,
        client: HttpClient,
        settings: &Settings,
        generation: Arc<AtomicU64>,
    ) -> Result<Self, Problem> {
        Ok(Self {
            url: checked(url)?,
            client,
            timeout: Duration::from_millis(settings.jwks_timeout_ms_max.max(1)),
            age_seconds_max: i64::from(settings.jwks_age_seconds_max.max(1)),
            interval_seconds_min: u64::from(settings.jwks_interval_seconds_min.max(1)),
            keys: RwLock::new(Arc::from([])),
            due_at_seconds: AtomicI64::new(i64::MIN),
            fetching: Mutex::default(),
            finished: watch::Sender::new(0),
            generation,
            observer: settings.observer.clone(),
        })
    }

    /// The keys as last fetched.
    pub(crate) fn keys(&self) -> Arc<[Key]> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the keys have grown old, or have never been there, and may be fetched now.
    pub(crate) fn due(&self, now_seconds: i64) -> bool {
        now_seconds >= self.due_at_seconds.load(Ordering::Relaxed)
    }

    /// Begins a fetch, unless one is running or the last one began too recently.
    pub(crate) fn begin(self: &Arc<Self>, now_seconds: i64) {
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |began: i64| began.abs_diff(now_seconds) < self.interval_seconds_min;
        if fetching.running || fetching.began_at_seconds.is_some_and(recent) {
            return;
        }
        *fetching = Fetching { running: true, began_at_seconds: Some(now_seconds) };
        let interval = i64::try_from(self.interval_seconds_min).unwrap_or(i64::MAX);
        self.due_at_seconds.store(now_seconds.saturating_add(interval), Ordering::Relaxed);
        // A task of its own: the request that began it may be cancelled while others wait for the outcome.
        let run = Running(self.clone());
        tokio::spawn(async move { run.0.fetch(now_seconds).await });
    }

    /// Begins a fetch where that is possible; the future waits for the one that is running, if any.
    pub(crate) fn refresh(self: &Arc<Self>, now_seconds: i64) -> impl Future<Output = ()> + use<> {
        // Before the look at `running`: a fetch that ends in between has then already been counted for this receiver.
        let mut finished = self.finished.subscribe();
        self.begin(now_seconds);
        let running = self.fetching.lock().unwrap_or_else(PoisonError::into_inner).running;
        async move {
            if running {
                // Bounded by the fetch's own timeout; an error says that the source is gone, and nothing is left to wait for.
                let _ = finished.changed().await;
            }
        }
    }

    async fn fetch(&self, now_seconds: i64) {
        let url = self.url.to_string();
        let observation = match tokio::time::timeout(self.timeout, self.download()).await {
            Ok(Ok(keys)) => {
                let count = keys.len();
                let changed = self.replace(keys);
                self.due_at_seconds
                    .store(now_seconds.saturating_add(self.age_seconds_max), Ordering::Relaxed);
                Observation::KeysFetched { url, keys: count, changed }
            }
            Ok(Err(reason)) => Observation::KeysNotFetched { url, reason, keys_kept: self.keys().len() },
            Err(_) => {
                let reason = format!("no answer within {} ms", self.timeout.as_millis());
                Observation::KeysNotFetched { url, reason, keys_kept: self.keys().len() }
            }
        };
        if let Some(observer) = &self.observer {
            observer(&observation);
        }
    }

    async fn download(&self) -> Result<Vec<Key>, String> {
        let request = Request::get(self.url.clone())
            .header(http::header::ACCEPT, "application/jwk-set+json, application/json")
            .header(http::header::USER_AGENT, "transom")
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let reply = self.client.request(request).await.map_err(|error| chain(&error))?;
        // Redirects are not followed: the configured address alone is trusted.
        if reply.status() != StatusCode::OK {
            return Err(format!("answered with status {}", reply.status().as_u16()));
        }
        let body = Limited::new(reply.into_body(), BODY_BYTES_MAX).collect().await;
        let body =
            body.map_err(|error| format!("body not read (at most {BODY_BYTES_MAX} bytes): {error}"))?;
        jwks::parse(&body.to_bytes(), Secrets::Refused)
    }

    /// Takes over new keys. Tokens verified with other keys are then verified anew.
    fn replace(&self, new: Vec<Key>) -> bool {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let changed = keys.len() != new.len() || keys.iter().zip(&new).any(|(old, new)| !old.same(new));
        if changed {
            *keys = new.into();
            self.generation.fetch_add(1, Ordering::Release);
        }
        changed
    }
}

/// A fetch that is under way: however it ends, the next one may begin and those who wait go on.
struct Running(Arc<KeySource>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetching.lock().unwrap_or_else(PoisonError::into_inner).running = false;
        self.0.finished.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// `https` anywhere; `http` only where nobody stands between: keys that can be swapped on the way are no keys.
fn checked(url: &str) -> Result<Uri, Problem> {
    let refuse = |why: &str| {
        Problem::new(Code::ConfigInvalid, format!("The key set URL cannot be used: {why}"))
            .with_hint("Give an https URL; http is possible for localhost only")
    };
    let uri: Uri = url.parse().map_err(|_| refuse("it is not an absolute URL"))?;
    let authority = uri.authority().ok_or_else(|| refuse("it has no host"))?;
    if authority.as_str().contains('@') {
        return Err(refuse("it carries a user name or password"));
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let loopback = host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if loopback => Ok(uri),
        Some("http") => Err(refuse(&format!("http to '{host}' can be tampered with"))),
        _ => Err(refuse("its scheme is neither https nor http")),
    }
}

/// An error and everything that caused it: what is wrong with a certificate stands at the end.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn plain_http_only_on_this_machine() {
        for good in
            ["https://id.example/jwks", "http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:1/x"]
        {
            assert!(checked(good).is_ok(), "{good}");
        }
        let bad = [
            "http://id.example/jwks",
            "http://localhost.id.example/",
            "http://127.0.0.1.id.example/",
            "ftp://localhost/",
            "file:///etc/keys",
            "/jwks",
            "https://user:word@id.example/",
            "",
        ];
        for bad in bad {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
