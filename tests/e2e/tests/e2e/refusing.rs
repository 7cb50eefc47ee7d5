//! A policy is told before a constraint: who may not make a row does not learn that one like it exists.

use transom_testkit::{Project, Server};

use crate::spec::check;

const SCHEMA: &str = "
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE members (team_id INTEGER REFERENCES teams (id), user_id TEXT, PRIMARY KEY (team_id, user_id));
CREATE TABLE notes (
  id INTEGER PRIMARY KEY, owner TEXT NOT NULL DEFAULT 'ada', slug TEXT NOT NULL UNIQUE, team_id INTEGER REFERENCES teams (id),
  stars INTEGER DEFAULT 1 CONSTRAINT stars_range CHECK (stars <= 5), meta JSON, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE places (id INTEGER PRIMARY KEY, name TEXT UNIQUE, width INTEGER, area INTEGER GENERATED ALWAYS AS (width * width) STORED);
CREATE TABLE tasks (id INTEGER PRIMARY KEY, team_id INTEGER NOT NULL, title TEXT UNIQUE, note_id INTEGER REFERENCES notes (id));
INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
INSERT INTO members VALUES (1, 'ada'), (2, 'bob');
INSERT INTO notes (id, owner, slug) VALUES (1, 'ada', 'a'), (2, 'ada', 'b'), (3, 'bob', 'taken');
INSERT INTO places (id, name, width) VALUES (1, 'home', 2), (7, 'work', 3);
INSERT INTO tasks (id, team_id, title) VALUES (1, 1, 'red task'), (2, 2, 'blue task');
";
const POLICIES: &str = "
GRANT ALL ON notes TO authenticated;
CREATE POLICY own ON notes TO authenticated USING (owner = auth.uid());
CREATE POLICY no_guests ON notes AS RESTRICTIVE TO authenticated USING (coalesce(auth.jwt() ->> 'level', '') <> 'guest');

GRANT ALL ON places TO authenticated;
CREATE POLICY known ON places TO authenticated USING (id < 8 OR width > 100);
CREATE ROLE surveyor;
GRANT ALL ON places TO surveyor;
CREATE POLICY small ON places TO surveyor USING (area < 100);

GRANT SELECT ON teams TO authenticated;
CREATE POLICY everyone ON teams FOR SELECT USING (true);
GRANT ALL ON members TO authenticated;
CREATE POLICY own ON members TO authenticated USING (user_id = auth.uid());
GRANT ALL ON tasks TO authenticated;
CREATE POLICY of_my_teams ON tasks TO authenticated USING (team_id IN (SELECT team_id FROM members));
";

fn serve() -> (Project, Server) {
    let project = Project::of(SCHEMA, POLICIES);
    let server = project.serve();
    (project, server)
}

#[test]
fn of_an_inserted_row() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        # What is one's own may learn what is wrong with it.
        as user ada
        POST /notes
        {"owner":"ada","slug":"taken"}
        => 409 23505 "slug"

        POST /notes
        {"owner":"ada","slug":"new","team_id":99}
        => 409 23503

        POST /notes
        {"owner":"ada","slug":"new","stars":6}
        => 400 23514 "stars_range"

        POST /notes
        {"owner":"ada"}
        => 400 23502

        # What is not is not told more of a value that exists than of one that does not.
        POST /notes
        {"owner":"bob","slug":"taken"}
        => 403 42501 "new row violates row-level security policy"

        POST /notes
        {"owner":"bob","slug":"free"}
        => 403 42501 "new row violates row-level security policy"

        POST /notes
        {"owner":"bob","slug":"new","team_id":99}
        => 403 42501

        POST /notes
        {"owner":"bob","slug":"new","stars":6}
        => 403 42501

        POST /notes
        {"owner":"bob"}
        => 403 42501

        POST /notes
        {"owner":null,"slug":"taken"}
        => 403 42501

        # A column that is left out has its default.
        POST /notes
        {"slug":"taken"}
        => 409 23505

        POST /notes?columns=owner,slug
        Prefer: missing=default
        [{"slug":"taken"},{"slug":"new"}]
        => 409 23505

        as user bob
        POST /notes
        {"slug":"taken"}
        => 403 42501

        POST /notes?columns=owner,slug
        Prefer: missing=default
        [{"owner":"bob","slug":"new"},{"slug":"taken"}]
        => 403 42501

        # One row that may not be refuses all, wherever it stands.
        POST /notes
        [{"owner":"bob","slug":"taken","stars":2},{"owner":"bob","slug":"new","stars":null}]
        => 409 23505

        POST /notes
        [{"owner":"bob","slug":"taken","stars":2},{"owner":"ada","slug":"new","stars":null}]
        => 403 42501

        POST /notes
        [{"owner":"ada","slug":"new","meta":{"a":[1]}},{"owner":"bob","slug":"taken","meta":null}]
        => 403 42501

        # A condition on the caller alone.
        as claims {"role":"authenticated","sub":"ada","level":"guest"}
        POST /notes
        {"owner":"ada","slug":"taken"}
        => 403 42501

        as role service_role
        POST /notes
        {"owner":"bob","slug":"taken"}
        => 409 23505

        GET /notes?select=id,owner,slug&order=id
        => 200
        [{"id":1,"owner":"ada","slug":"a"},{"id":2,"owner":"ada","slug":"b"},{"id":3,"owner":"bob","slug":"taken"}]
        "#,
    );
}

#[test]
fn of_a_changed_row() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        as user ada
        PATCH /notes?id=eq.1
        {"slug":"taken"}
        => 409 23505

        PATCH /notes?id=eq.1
        {"slug":"taken","owner":"bob"}
        => 403 42501

        PATCH /notes/1
        {"team_id":99,"owner":"bob"}
        => 403 42501

        PATCH /notes/1
        {"team_id":99,"stars":3}
        => 409 23503

        PATCH /notes?slug=in.(a,b)
        Prefer: return=representation
        {"slug":null,"owner":"bob"}
        => 403 42501

        PATCH /notes?slug=in.(a,b)
        {"slug":"same"}
        => 409 23505

        # Where the engine is told a wish of the caller beforehand.
        PATCH /notes?id=eq.1
        Prefer: timezone=Europe/Berlin
        {"slug":"taken","owner":"bob"}
        => 403 42501

        POST /notes?on_conflict=slug
        Prefer: timezone=Europe/Berlin, resolution=ignore-duplicates
        {"slug":"taken","owner":"bob"}
        => 403 42501

        POST /notes?on_conflict=slug
        Prefer: timezone=Europe/Berlin, resolution=ignore-duplicates
        {"slug":"taken","owner":"ada"}
        => 201

        # Somebody else's row is not there, whatever it would break.
        PATCH /notes?id=eq.3&select=id
        Prefer: return=representation
        {"slug":"a"}
        => 200
        []

        as role service_role
        GET /notes?select=id,owner,slug&order=id
        => 200
        [{"id":1,"owner":"ada","slug":"a"},{"id":2,"owner":"ada","slug":"b"},{"id":3,"owner":"bob","slug":"taken"}]
        "#,
    );
}

#[test]
fn of_a_row_that_is_inserted_or_merged() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        as user ada
        PUT /notes/1
        {"owner":"ada","slug":"taken"}
        => 409 23505

        PUT /notes/1
        {"owner":"bob","slug":"taken"}
        => 403 42501

        PUT /notes/9
        {"owner":"bob","slug":"taken"}
        => 403 42501

        PUT /notes/9
        {"slug":"taken"}
        => 409 23505

        # The row that is met is somebody else's.
        PUT /notes/3
        {"owner":"ada","slug":"a"}
        => 403 42501

        POST /notes
        Prefer: resolution=merge-duplicates
        [{"id":1,"slug":"taken"},{"id":9,"slug":"new"}]
        => 409 23505

        POST /notes
        Prefer: resolution=merge-duplicates
        [{"id":1,"slug":"taken","owner":"ada"},{"id":9,"slug":"new","owner":"bob"}]
        => 403 42501

        POST /notes
        Prefer: resolution=merge-duplicates
        [{"id":1,"slug":"b"},{"id":3,"slug":"new"}]
        => 403 42501

        POST /notes?on_conflict=slug
        Prefer: resolution=merge-duplicates
        {"slug":"a","owner":"ada","stars":6}
        => 400 23514

        POST /notes?on_conflict=slug
        Prefer: resolution=merge-duplicates
        {"slug":"a","owner":"bob","stars":6}
        => 403 42501

        POST /notes?on_conflict=slug
        Prefer: resolution=ignore-duplicates
        [{"id":9,"slug":"new"},{"id":1,"slug":"newer"}]
        => 409 23505

        POST /notes?on_conflict=slug
        Prefer: resolution=ignore-duplicates
        [{"id":9,"slug":"new","owner":"ada"},{"id":3,"slug":"newer","owner":"bob"}]
        => 403 42501

        as user bob
        POST /notes
        Prefer: resolution=merge-duplicates
        {"id":3,"slug":"a"}
        => 409 23505

        as role service_role
        GET /notes?select=id,owner,slug&order=id
        => 200
        [{"id":1,"owner":"ada","slug":"a"},{"id":2,"owner":"ada","slug":"b"},{"id":3,"owner":"bob","slug":"taken"}]
        "#,
    );
}

#[test]
fn of_a_row_that_another_step_makes_possible() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        # The membership that allows the task is made in the same transaction, and taken back with it.
        as user ada
        POST /$batch
        {"operations":[{"method":"POST","path":"/members","body":{"team_id":2,"user_id":"ada"}},{"method":"POST","path":"/tasks","body":{"team_id":2,"title":"red task"}}]}
        => 409 23505 "Operation 1"

        POST /$batch
        {"operations":[{"method":"POST","path":"/members","body":{"team_id":2,"user_id":"ada"}},{"method":"POST","path":"/tasks","body":{"team_id":3,"title":"red task"}}]}
        => 403 42501 "Operation 1"

        POST /tasks
        {"team_id":2,"title":"red task"}
        => 403 42501

        POST /tasks
        {"team_id":1,"title":"red task"}
        => 409 23505

        # What an earlier operation has returned.
        POST /$batch
        {"operations":[{"method":"POST","path":"/notes","body":{"slug":"one"}},{"method":"POST","path":"/tasks","body":{"team_id":1,"title":"blue task","note_id":{"$ref":"0.id"}}}]}
        => 409 23505 "Operation 1"

        # Rows in rows.
        POST /notes
        {"slug":"one","tasks":[{"team_id":1,"title":"blue task"}]}
        => 409 23505

        POST /notes
        {"slug":"one","tasks":[{"team_id":1,"title":"new"},{"team_id":2,"title":"blue task"}]}
        => 403 42501

        # A state that is asked for is asked first.
        PATCH /tasks/1
        If-Match: "stale"
        {"title":"blue task","team_id":2}
        => 412

        PATCH /tasks/1
        If-Match: *
        {"title":"blue task","team_id":2}
        => 403 42501

        PATCH /tasks/1
        If-Match: *
        {"title":"blue task"}
        => 409 23505

        POST /tasks
        Idempotency-Key: twice
        {"team_id":2,"title":"red task"}
        => 403 42501

        POST /tasks
        Idempotency-Key: twice
        {"team_id":2,"title":"red task"}
        => 403 42501

        as role service_role
        GET /members?team_id=eq.2
        => 200
        [{"team_id":2,"user_id":"bob"}]

        GET /notes?select=id&slug=eq.one
        => 200
        []
        "#,
    );
}

#[test]
fn of_what_the_engine_gives() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        # The next key is what it would be.
        as user ada
        POST /places
        {"name":"new"}
        => 403 42501

        POST /places
        {"name":"work"}
        => 403 42501

        POST /places
        {"id":5,"name":"work"}
        => 409 23505

        POST /places
        {"name":"work","width":101}
        => 409 23505

        # What the engine computes of a row is not known before there is one: it counts as refused.
        as role surveyor
        POST /places
        {"name":"work","width":200}
        => 403 42501

        POST /places
        {"name":"work","width":2}
        => 403 42501

        PATCH /places?id=eq.1
        {"name":"work"}
        => 403 42501

        PATCH /places?id=eq.1
        {"name":"house"}
        => 204
        "#,
    );
}

#[test]
fn of_a_row_that_is_passed_over() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        # Whether there is a row of the key makes no difference to whoever may not make one.
        as user ada
        POST /notes?on_conflict=slug
        Prefer: resolution=ignore-duplicates
        {"owner":"bob","slug":"taken"}
        => 403 42501 "new row violates row-level security policy"

        POST /notes?on_conflict=slug
        Prefer: resolution=ignore-duplicates
        {"owner":"bob","slug":"free"}
        => 403 42501 "new row violates row-level security policy"

        POST /notes?on_conflict=slug
        Prefer: resolution=ignore-duplicates, return=representation
        [{"owner":"ada","slug":"new"},{"owner":"bob","slug":"taken"}]
        => 403 42501


        # What may be made is made, and what is there is left as it is.
        POST /notes?on_conflict=slug&select=owner,slug
        Prefer: resolution=ignore-duplicates, return=representation
        [{"owner":"ada","slug":"new"},{"owner":"ada","slug":"taken"}]
        => 201
        [{"owner":"ada","slug":"new"}]

        POST /notes?on_conflict=slug
        Prefer: resolution=ignore-duplicates, return=representation
        [{"owner":"ada","slug":"new"},{"owner":"ada","slug":"taken"}]
        => 201
        []

        POST /notes?on_conflict=slug
        Prefer: resolution=ignore-duplicates, return=representation
        Accept: application/vnd.pgrst.object+json
        {"owner":"bob","slug":"taken"}
        => 403 42501

        POST /notes?on_conflict=slug
        Prefer: resolution=ignore-duplicates, return=representation
        Accept: application/vnd.pgrst.object+json
        {"owner":"ada","slug":"taken"}
        => 406 PGRST116

        POST /notes?on_conflict=slug
        Prefer: resolution=ignore-duplicates
        Idempotency-Key: once
        {"owner":"ada","slug":"taken"}
        => 201

        # In a batch too, and what comes behind such a row is judged as ever.
        POST /$batch
        {"operations":[{"method":"POST","path":"/notes?on_conflict=slug","headers":{"Prefer":"resolution=ignore-duplicates"},"body":{"slug":"taken"}},{"method":"POST","path":"/notes","body":{"slug":"last"}}]}
        => 200
        ~ [{"status":201},{"status":201}]

        POST /$batch
        {"operations":[{"method":"POST","path":"/notes?on_conflict=slug","headers":{"Prefer":"resolution=ignore-duplicates"},"body":{"slug":"taken"}},{"method":"POST","path":"/notes","body":{"owner":"bob","slug":"taken"}}]}
        => 403 42501 "Operation 1"

        POST /$batch
        {"operations":[{"method":"POST","path":"/notes","body":{"slug":"behind"}},{"method":"POST","path":"/notes?on_conflict=slug","headers":{"Prefer":"resolution=ignore-duplicates"},"body":{"owner":"bob","slug":"taken"}}]}
        => 403 42501 "Operation 1"

        as role service_role
        GET /notes?select=owner,slug&order=slug
        => 200
        [{"owner":"ada","slug":"a"},{"owner":"ada","slug":"b"},{"owner":"ada","slug":"last"},{"owner":"ada","slug":"new"},{"owner":"bob","slug":"taken"}]
        "#,
    );
}
