//! Graceful stop.

use std::time::Duration;

use crate::support::Server;

#[tokio::test]
async fn what_runs_is_finished() {
    let mut server = Server::start(|_| {}).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /rest/v1/slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.until_slow_runs().await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /rest/v1/things HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(idle.reply().await.unwrap().status, 200);

    server.begin_stop();
    assert!(idle.reply().await.is_none(), "an idle connection is closed at once");
    assert_eq!(server.admin("/readyz").await.status, 503);
    assert_eq!(server.admin("/livez").await.status, 200);
    assert!(server.try_connect().await.is_err(), "nothing new is accepted");
    server.release_slow();
    let reply = busy.reply().await.unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert!(busy.reply().await.is_none());
    assert_eq!(server.stopped().await.cut_off, 0);
}

#[tokio::test]
async fn what_never_ends_is_cut_off() {
    let mut server = Server::start(|settings| settings.drain_timeout = Duration::from_millis(50)).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /rest/v1/slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.until_slow_runs().await;
    server.begin_stop();
    assert!(busy.reply().await.is_none());
    assert_eq!(server.stopped().await.cut_off, 1);
}
