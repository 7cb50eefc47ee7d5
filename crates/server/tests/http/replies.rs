//! Replies as such: persistence, conditions, headers.

use crate::support::Server;

const THINGS: &str = "GET /rest/v1/things HTTP/1.1\r\nhost: x\r\n";

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(|_| {}).await;
    let requests = format!(
        "{THINGS}x-request-id: a\r\n\r\n{THINGS}x-request-id: b\r\n\r\n{THINGS}x-request-id: c\r\nconnection: close\r\n\r\n"
    );
    let replies = server.exchange(requests.as_bytes()).await;
    let ids: Vec<_> = replies.iter().filter_map(|reply| reply.header("x-request-id")).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    server.stop().await;
}

#[tokio::test]
async fn byte_by_byte_is_as_good_as_at_once() {
    let server = Server::start(|_| {}).await;
    let mut client = server.connect().await;
    for byte in format!("{THINGS}\r\n{THINGS}connection: close\r\n\r\n").bytes() {
        client.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(client.replies().await.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_has_finished_sending_still_gets_its_answer() {
    let server = Server::start(|_| {}).await;
    let mut client = server.connect().await;
    client.write_all(b"GET /rest/v1/slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    client.finish_sending().await;
    server.until_slow_runs().await;
    server.release_slow();
    let replies = client.replies().await;
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].status, 200);
    server.stop().await;
}

#[tokio::test]
async fn what_the_caller_has_is_not_sent_again() {
    let server = Server::start(|_| {}).await;
    let first = server.get("/rest/v1/things").await;
    let etag = first.header("etag").unwrap().to_owned();
    let again = server.request(&format!("{THINGS}if-none-match: \"x\", W/{etag}\r\n\r\n")).await;
    assert_eq!((again.status, &*again.body), (304, ""));
    assert_eq!(again.header("etag"), Some(&*etag));
    let other = server.request(&format!("{THINGS}if-none-match: \"x\"\r\n\r\n")).await;
    assert_eq!(other.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let server = Server::start(|_| {}).await;
    let get = server.get("/rest/v1/things").await;
    let head = server.request(&format!("{}\r\n", THINGS.replace("GET", "HEAD"))).await;
    assert_eq!((head.status, &*head.body), (200, ""));
    for name in ["content-length", "content-type", "etag", "content-range"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    server.stop().await;
}

#[tokio::test]
async fn browsers_are_told_what_they_may() {
    let server = Server::start(|settings| settings.cors.origins = vec!["https://app.example".into()]).await;
    let preflight = |origin: &str| {
        let method =
            "access-control-request-method: POST\r\naccess-control-request-headers: apikey, prefer\r\n";
        format!("OPTIONS /rest/v1/things HTTP/1.1\r\nhost: x\r\norigin: {origin}\r\n{method}\r\n")
    };
    let reply = server.request(&preflight("https://app.example")).await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(reply.header("access-control-allow-headers"), Some("apikey, prefer"));
    let reply = server.request(&preflight("https://other.example")).await;
    assert_eq!(reply.header("access-control-allow-origin"), None);
    let reply = server.request(&format!("{THINGS}origin: https://app.example\r\n\r\n")).await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(reply.header("access-control-expose-headers").unwrap().contains("Content-Range"));
    server.stop().await;
}

#[tokio::test]
async fn strange_places_and_methods_have_problems() {
    let server = Server::start(|_| {}).await;
    let check = async |request: &str, status: u16, code: &str| {
        let reply = server.request(&format!("{request} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{request}");
        assert!(reply.header("content-type").unwrap().starts_with("application/problem+json"));
        assert!(reply.header("x-request-id").is_some());
    };
    check("GET /", 404, "PGRST125").await;
    check("GET /rest/v2/things", 404, "PGRST125").await;
    check("TRACE /rest/v1/things", 405, "PGRST117").await;
    check("CONNECT x:1", 404, "PGRST125").await;
    check("BREW /rest/v1/things", 405, "PGRST117").await;
    server.stop().await;
}

#[tokio::test]
async fn stages_are_timed_when_asked_for() {
    let server = Server::start(|settings| settings.server_timing = true).await;
    let timing = server.get("/rest/v1/things").await.header("server-timing").unwrap().to_owned();
    for stage in ["admit", "authenticate", "database", "reply"] {
        assert!(timing.contains(&format!("{stage};dur=")), "{timing}");
    }
    // Where one fails, too: it and those before it.
    let told = |reply: &crate::support::Reply| {
        let timing = reply.header("server-timing").unwrap();
        let names = timing.split(", ").map(|stage| stage.split(';').next().unwrap());
        names.map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    let unknown = server.send("GET", "/rest/v1/things", "authorization: Bearer x\r\n", "").await;
    assert_eq!((unknown.status, &*told(&unknown)), (401, "admit authenticate"));
    let unread = server.get("/rest/v1/things?id=x").await;
    assert_eq!((unread.status, &*told(&unread)), (400, "admit authenticate receive parse"));
    let unplanned = server.get("/rest/v1/things?select=x").await;
    assert_eq!((unplanned.status, &*told(&unplanned)), (400, "admit authenticate receive parse plan"));
    let there = server.send("POST", "/rest/v1/things", "", r#"{"id":1,"name":"one"}"#).await;
    assert_eq!((there.status, &*told(&there)), (409, "admit authenticate receive parse plan database"));
    server.stop().await;
    let server = Server::start(|_| {}).await;
    assert_eq!(server.get("/rest/v1/things").await.header("server-timing"), None);
    server.stop().await;
}
