//! Changes as server-sent events.

use std::time::Duration;

use crate::support::{Client, Server, token};

async fn follow(server: &Server, query: &str, headers: &str) -> Client {
    let mut client = server.connect().await;
    let request = format!("GET /realtime/v1/changes?{query} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let head = client.until_text("\r\n\r\n").await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    client.until_text("retry: 2000\n\n").await.unwrap();
    client
}

#[tokio::test]
async fn changes_come_as_they_are_committed_and_can_be_resumed() {
    let server = Server::start(|_| {}).await;
    let mut client = follow(&server, "table=things", "").await;
    assert_eq!(server.send("POST", "/rest/v1/things", "", r#"{"id":30}"#).await.status, 201);
    let event = client.until_text("\n\n").await.unwrap();
    assert!(event.contains("event: INSERT\n"), "{event}");
    let id = event.split("id: ").nth(1).unwrap().split('\n').next().unwrap().to_owned();
    drop(client);
    assert_eq!(server.send("DELETE", "/rest/v1/things/30", "", "").await.status, 204);
    let mut client = follow(&server, "table=things&since=0", &format!("last-event-id: {id}\r\n")).await;
    let event = client.until_text("\n\n").await.unwrap();
    assert!(event.contains("event: DELETE\n"), "{event}");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn silence_is_filled_with_comments() {
    let server = Server::start(|settings| settings.stream_keep_alive = Duration::from_millis(20)).await;
    let mut client = follow(&server, "table=things", "").await;
    client.until_text(": keep-alive\n").await.unwrap();
    client.until_text(": keep-alive\n").await.unwrap();
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn streams_end_with_the_server_and_with_the_token() {
    let mut server = Server::start(|settings| settings.clock_skew_seconds = 0).await;
    let mut forever = follow(&server, "table=things", "").await;
    let mut short = follow(&server, "table=things", &token("authenticated", 1)).await;
    let end = short.until_text("\n\n").await.unwrap();
    assert!(end.contains("event: problem\n") && end.contains("PGRST303"), "{end}");
    server.begin_stop();
    let end = forever.until_text("\n\n").await.unwrap();
    assert!(end.contains("TR107"), "{end}");
    assert_eq!(server.stopped().await.cut_off, 0);
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused() {
    let server = Server::start(|_| {}).await;
    let check = async |query: &str, status: u16, code: &str| {
        let reply = server.get(&format!("/realtime/v1/changes?{query}")).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{query}");
    };
    check("", 400, "TR002").await;
    check("table=nothing", 404, "PGRST205").await;
    check("table=secrets", 404, "TR017").await;
    check("table=things&since=x", 400, "TR009").await;
    check("table=things&sinse=1", 400, "PGRST100").await;
    check("table=things&since=999", 410, "TR018").await;
    server.stop().await;
}

/// A stream token, asked for with these headers.
async fn minted(server: &Server, headers: &str) -> String {
    let reply = server.send("POST", "/realtime/v1/token", headers, "").await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")), "{}", reply.body);
    assert!(reply.json()["expires_in"].as_u64().unwrap() <= 60);
    reply.json()["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_without_headers_is_let_in_by_a_token_for_that_alone() {
    let server = Server::start(|settings| settings.clock_skew_seconds = 0).await;
    let stream_token = minted(&server, &token("authenticated", 3)).await;
    // It is not a token for anything else, wherever it is put.
    let elsewhere = server.get(&format!("/rest/v1/things?token={stream_token}")).await;
    assert_eq!((elsewhere.status, elsewhere.json()["code"].as_str()), (400, Some("PGRST100")));
    for header in ["authorization: Bearer", "apikey:"] {
        let header = format!("{header} {stream_token}\r\n");
        for (method, target) in [
            ("GET", "/rest/v1/things"),
            ("GET", "/realtime/v1/changes?table=things"),
            ("POST", "/realtime/v1/token"),
        ] {
            assert_eq!(
                server.send(method, target, &header, "").await.status,
                401,
                "{method} {target} {header}"
            );
        }
    }
    assert_eq!(
        server.send("POST", &format!("/realtime/v1/token?token={stream_token}"), "", "").await.status,
        401
    );
    // It opens a stream, which ends with the token that it was made with.
    let mut stream = follow(&server, &format!("table=things&token={stream_token}"), "").await;
    assert_eq!(server.send("POST", "/rest/v1/things", "", r#"{"id":40}"#).await.status, 201);
    assert!(stream.until_text("\n\n").await.unwrap().contains("event: INSERT\n"));
    let end = stream.until_text("\n\n").await.unwrap();
    assert!(end.contains("event: problem\n") && end.contains("PGRST303"), "{end}");
    server.stop().await;
}

#[tokio::test]
async fn no_other_token_stands_in_an_address() {
    let server = Server::start(|_| {}).await;
    let bearer = token("authenticated", 60);
    let stream_token = minted(&server, &bearer).await;
    let jwt = bearer.trim_end().rsplit(' ').next().unwrap();
    let check = async |query: &str, headers: &str| {
        let reply =
            server.send("GET", &format!("/realtime/v1/changes?table=things{query}"), headers, "").await;
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (401, Some("PGRST301")),
            "{query} {headers}"
        );
        assert!(reply.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
        assert!(!reply.body.contains(&stream_token[20..]) && !reply.body.contains(jwt), "{}", reply.body);
    };
    check(&format!("&token={jwt}"), "").await;
    check("&token=", "").await;
    check(&format!("&token={stream_token}x"), "").await;
    check(&format!("&token={stream_token}&token={stream_token}"), "").await;
    check(&format!("&token={stream_token}"), &bearer).await;
    check(&format!("&token={stream_token}"), &format!("apikey: {jwt}\r\n")).await;
    // Made for callers who proved who they are, and by POST alone.
    let reply = server.send("POST", "/realtime/v1/token", "", "").await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (401, Some("PGRST302")));
    assert_eq!(server.send("GET", "/realtime/v1/token", &bearer, "").await.status, 405);
    assert_eq!(
        server.send("OPTIONS", "/realtime/v1/token", "", "").await.header("allow"),
        Some("POST, OPTIONS")
    );
    server.stop().await;
}

/// A stream whose client reads nothing gives its place back, and what waits for the client is little.
#[tokio::test]
async fn a_follower_that_reads_nothing_is_let_go() {
    let server = Server::start(|settings| settings.write_timeout = Duration::from_millis(100)).await;
    let stalled = follow(&server, "table=things", "").await;
    let streams = async || {
        let page = server.admin("/metrics").await.body;
        page.lines()
            .find_map(|line| line.strip_prefix("transom_change_streams_open ")?.trim().parse::<u32>().ok())
    };
    assert_eq!(streams().await, Some(1), "{}", server.admin("/metrics").await.body);
    let name = "x".repeat(200_000);
    let mut id = 1_000;
    while streams().await != Some(0) {
        id += 1;
        assert!(id < 1_400, "it is never let go");
        let body = format!(r#"{{"id":{id},"name":"{name}"}}"#);
        assert_eq!(server.send("POST", "/rest/v1/things", "", &body).await.status, 201);
    }
    drop(stalled);
    server.stop().await;
}
