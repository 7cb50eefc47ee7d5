//! Which policies and privileges each kind of step meets: PostgreSQL's table, row by row.

use insta::assert_snapshot;
use transom_policy::guard;
use transom_query::{
    Expr, Query, QueryId,
    plan::{Expect, Output, ParamKind, ParamSource, Parameter, Read, Step},
};
use transom_types::{Code, DataType};

use crate::support::*;

/// One policy per command, told apart by the title they ask for.
const EACH: &str = "GRANT ALL ON notes TO anon;
    CREATE POLICY s ON notes FOR SELECT USING (title = 'select');
    CREATE POLICY i ON notes FOR INSERT WITH CHECK (title = 'insert');
    CREATE POLICY u ON notes FOR UPDATE USING (title = 'update') WITH CHECK (title = 'update check');
    CREATE POLICY d ON notes FOR DELETE USING (title = 'delete');";

#[test]
fn each_command_meets_its_policies() {
    let policies = load(EACH);
    let mut report = String::new();
    for (what, plan) in [
        ("select", read("notes", &["id"])),
        ("insert", insert("notes", &["title"], &[])),
        ("insert returning", insert("notes", &["title"], &["id"])),
        ("insert on conflict do nothing", upsert("notes", &["title"], false)),
        ("insert on conflict do update", upsert("notes", &["title"], true)),
        ("update all", update("notes", &["title"], None, &[])),
        ("update filtered", update("notes", &["title"], Some("id"), &[])),
        ("update returning", update("notes", &["title"], None, &["id"])),
        ("delete all", delete("notes", None, &[])),
        ("delete filtered", delete("notes", Some("id"), &[])),
        ("delete returning", delete("notes", None, &["id"])),
        ("judge", judge("notes")),
    ] {
        report += &format!("{what}\n    {}\n", show(&policies, "anon", plan).replace('\n', "\n    "));
    }
    assert_snapshot!(report);
}

#[test]
fn rows_read_back_by_a_later_step_count_as_returned() {
    let mut plan = insert("notes", &["title"], &[]);
    plan.params.push(Parameter {
        source: ParamSource::CapturedRows { step: 0 },
        kind: ParamKind::Rows(vec![DataType::Integer]),
        name: "rows".into(),
    });
    assert_snapshot!(show(&load(EACH), "anon", plan));
}

#[test]
fn permissive_and_restrictive_policies_combine_as_in_postgresql() {
    let policy = |name: &str, kind: &str, role: &str| {
        format!("CREATE POLICY {name} ON notes AS {kind} FOR SELECT TO {role} USING (title = '{name}');")
    };
    let (p, q) = (policy("p", "PERMISSIVE", "public"), policy("q", "PERMISSIVE", "anon"));
    let (r, s) = (policy("r", "RESTRICTIVE", "public"), policy("s", "RESTRICTIVE", "anon"));
    let other = policy("o", "PERMISSIVE", "authenticated");
    let mut report = String::new();
    for (what, text) in [
        ("no policy", String::new()),
        ("p", p.clone()),
        ("p q", format!("{p}{q}")),
        ("r", r.clone()),
        ("p r", format!("{p}{r}")),
        ("p q r s", format!("{p}{q}{r}{s}")),
        ("another role's", other),
        ("p, and all", format!("{p}CREATE POLICY a ON notes USING (true);")),
        ("r, and all", format!("{r}CREATE POLICY a ON notes USING (true);")),
        ("p, and restrictive false", format!("{p}CREATE POLICY a ON notes AS RESTRICTIVE USING (false);")),
        ("for insert only", "CREATE POLICY a ON notes FOR INSERT WITH CHECK (true);".to_owned()),
        ("security disabled", "ALTER TABLE notes DISABLE ROW LEVEL SECURITY;".to_owned()),
        (
            "disabled and enabled again",
            "ALTER TABLE notes DISABLE ROW LEVEL SECURITY; ALTER TABLE notes ENABLE ROW LEVEL SECURITY;"
                .to_owned(),
        ),
    ] {
        let policies = load(&format!("GRANT SELECT ON notes TO anon; {text}"));
        report += &format!("{what}: {}\n", show(&policies, "anon", read("notes", &["id"])));
    }
    assert_snapshot!(report);
}

#[test]
fn a_policy_for_all_stands_for_every_command() {
    let using = load("GRANT ALL ON notes TO anon; CREATE POLICY a ON notes USING (owner = auth.uid());");
    let both = load(
        "GRANT ALL ON notes TO anon; CREATE POLICY a ON notes USING (owner = auth.uid()) WITH CHECK (title <> 'x');",
    );
    let mut report = String::new();
    for (what, policies) in [("using", using), ("using and check", both)] {
        for (step, plan) in [
            ("insert", insert("notes", &["title"], &[])),
            ("update", update("notes", &["title"], Some("id"), &["id"])),
            ("delete", delete("notes", Some("id"), &[])),
        ] {
            let shown = show(&policies, "anon", plan);
            report += &format!("{what}, {step}\n    {}\n", shown.replace('\n', "\n    "));
        }
    }
    assert_snapshot!(report);
}

#[test]
fn without_a_grant_every_step_is_refused() {
    let policies = load("CREATE POLICY a ON notes USING (true);");
    let mut report = String::new();
    for (what, plan) in every_step() {
        for role in ["anon", "stranger"] {
            let problem = guard(plan.clone(), &grant(&policies, role)).unwrap_err();
            assert_eq!(problem.code(), Code::Privilege);
            if role == "anon" {
                report += &format!("{what}: {problem:?}\n");
            }
        }
    }
    assert_snapshot!(report);
}

#[test]
fn without_a_policy_every_step_is_guarded_with_false() {
    let policies = load("GRANT ALL ON notes TO anon;");
    for (what, plan) in every_step().into_iter().filter(|(what, _)| *what != "call") {
        let shown = show(&policies, "anon", plan);
        assert!(!shown.is_empty() && shown.lines().all(|line| line.ends_with(": false")), "{what}: {shown}");
    }
}

#[test]
fn system_service_role_and_bypass_are_unguarded() {
    let policies = load(
        "CREATE ROLE auditor BYPASSRLS; CREATE ROLE junior; GRANT auditor TO junior;
         GRANT ALL ON ALL TABLES IN SCHEMA public TO auditor; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO auditor;
         CREATE POLICY no ON notes USING (false);",
    );
    for (what, plan) in every_step() {
        for role in ["service_role", "auditor"] {
            assert_eq!(show(&policies, role, plan.clone()), "unguarded", "{what} as {role}");
        }
        assert!(guard(plan, &policies.system()).is_ok());
    }
    assert_eq!(show(&policies, "junior", read("notes", &["id"])), "guard: false");
}

fn every_step() -> Vec<(&'static str, transom_query::Plan)> {
    vec![
        ("read", read("notes", &["id"])),
        ("insert", insert("notes", &["title"], &[])),
        ("upsert", upsert("notes", &["title"], true)),
        ("update", update("notes", &["title"], None, &[])),
        ("delete", delete("notes", None, &[])),
        ("judge", judge("notes")),
        ("call", call()),
    ]
}

#[test]
fn columns_without_a_grant_are_refused_wherever_they_stand() {
    let policies = load(
        "GRANT SELECT (id, title), INSERT (title), UPDATE (title) ON notes TO anon; GRANT DELETE ON notes TO anon;
         GRANT SELECT (id) ON teams TO anon;
         CREATE POLICY a ON notes USING (owner = auth.uid());",
    );
    let embedded = |expr: fn(Query) -> Expr| {
        let mut plan = read("notes", &["id"]);
        let mut query = Query::table(QueryId(1), id("teams"));
        query.outputs = vec![out(1, "teams", "name")];
        if let Some(Step::Read(read)) = plan.steps.first_mut() {
            read.query.outputs.push(Output {
                key: "team".into(),
                expr: expr(query),
                data_type: DataType::Json,
            });
        }
        plan
    };
    let mut filtered = read("notes", &["id"]);
    let mut ordered = read("notes", &["id"]);
    if let (Some(Step::Read(filtered)), Some(Step::Read(ordered))) =
        (filtered.steps.first_mut(), ordered.steps.first_mut())
    {
        let secret = Expr::Column(QueryId(0), col("notes", "price"));
        filtered.query.filter = Some(Expr::Not(Box::new(secret.clone())));
        ordered.query.order.push(transom_query::plan::OrderTerm {
            expr: secret,
            descending: false,
            nulls_first: false,
        });
    }
    let mut report = String::new();
    for (what, plan) in [
        ("allowed", read("notes", &["id", "title"])),
        ("output", read("notes", &["id", "price"])),
        ("filter", filtered),
        ("order", ordered),
        ("embedded object", embedded(|query| Expr::Object(Box::new(query)))),
        ("embedded array", embedded(|query| Expr::Objects(Box::new(query)))),
        ("insert", insert("notes", &["title", "price"], &[])),
        ("insert returning", insert("notes", &["title"], &["price"])),
        ("upsert", upsert("notes", &["title"], true)),
        ("update", update("notes", &["price"], None, &[])),
        ("update filter", update("notes", &["title"], Some("team_id"), &[])),
        ("delete filter", delete("notes", Some("team_id"), &[])),
        ("delete returning", delete("notes", None, &["meta"])),
    ] {
        report += &format!("{what}: {}\n", show(&policies, "anon", plan).replace('\n', "; "));
    }
    assert_snapshot!(report);
}

#[test]
fn queries_inside_expressions_and_policies_are_guarded_too() {
    let text = "GRANT SELECT ON notes, teams TO anon; GRANT SELECT (team_id, user_id) ON members TO anon;
        CREATE POLICY n ON notes USING (team_id IN (SELECT id FROM teams));
        CREATE POLICY t ON teams USING (open OR id IN (SELECT team_id FROM members WHERE user_id = auth.uid()));
        CREATE POLICY m ON members USING (user_id = auth.uid() AND role <> 'banned');";
    let mut plan = read("notes", &["id"]);
    if let Some(Step::Read(read)) = plan.steps.first_mut() {
        let query = Query::table(QueryId(1), id("teams"));
        read.query.filter = Some(Expr::Or(vec![Expr::Not(Box::new(Expr::Exists(Box::new(query))))]));
    }
    assert_snapshot!(show(&load(text), "anon", plan.clone()));
    // The policy's own subquery needs the role's privileges: without them nothing is answered, and nothing leaked.
    let without = text.replace("GRANT SELECT (team_id, user_id) ON members TO anon;", "");
    assert_snapshot!(show(&load(&without), "anon", plan.clone()));
    let column = text.replace("(team_id, user_id)", "(team_id)");
    assert_snapshot!(show(&load(&column), "anon", plan));
}

#[test]
fn parameters_and_ids_are_fresh_and_shared() {
    let policies = load(
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO anon;
         ALTER TABLE members DISABLE ROW LEVEL SECURITY;
         CREATE POLICY n ON notes USING (owner = auth.uid() OR
            team_id IN (SELECT team_id FROM members WHERE user_id = auth.uid()));",
    );
    let guarded = guard(update("notes", &["title"], Some("id"), &["id"]), &grant(&policies, "anon")).unwrap();
    let plan = guarded.plan();
    assert_eq!(plan.params.len(), 2, "the caller's literal and one claim: {:?}", plan.params);
    assert_eq!(plan.query_ids, 10, "one subquery in the guard, one in the check");
}

#[test]
fn a_plan_that_names_a_row_twice_is_not_guarded() {
    let policies = load("GRANT ALL ON notes TO anon;");
    let query = Query::table(QueryId(0), id("notes"));
    let read =
        |query| Step::Read(Read { query, count: None, count_max: None, cursor: false, expect: Expect::Any });
    let problem = guard(plan(vec![read(query.clone()), read(query)]), &grant(&policies, "anon")).unwrap_err();
    assert_eq!(problem.code(), Code::Internal);
    let mut stray = self::read("notes", &[]);
    if let Some(Step::Read(read)) = stray.steps.first_mut() {
        read.query.filter = Some(Expr::Column(QueryId(5), col("audit", "what")));
    }
    assert_eq!(guard(stray, &grant(&policies, "anon")).unwrap_err().code(), Code::Internal);
}
