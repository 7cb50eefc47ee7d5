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
