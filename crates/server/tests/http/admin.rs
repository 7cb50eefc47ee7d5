//! Health and metrics.

use crate::support::Server;

#[tokio::test]
async fn health_is_told() {
    let server = Server::start(|_| {}).await;
    assert_eq!(server.admin("/livez").await.status, 200);
    assert_eq!(server.admin("/readyz").await.status, 200);
    assert_eq!(server.admin("/other").await.status, 404);
    server.stop().await;
}

#[tokio::test]
async fn the_metrics_page_is_open_metrics() {
    let server = Server::start(|_| {}).await;
    server.get("/rest/v1/things").await;
    server.get("/nothing").await;
    let page = server.admin("/metrics").await;
    assert_eq!(
        page.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(page.body.ends_with("# EOF\n"));
    assert!(
        page.body
            .contains("transom_http_requests_total{route=\"rest/table\",method=\"GET\",status=\"2xx\"} 1\n")
    );
    assert!(
        page.body
            .contains("transom_http_requests_total{route=\"refused\",method=\"GET\",status=\"4xx\"} 1\n")
    );
    assert!(page.body.contains("transom_http_request_duration_seconds_count{route=\"rest/table\"} 2\n"));
    well_formed(&page.body);
    server.stop().await;
}

/// Every sample belongs to the family declared last, families come once, and bucket counts only grow.
fn well_formed(page: &str) {
    let mut families: Vec<&str> = Vec::new();
    let mut bucket = (String::new(), 0.0);
    for line in page.lines().take_while(|line| *line != "# EOF") {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, _) = family.split_once(' ').unwrap();
            assert!(!families.contains(&name), "{name} twice");
            assert!(!name.ends_with("_total"), "only a counter's sample ends so: {name}");
            families.push(name);
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let value: f64 = value.parse().unwrap();
            assert!(name.starts_with(families.last().unwrap()), "{line} is in no family");
            if let Some((series, _)) = name.split_once(",le=") {
                assert!(bucket.0 != series || value >= bucket.1, "{line}");
                bucket = (series.to_owned(), value);
            }
        }
    }
    assert!(families.len() > 8);
}
