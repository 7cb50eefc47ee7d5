//! Who may do what to which rows and columns.

use transom_testkit::Project;

use crate::spec::check;

const SCHEMA: &str = "
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE members (team_id INTEGER REFERENCES teams (id), user_id TEXT, PRIMARY KEY (team_id, user_id));
CREATE TABLE notes (
  id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES teams (id), owner TEXT NOT NULL, title TEXT, secret TEXT DEFAULT 's',
  locked BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE TABLE profiles (user_id TEXT PRIMARY KEY, bio TEXT);
CREATE TABLE hidden (id INTEGER PRIMARY KEY, note_id INTEGER REFERENCES notes (id));
CREATE TABLE unpoliced (id INTEGER PRIMARY KEY);
CREATE TABLE open_list (id INTEGER PRIMARY KEY, word TEXT);
INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
INSERT INTO members VALUES (1, 'ada'), (2, 'ada'), (2, 'bob');
INSERT INTO notes (id, team_id, owner, title, locked) VALUES
  (1, 1, 'ada', 'red plan', false), (2, 2, 'bob', 'blue plan', false), (3, NULL, 'bob', 'private', false), (4, 2, 'ada', 'locked plan', true);
INSERT INTO profiles VALUES ('ada', 'a'), ('bob', 'b');
INSERT INTO hidden VALUES (1, 1);
INSERT INTO unpoliced VALUES (1);
INSERT INTO open_list VALUES (1, 'x');
";
const POLICIES: &str = "
CREATE ROLE editor;
CREATE ROLE auditor;

GRANT SELECT ON teams TO anon, authenticated;
CREATE POLICY everyone ON teams FOR SELECT USING (true);

GRANT SELECT ON members TO authenticated;
CREATE POLICY own ON members FOR SELECT TO authenticated USING (user_id = auth.uid());

GRANT SELECT (id, team_id, owner, title, locked), INSERT (id, team_id, owner, title), UPDATE (team_id, owner, title), DELETE
  ON notes TO authenticated;
CREATE POLICY mine_or_my_teams ON notes FOR SELECT TO authenticated
  USING (owner = auth.uid() OR team_id IN (SELECT team_id FROM members));
CREATE POLICY write_mine ON notes FOR INSERT TO authenticated WITH CHECK (owner = auth.uid());
CREATE POLICY change_mine ON notes FOR UPDATE TO authenticated USING (owner = auth.uid());
CREATE POLICY remove_mine ON notes FOR DELETE TO authenticated USING (owner = auth.uid());
CREATE POLICY not_locked ON notes AS RESTRICTIVE FOR UPDATE TO authenticated USING (NOT locked);
CREATE POLICY no_guests ON notes AS RESTRICTIVE TO authenticated USING (coalesce(auth.jwt() ->> 'level', '') <> 'guest');

GRANT ALL ON profiles TO authenticated;
CREATE POLICY own ON profiles TO authenticated USING (user_id = auth.uid());

GRANT SELECT ON unpoliced TO anon;
GRANT SELECT ON open_list TO anon;
ALTER TABLE open_list DISABLE ROW LEVEL SECURITY;

GRANT SELECT, UPDATE ON notes TO editor;
CREATE POLICY editors ON notes TO editor USING (auth.role() = 'editor' AND team_id IN (SELECT jsonb_array_elements_text(auth.jwt() -> 'teams')));
GRANT SELECT (id) ON notes TO auditor;
CREATE POLICY auditors ON notes FOR SELECT TO auditor USING (true);
";

#[test]
fn what_is_not_granted_does_not_exist() {
    let project = Project::of(SCHEMA, POLICIES);
    let server = project.serve();
    check(
        &server,
        r#"
        GET /notes
        => 404 PGRST205

        GET /hidden
        => 404 PGRST205

        POST /notes
        {"owner":"x"}
        => 404 PGRST205

        DELETE /notes?id=eq.1
        => 404 PGRST205

        OPTIONS /notes
        => 404

        # A near name is not betrayed by a suggestion.
        GET /note
        => 404 PGRST205
        ~ {"hint":null}

        GET /teems
        => 404 PGRST205 "teams"

        # Granted, and no policy: no rows.
        GET /unpoliced
        => 200
        []

        GET /open_list
        => 200
        [{"id":1,"word":"x"}]

        GET /teams?order=id
        => 200
        [{"id":1,"name":"red"},{"id":2,"name":"blue"}]

        POST /teams
        {"id":9,"name":"mine"}
        => 401

        PATCH /teams?id=eq.1
        {"name":"mine"}
        => 401

        GET /teams?select=name,notes(title)
        => 400 PGRST200

        as user ada
        DELETE /teams?id=eq.1
        => 403 42501

        GET /teams?select=name,hidden(id)
        => 400 PGRST200

        as role nobody
        GET /teams
        => 404

        as role service_role
        GET /hidden
        => 200
        [{"id":1,"note_id":1}]

        GET /notes?select=id,secret&order=id&limit=1
        => 200
        [{"id":1,"secret":"s"}]

        GET /unpoliced
        => 200
        [{"id":1}]
        "#,
    );
}

#[test]
fn rows_and_columns_are_those_of_the_caller() {
    let project = Project::of(SCHEMA, POLICIES);
    let server = project.serve();
    check(
        &server,
        r#"
        as user ada
        GET /notes?select=id&order=id
        => 200
        [{"id":1},{"id":2},{"id":4}]

        as user bob
        GET /notes?select=id&order=id
        Prefer: count=exact
        => 200
        Content-Range: 0-2/3
        [{"id":2},{"id":3},{"id":4}]

        as user eve
        GET /notes
        => 200
        []

        # The star is every column one may read.
        as user bob
        GET /notes?id=eq.3
        => 200
        [{"id":3,"team_id":null,"owner":"bob","title":"private","locked":false}]

        GET /notes?select=secret
        => 400 42703

        GET /notes?secret=eq.s
        => 400 42703

        GET /notes?order=secret
        => 400 42703

        # And no hint leads there.
        GET /notes?select=secre
        => 400 42703
        ~ {"hint":null}

        GET /notes?select=titel
        => 400 42703 "title"

        # Embedded rows are guarded too.
        GET /teams?select=name,notes(id)&order=id&notes.order=id
        => 200
        [{"name":"red","notes":[]},{"name":"blue","notes":[{"id":2},{"id":4}]}]

        GET /teams?select=name,notes!inner(id)
        => 200
        [{"name":"blue","notes":[{"id":2},{"id":4}]}]

        GET /teams?select=name,members(user_id)&order=id
        => 200
        [{"name":"red","members":[]},{"name":"blue","members":[{"user_id":"bob"}]}]

        GET /teams?select=name,notes(secret)
        => 400 42703

        # Claims.
        as claims {"role":"authenticated","sub":"ada","level":"guest"}
        GET /notes
        => 200
        []

        as claims {"role":"editor","teams":[1]}
        GET /notes?select=id,secret
        => 200
        [{"id":1,"secret":"s"}]

        as claims {"role":"editor","teams":["2",1]}
        GET /notes?select=id&order=id
        => 200
        [{"id":1},{"id":2},{"id":4}]

        as role editor
        GET /notes
        => 200
        []

        as role auditor
        GET /notes?order=id
        => 200
        [{"id":1},{"id":2},{"id":3},{"id":4}]

        GET /notes?select=id,title
        => 400 42703

        # A token without a subject is nobody's.
        as role authenticated
        GET /notes
        => 200
        []
        "#,
    );
}

#[test]
fn a_write_that_breaks_a_policy_changes_nothing() {
    let project = Project::of(SCHEMA, POLICIES);
    let server = project.serve();
    check(
        &server,
        r#"
        as user ada
        POST /notes
        {"id":10,"owner":"ada","title":"mine"}
        => 201

        POST /notes
        {"id":11,"owner":"bob","title":"forged"}
        => 403 42501

        # One bad row refuses all.
        POST /notes
        [{"id":12,"owner":"ada","title":"a"},{"id":13,"owner":"bob","title":"b"}]
        => 403 42501

        POST /notes
        {"id":14,"owner":"ada","secret":"x"}
        => 400

        # Somebody else's row is as good as not there.
        PATCH /notes?id=eq.2&select=id
        Prefer: return=representation
        {"title":"hacked"}
        => 200
        []

        DELETE /notes?id=eq.2
        Prefer: count=exact
        => 204
        Content-Range: */0

        # Giving a row away breaks the check.
        PATCH /notes?id=eq.1
        {"owner":"bob"}
        => 403 42501

        # Restrictive: locked rows stay.
        PATCH /notes?id=eq.4&select=id
        Prefer: return=representation
        {"title":"x"}
        => 200
        []

        PATCH /notes?id=gt.0&select=id
        Prefer: return=representation
        {"title":"renamed"}
        => 200
        [{"id":1},{"id":10}]

        PATCH /notes?id=eq.1
        {"locked":false}
        => 403 42501

        as claims {"role":"authenticated","sub":"ada","level":"guest"}
        POST /notes
        {"id":15,"owner":"ada"}
        => 403 42501

        DELETE /notes?id=gt.0
        Prefer: count=exact
        => 204
        Content-Range: */0

        as role service_role
        GET /notes?select=id,owner,title&order=id
        => 200
        [{"id":1,"owner":"ada","title":"renamed"},{"id":2,"owner":"bob","title":"blue plan"},{"id":3,"owner":"bob","title":"private"},
         {"id":4,"owner":"ada","title":"locked plan"},{"id":10,"owner":"ada","title":"renamed"}]
        "#,
    );
}

#[test]
fn merging_obeys_both_checks() {
    let project = Project::of(SCHEMA, POLICIES);
    let server = project.serve();
    check(
        &server,
        r#"
        as user ada
        POST /profiles
        Prefer: resolution=merge-duplicates, return=representation
        {"user_id":"ada","bio":"new"}
        => 200
        [{"user_id":"ada","bio":"new"}]

        POST /profiles
        Prefer: resolution=merge-duplicates
        {"user_id":"bob","bio":"stolen"}
        => 403 42501

        POST /profiles
        Prefer: resolution=merge-duplicates
        [{"user_id":"ada","bio":"newer"},{"user_id":"bob","bio":"stolen"}]
        => 403 42501

        PUT /profiles?user_id=eq.bob
        {"user_id":"bob","bio":"stolen"}
        => 403 42501

        as role service_role
        GET /profiles?order=user_id
        => 200
        [{"user_id":"ada","bio":"new"},{"user_id":"bob","bio":"b"}]
        "#,
    );
}
