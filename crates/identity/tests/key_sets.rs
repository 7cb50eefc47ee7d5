//! Key sets behind a URL: rotation, single flight, limits and failures, against a small server of the test's own.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use support::{NOW, Signer};
use tokio::{net::TcpListener, task::JoinHandle};
use transom_identity::{Identity, Observation, Settings};
use transom_types::Code;

/// What the server answers, and how often it was asked.
#[derive(Clone)]
struct KeyServer {
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicU32>,
    address: SocketAddr,
    task: Arc<Stop>,
}

struct Stop(JoinHandle<()>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl KeyServer {
    async fn start(set: &Json) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(Mutex::new((200, set.to_string())));
        let asked = Arc::new(AtomicU32::new(0));
        let shared = (answer.clone(), asked.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, asked) = shared.clone();
                let service = service_fn(move |_| {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let (status, body) = answer.lock().unwrap().clone();
                    let reply = Response::builder().status(status).header("location", "/elsewhere");
                    async move { Ok::<_, Infallible>(reply.body(Full::new(Bytes::from(body))).unwrap()) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { answer, asked, address, task: Arc::new(Stop(task)) }
    }

    fn serve(&self, status: u16, body: impl Into<String>) {
        *self.answer.lock().unwrap() = (status, body.into());
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    fn identity(&self) -> (Arc<Identity>, Arc<Mutex<Vec<Observation>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let settings = Settings {
            jwks_urls: vec![format!("http://{}/jwks", self.address)],
            jwks_age_seconds_max: 600,
            jwks_interval_seconds_min: 10,
            observer: Some(Arc::new(move |observation| sink.lock().unwrap().push(observation.clone()))),
            ..Settings::default()
        };
        (Arc::new(Identity::new(settings).unwrap()), seen)
    }
}

fn set(keys: &[(&str, &Signer)]) -> Json {
    json!({"keys": keys.iter().map(|(id, signer)| signer.jwk(Some(id))).collect::<Vec<_>>()})
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_key_is_fetched_once_for_a_hundred_requests() {
    let (old, new) = (Signer::es256(), Signer::eddsa());
    let server = KeyServer::start(&set(&[("old", &old)])).await;
    let (identity, seen) = server.identity();
    identity.warm(NOW).await;
    assert_eq!(server.asked(), 1);
    let claims = json!({"role": "author"});
    let token = bearer(&old.token_named("old", &claims));
    assert!(identity.authenticate(Some(&token), None, NOW).await.is_ok());
    assert_eq!(server.asked(), 1, "a known key needs no fetch");

    server.serve(200, set(&[("new", &new)]).to_string());
    let rotated = bearer(&new.token_named("new", &claims));
    let requests: Vec<_> = (0..100)
        .map(|_| {
            let (identity, rotated) = (identity.clone(), rotated.clone());
            tokio::spawn(async move { identity.authenticate(Some(&rotated), None, NOW + 20).await.is_ok() })
        })
        .collect();
    for request in requests {
        assert!(request.await.unwrap());
    }
    assert_eq!(server.asked(), 2, "one fetch for all");
    // The withdrawn key is out, though its token was cached.
    let problem = identity.authenticate(Some(&token), None, NOW + 21).await.unwrap_err();
    assert_eq!(problem.code(), Code::TokenInvalid);
    let fetched = seen
        .lock()
        .unwrap()
        .iter()
        .filter(|one| matches!(one, Observation::KeysFetched { changed: true, .. }))
        .count();
    assert_eq!(fetched, 2);
}

#[tokio::test]
async fn unknown_names_cannot_drive_fetches() {
    let signer = Signer::es256();
    let server = KeyServer::start(&set(&[("known", &signer)])).await;
    let (identity, _) = server.identity();
    identity.warm(NOW).await;
    for at in 0..50 {
        let token = bearer(&signer.token_named(&format!("guess-{at}"), &json!({})));
        assert_eq!(
            identity.authenticate(Some(&token), None, NOW + 9).await.unwrap_err().code(),
            Code::TokenInvalid
        );
    }
    assert_eq!(server.asked(), 1, "within the interval");
    for at in 0..50 {
        let token = bearer(&signer.token_named(&format!("guess-{at}"), &json!({})));
        assert!(identity.authenticate(Some(&token), None, NOW + 10).await.is_err());
    }
    assert_eq!(server.asked(), 2, "one per interval");
    // A bad signature under a known name, or without a name, fetches nothing.
    let forged = Signer::es256();
    for token in [forged.token_named("known", &json!({})), forged.token(&json!({}))] {
        assert!(identity.authenticate(Some(&bearer(&token)), None, NOW + 40).await.is_err());
    }
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn old_keys_serve_while_and_after_a_fetch_fails() {
    let signer = Signer::rs256();
    let server = KeyServer::start(&set(&[("k", &signer)])).await;
    let (identity, seen) = server.identity();
    identity.warm(NOW).await;
    let token = bearer(&signer.token_named("k", &json!({"role": "author"})));
    let failures = [
        (500, "{}".to_owned()),
        (302, set(&[("k", &signer)]).to_string()),
        (200, "not json".to_owned()),
        (200, r#"{"keys":[]}"#.to_owned()),
        (200, format!(r#"{{"keys":[],"pad":"{}"}}"#, "x".repeat(300_000))),
        (200, json!({"keys": [Signer::hs256(&[7; 32]).jwk(Some("k"))]}).to_string()),
    ];
    let mut now = NOW;
    for (status, body) in failures {
        server.serve(status, body);
        now += 600;
        assert!(identity.authenticate(Some(&token), None, now).await.is_ok(), "served with the old keys");
        identity.warm(now).await;
        assert!(identity.authenticate(Some(&token), None, now).await.is_ok(), "and after the failure");
        let seen = seen.lock().unwrap();
        assert!(matches!(seen.last(), Some(Observation::KeysNotFetched { keys_kept: 1, .. })), "{seen:?}");
    }
}

#[tokio::test]
async fn keys_that_never_came_are_the_servers_fault() {
    let signer = Signer::es256();
    let server = KeyServer::start(&json!({})).await;
    let (identity, _) = server.identity();
    identity.warm(NOW).await;
    let token = bearer(&signer.token(&json!({"role": "author"})));
    let problem = identity.authenticate(Some(&token), None, NOW + 1).await.unwrap_err();
    assert_eq!((problem.code(), problem.code().status()), (Code::KeysUnavailable, 503));
    assert!(
        identity.authenticate(None, None, NOW + 1).await.is_ok(),
        "callers without a token are not concerned"
    );
    // It comes back: the next token after the interval waits for the keys and is accepted.
    server.serve(200, set(&[("k", &signer)]).to_string());
    assert!(identity.authenticate(Some(&token), None, NOW + 30).await.is_ok());
    drop(server.task.clone());
}

#[tokio::test]
async fn a_request_that_goes_away_does_not_take_the_fetch_with_it() {
    let signer = Signer::es256();
    let server = KeyServer::start(&set(&[("k", &signer)])).await;
    let (identity, _) = server.identity();
    let token = bearer(&signer.token_named("k", &json!({})));
    {
        let mut first = Box::pin(identity.authenticate(Some(&token), None, NOW));
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(first.as_mut().poll(context).is_ready()))
                .await;
        assert!(!polled, "it waits for the keys");
    }
    assert!(identity.authenticate(Some(&token), None, NOW).await.is_ok());
    assert_eq!(server.asked(), 1);
}
