//! What is too large, too slow or too much gets its own clear answer.

use std::time::Duration;

use transom_server::Settings;

use crate::support::Server;

const SHORT: Duration = Duration::from_millis(80);

async fn check(settings: impl FnOnce(&mut Settings), request: &str, status: u16, code: &str) {
    let server = Server::start(settings).await;
    let reply = server
        .exchange(request.as_bytes())
        .await
        .pop()
        .unwrap_or_else(|| panic!("no reply to {:.60}", request));
    assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{:.200}", request);
    assert_eq!(reply.header("connection"), Some("close"), "{:.200}", request);
    assert_eq!(server.get("/rest/v1/things").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn size_limits() {
    let long = "a".repeat(9_000);
    check(|_| {}, &format!("GET /rest/v1/{long} HTTP/1.1\r\nhost: x\r\n\r\n"), 414, "TR004").await;
    check(|_| {}, &format!("GET /rest/v1/{}", "a".repeat(100_000)), 414, "TR004").await;
    let head = |header: &str| format!("GET /rest/v1/things HTTP/1.1\r\nhost: x\r\n{header}\r\n");
    check(|_| {}, &head(&format!("x: {}\r\n", long.repeat(4))), 431, "TR005").await;
    check(|_| {}, &head(&"x: y\r\n".repeat(101)), 431, "TR005").await;
    let post = |framing: &str| format!("POST /rest/v1/things HTTP/1.1\r\nhost: x\r\n{framing}");
    let small = |settings: &mut Settings| settings.body_bytes_max = 1_000;
    // Declared: refused without the body.
    check(small, &post("content-length: 1001\r\n\r\n"), 413, "TR003").await;
    check(small, &post(&format!("content-length: 9000\r\n\r\n{long}")), 413, "TR003").await;
    let chunks = format!("400\r\n{}\r\n", "a".repeat(0x400)).repeat(2);
    check(small, &post(&format!("transfer-encoding: chunked\r\n\r\n{chunks}")), 413, "TR003").await;
}

#[tokio::test]
async fn a_head_that_comes_slowly_is_given_up() {
    let server = Server::start(|settings| settings.header_timeout = SHORT).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /rest/v1/things HTTP/1.1\r\nhost: x\r\nx: ").await.unwrap();
    let reply = slow.replies().await.pop().unwrap();
    assert_eq!((reply.status, reply.json()["code"].as_str()), (408, Some("TR007")));
    // Not one byte: closed without a word.
    let mut silent = server.connect().await;
    assert!(silent.replies().await.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_kept_connection_may_not_stay_silent_for_ever() {
    let server = Server::start(|settings| settings.idle_timeout = SHORT).await;
    let mut kept = server.connect().await;
    kept.write_all(b"GET /rest/v1/things HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let replies = kept.replies().await;
    assert_eq!(replies.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_comes_slowly_is_given_up() {
    let server = Server::start(|settings| settings.body_timeout = SHORT).await;
    let mut slow = server.connect().await;
    let head = b"POST /rest/v1/things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{";
    slow.write_all(head).await.unwrap();
    let reply = slow.replies().await.pop().unwrap();
    assert_eq!((reply.status, reply.json()["code"].as_str()), (408, Some("TR007")));
    server.stop().await;
}

#[tokio::test]
async fn one_connection_too_many_is_turned_away() {
    let server = Server::start(|settings| settings.connections_max = 1).await;
    let mut first = server.connect().await;
    first.write_all(b"GET /rest/v1/things HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(first.reply().await.unwrap().status, 200);
    let reply = server.connect().await.replies().await.pop().unwrap();
    assert_eq!((reply.status, reply.json()["code"].as_str()), (503, Some("TR101")));
    assert_eq!(reply.header("retry-after"), Some("1"));
    drop(first);
    server.stop().await;
}

/// Their sockets count with the system too.
#[tokio::test]
async fn few_are_turned_away_with_a_word() {
    let server = Server::start(|settings| settings.connections_max = 1).await;
    let mut first = server.connect().await;
    first.write_all(b"GET /rest/v1/things HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(first.reply().await.unwrap().status, 200);
    let mut refused = Vec::new();
    for _ in 0..100 {
        refused.push(server.connect().await);
    }
    let mut told = 0;
    for client in &mut refused {
        told += client.replies().await.len();
    }
    // Those of the first moment, and of later ones should the machine be slow.
    assert!((1..100).contains(&told), "{told} were told");
    drop(first);
    server.stop().await;
}

#[tokio::test]
async fn one_request_too_many_is_turned_away() {
    let server = Server::start(|settings| settings.requests_max = 1).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /rest/v1/slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.until_slow_runs().await;
    let reply = server.get("/rest/v1/things").await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (503, Some("TR101")));
    server.release_slow();
    assert_eq!(slow.reply().await.unwrap().status, 200);
    assert_eq!(server.get("/rest/v1/things").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_request_past_its_deadline_is_given_up() {
    let server = Server::start(|settings| settings.request_timeout = SHORT).await;
    let reply = server.get("/rest/v1/slow").await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (504, Some("TR102")));
    server.stop().await;
}

#[tokio::test]
async fn a_panic_is_one_requests_own() {
    let server = Server::start(|_| {}).await;
    let mut client = server.connect().await;
    client.write_all(b"GET /rest/v1/panics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let reply = client.reply().await.unwrap();
    assert_eq!((reply.status, reply.json()["code"].as_str()), (500, Some("TR106")));
    assert!(!reply.body.contains("as asked"), "the cause is for the log alone");
    client.write_all(b"GET /rest/v1/things HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(client.reply().await.unwrap().status, 200);
    assert!(server.admin("/metrics").await.body.contains("transom_panics_total 1"));
    server.stop().await;
}
