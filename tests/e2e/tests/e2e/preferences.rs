//! What a caller may prefer of a write: bounds, rehearsal, merging.

use crate::{spec::check, writing::serve};

#[test]
fn rows_that_exist_are_merged_or_left() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        POST /pages
        Prefer: resolution=merge-duplicates, return=representation
        [{"slug":"home","body":"hi"},{"slug":"new","body":"x"}]
        => 201
        Preference-Applied: resolution=merge-duplicates, return=representation
        [{"slug":"home","body":"hi","visits":7},{"slug":"new","body":"x","visits":0}]

        POST /pages
        Prefer: resolution=merge-duplicates, return=representation
        [{"slug":"brand-new","body":"1"}]
        => 201
        [{"slug":"brand-new","body":"1","visits":0}]

        POST /pages
        Prefer: resolution=ignore-duplicates, return=representation
        [{"slug":"home","body":"ignored"},{"slug":"newer","body":"y"}]
        => 201
        [{"slug":"newer","body":"y","visits":0}]

        GET /pages?slug=eq.home
        => 200
        [{"slug":"home","body":"hi","visits":7}]

        POST /items?on_conflict=name&select=id,name,price
        Prefer: resolution=merge-duplicates, return=representation
        {"name":"two","price":22}
        => 200
        [{"id":2,"name":"two","price":22}]

        # Without the preference a duplicate is a conflict.
        POST /pages
        {"slug":"home","body":"z"}
        => 409 23505

        POST /items?on_conflict=price
        Prefer: resolution=merge-duplicates
        {"name":"two","price":22}
        => 400 42P10

        POST /items?on_conflict=nonsense
        Prefer: resolution=merge-duplicates
        {"name":"two"}
        => 400

        # Merging does not spare other constraints.
        POST /items?on_conflict=id
        Prefer: resolution=merge-duplicates
        {"id":1,"name":"two"}
        => 409 23505
        "#,
    );
}

#[test]
fn preferences_bound_and_undo_a_write() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        PATCH /items?id=gt.0
        Prefer: handling=strict, max-affected=2
        {"price":9}
        => 400 PGRST124

        DELETE /items?id=gt.0
        Prefer: handling=strict, max-affected=2
        => 400 PGRST124

        GET /items?select=price&order=id
        => 200
        [{"price":1},{"price":2},{"price":3}]

        PATCH /items?id=lt.3
        Prefer: handling=strict, max-affected=2
        {"price":9}
        => 204
        Preference-Applied: handling=strict, max-affected=2

        # A bound that would not be kept is refused.
        PATCH /items?id=gt.0
        Prefer: max-affected=1
        {"price":10}
        => 400 PGRST128

        PATCH /items?id=gt.0
        {"price":10}
        => 204

        PATCH /items?id=gt.0
        Accept: application/vnd.pgrst.object+json
        Prefer: return=representation
        {"price":77}
        => 406 PGRST116

        POST /items?select=id
        Prefer: tx=rollback, return=representation
        {"id":70,"name":"gone"}
        => 201
        Preference-Applied: return=representation, tx=rollback
        [{"id":70}]

        DELETE /items?id=eq.1
        Prefer: tx=rollback
        => 204

        GET /items?select=id,price&order=id
        => 200
        [{"id":1,"price":10},{"id":2,"price":10},{"id":3,"price":10}]

        POST /items
        Prefer: handling=strict, foo, return=none
        {"name":"x"}
        => 400 PGRST122 "foo"

        POST /items
        Prefer: foo, return=none
        {"id":71,"name":"lenient"}
        => 201

        POST /nowhere
        {"a":1}
        => 404 PGRST205

        PUT /rpc/nothing
        {}
        => 405
        
        # A zone that no engine knows is ignored, or refused when that is asked for; `time_zones` has the others.
        GET /items?limit=1&select=id
        Prefer: timezone=UTC
        => 200
        Preference-Applied: timezone=UTC

        GET /items?limit=1&select=id
        Prefer: timezone=Asia/Nowhere
        => 200
        Preference-Applied: -

        GET /items?limit=1&select=id
        Prefer: handling=strict, timezone=Asia/Nowhere
        => 400 PGRST122 "timezone=Asia/Nowhere"
        "#,
    );
}
