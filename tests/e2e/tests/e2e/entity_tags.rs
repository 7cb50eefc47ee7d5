//! Entity tags: reads that are saved, writes that are guarded.

use crate::{beyond::serve, spec::check};

#[test]
fn entity_tags_save_reads_and_guard_writes() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /products/1
        => 200
        keep tag = header etag
        {"id":1,"name":"pen","price":1,"weight":0.5}

        GET /products/1
        If-None-Match: $tag
        => 304
        ETag: $tag

        GET /products/1
        If-None-Match: "other", $tag
        => 304

        GET /products/1
        If-None-Match: "other"
        => 200

        # A list has one too, and it differs by what is asked.
        GET /products?select=id&limit=2
        => 200
        keep list = header etag

        GET /products?select=id&limit=2
        If-None-Match: $list
        => 304

        GET /products?select=id&limit=3
        If-None-Match: $list
        => 200

        PATCH /products/1
        If-Match: "stale"
        {"price":8}
        => 412 TR010

        PATCH /products/1
        If-Match: $tag
        {"price":8}
        => 204

        PATCH /products/1
        If-Match: $tag
        {"price":9}
        => 412 TR010

        DELETE /products/1
        If-Match: $tag
        => 412 TR010

        GET /products/1?select=price
        => 200
        {"price":8}

        PUT /products/6
        If-None-Match: *
        {"id":6,"name":"x","price":1,"weight":1}
        => 412 TR010

        PUT /products/60
        If-None-Match: *
        {"id":60,"name":"x","price":1,"weight":1}
        => 201

        PATCH /products/61
        If-Match: *
        {"price":9}
        => 412

        GET /products/60
        => 200
        keep fresh = header etag

        DELETE /products/60
        If-Match: $fresh
        => 204
        "#,
    );
}
