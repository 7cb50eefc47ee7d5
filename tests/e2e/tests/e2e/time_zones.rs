//! `Prefer: timezone` in a project, on an engine that shows times in any zone, and on one that does not.

use transom_pgkit::Database;
use transom_testkit::{Project, Server};

use crate::spec::check;

const SCHEMA: &str = "
CREATE TABLE events (id int PRIMARY KEY, at timestamptz NOT NULL, name text);
INSERT INTO events VALUES (1, '2024-05-01T10:00:00Z', 'a'), (2, '2024-05-02T20:00:00Z', 'b'), (3, '2024-12-01T00:00:00Z', 'hidden');
";
const POLICIES: &str = "
GRANT SELECT, INSERT, UPDATE, DELETE ON events TO anon, authenticated;
CREATE POLICY shown ON events TO anon, authenticated USING (name <> 'hidden');
";

/// The project on a database server of its own, with what more is to be configured.
fn serve(configured: &str) -> (Project, Database, Server) {
    let project = Project::of(SCHEMA, POLICIES);
    project.configure("[rest]\ntime_zones = true\n").configure(configured);
    project.on_a_server()
}

#[test]
fn times_are_shown_and_read_in_the_zone_that_is_preferred() {
    let (_project, _database, server) = serve("");
    check(
        &server,
        r#"
        GET /events?select=id,at&order=id
        Prefer: timezone=America/Los_Angeles
        => 200
        Preference-Applied: timezone=America/Los_Angeles
        Content-Range: 0-1/*
        [{"id":1,"at":"2024-05-01T03:00:00-07:00"},{"id":2,"at":"2024-05-02T13:00:00-07:00"}]

        # The next one is not touched by it.
        GET /events?select=id,at&id=eq.1
        => 200
        Preference-Applied: -
        [{"id":1,"at":"2024-05-01T10:00:00+00:00"}]

        GET /events?select=id,at&id=eq.1
        Prefer: timezone=UTC
        => 200
        Preference-Applied: timezone=UTC
        [{"id":1,"at":"2024-05-01T10:00:00+00:00"}]

        # A time without an offset is meant there.
        GET /events?select=id&at=eq.2024-05-01T19:00:00
        Prefer: timezone=Asia/Tokyo
        => 200
        [{"id":1}]

        GET /events?select=id&at=in.("2024-05-01 19:00:00")
        Prefer: timezone=Asia/Tokyo
        => 200
        [{"id":1}]

        GET /events?select=id&at=eq.2024-05-01T19:00:00
        => 200
        []

        GET /events/1?select=at
        Prefer: timezone=Asia/Tokyo
        => 200
        {"at":"2024-05-01T19:00:00+09:00"}

        GET /events?select=id&id=eq.9
        Prefer: timezone=Asia/Tokyo
        Accept: application/vnd.pgrst.object+json
        => 406 PGRST116

        GET /events?select=id&limit=1&order=id
        Prefer: timezone=Asia/Tokyo, count=planned
        => 206
        Preference-Applied: count=planned, timezone=Asia/Tokyo
        Content-Range: ~ 0-0/1

        GET /events?select=id&limit=1&order=id
        Prefer: timezone=Asia/Tokyo, count=exact
        => 206
        Content-Range: 0-0/2
        [{"id":1}]

        # What is wrong is told as ever.
        GET /events?at=eq.yesterdayish
        Prefer: timezone=Asia/Tokyo
        => 400 22P02
        "#,
    );
}

#[test]
fn writes_read_and_show_in_the_zone_too() {
    for configured in ["", "[changes]\ntables = [\"events\"]\n", "[database]\npooled = true\n"] {
        let (_project, _database, server) = serve(configured);
        check(
            &server,
            r#"
            POST /events
            Prefer: timezone=Asia/Tokyo, return=representation
            {"id":10,"at":"2024-07-01 09:00:00","name":"x"}
            => 201
            Preference-Applied: return=representation, timezone=Asia/Tokyo
            [{"id":10,"at":"2024-07-01T09:00:00+09:00","name":"x"}]

            GET /events/10?select=at
            => 200
            {"at":"2024-07-01T00:00:00+00:00"}

            POST /events
            Prefer: timezone=Asia/Tokyo
            Idempotency-Key: k
            {"id":11,"at":"2024-07-02 09:00:00","name":"x"}
            => 201

            POST /events
            Prefer: timezone=Asia/Tokyo
            Idempotency-Key: k
            {"id":11,"at":"2024-07-02 09:00:00","name":"x"}
            => 201
            Idempotency-Replayed: true

            PATCH /events?at=eq.2024-07-02T09:00:00
            Prefer: timezone=Asia/Tokyo, return=representation
            {"name":"y"}
            => 200
            [{"id":11,"at":"2024-07-02T09:00:00+09:00","name":"y"}]

            # The condition is about the row as the same wish shows it.
            GET /events/11
            Prefer: timezone=Asia/Tokyo
            => 200
            keep tag = header etag

            PATCH /events/11
            Prefer: timezone=Asia/Tokyo
            If-Match: $tag
            {"name":"z"}
            => 204

            PATCH /events/11
            Prefer: timezone=Asia/Tokyo
            If-Match: $tag
            {"name":"z"}
            => 412

            # Policies hold, and what they refuse is not done.
            POST /events
            Prefer: timezone=Asia/Tokyo
            [{"id":20,"at":"2024-07-01 09:00:00","name":"x"},{"id":21,"at":"2024-07-01 09:00:00","name":"hidden"}]
            => 401 42501

            DELETE /events?id=eq.3
            Prefer: timezone=Asia/Tokyo, return=representation
            => 200
            []

            DELETE /events?id=eq.10
            Prefer: timezone=Asia/Tokyo, tx=rollback
            => 204
            Preference-Applied: timezone=Asia/Tokyo, tx=rollback

            POST //rest/v1/$batch
            Prefer: timezone=Asia/Tokyo
            {"operations":[{"method":"POST","path":"events","body":{"id":30,"at":"2024-07-01 09:00:00","name":"b"}}, {"method":"GET","path":"events?select=at&id=eq.30"}]}
            => 200
            Preference-Applied: timezone=Asia/Tokyo
            ~ [{"status":201},{"status":200,"body":[{"at":"2024-07-01T09:00:00+09:00"}]}]

            GET /events?select=id,at&order=id
            => 200
            [{"id":1,"at":"2024-05-01T10:00:00+00:00"},{"id":2,"at":"2024-05-02T20:00:00+00:00"},{"id":10,"at":"2024-07-01T00:00:00+00:00"},{"id":11,"at":"2024-07-02T00:00:00+00:00"},{"id":30,"at":"2024-07-01T00:00:00+00:00"}]
            "#,
        );
    }
}

#[test]
fn a_zone_that_is_none_is_refused_where_that_is_wished() {
    let (_project, _database, server) = serve("");
    check(
        &server,
        r#"
        GET /events?select=at&id=eq.1
        Prefer: handling=strict, timezone=Jupiter/Red_Spot
        => 400 PGRST122
        ~ {"message":"Invalid preferences given with handling=strict"}

        GET /events?select=at&id=eq.1
        Prefer: timezone=Jupiter/Red_Spot
        => 200
        Preference-Applied: -
        [{"at":"2024-05-01T10:00:00+00:00"}]

        GET /events?select=at&id=eq.1
        Prefer: timezone=UTC'; DROP TABLE events
        => 200
        [{"at":"2024-05-01T10:00:00+00:00"}]

        POST //rest/v1/$batch
        Prefer: handling=strict, timezone=Jupiter/Red_Spot
        {"operations":[{"method":"GET","path":"events"}]}
        => 400 PGRST122
        "#,
    );
}

#[test]
fn an_engine_with_one_zone_refuses_another() {
    let project = Project::of(SCHEMA, POLICIES);
    let server = Server::start(project.dir(), &[]);
    check(
        &server,
        r#"
        GET /events?select=id&id=eq.1
        Prefer: handling=strict, timezone=Asia/Tokyo
        => 400 PGRST122

        GET /events?select=id&id=eq.1
        Prefer: timezone=Asia/Tokyo
        => 200
        Preference-Applied: -
        [{"id":1}]
        "#,
    );
}

/// Whoever could choose the zone would choose when a policy takes a time without one to be.
#[test]
fn a_caller_moves_no_clock_unless_configured() {
    if transom_pgkit::missing() {
        return;
    }
    let schema = "CREATE TABLE news (id int PRIMARY KEY, visible_from timestamp NOT NULL);
        INSERT INTO news VALUES (1, (now() AT TIME ZONE 'UTC') - interval '1 hour'), (2, (now() AT TIME ZONE 'UTC') + interval '10 hours');";
    let policies =
        "GRANT SELECT ON news TO anon;\nCREATE POLICY out ON news TO anon USING (visible_from <= now());";
    let (_project, _database, server) = Project::of(schema, policies).on_a_server();
    check(
        &server,
        r#"
        GET /news?select=id
        Prefer: timezone=Pacific/Kiritimati
        => 200
        Preference-Applied: -
        [{"id":1}]

        GET /news?select=id
        Prefer: handling=strict, timezone=Pacific/Kiritimati
        => 400 PGRST122
        "#,
    );
}
