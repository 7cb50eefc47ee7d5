//! HTTP/2 by prior knowledge, on the same port.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};

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
