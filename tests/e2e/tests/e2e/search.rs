//! Full-text search over an FTS5 index.

use transom_testkit::{Project, embedded_only};

use crate::spec::check;

const SCHEMA: &str = "
CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL, plain TEXT);
CREATE VIRTUAL TABLE notes_fts USING fts5 (title, body, content = 'notes', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2');
CREATE TRIGGER notes_insert AFTER INSERT ON notes BEGIN
  INSERT INTO notes_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
END;
CREATE TRIGGER notes_delete AFTER DELETE ON notes BEGIN
  INSERT INTO notes_fts (notes_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
END;
INSERT INTO notes VALUES
  (1, 'Cats', 'The fat cat sat on the mat', 'x'), (2, 'Dogs', 'A dog chased the cat', 'x'),
  (3, 'Café', 'Crème brûlée and coffee', 'x'), (4, 'Mat', 'A mat for the fat dog', 'x');
";
const POLICIES: &str = "
GRANT ALL ON notes TO anon;
CREATE POLICY p ON notes USING (id < 50);
";

#[test]
fn words_are_found() {
    if embedded_only("words are those of its text search configuration") {
        return;
    }
    let project = Project::of(SCHEMA, POLICIES);
    let server = project.serve();
    check(
        &server,
        r#"
        GET /notes?select=id&body=fts.cat&order=id
        => 200
        [{"id":1},{"id":2}]

        # Of this column, not of another one.
        GET /notes?select=id&title=fts.mat
        => 200
        [{"id":4}]

        GET /notes?select=id&body=fts.fat%26dog
        => 200
        [{"id":4}]

        GET /notes?select=id&body=fts.coffee|chased&order=id
        => 200
        [{"id":2},{"id":3}]

        GET /notes?select=id&body=fts.cat%26!dog
        => 200
        [{"id":1}]

        GET /notes?select=id&body=fts.chas:*
        => 200
        [{"id":2}]

        GET /notes?select=id&body=fts.fat<->dog
        => 200
        [{"id":4}]

        GET /notes?select=id&body=plfts.the fat cat
        => 200
        [{"id":1}]

        GET /notes?select=id&body=phfts.fat cat
        => 200
        [{"id":1}]

        GET /notes?select=id&body=phfts.cat fat
        => 200
        []

        GET /notes?select=id&body=wfts.cat -dog
        => 200
        [{"id":1}]

        GET /notes?select=id&body=wfts."fat dog" or coffee&order=id
        => 200
        [{"id":3},{"id":4}]

        GET /notes?select=id&body=not.fts.cat&order=id
        => 200
        [{"id":3},{"id":4}]

        GET /notes?select=id&or=(body.fts.coffee,title.plfts.Dogs)&order=id
        => 200
        [{"id":2},{"id":3}]

        # Accents do not matter to this index.
        GET /notes?select=id&body=plfts.creme brulee
        => 200
        [{"id":3}]

        # Quotes and operators of the engine's own language are only words here.
        GET /notes?select=id&body=plfts.cat" OR "dog
        => 200

        GET /notes?select=id&body=plfts.body:cat*
        => 200

        GET /notes?select=id&body=fts.cat%26%26
        => 400

        # A column without an index cannot be searched.
        GET /notes?select=id&plain=fts.x
        => 400

        # New rows are found at once.
        POST /notes
        {"id":5,"title":"New","body":"a cat again"}
        => 201

        GET /notes?select=id&body=fts.cat&order=id
        => 200
        [{"id":1},{"id":2},{"id":5}]

        # The index itself is not a table of the API.
        GET /notes_fts
        => 404

        GET /notes_fts_data
        => 404
        "#,
    );
}
