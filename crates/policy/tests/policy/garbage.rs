//! Whatever the file holds, loading it ends in policies or in faults, never in a panic.

use proptest::prelude::*;
use transom_policy::Policies;

use crate::support::*;

const SEED: &str = "GRANT SELECT (id), UPDATE (id) ON notes, teams TO anon, authenticated;
REVOKE ALL PRIVILEGES ON ALL TABLES IN SCHEMA public FROM anon; CREATE ROLE editor BYPASSRLS; GRANT editor TO anon;
GRANT EXECUTE ON FUNCTION report() TO PUBLIC; ALTER TABLE notes DISABLE ROW LEVEL SECURITY;
CREATE POLICY \"a b\" ON public.notes AS RESTRICTIVE FOR UPDATE TO authenticated
  USING ((select auth.uid()) = owner AND id IN (1, 2, -3) OR NOT title ~* '^x' AND due > date '2024-01-01')
  WITH CHECK (EXISTS (SELECT 1 FROM members m JOIN teams t ON t.id = m.team_id WHERE m.user_id = owner LIMIT 1)
   AND (SELECT count(*) FROM teams) < 5 AND id = ANY ('{1,2}'::int[]) AND auth.jwt() #>> '{a,b}' = 'c'
   AND CASE title WHEN 'a' THEN true ELSE public END AND coalesce(meta ->> 'a', title || 'b') LIKE 'x%');";

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GRANT",
    "REVOKE",
    "ON",
    "TO",
    "CREATE",
    "POLICY",
    "USING",
    "(",
    ")",
    "(",
    ")",
    ",",
    ";",
    "=",
    "AND",
    "OR",
    "NOT",
    "EXISTS",
    "IN",
    "ANY",
    "ARRAY",
    "[",
    "]",
    "'x'",
    "'{a}'",
    "1",
    "-",
    "->>",
    "::int",
    "auth.uid()",
    "auth.jwt()",
    "notes",
    "teams",
    "members",
    "id",
    "title",
    "owner",
    "IS",
    "NULL",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "CAST",
    "AS",
    "BETWEEN",
    "LIKE",
    "ESCAPE",
    "WITH",
    "CHECK",
    "FOR",
    "ALL",
    "count(*)",
    "JOIN",
    "$1",
    "\"q\"",
    ".",
    "*",
    "LIMIT",
    "ORDER",
    "BY",
    "interval",
    "date",
    "substring",
    "trim",
    "public",
    "anon",
    "ROLE",
];

fn load_and_guard(text: &str) {
    if let Ok(policies) = Policies::load("policies.sql", text, catalog()) {
        for plan in [read("notes", &["id"]), update("notes", &["title"], Some("id"), &["id"])] {
            let _ = transom_policy::guard(plan, &grant(&policies, "anon"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_text(text in any::<String>()) {
        load_and_guard(&text);
    }

    #[test]
    fn arbitrary_words(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        load_and_guard(&words.join(" "));
        load_and_guard(&format!("CREATE POLICY p ON notes USING ({});", words.join(" ")));
    }

    #[test]
    fn a_mutated_file(cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, prop::sample::select(WORDS)), 1..6)) {
        let mut text = SEED.to_owned();
        for (at, length, word) in cuts {
            let letters: Vec<char> = text.chars().collect();
            let at = at.index(letters.len());
            let after = (at + length).min(letters.len());
            text = letters[..at].iter().collect::<String>() + word + &letters[after..].iter().collect::<String>();
        }
        load_and_guard(&text);
    }
}

#[test]
fn the_seed_itself_is_right() {
    assert_eq!(faults(SEED), "no fault");
}
