//! HTTP/2 by prior knowledge, on the same port.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::Server;

#[tokio::test]
async fn streams_of_one_connection_are_answered_apart() {
    let mut server = Server::start(|_| {}).await;
    let stream = server.connect().await.into_stream();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let ask = |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(format!("http://x{path}"));
        let reply = sender.clone().send_request(request.body(Full::new(Bytes::new())).unwrap());
        async move {
            let (head, body) = reply.await.unwrap().into_parts();
            (head, body.collect().await.unwrap().to_bytes())
        }
    };
    let slow = tokio::spawn(ask("GET", "/rest/v1/slow"));
    server.until_slow_runs().await;
    let (head, body) = ask("GET", "/rest/v1/things/1").await;
    assert_eq!((head.status.as_u16(), &*body), (200, &br#"{"id":1,"name":"one"}"#[..]));
    let (head, body) = ask("HEAD", "/rest/v1/things/1").await;
    assert_eq!(
        (head.status.as_u16(), &head.headers["content-length"], body.len()),
        (200, &"21".parse().unwrap(), 0)
    );
    let (head, _) = ask("GET", &format!("/rest/v1/things?id=eq.{}", "1".repeat(9_000))).await;
    assert_eq!((head.status.as_u16(), head.headers.get("connection")), (414, None));

    server.begin_stop();
    server.release_slow();
    assert_eq!(slow.await.unwrap().0.status.as_u16(), 200, "what runs is finished");
    drop(sender);
    let _ = connection.await.unwrap();
    assert_eq!(server.stopped().await.cut_off, 0);
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let server = Server::start(|settings| settings.http2 = false).await;
    let replies = server.exchange(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(replies.iter().map(|reply| reply.status).collect::<Vec<_>>(), [400]);
    server.stop().await;
}

#[tokio::test]
async fn a_beginning_that_only_resembles_it_is_http1() {
    let server = Server::start(|_| {}).await;
    let mut client = server.connect().await;
    client.write_all(b"P").await.unwrap();
    tokio::task::yield_now().await;
    client.write_all(b"OST /nothing HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(client.reply().await.unwrap().status, 404);
    server.stop().await;
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The same, and SETTINGS_INITIAL_WINDOW_SIZE is 0: no byte of a reply's body may be sent.
const PREFACE_WITHOUT_WINDOW: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";
const SHORT: Duration = Duration::from_millis(80);

/// HEADERS that end a GET, indexed names of the static table and plain literals (RFC 7541).
fn get(path: &str, stream: u8) -> Vec<u8> {
    let fields = [b"\x82\x86\x04", &[path.len() as u8][..], path.as_bytes(), b"\x41\x01x"].concat();
    [&[0, 0, fields.len() as u8, 1, 5, 0, 0, 0, stream][..], &fields].concat()
}

/// A client by hand that answers every ping, and reads until the server closes. What it was sent.
async fn patient(mut stream: TcpStream) -> Vec<u8> {
    let (mut read, mut seen) = (Vec::new(), 0);
    let reading = async {
        while let Ok(1..) = stream.read_buf(&mut read).await {
            while let Some(frame) = read.get(seen..seen + 9) {
                let length = usize::from(frame[1]) << 8 | usize::from(frame[2]);
                let Some(payload) = read.get(seen + 9..seen + 9 + length) else { break };
                if frame[3] == 6 && frame[4] == 0 {
                    let pong = [&b"\0\0\x08\x06\x01\0\0\0\0"[..], payload].concat();
                    let _ = stream.write_all(&pong).await;
                }
                seen += 9 + length;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the server closes in time");
    read
}

async fn check_is_closed(settings: impl FnOnce(&mut transom_server::Settings), sent: &[u8]) -> Vec<u8> {
    let server = Server::start(settings).await;
    let mut client = server.connect().await;
    client.write_all(sent).await.unwrap();
    let read = patient(client.into_stream()).await;
    assert_eq!(server.get("/rest/v1/things").await.status, 200);
    server.stop().await;
    read
}

#[tokio::test]
async fn who_asks_for_nothing_is_not_kept() {
    check_is_closed(|settings| settings.header_timeout = SHORT, b"PRI ").await;
    check_is_closed(|settings| settings.header_timeout = SHORT, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    check_is_closed(|settings| settings.header_timeout = SHORT, PREFACE).await;
    let idle = |settings: &mut transom_server::Settings| {
        (settings.header_timeout, settings.idle_timeout) = (SHORT * 10, SHORT);
    };
    let read = check_is_closed(idle, &[PREFACE, &get("/rest/v1/things/1", 1)].concat()).await;
    assert!(read.windows(5).any(|window| window == b"\"one\""), "the reply came before");
}

#[tokio::test]
async fn who_takes_nothing_is_not_kept() {
    let impatient = |settings: &mut transom_server::Settings| settings.write_timeout = SHORT;
    let read =
        check_is_closed(impatient, &[PREFACE_WITHOUT_WINDOW, &get("/rest/v1/things/1", 1)].concat()).await;
    assert!(!read.windows(5).any(|window| window == b"\"one\""));
    let stream = get("/realtime/v1/changes?table=things", 1);
    check_is_closed(impatient, &[PREFACE_WITHOUT_WINDOW, &stream].concat()).await;
}

#[tokio::test]
async fn a_change_stream_is_not_idle() {
    let server = Server::start(|settings| {
        (settings.header_timeout, settings.idle_timeout) = (SHORT * 10, SHORT * 2);
        (settings.write_timeout, settings.stream_keep_alive) = (SHORT, SHORT);
    })
    .await;
    let stream = server.connect().await.into_stream();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://x/realtime/v1/changes?table=things");
    let mut body =
        sender.send_request(request.body(Full::new(Bytes::new())).unwrap()).await.unwrap().into_body();
    for _ in 0..10 {
        let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await.unwrap();
        assert!(frame.unwrap().unwrap().is_data());
    }
    drop((body, sender));
    let _ = connection.await.unwrap();
    server.stop().await;
}
