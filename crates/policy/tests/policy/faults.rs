//! What the start-up report says about a file that is not right.

use insta::assert_snapshot;

use crate::support::*;

#[test]
fn every_fault_is_reported_at_once() {
    let report = faults(
        "GRANT SELCT ON notes TO anon;
GRANT SELECT ON noets TO anon;
GRANT SELECT (titel) ON notes TO anon;
GRANT SELECT ON notes TO anno;
GRANT DELETE (id) ON notes TO anon;
GRANT EXECUTE ON FUNCTION reprot() TO anon;
GRANT SELECT ON FUNCTION report TO anon;
GRANT SELECT ON secret.notes TO anon;
GRANT SELECT ON notes TO anon WITH GRANT OPTION;
GRANT SELECT ON notes;
REVOKE SELECT ON notes TO anon;
CREATE ROLE public;
CREATE ROLE editor SUPERUSER;
ALTER TABLE notes ADD COLUMN x int;
ALTER TABLE noets DISABLE ROW LEVEL SECURITY;
DROP POLICY p ON notes;
CREATE FUNCTION f() RETURNS int;
DELETE FROM notes;
SELECT 1;
CREATE POLICY a ON notes FOR SELECT WITH CHECK (true);
CREATE POLICY b ON notes FOR INSERT USING (true);
CREATE POLICY c ON notes;
CREATE POLICY d ON notes AS STRICT USING (true);
CREATE POLICY e ON notes FOR TRUNCATE USING (true);
CREATE POLICY f ON notes USING (true) nonsense;
CREATE POLICY g ON notes USING (title = ;
CREATE POLICY h ON nots USING (true);
CREATE POLICY i ON notes TO authentcated USING (true);
CREATE POLICY j ON notes USING (true);
CREATE POLICY j ON notes USING (true);",
    );
    assert_snapshot!(report);
}

/// Conditions that are refused, each with the report's text for it.
fn table(conditions: &[&str]) -> String {
    let fault = |condition: &&str| {
        let text = format!("CREATE POLICY p ON notes USING (\n{condition}\n);");
        let report = faults(&text).replace("policies.sql:2: policy \"p\": ", "");
        format!("{condition}\n  {}\n", report.replace('\n', "\n  "))
    };
    conditions.iter().map(fault).collect()
}

#[test]
fn names_that_do_not_exist() {
    let report = table(&[
        "ownr = auth.uid()",
        "\"abc\" = title",
        "zebra = 1",
        "nots.owner = auth.uid()",
        "notes.ownr = auth.uid()",
        "auth.uuid() = owner",
        "lowr(title) = 'a'",
        "EXISTS (SELECT 1 FROM member WHERE true)",
        "EXISTS (SELECT 1 FROM members m WHERE members.user_id = owner)",
        "EXISTS (SELECT 1 FROM members m, teams t WHERE m.team_id = t.idd)",
        "EXISTS (SELECT 1 FROM members m, members n WHERE role = 'x')",
        "EXISTS (SELECT 1 FROM members, members WHERE true)",
        "title::strnig = 'a'",
        "current_setting('app.tenant') = title",
        "title = $1",
    ]);
    assert_snapshot!(report);
}

#[test]
fn types_that_do_not_fit() {
    let report = table(&[
        "id",
        "title",
        "auth.uid()",
        "public = 'perhaps'",
        "public = 1",
        "id = 'abc'",
        "due > 'yesterday'",
        "owner = 'abc'",
        "title = 5",
        "id LIKE '1%'",
        "public > 3",
        "meta = title",
        "title -> 'a' = '1'",
        "made_at - due > 1",
        "id AND public",
        "NOT title",
        "CASE WHEN id THEN true END",
        "id IN (1, 'x')",
        "(id, title) = (1, 2, 3)",
        "meta -> title = '1'",
        "id = 99999999999999999999999",
        "price = 1e999",
    ]);
    assert_snapshot!(report);
}

#[test]
fn what_a_policy_cannot_express() {
    let report = table(&[
        "made_at > now() - interval '1 day'",
        "title SIMILAR TO 'a'",
        "title LIKE 'a!%' ESCAPE '!'",
        "count(*) > 1",
        "EXISTS (SELECT 1 FROM members GROUP BY role)",
        "EXISTS (SELECT 1 FROM members UNION SELECT 1 FROM teams)",
        "EXISTS (WITH x AS (SELECT 1) SELECT 1 FROM x)",
        "EXISTS (SELECT 1 FROM (SELECT 1) x)",
        "EXISTS (SELECT 1 FROM members LEFT JOIN teams ON true)",
        "EXISTS (SELECT 1 FROM generate_series(1, 2))",
        "id IN (SELECT id, name FROM teams)",
        "id IN (SELECT * FROM teams)",
        "id IN (SELECT m.team_id + t.id FROM members m JOIN teams t ON true)",
        "id > ANY (SELECT id FROM teams)",
        "(SELECT count(*) FROM members m JOIN teams t ON true) > 1",
        "(SELECT count(*) + id FROM teams) > 1",
        "(SELECT count(count(*)) FROM teams) > 1",
        "meta ? 'a'",
        "title & 3 = 1",
        "auth.uid(1) = owner",
        "row_number() OVER () = 1",
        "id = ANY (team_id)",
        "title IN (SELECT jsonb_array_elements_text(meta))",
    ]);
    assert_snapshot!(report);
}

#[test]
fn recursion_is_found_at_load() {
    let report = faults(
        "CREATE POLICY self ON members USING (EXISTS (SELECT 1 FROM members m WHERE m.user_id = auth.uid()));
         CREATE POLICY there ON notes USING (team_id IN (SELECT id FROM teams));
         CREATE POLICY back ON teams TO authenticated USING (id IN (SELECT team_id FROM notes));",
    );
    assert_snapshot!(report);
    let harmless = faults(
        "CREATE POLICY read ON members FOR SELECT USING (user_id = auth.uid());
         CREATE POLICY write ON members FOR INSERT
           WITH CHECK (EXISTS (SELECT 1 FROM members m WHERE m.user_id = auth.uid() AND m.role = 'admin'));
         CREATE POLICY a ON notes TO anon USING (team_id IN (SELECT id FROM teams));
         CREATE POLICY b ON teams TO authenticated USING (id IN (SELECT team_id FROM notes));",
    );
    assert_eq!(harmless, "no fault");
}

#[test]
fn too_many_subqueries_are_refused_at_load() {
    let many = |count| vec!["EXISTS (SELECT 1 FROM teams WHERE id = team_id)"; count].join(" OR ");
    let file = |count| format!("CREATE POLICY p ON notes USING ({});", many(count));
    assert_eq!(faults(&file(128)), "no fault");
    assert!(faults(&file(129)).contains("needs more than 128 subqueries"), "{}", faults(&file(129)));
}

#[test]
fn unclosed_text_is_one_fault() {
    let report = faults("GRANT SELECT ON notes TO anon;\nCREATE POLICY p ON notes USING (title = 'abc);\n");
    assert_snapshot!(report);
    let report = faults("/* never closed");
    assert_snapshot!(report);
    assert_eq!(faults(""), "no fault");
    assert_eq!(faults(" ; -- nothing\n ;; /* at all */"), "no fault");
}

#[test]
fn deep_and_long_conditions_are_judged_not_crashed_on() {
    let chain = vec!["public"; 2_000].join(" OR ");
    assert_eq!(faults(&format!("CREATE POLICY p ON notes USING ({chain});")), "no fault");
    let sum = vec!["1"; 1_000].join(" + ");
    assert!(faults(&format!("CREATE POLICY p ON notes USING ({sum} = 3);")).contains("nested deeper than"));
    let deep = "(".repeat(500) + "public" + &")".repeat(500);
    assert!(faults(&format!("CREATE POLICY p ON notes USING ({deep});")).contains("nested too deeply"));
    for depth in [20, 45, 60, 400] {
        let calls = "coalesce(".repeat(depth) + "title" + &")".repeat(depth);
        faults(&format!("CREATE POLICY p ON notes USING ({calls} = 'a');"));
        let cases = "CASE WHEN ".repeat(depth) + "public" + &" THEN public END".repeat(depth);
        faults(&format!("CREATE POLICY p ON notes USING ({cases});"));
        let queries = "EXISTS (SELECT 1 FROM teams WHERE ".repeat(depth) + "open" + &")".repeat(depth);
        faults(&format!("CREATE POLICY p ON notes USING ({queries});"));
    }
    let long = vec!["1"; 30_000].join(",");
    assert!(faults(&format!("CREATE POLICY p ON notes USING (id IN ({long}));")).contains("tokens"));
}
