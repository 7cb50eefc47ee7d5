//! What a function knows of its request, and what it may wish of the reply.

use transom_testkit::Server;

use super::serve;
use crate::spec::check;

#[test]
fn a_function_sees_who_asks_and_how() {
    // Behind a pooler nothing is prepared, and a connection keeps no settings.
    for configured in ["", "[database]\npooled = true\n"] {
        let (_project, _database, server) = serve(&format!("[rest]\ntime_zones = true\n{configured}"));
        sees(&server);
    }
}

fn sees(server: &Server) {
    check(
        server,
        r#"
        GET /rpc/who
        X-Told: it's "said" \ so
        Cookie: c=crumb
        => 200
        {"sub":null,"role":"anon","method":"GET","path":"/rest/v1/rpc/who","told":"it's \"said\" \\ so","cookie":"crumb","runs_as_who_connects":true,"zone":"UTC"}

        as user ada
        POST /rpc/who
        Prefer: timezone=Asia/Tokyo
        {}
        => 200
        Preference-Applied: timezone=Asia/Tokyo
        ~ {"sub":"ada","role":"authenticated","method":"POST","zone":"Asia/Tokyo"}

        GET /rpc/total?n=1&n=2
        => 200
        3

        POST /rpc/paired
        {"p":{"a":1,"b":"x"},"many":[1,2]}
        => 200
        [1,"x",[1,2]]

        # Claims cannot be given but by a token.
        as anon
        GET /rpc/who
        request.jwt.claims: {"sub":"eve"}
        => 200
        ~ {"sub":null,"role":"anon"}
        "#,
    );
}

#[test]
fn a_function_may_say_status_and_headers() {
    let (_project, _database, server) = serve("[database]\ntransaction_connections = 1\n");
    check(
        &server,
        r#"
        POST /rpc/teapot
        => 418
        X-Pot: tea
        Content-Length: 7
        "short"

        POST /rpc/add
        {"a":1}
        => 200
        X-Pot: -
        11

        # What it says for its whole connection is about its own reply all the same.
        POST /rpc/sticks
        => 419

        POST /rpc/add
        {"a":1}
        => 200
        11

        POST /rpc/slow
        => 500 57014
        "#,
    );
}

#[test]
fn a_body_has_its_bounds() {
    let (_project, _database, server) = serve("[server.limits]\nbody_bytes_max = \"1KiB\"\n");
    let large = "x".repeat(2_000);
    let client = server.client().with("content-type", "text/plain");
    client.send("POST", "/rest/v1/rpc/shout", Some(large.as_bytes())).expect(413);
    client.send("POST", "/rest/v1/rpc/shout", Some(b"small")).expect(200);
}
