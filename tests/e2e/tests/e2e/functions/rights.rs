//! Who may call what: nobody anything but what was granted, and what was not is not there.

use super::serve;
use crate::{
    commands::{good, refused, text},
    spec::check,
};

#[test]
fn what_is_not_granted_is_not_there() {
    let (_project, _database, server) = serve("");
    check(
        &server,
        r#"
        GET /rpc/hidden_thing
        => 404 PGRST202 "Could not find the function public.hidden_thing"

        # Not in a hint, either.
        GET /rpc/hidden_thin
        => 404 PGRST202
        ~ {"hint":null}

        POST /rpc/hidden_thing
        Content-Type: application/octet-stream
        | x
        => 415

        # As what is not there at all.
        POST /rpc/nothing_of_the_kind
        Content-Type: application/octet-stream
        | x
        => 415

        GET /rpc/for_members
        => 404 PGRST202

        GET /rpc/for_member
        => 404 PGRST202
        ~ {"hint":null}

        as user ada
        GET /rpc/for_members
        => 200
        "member"

        GET /rpc/for_member
        => 404 PGRST202 "for_members"

        # A role that the file does not know, and one with every right.
        as role stranger
        GET /rpc/add?a=1
        => 404 PGRST202

        as role service_role
        GET /rpc/hidden_thing
        => 200
        "hidden"

        # Functions of extensions, of triggers and of the engine itself are nobody's.
        GET /rpc/show_limit
        => 404 PGRST202

        POST /rpc/on_change
        => 404 PGRST202

        GET /rpc/version
        => 404 PGRST202

        GET /rpc/pg_sleep?seconds=1
        => 404 PGRST202
        "#,
    );
}

#[test]
fn a_grant_is_of_one_signature() {
    let (_project, _database, server) = serve("");
    check(
        &server,
        r#"
        GET /rpc/over?n=1
        => 200
        "int"

        GET /rpc/over?n=1&deep=x
        => 404 PGRST202
        ~ {"hint":"Perhaps you meant to call the function public.over(n)"}

        as user ada
        GET /rpc/over?n=1
        => 404 PGRST202
        ~ {"hint":null}

        as role service_role
        GET /rpc/over?n=1&deep=x
        => 200
        "deep"
        "#,
    );
}

#[test]
fn what_rows_lead_to_is_guarded() {
    let (_project, _database, server) = serve("");
    check(
        &server,
        r#"
        # The function says itself what it shows of its rows: anon has no grant on the table.
        GET /rpc/all_items?id=eq.1
        => 200
        [{"id":1,"name":"one","price":1.50,"shop_id":1,"secret":"x"}]

        # Of what they lead to, policies show what they show anywhere.
        GET /rpc/all_items?select=id,shops(name)&order=id
        => 200
        [{"id":1,"shops":{"name":"here"}},{"id":2,"shops":null},{"id":3,"shops":{"name":"here"}}]

        GET /rpc/all_items?select=id,shops!inner(name)&order=id&limit=5
        Prefer: count=exact
        => 200
        Content-Range: 0-1/2
        [{"id":1,"shops":{"name":"here"}},{"id":3,"shops":{"name":"here"}}]

        GET /rpc/all_items?select=id,...shops(shop:name)&shops.name=eq.closed&order=id
        => 200
        [{"id":1,"shop":null},{"id":2,"shop":null},{"id":3,"shop":null}]

        GET /rpc/all_items?select=id&shops=not.is.null&order=id
        => 400

        GET /rpc/all_items?select=id,shops()&shops=not.is.null&order=id
        => 200
        [{"id":1},{"id":3}]

        GET /rpc/all_items?select=id,shops(items(secret))
        => 400 PGRST200

        as user ada
        GET /rpc/all_items?select=id,shops(items(name))&id=eq.1
        => 403 42501

        GET /rpc/all_items?select=id,shops(items(secret))
        => 400 42703

        GET /rpc/all_items?select=id,visits(who)
        => 400 PGRST200
        "#,
    );
}

#[test]
fn a_description_tells_of_what_may_be_called() {
    let (_project, _database, server) = serve("");
    let paths = |client: &transom_testkit::Client| {
        let document = client.get("/rest/v1/").expect(200).json();
        let paths = document["paths"].as_object().unwrap();
        paths.keys().filter(|path| path.starts_with("/rpc/")).cloned().collect::<Vec<_>>()
    };
    let anon = paths(&server.client());
    assert!(anon.contains(&"/rpc/add".to_owned()) && anon.contains(&"/rpc/over".to_owned()), "{anon:?}");
    for hidden in ["/rpc/hidden_thing", "/rpc/for_members", "/rpc/show_limit", "/rpc/on_change"] {
        assert!(!anon.contains(&hidden.to_owned()), "{anon:?}");
    }
    let member = paths(&server.user("ada"));
    assert!(member.contains(&"/rpc/for_members".to_owned()), "{member:?}");
    assert!(!member.contains(&"/rpc/over".to_owned()), "{member:?}");
}

#[test]
fn an_explanation_tells_no_more() {
    let (project, database, _server) = serve("");
    let (dir, url) = (text(project.dir()), database.url());
    let asked = |name: &str| {
        let call = format!("rpc/{name}");
        let told = refused(&["explain", &call, dir, "--role", "anon", "--database-url", &url], &["PGRST202"]);
        told.replace(name, "NAME")
    };
    assert_eq!(asked("hidden_thing"), asked("nothing_like_that"));
    assert_eq!(asked("for_members"), asked("nothing_like_that"));
    let shown = good(&["explain", "rpc/add?a=1", dir, "--role", "anon", "--database-url", &url]);
    assert!(shown.contains("\"public\".\"add\"("), "{shown}");
}
