//! Reads and writes as HTTP shows them.

use crate::support::{Reply, Server, token};

const THINGS: &str = "/rest/v1/things";

fn check(reply: &Reply, status: u16, headers: &[(&str, &str)], body: &str) {
    assert_eq!((reply.status, &*reply.body), (status, body));
    for (name, value) in headers {
        assert_eq!(reply.header(name), Some(*value), "{name}");
    }
}

#[tokio::test]
async fn reads_have_ranges_and_types() {
    let server = Server::start(|_| {}).await;
    let json = ("content-type", "application/json; charset=utf-8");
    let all = r#"[{"id":1,"name":"one"},{"id":2,"name":"two"}]"#;
    check(&server.get("/rest/v1/things?order=id").await, 200, &[json, ("content-range", "0-1/*")], all);
    check(&server.get("/rest/v1/things/1").await, 200, &[json], r#"{"id":1,"name":"one"}"#);
    let counted = server.send("GET", "/rest/v1/things?order=id&limit=1", "prefer: count=exact\r\n", "").await;
    let headers = [("content-range", "0-0/2"), ("preference-applied", "count=exact")];
    check(&counted, 206, &headers, r#"[{"id":1,"name":"one"}]"#);
    let csv = server.send("GET", "/rest/v1/things?order=id", "accept: text/csv\r\n", "").await;
    check(&csv, 200, &[("content-type", "text/csv; charset=utf-8")], "id,name\n1,one\n2,two");
    assert_eq!(server.get("/rest/v1/things/9").await.json()["code"], "TR016");
    assert_eq!(server.get("/rest/v1/thigns").await.json()["hint"], "Perhaps you meant 'things'");
    server.stop().await;
}

#[tokio::test]
async fn pages_lead_to_the_next_one() {
    let server = Server::start(|_| {}).await;
    let first = server.get("/rest/v1/things?order=id&limit=1&cursor=start").await;
    assert_eq!(first.body, r#"[{"id":1,"name":"one"}]"#);
    let link = |reply: &Reply| {
        let link = reply.header("link")?;
        Some(link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?.to_owned())
    };
    let second = server.get(&link(&first).unwrap()).await;
    assert_eq!(second.body, r#"[{"id":2,"name":"two"}]"#);
    let third = server.get(&link(&second).unwrap()).await;
    assert_eq!((&*third.body, link(&third)), ("[]", None));
    server.stop().await;
}

#[tokio::test]
async fn writes_say_what_they_did() {
    let server = Server::start(|_| {}).await;
    check(&server.send("POST", THINGS, "", r#"{"id":3}"#).await, 201, &[("content-length", "0")], "");
    let made = server.send("POST", THINGS, "prefer: return=headers-only\r\n", r#"{"id":4}"#).await;
    check(&made, 201, &[("location", "/rest/v1/things?id=eq.4")], "");
    let made = server.send("POST", THINGS, "prefer: return=representation\r\n", r#"{"id":5}"#).await;
    check(&made, 201, &[("preference-applied", "return=representation")], r#"[{"id":5,"name":null}]"#);
    check(&server.send("PATCH", "/rest/v1/things/5", "", r#"{"name":"five"}"#).await, 204, &[], "");
    check(&server.send("DELETE", "/rest/v1/things?id=gte.3", "", "").await, 204, &[], "");
    let trial = server.send("DELETE", "/rest/v1/things?id=gte.1", "prefer: tx=rollback\r\n", "").await;
    check(&trial, 204, &[("preference-applied", "tx=rollback")], "");
    assert_eq!(server.get(THINGS).await.json().as_array().unwrap().len(), 2);
    assert_eq!(server.send("POST", THINGS, "", r#"{"id":1}"#).await.status, 409);
    assert_eq!(server.send("POST", THINGS, "", "{").await.json()["code"], "PGRST102");
    server.stop().await;
}

#[tokio::test]
async fn a_write_happens_once_however_often_it_is_sent() {
    let server = Server::start(|_| {}).await;
    let key = "idempotency-key: k1\r\nprefer: return=representation\r\n";
    let first = server.send("POST", THINGS, key, r#"{"id":7}"#).await;
    let again = server.send("POST", THINGS, key, r#"{"id":7}"#).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(
        (first.header("idempotency-replayed"), again.header("idempotency-replayed")),
        (None, Some("true"))
    );
    assert_eq!(server.send("POST", THINGS, key, r#"{"id":8}"#).await.json()["code"], "TR012");
    let other = format!("{key}{}", token("authenticated", 60));
    assert_eq!(
        server.send("POST", THINGS, &other, r#"{"id":8}"#).await.status,
        201,
        "another caller's key is another key"
    );
    assert_eq!(
        server.send("POST", THINGS, "idempotency-key: \r\n", r#"{"id":9}"#).await.json()["code"],
        "TR013"
    );
    server.stop().await;
}

#[tokio::test]
async fn conditional_writes_keep_their_condition() {
    let server = Server::start(|_| {}).await;
    let row = "/rest/v1/things/1";
    let etag = server.get(row).await.header("etag").unwrap().to_owned();
    let patch = async |condition: &str, body: &str| server.send("PATCH", row, condition, body).await;
    assert_eq!(patch(&format!("if-match: {etag}\r\n"), r#"{"name":"changed"}"#).await.status, 204);
    let stale = patch(&format!("if-match: {etag}\r\n"), r#"{"name":"lost"}"#).await;
    assert_eq!((stale.status, stale.json()["code"].as_str()), (412, Some("TR010")));
    assert_eq!(stale.header("etag"), server.get(row).await.header("etag"));
    assert_eq!(server.get(row).await.json()["name"], "changed");
    let create = async |id: u32| {
        let body = format!(r#"{{"id":{id},"name":"new"}}"#);
        server.send("PUT", &format!("/rest/v1/things/{id}"), "if-none-match: *\r\n", &body).await.status
    };
    assert_eq!((create(1).await, create(11).await), (412, 201));
    let many = server.send("PATCH", THINGS, "if-match: *\r\n", "{}").await;
    assert_eq!(many.json()["code"], "TR010", "a condition that cannot be kept is not ignored");
    server.stop().await;
}

#[tokio::test]
async fn of_two_conditional_writes_one_wins() {
    let server = Server::start(|_| {}).await;
    let etag = server.get("/rest/v1/things/1").await.header("etag").unwrap().to_owned();
    let condition = format!("if-match: {etag}\r\n");
    let write = async |name: &str| {
        let body = format!(r#"{{"name":"{name}"}}"#);
        server.send("PATCH", "/rest/v1/things/1", &condition, &body).await.status
    };
    let (a, b, c) = tokio::join!(write("a"), write("b"), write("c"));
    let mut statuses = [a, b, c];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 412, 412]);
    server.stop().await;
}

#[tokio::test]
async fn who_may_not_is_told_whether_a_token_would_help() {
    let server = Server::start(|_| {}).await;
    let insert = async |headers: &str| server.send("POST", "/rest/v1/secrets", headers, r#"{"id":1}"#).await;
    let anonymous = insert("").await;
    assert_eq!((anonymous.status, anonymous.json()["code"].as_str()), (401, Some("42501")));
    assert_eq!(anonymous.header("www-authenticate"), Some("Bearer"));
    assert_eq!(insert(&token("authenticated", 60)).await.status, 201);
    let known = server.send("DELETE", "/rest/v1/secrets?id=eq.1", &token("authenticated", 60), "").await;
    assert_eq!((known.status, known.json()["code"].as_str()), (403, Some("42501")));
    let bad = insert("authorization: Bearer a.b.c\r\n").await;
    assert_eq!((bad.status, bad.json()["code"].as_str()), (401, Some("PGRST301")));
    assert_eq!(insert("authorization: Bearer é\r\n").await.status, 401);
    server.stop().await;
}

#[tokio::test]
async fn a_batch_is_one_transaction() {
    let server = Server::start(|_| {}).await;
    let batch = async |body: &str| server.send("POST", "/rest/v1/$batch", "", body).await;
    let good = batch(
        r#"{"operations":[
            {"method":"POST","path":"things","body":{"id":20,"name":"twenty"}},
            {"method":"GET","path":"things/20"},
            {"method":"GET","path":"things?id=eq.1&select=name","headers":{"Accept":"text/csv"}}]}"#,
    )
    .await;
    assert_eq!(good.status, 200, "{}", good.body);
    let parts = good.json();
    assert_eq!(parts[0]["status"], 201);
    assert_eq!(parts[1]["body"]["name"], "twenty");
    assert_eq!(parts[2]["body"], "name\none");
    let bad = batch(
        r#"{"operations":[
            {"method":"POST","path":"things","body":{"id":21}},
            {"method":"POST","path":"things","body":{"id":1}}]}"#,
    )
    .await;
    assert_eq!((bad.status, bad.json()["code"].as_str()), (409, Some("23505")));
    assert!(bad.json()["details"].as_str().unwrap().contains("peration 1"));
    assert_eq!(server.get("/rest/v1/things/21").await.status, 404);
    server.stop().await;
}

#[tokio::test]
async fn what_there_is_is_listed() {
    let server = Server::start(|_| {}).await;
    let root = server.get("/rest/v1/").await.json();
    assert_eq!(root["openapi"], "3.1.0");
    let methods = |path: &str| root["paths"][path].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(methods("/secrets"), ["get"]);
    let options =
        async |path: &str| server.send("OPTIONS", path, "", "").await.header("allow").map(str::to_owned);
    assert_eq!(options("/rest/v1/things").await.unwrap(), "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS");
    assert_eq!(options("/rest/v1/things/1").await.unwrap(), "GET, HEAD, PATCH, PUT, DELETE, OPTIONS");
    assert_eq!(options("/rest/v1/secrets").await.unwrap(), "GET, HEAD, OPTIONS");
    assert_eq!(options("/rest/v1/nothing").await, None);
    server.stop().await;
}

#[tokio::test]
async fn plans_are_shown_where_they_may_be() {
    let accept = "accept: application/vnd.pgrst.plan\r\n";
    let server = Server::start(|settings| settings.plan = true).await;
    let plan = server.send("GET", "/rest/v1/things?id=eq.1", accept, "").await;
    assert_eq!(plan.header("content-type"), Some("application/vnd.pgrst.plan+text; charset=utf-8"));
    assert!(plan.body.contains("things"), "{}", plan.body);
    server.stop().await;
    let server = Server::start(|_| {}).await;
    assert_eq!(server.send("GET", THINGS, accept, "").await.status, 406);
    server.stop().await;
}

/// Whoever stands in front may have judged the other one.
#[tokio::test]
async fn credentials_are_given_once() {
    let server = Server::start(|_| {}).await;
    let good = token("authenticated", 60);
    let insert = async |headers: &str| server.send("POST", "/rest/v1/secrets", headers, r#"{"id":7}"#).await;
    for twice in [
        format!("{good}{good}"),
        format!("authorization: Basic dTpw\r\n{good}"),
        format!("{good}authorization: Bearer a.b.c\r\n"),
        format!("apikey: a.b.c\r\napikey: a.b.c\r\n{good}"),
    ] {
        let reply = insert(&twice).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (401, Some("PGRST301")), "{twice}");
    }
    assert_eq!(insert(&good).await.status, 201);
    server.stop().await;
}
