//! A judge of rows as values lets through exactly those that a read of the same rows finds.

use std::{sync::Arc, time::Duration};

use transom_policy::guard;
use transom_query::{
    QueryId,
    plan::{Cost, Judge, ParamId, ParamKind, ParamSource, Parameter, Plan, Step},
};
use transom_sql::{Bound, Statement, render};
use transom_types::{Principal, Value};

use crate::harness::{Project, json};

/// The places of these rows (JSON arrays of every column) that the policy lets through.
fn judged(project: &Project, table: &str, rows: &str) -> serde_json::Value {
    let model = project.data.model();
    let grant = model.policies.authorize(&project.principal).unwrap();
    let id = grant.catalog().table(table).unwrap();
    let types = grant.catalog()[id].columns.iter().map(|column| column.data_type).collect();
    let rows_param = Parameter {
        source: ParamSource::Constant(Value::Json(rows.into())),
        kind: ParamKind::Rows(types),
        name: "rows".into(),
    };
    let plan = Plan {
        steps: vec![Step::Judge(Judge { id: QueryId(0), table: id, rows: ParamId(0), guard: None })],
        reply: Some(0),
        params: vec![rows_param],
        cost: Cost::Scan,
        cacheable: false,
        query_ids: 1,
        form: Default::default(),
    };
    let rendered = render(project.database.dialect(), Arc::new(guard(plan, &grant).unwrap())).unwrap();
    let params: Vec<Bound> = rendered
        .plan
        .plan()
        .params
        .iter()
        .map(|param| match &param.source {
            ParamSource::Constant(value) => Bound::Value(value.clone()),
            ParamSource::Claim(path) => Bound::Value(
                project
                    .principal
                    .claim(path)
                    .map_or(Value::Null, |claim| Value::text(claim.as_str().unwrap())),
            ),
            other => panic!("{other:?}"),
        })
        .collect();
    let statement = Statement {
        prepared: rendered.steps[0].clone(),
        params: params.into(),
        timeout: Duration::from_secs(5),
    };
    let body = project.runtime.block_on(project.database.read(statement)).unwrap();
    serde_json::from_slice(&body.json.into_bytes().unwrap()).unwrap()
}

/// The policy on `kinds` or `notes`: what is read and what is judged are the same.
fn check(table: &str, key: &str, policy: &str) {
    let policies =
        format!("GRANT SELECT ON {table} TO authenticated; CREATE POLICY p ON {table} USING ({policy});");
    let claims = serde_json::json!({"sub": "ada"});
    let mut project = Project::policed(&policies, Principal::with_claims("authenticated", claims));
    let read: Vec<serde_json::Value> =
        json(&project.get(&format!("{table}?select={key}&order={key}")).unwrap())
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[key].clone())
            .collect();
    project.principal = Principal::anonymous("service_role");
    let every = json(&project.get(&format!("{table}?order={key}")).unwrap());
    project.principal = Principal::with_claims("authenticated", serde_json::json!({"sub": "ada"}));
    let model = project.data.model();
    let of = &model.catalog[model.catalog.table(table).unwrap()];
    let cells = |row: &serde_json::Value| {
        let cell = |column: &transom_query::catalog::Column| match (&row[&*column.name], column.data_type) {
            // Documents are text inside bound rows.
            (serde_json::Value::Null, _) => serde_json::Value::Null,
            (value, transom_types::DataType::Json) => value.to_string().into(),
            (value, _) => value.clone(),
        };
        of.columns.iter().map(cell).collect::<Vec<_>>()
    };
    let rows: Vec<_> = every.as_array().unwrap().iter().map(cells).collect();
    let places = judged(&project, table, &serde_json::to_string(&rows).unwrap());
    let through: Vec<_> = places
        .as_array()
        .unwrap()
        .iter()
        .map(|place| every[usize::try_from(place.as_u64().unwrap()).unwrap()][key].clone())
        .collect();
    assert_eq!(through, read, "{policy}");
    assert!(read.len() < rows.len(), "{policy} lets everything through");
}

#[test]
fn types_and_collations_are_the_columns() {
    for policy in [
        "flag",
        "NOT flag",
        "flag IS NOT TRUE",
        "whole > 5",
        "whole = -7",
        "fraction < 1",
        "fraction = 1.5",
        "amount = 12.5",
        "amount >= 3",
        "words = 'text'",
        "words = ''",
        "words > 'a'",
        "doc = '{\"k\": 1}'",
        "doc ->> 'k' = '1'",
        "uid = '0b0e8400-e29b-41d4-a716-446655440000'",
        "day > '2026-01-01'",
        "moment < '2026-03-01T00:00:00Z'",
        "whole::text LIKE '-%'",
        "loose = 'x'",
        "loose IS NULL",
    ] {
        check("kinds", "id", policy);
    }
    for policy in [
        "title = 'ALPHA'",
        "title IN ('ALPHA', 'GAMMA')",
        "title < 'BETA'",
        "title <> 'alpha'",
        "owner = 'ada'",
        "owner = auth.uid()",
        "owner > 'B'",
        "stars >= 10",
        "auth.uid() = owner AND title = 'alpha'",
        "title LIKE 'A%'",
    ] {
        check("notes", "title", policy);
    }
}
