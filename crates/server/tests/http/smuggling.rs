//! Requests that two readers can read differently are refused, and nothing behind them is read as a request.

use crate::support::Server;

/// `requests` gets these statuses, in order, and then the connection ends.
async fn check(requests: &str, statuses: &[u16]) {
    let server = Server::start(|_| {}).await;
    let replies = server.exchange(requests.as_bytes()).await;
    let found: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!(found, statuses, "{requests:?}");
    if let Some(refused) = replies.last().filter(|reply| reply.status == 400) {
        assert_eq!(refused.header("connection"), Some("close"), "{requests:?}");
        assert_eq!(refused.json()["code"], "TR006", "{requests:?}");
    }
    assert_eq!(server.get("/rest/v1/things").await.status, 200, "still alive after {requests:?}");
    server.stop().await;
}

const HIDDEN: &str = "GET /rest/v1/hidden HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn two_framings_are_refused_whichever_comes_first() {
    let body = format!("0\r\n\r\n{HIDDEN}");
    let post = |headers: &str| format!("POST /rest/v1/things HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}");
    check(&post("content-length: 5\r\ntransfer-encoding: chunked\r\n"), &[400]).await;
    check(&post("transfer-encoding: chunked\r\ncontent-length: 5\r\n"), &[400]).await;
    check(&post("content-length: 5\r\ncontent-length: 6\r\n"), &[400]).await;
    check(&post("content-length: 5\r\ncontent-length: 5\r\n"), &[400]).await;
    check(&post("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n"), &[400]).await;
    check(&post("transfer-encoding: xchunked\r\n"), &[400]).await;
    check(&post("transfer-encoding : chunked\r\n"), &[400]).await;
    check(&post("x: y\r\n transfer-encoding: chunked\r\n"), &[400]).await;
    check(&post("x: y\ntransfer-encoding: chunked\r\n"), &[400]).await;
}

#[tokio::test]
async fn hosts_are_one() {
    check(&format!("GET /rest/v1/things HTTP/1.1\r\n\r\n{HIDDEN}"), &[400]).await;
    check(&format!("GET /rest/v1/things HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n{HIDDEN}"), &[400]).await;
    check("GET /rest/v1/things HTTP/1.0\r\n\r\n", &[200]).await;
}

#[tokio::test]
async fn what_stands_before_a_refused_request_is_answered() {
    let good = "GET /rest/v1/things HTTP/1.1\r\nhost: x\r\n\r\n";
    check(&format!("{good}{good}GET /rest/v1/things HTTP/1.1\r\n\r\n{good}"), &[200, 200, 400]).await;
}

#[tokio::test]
async fn a_chunked_body_ends_where_it_says() {
    let chunked = |body: &str| {
        format!(
            "POST /rest/v1/things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{body}"
        )
    };
    let last = "GET /rest/v1/things HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    check(&format!("{}{last}", chunked("8;a=b\r\n{\"id\":5}\r\n0\r\nA: b\r\n\r\n")), &[201, 200]).await;
    check(&format!("{}{last}", chunked("2\r\n{}x\r\n0\r\n\r\n")), &[400]).await;
    check(&format!("{}{last}", chunked("2\n{}\r\n0\r\n\r\n")), &[400]).await;
}

#[tokio::test]
async fn the_stand_in_cannot_be_sent() {
    check("TRANSOM-REFUSED /0 HTTP/1.1\r\nhost: x\r\n\r\n", &[400]).await;
}

/// The HTTP library would refuse these without a word.
#[tokio::test]
async fn what_is_no_request_is_told_why() {
    let get = |rest: &str| format!("GET /rest/v1/things{rest}{HIDDEN}");
    check(&get("#a HTTP/1.1\r\nhost: x\r\n\r\n"), &[400]).await;
    check(&get("\u{1} HTTP/1.1\r\nhost: x\r\n\r\n"), &[400]).await;
    check(&get(" HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n"), &[400]).await;
    check(&get(" HTTP/1.1\r\nhost: x\r\nb d: x\r\n\r\n"), &[400]).await;
    check(&get(" HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n"), &[400]).await;
    check(&get(" HTTP/1.1\r\nhost: x\r\n\0transfer-encoding: chunked\r\n\r\n"), &[400]).await;
    check(&get(" HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\r\n\r\n"), &[400]).await;
}
