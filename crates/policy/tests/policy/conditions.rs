//! What each construct of a condition compiles to.

use insta::assert_snapshot;

use crate::support::*;

/// The guard that `condition` puts on a read of `notes`.
fn check(condition: &str) -> String {
    let text = format!(
        "GRANT SELECT ON notes, teams, members TO authenticated;
         ALTER TABLE teams DISABLE ROW LEVEL SECURITY;
         ALTER TABLE members DISABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON notes FOR SELECT TO authenticated USING ({condition});"
    );
    show(&load(&text), "authenticated", read("notes", &["id"])).trim_start_matches("guard: ").to_owned()
}

/// Many conditions, one line each.
fn table(conditions: &[&str]) -> String {
    conditions.iter().map(|condition| format!("{condition}\n    {}\n", check(condition))).collect()
}

#[test]
fn who_is_asking() {
    let report = table(&[
        "owner = auth.uid()",
        "(select auth.uid()) = owner",
        "id = auth.uid()",
        "owner = auth.uid()::uuid",
        "title = auth.email()",
        "auth.role() = 'authenticated'",
        "auth.role() = 'anon'",
        "auth.role() IN ('authenticated', 'editor') AND public",
        "current_user = 'authenticated' AND public",
        "auth.jwt() ->> 'aal' = 'aal2'",
        "(auth.jwt() -> 'app_metadata' ->> 'team')::int = team_id",
        "team_id = (select (auth.jwt() #>> '{app_metadata,team}')::bigint)",
        "(auth.jwt() ->> 'is_admin')::boolean",
        "(auth.jwt() ->> 'is_admin')::boolean IS TRUE",
        "current_setting('request.jwt.claims', true)::json ->> 'email' = title",
        "current_setting('request.jwt.claim.sub', true) = owner",
        "auth.jwt() -> 'teams' -> 0 = '7'",
        "auth.jwt() -> 'roles' ? 'admin'",
        "auth.jwt() -> 'roles' @> '[\"admin\"]'",
        "team_id IN (SELECT jsonb_array_elements_text(auth.jwt() -> 'teams'))",
        "team_id = ANY (ARRAY(SELECT jsonb_array_elements_text(auth.jwt() -> 'teams')))",
    ]);
    assert_snapshot!(report);
}

#[test]
fn operators_and_literals() {
    let report = table(&[
        "title = 'a' AND (public AND price >= 1.50) AND NOT id = -1",
        "title <> 'a' OR due < '2024-01-01' OR made_at > '2024-01-01T00:00:00Z'",
        "title IS NOT NULL AND public IS NOT TRUE AND public IS UNKNOWN",
        "owner IS DISTINCT FROM auth.uid() AND owner IS NOT DISTINCT FROM NULL",
        "id IN (1, 2, 3) AND title NOT IN ('a', 'b')",
        "id = ANY (ARRAY[1, 2]) AND id <> ALL ('{3,4}') AND id > ANY ('{5,6}'::int[])",
        "id BETWEEN 1 AND 10 AND title NOT BETWEEN 'a' AND 'c'",
        "title LIKE 'a%' AND title NOT ILIKE '%b' AND title ~ '^a' AND title !~* 'b$'",
        "CASE WHEN public THEN id > 1 ELSE false END",
        "CASE title WHEN 'a' THEN 1 WHEN 'b' THEN 2 END = id",
        "price * 2 + 1 > id % 10",
        "title || '-' || id = 'a-1'",
        "meta ->> 'kind' = 'open' AND (meta -> 'tags' ->> 0)::int = 3",
        "meta @> '{\"a\": 1}'",
        "coalesce(title, 'x') = lower(trim(title)) AND length(title) < 5",
        "nullif(title, '') IS NOT NULL AND upper(substring(title from 1 for 2)) = replace(title, 'a', 'b')",
        "abs(price) > round(price, 1) AND greatest(id, 3) = least(team_id, 4)",
        "made_at < now() AND due <= current_date AND made_at > current_timestamp",
        "cast(title as integer) = id AND due = date '2024-02-29'",
        "(id, title) = (1, 'a')",
        "notes.public AND public.notes.id = 1 AND \"id\" = 2 AND ID = 3",
        "true AND (false OR public) AND public",
        "true",
        "false",
        "1 = 1 AND 'a' = 'b'",
        "null",
    ]);
    assert_snapshot!(report);
}

#[test]
fn subqueries() {
    let report = table(&[
        "EXISTS (SELECT 1 FROM members m WHERE m.team_id = notes.team_id AND m.user_id = auth.uid())",
        "NOT EXISTS (SELECT * FROM members WHERE user_id = owner LIMIT 1)",
        "team_id IN (SELECT team_id FROM members WHERE user_id = (select auth.uid()))",
        "team_id NOT IN (SELECT id FROM teams WHERE NOT open)",
        "(team_id, owner) IN (SELECT team_id, user_id FROM members)",
        "team_id = ANY (SELECT id FROM teams)",
        "EXISTS (SELECT 1 FROM members m JOIN teams t ON t.id = m.team_id WHERE m.user_id = owner AND t.open)",
        "EXISTS (SELECT 1 FROM teams t, members m WHERE t.id = m.team_id AND t.plan = 'pro')",
        "team_id IN (SELECT t.id FROM members m JOIN teams t ON t.id = m.team_id WHERE m.user_id = auth.uid())",
        "(SELECT role FROM members m WHERE m.team_id = notes.team_id ORDER BY since DESC LIMIT 1) = 'admin'",
        "(SELECT count(*) FROM members m WHERE m.team_id = notes.team_id) < 5",
        "(SELECT coalesce(max(id), 0) FROM teams) >= team_id",
        "EXISTS (SELECT 1 FROM teams WHERE teams.id = team_id AND EXISTS (SELECT 1 FROM members WHERE team_id = teams.id))",
    ]);
    assert_snapshot!(report);
}
