//! Every way to call one.

use serde_json::json;

use super::serve;
use crate::{changes::Stream, spec::check};

#[test]
fn arguments_come_by_name_and_as_a_whole() {
    let (_project, _database, server) = serve("");
    check(
        &server,
        r#"
        GET /rpc/add?a=1&b=2
        => 200
        3

        GET /rpc/add?a=1
        => 200
        11

        HEAD /rpc/add?a=1
        => 200

        POST /rpc/add
        {"a":"4","b":5}
        => 200
        9

        POST /rpc/add
        Content-Type: application/x-www-form-urlencoded
        | a=4&b=6
        => 200
        10

        POST /rpc/add
        Content-Type: text/csv
        | a,b
        | 4,7
        => 200
        11

        GET /rpc/total?n=1&n=2&n=3
        => 200
        6

        POST /rpc/total
        {"n":[1,2]}
        => 200
        3

        GET /rpc/feel?how=glad
        => 200
        "glad"

        GET /rpc/feel?how=hungry
        => 400 22P02 "hungry"

        POST /rpc/paired
        {"p":{"a":1,"b":"x"},"many":[1,2]}
        => 200
        [1,"x",[1,2]]

        POST /rpc/echo
        {"any":["thing"]}
        => 200
        {"any":["thing"]}

        POST /rpc/shout
        Content-Type: text/plain
        | loud, isn't it?
        => 200
        "LOUD, ISN'T IT?"

        POST /rpc/weigh
        Content-Type: application/octet-stream
        | 1234
        => 200
        4

        POST /rpc/root_of
        Content-Type: text/xml
        | <a><b/></a>
        => 200
        "a"

        GET /rpc/shout
        => 404 PGRST202

        POST /rpc/add
        {"a":1,"c":2}
        => 404 PGRST202
        ~ {"hint":"Perhaps you meant to call the function public.add(a, b)"}

        POST /rpc/add
        [
        => 400 PGRST102

        PUT /rpc/add
        {"a":1}
        => 405 PGRST101

        GET /rpc/add?a=x
        => 400 22P02

        GET /rpc/add?a=1
        Accept: text/plain
        => 200
        | 11

        GET /rpc/prices
        Accept: text/plain
        => 406 PGRST107
        "#,
    );
}

#[test]
fn what_is_returned_is_shaped_as_rows_are() {
    let (_project, _database, server) = serve("[rest]\naggregates = true\nrows_max = 100\n");
    check(
        &server,
        r#"
        GET /rpc/prices?price=gt.1.5&order=price.desc&select=name,cost:price
        => 200
        [{"name":"three","cost":3.00},{"name":"two","cost":2.00}]

        GET /rpc/prices?order=price&limit=1&offset=1
        Prefer: count=exact
        => 206
        Content-Range: 1-1/3
        [{"name":"two","price":2.00}]

        GET /rpc/prices?select=price.sum()
        => 200
        [{"sum":6.50}]

        GET /rpc/prices?select=name&name=fts.three
        => 200
        [{"name":"three"}]

        GET /rpc/prices?select=name&or=(name.eq.one,price.in.(2,7))&order=name
        => 200
        [{"name":"one"},{"name":"two"}]

        GET /rpc/prices?select=nam
        => 400 42703 "nam"

        GET /rpc/prices?name=eq.one
        Accept: text/csv
        => 200
        | name,price
        | one,1.50

        GET /rpc/prices?name=eq.one&select=name
        Accept: application/vnd.pgrst.object+json
        => 200
        {"name":"one"}

        GET /rpc/prices
        Accept: application/vnd.pgrst.object+json
        => 406 PGRST116

        GET /rpc/names
        => 200
        ["one","two","three"]

        GET /rpc/one_item?key=1&select=id,name
        => 200
        {"id":1,"name":"one"}

        GET /rpc/all_items?id=eq.2&select=id,price::text
        => 200
        [{"id":2,"price":"2.00"}]

        # Called with arguments, by POST, the rest of the address still shapes it.
        POST /rpc/one_item?select=name
        {"key":2}
        => 200
        {"name":"two"}

        POST /rpc/forget
        => 204

        GET /rpc/level
        => 200
        "serializable"
        "#,
    );
}

#[test]
fn a_call_that_reads_cannot_write() {
    let (_project, _database, server) = serve("[changes]\ntables = [\"visits\"]\n");
    check(
        &server,
        r#"
        GET /rpc/visit?who=me
        => 405 25006

        HEAD /rpc/visit?who=me
        => 405

        # It only reads, whatever it might do.
        GET /rpc/luck
        => 200
        true

        POST /rpc/visit
        {"who":"me"}
        => 200
        1

        POST /rpc/visit
        Prefer: tx=rollback
        {"who":"nobody"}
        => 200
        Preference-Applied: tx=rollback
        2

        # Once, however often it is sent.
        POST /rpc/visit
        Idempotency-Key: once
        {"who":"you"}
        => 200
        3

        POST /rpc/visit
        Idempotency-Key: once
        {"who":"you"}
        => 200
        Idempotency-Replayed: true
        3

        # What fails has done nothing.
        POST /rpc/pay
        => 402 PT402
        ~ {"message":"Pay first","details":"Quota","hint":"Upgrade"}

        POST //rest/v1/$batch
        {"operations":[{"method":"POST","path":"rpc/visit","body":{"who":"batch"}},{"method":"GET","path":"rpc/who"},{"method":"GET","path":"visits?select=who&order=id"}]}
        => 200
        ~ [{"status":200,"body":5},{"body":{"role":"anon","method":"POST"}},{"body":[{"who":"me"},{"who":"you"},{"who":"batch"}]}]

        POST //rest/v1/$batch
        {"operations":[{"method":"GET","path":"rpc/visit?who=batch"}]}
        => 405 25006

        GET /visits?select=id,who&order=id
        => 200
        [{"id":1,"who":"me"},{"id":3,"who":"you"},{"id":5,"who":"batch"}]
        "#,
    );
}

#[test]
fn what_a_function_changes_is_in_the_change_log() {
    let (_project, _database, server) = serve("[changes]\ntables = [\"visits\"]\n");
    let all = json!({ "role": "service_role", "exp": 4_102_444_800_u64 });
    let mut stream = Stream::open(&server.client(), &all, "visits", None);
    let client = server.client();
    client.post("/rest/v1/rpc/visit", &json!({ "who": "me" })).expect(200);
    client.with("Prefer", "tx=rollback").post("/rest/v1/rpc/visit", &json!({ "who": "no" })).expect(200);
    stream.expect("INSERT", 1);
    client.post("/rest/v1/rpc/forget", &json!({})).expect(204);
    stream.expect("DELETE", 1);
}
