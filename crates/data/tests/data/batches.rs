//! Several requests in one transaction, where later ones use what earlier ones returned.

use transom_protocols::rest;

use crate::harness::{Project, said};

/// What each operation returns, or why nothing was done.
fn run(project: &Project, body: &str) -> Result<Vec<String>, String> {
    let functions = |name: &str| project.data.callable(&project.principal, None, name);
    let parsed = rest::parse_batch(body.as_bytes(), &functions).map_err(|problem| said(&problem))?;
    let requests = parsed.into_iter().map(|parsed| parsed.request).collect();
    let replies =
        project.runtime.block_on(project.data.batch(requests, &project.principal, &project.context()));
    let shown = |reply: &transom_data::DataReply| match &reply.key {
        Some(key) => format!("{key:?}"),
        None if reply.json.is_empty() => format!("{} rows", reply.rows),
        None => crate::harness::text(reply),
    };
    replies.map(|replies| replies.iter().map(shown).collect()).map_err(|problem| said(&problem))
}

#[test]
fn later_operations_use_earlier_ones() {
    let project = Project::new();
    let found = run(
        &project,
        r#"{"operations":[
            {"method":"POST","path":"/addresses","body":{"city":"Lima"}},
            {"method":"POST","path":"/orders","body":{"customer":"eve","billing_id":{"$ref":"0.id"}},"headers":{"prefer":"return=representation"}},
            {"method":"POST","path":"/lines","body":{"order_id":{"$ref":"1.id"},"line":1}},
            {"method":"PATCH","path":"/orders?id=eq.$ref(1.id)","body":{"customer":"Eve"}},
            {"method":"GET","path":"/orders?select=customer,addresses!billing_id(city),lines(line)&id=eq.$ref(1.id)"}
        ]}"#,
    );
    let found = found.unwrap();
    assert_eq!(
        found.last().unwrap(),
        r#"[{"customer":"Eve","addresses":{"city":"Lima"},"lines":[{"line":1}]}]"#,
        "{found:?}"
    );
}

#[test]
fn a_nested_inserts_own_key_is_referred_to() {
    let project = Project::new();
    let found = run(
        &project,
        r#"{"operations":[
            {"method":"POST","path":"/orders","body":{"customer":"eve","addresses!billing_id":{"city":"Lima"},"lines":[{"line":1}]}},
            {"method":"POST","path":"/lines","body":{"order_id":{"$ref":"0.id"},"line":2}},
            {"method":"GET","path":"/orders?select=customer,lines(line)&id=eq.$ref(0.id)&lines.order=line"}
        ]}"#,
    );
    assert_eq!(found.unwrap().last().unwrap(), r#"[{"customer":"eve","lines":[{"line":1},{"line":2}]}]"#);
}

#[test]
fn all_operations_or_none() {
    let project = Project::new();
    let before = project.contents(&["labels", "orders"]);
    for (operation, words) in [
        (r#"{"method":"POST","path":"/labels","body":{"id":1,"name":"x"}}"#, "23505: "),
        (r#"{"method":"POST","path":"/labels","body":{"nam":"x"}}"#, "PGRST204: "),
        (r#"{"method":"PATCH","path":"/labels/77","body":{"name":"x"}}"#, "TR016: "),
        (r#"{"method":"POST","path":"/labels","body":{"name":{"$ref":"0.nope"}}}"#, "42703: "),
        (r#"{"method":"POST","path":"/labels","body":{"name":{"$ref":"1.id"}}}"#, ""),
        (r#"{"method":"POST","path":"/labels","body":{"name":{"$ref":"9.id"}}}"#, ""),
    ] {
        let body = format!(
            r#"{{"operations":[{{"method":"POST","path":"/labels","body":{{"name":"first"}}}},{operation}]}}"#
        );
        let refused = run(&project, &body).unwrap_err();
        assert!(refused.starts_with(words), "{operation}: {refused}");
        assert_eq!(project.contents(&["labels", "orders"]), before, "{operation}");
    }
}
