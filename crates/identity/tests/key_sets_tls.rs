//! Key sets over TLS: whose servers are believed, and what a server of ill will can cost. Everything is made by the test: an
//! authority, the certificates it vouches for, and a server that misbehaves as asked.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value as Json, json};
use support::{NOW, Signer};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use transom_identity::{Identity, Observation, Settings};
use transom_types::Code;

/// A throw-away authority.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        Self::named("ours")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    /// A server's side of TLS, with a certificate for this host that is good up to this year.
    fn acceptor(&self, host: &str, year: i32) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// What a server does with a request.
#[derive(Clone)]
enum Manner {
    /// Answers with this status and body.
    Answers(u16, String),
    /// Says where else to look.
    Redirects(String),
    /// Sends a body without end, as fast as it is taken.
    Floods,
    /// Sends the answer byte by byte, and never all of it.
    Drips,
    /// Accepts the connection and says nothing, not even TLS.
    Silent,
}

struct KeyServer {
    address: SocketAddr,
    asked: Arc<AtomicU32>,
    manner: Arc<Mutex<Manner>>,
    task: JoinHandle<()>,
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl KeyServer {
    async fn start(acceptor: TlsAcceptor, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, manner) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(manner)));
        let shared = (asked.clone(), manner.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (asked, manner) = (shared.0.clone(), shared.1.lock().unwrap().clone());
                let acceptor = acceptor.clone();
                // Failures are the client's refusals, which it is asked about.
                tokio::spawn(async move { serve(stream, &acceptor, &asked, manner).await.ok() });
            }
        });
        Self { address, asked, manner, task }
    }

    fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/keys", self.address.port())
    }
}

async fn serve(
    stream: tokio::net::TcpStream,
    acceptor: &TlsAcceptor,
    asked: &AtomicU32,
    manner: Manner,
) -> std::io::Result<()> {
    if matches!(manner, Manner::Silent) {
        asked.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
    }
    let mut stream = acceptor.accept(stream).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    asked.fetch_add(1, Ordering::SeqCst);
    match manner {
        Manner::Answers(status, body) => {
            let length = body.len();
            let reply =
                format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            stream.write_all(reply.as_bytes()).await?;
        }
        Manner::Redirects(to) => {
            let reply = format!("HTTP/1.1 302 x\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(reply.as_bytes()).await?;
        }
        Manner::Floods => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"keys\":[").await?;
            loop {
                stream.write_all(&[b' '; 16 * 1024]).await?;
            }
        }
        Manner::Drips => loop {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx: y\r\n").await?;
            stream.flush().await?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        },
        Manner::Silent => {}
    }
    stream.shutdown().await
}

/// An identity that believes `authority` (the public ones without one), and what it told.
struct Asker {
    identity: Identity,
    told: Arc<Mutex<Vec<Observation>>>,
    _files: TempDir,
}

impl Asker {
    fn new(url: &str, authority: Option<&Authority>) -> Self {
        let files = tempfile::tempdir().unwrap();
        let told: Arc<Mutex<Vec<Observation>>> = Arc::default();
        let sink = told.clone();
        let settings = Settings {
            jwks_urls: vec![url.to_owned()],
            jwks_ca_file: authority.map(|authority| file(&files, &authority.pem)),
            jwks_timeout_ms_max: 500,
            observer: Some(Arc::new(move |observation| sink.lock().unwrap().push(observation.clone()))),
            ..Settings::default()
        };
        Self { identity: Identity::new(settings).unwrap(), told, _files: files }
    }

    async fn ask(&self, token: &str, now: u64) -> Result<(), Code> {
        let bearer = format!("Bearer {token}");
        self.identity.authenticate(Some(&bearer), None, now).await.map(drop).map_err(|problem| problem.code())
    }

    /// Why the last fetch failed; empty where it did not.
    fn reason(&self) -> String {
        match self.told.lock().unwrap().last() {
            Some(Observation::KeysNotFetched { reason, .. }) => reason.clone(),
            _ => String::new(),
        }
    }
}

fn file(files: &TempDir, text: &str) -> PathBuf {
    let path = files.path().join("authority.pem");
    std::fs::write(&path, text).unwrap();
    path
}

fn set(signer: &Signer, id: &str) -> String {
    json!({"keys": [signer.jwk(Some(id))]}).to_string()
}

fn claims() -> Json {
    json!({"role": "author"})
}

#[tokio::test]
async fn keys_come_from_a_server_that_our_authority_vouches_for() {
    let (authority, signer) = (Authority::new(), Signer::es256());
    let server =
        KeyServer::start(authority.acceptor("localhost", 2100), Manner::Answers(200, set(&signer, "k")))
            .await;
    let asker = Asker::new(&server.url(), Some(&authority));
    assert_eq!(asker.ask(&signer.token_named("k", &claims()), NOW).await, Ok(()));
    assert_eq!((server.asked(), asker.reason()), (1, String::new()));
}

#[tokio::test]
async fn no_other_server_is_believed() {
    let (authority, signer) = (Authority::new(), Signer::es256());
    let answer = Manner::Answers(200, set(&signer, "k"));
    let check = async |acceptor: TlsAcceptor, believed: Option<&Authority>, reason: &str| {
        let server = KeyServer::start(acceptor, answer.clone()).await;
        let asker = Asker::new(&server.url(), believed);
        let refused = asker.ask(&signer.token_named("k", &claims()), NOW).await;
        assert_eq!(refused, Err(Code::KeysUnavailable), "{reason}");
        assert!(asker.reason().contains(reason), "{reason}: {}", asker.reason());
        assert_eq!(server.asked(), 0, "{reason}: not even the request is sent");
    };
    check(Authority::named("a stranger").acceptor("localhost", 2100), Some(&authority), "UnknownIssuer")
        .await;
    check(Authority::named("ours").acceptor("localhost", 2100), Some(&authority), "BadSignature").await;
    // A private authority counts only where it is named.
    check(authority.acceptor("localhost", 2100), None, "UnknownIssuer").await;
    check(authority.acceptor("keys.example", 2100), Some(&authority), "not valid for name").await;
    check(authority.acceptor("localhost", 2020), Some(&authority), "expired").await;
}

#[tokio::test]
async fn a_server_without_tls_is_not_believed() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/keys", listener.local_addr().unwrap().port());
    let plain = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        }
    });
    let asker = Asker::new(&url, Some(&authority));
    let refused = asker.ask(&Signer::es256().token(&claims()), NOW).await;
    assert_eq!(refused, Err(Code::KeysUnavailable));
    assert!(!asker.reason().is_empty());
    plain.abort();
}

#[tokio::test]
async fn an_unknown_name_is_looked_up_but_not_for_everybody_who_invents_one() {
    let (authority, old, new) = (Authority::new(), Signer::es256(), Signer::rs256());
    let server =
        KeyServer::start(authority.acceptor("localhost", 2100), Manner::Answers(200, set(&old, "old"))).await;
    let asker = Asker::new(&server.url(), Some(&authority));
    assert_eq!(asker.ask(&old.token_named("old", &claims()), NOW).await, Ok(()));
    server.behave(Manner::Answers(200, set(&new, "new")));
    assert_eq!(asker.ask(&new.token_named("new", &claims()), NOW + 10).await, Ok(()));
    assert_eq!(server.asked(), 2);
    let guess = |at: u64| old.token_named(&format!("guess-{at}"), &claims());
    for at in 0..200 {
        assert_eq!(asker.ask(&guess(at), NOW + 11 + at % 9).await, Err(Code::TokenInvalid));
    }
    assert_eq!(server.asked(), 2, "within the interval");
    for at in 0..200 {
        assert_eq!(asker.ask(&guess(at), NOW + 20).await, Err(Code::TokenInvalid));
    }
    assert_eq!(server.asked(), 3, "one fetch per interval, whoever asks for it");
    // What could only be signed with a shared secret is never published: nothing to look up.
    let secret = Signer::hs256(&[7; 32]).token_named("guess", &claims());
    assert_eq!(asker.ask(&secret, NOW + 60).await, Err(Code::TokenInvalid));
    assert_eq!(server.asked(), 3);
}

#[tokio::test]
async fn known_keys_serve_while_their_server_is_away_or_misbehaves() {
    let (authority, signer) = (Authority::new(), Signer::eddsa());
    let server =
        KeyServer::start(authority.acceptor("localhost", 2100), Manner::Answers(200, set(&signer, "k")))
            .await;
    let elsewhere =
        KeyServer::start(authority.acceptor("localhost", 2100), Manner::Answers(200, set(&signer, "k")))
            .await;
    let asker = Asker::new(&server.url(), Some(&authority));
    let token = signer.token_named("k", &claims());
    assert_eq!(asker.ask(&token, NOW).await, Ok(()));
    let mut now = NOW;
    for (manner, reason) in [
        (Manner::Redirects(elsewhere.url()), "status 302"),
        (Manner::Answers(200, "<html>".into()), "not JSON"),
        (Manner::Floods, "at most 262144 bytes"),
        (Manner::Drips, ""),
        (Manner::Silent, "no answer within 500 ms"),
    ] {
        server.behave(manner);
        now += 600;
        let begun = Instant::now();
        assert_eq!(asker.ask(&token, now).await, Ok(()), "while the fetch runs: {reason}");
        assert!(begun.elapsed() < Duration::from_millis(400), "it is not waited for: {reason}");
        let before = asker.told.lock().unwrap().len();
        while asker.told.lock().unwrap().len() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "bounded: {reason}");
        assert!(asker.reason().contains(reason), "{reason}: {}", asker.reason());
        assert_eq!(asker.ask(&token, now).await, Ok(()), "after the failure: {reason}");
    }
    assert_eq!(elsewhere.asked(), 0, "a redirect is not followed");
    drop(server);
    now += 600;
    asker.identity.warm(now).await;
    assert!(!asker.reason().is_empty());
    assert_eq!(asker.ask(&token, now + 1).await, Ok(()));
}

/// Who asks with tokens that nobody signed must not take every place for requests while a key server is slow.
#[tokio::test]
async fn few_wait_for_a_server_that_does_not_answer() {
    let authority = Authority::new();
    let server = KeyServer::start(authority.acceptor("localhost", 2100), Manner::Silent).await;
    let asker = Arc::new(Asker::new(&server.url(), Some(&authority)));
    let token = Signer::es256().token(&claims());
    let ask = || {
        let (asker, token) = (asker.clone(), token.clone());
        tokio::spawn(async move {
            let begun = Instant::now();
            assert_eq!(asker.ask(&token, NOW).await, Err(Code::KeysUnavailable));
            begun.elapsed() > Duration::from_millis(300)
        })
    };
    let asked: Vec<_> = (0..1_000).map(|_| ask()).collect();
    let mut waited = 0;
    for one in asked {
        waited += usize::from(one.await.unwrap());
    }
    assert!((1..=256).contains(&waited), "{waited} waited");
    assert_eq!(server.asked(), 1);
}

#[test]
fn an_authority_file_must_hold_one() {
    let files = tempfile::tempdir().unwrap();
    let refused = |text: Option<&str>, why: &str| {
        let path = text.map_or_else(|| files.path().join("nowhere.pem"), |text| file(&files, text));
        let settings = Settings {
            jwks_urls: vec!["https://keys.example/".into()],
            jwks_ca_file: Some(path),
            ..Settings::default()
        };
        let problems = Identity::new(settings).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].code(), Code::ConfigInvalid);
        let message = problems[0].message();
        assert!(message.contains(".pem'") && message.contains(why), "{message}");
    };
    refused(None, "cannot be read");
    refused(Some(""), "no certificate");
    refused(Some(&KeyPair::generate().unwrap().serialize_pem()), "no certificate");
    refused(Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "cannot be used");
    refused(Some("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"), "cannot be used");
}
