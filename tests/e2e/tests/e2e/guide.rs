//! `docs/guide/first-steps.md`, walked: what it shows is what happens.

use std::fs;

use serde_json::json;
use transom_testkit::{Project, Server, root};

use crate::commands::{good, refused, text};

#[test]
fn the_first_steps_are_as_written() {
    let guides = ["first-steps.md", "first-steps.zh-CN.md"]
        .map(|name| fs::read_to_string(root().join("docs/guide").join(name)).unwrap());
    // Every answer below stands in the guide, in both languages.
    let shown = |words: &str| {
        assert!(guides.iter().all(|guide| guide.contains(words)), "the guide does not show {words:?}");
        words.to_owned()
    };
    let folder = Project::empty();
    let dir = folder.dir().join("diary");
    let diary = text(&dir);
    good(&["new", diary]);
    let secret = "auth.secret=the-secret-that-the-server-of-the-tests-has-32";
    let token = |subject: &str| good(&["token", diary, "--sub", subject, "--set", secret]);
    let server = Server::start(&dir, &["--set", secret, "--set", "log.level=info"]);
    let anybody = server.client();
    let ada = anybody.bearer(token("ada").trim());
    let notes = "/rest/v1/notes";
    assert_eq!(anybody.get(notes).expect(200).json(), json!([]));

    let note = json!({ "owner": "ada", "body": "Sailed to the island" });
    let reply = ada.with("Prefer", "return=representation").post(notes, &note).expect(201).text();
    assert!(
        reply.starts_with(&shown(r#"[{"id":1,"owner":"ada","body":"Sailed to the island","shared":false,"#)),
        "{reply}"
    );
    let reply = ada.post(notes, &json!({ "owner": "bob", "body": "I am not Bob" })).expect(403).text();
    assert!(
        reply.starts_with(&shown(
            r#"{"code":"42501","message":"new row violates row-level security policy","#
        )),
        "{reply}"
    );
    let reply = anybody.post(notes, &note).expect(401).text();
    assert!(
        reply.contains(&shown(r#""hint":"GRANT INSERT ON notes TO the role in policies.sql""#)),
        "{reply}"
    );

    assert_eq!(anybody.get(notes).expect(200).json(), json!([]));
    ada.patch("/rest/v1/notes/1", &json!({ "shared": true })).expect(204);
    assert_eq!(anybody.get(&format!("{notes}?select=id")).expect(200).json(), json!([{ "id": 1 }]));

    assert!(good(&["migrate", diary, "new", "add mood"]).contains("0002_add_mood.sql"));
    let migration = dir.join("migrations/0002_add_mood.sql");
    fs::write(migration, shown("ALTER TABLE notes ADD COLUMN mood TEXT;")).unwrap();
    let policies = fs::read_to_string(dir.join("policies.sql")).unwrap();
    let (before, mistaken) = (shown("UPDATE (body, shared)"), shown("UPDATE (body, shared, mod)"));
    fs::write(dir.join("policies.sql"), policies.replace(&before, &mistaken)).unwrap();
    refused(
        &["check", diary],
        &[
            &shown("policies.sql:7: column 'mod' does not exist in 'notes' [TR202]"),
            &shown("Perhaps you meant 'mood'"),
        ],
    );
    fs::write(dir.join("policies.sql"), policies.replace(&before, "UPDATE (body, shared, mood)")).unwrap();
    assert!(good(&["check", diary]).contains(&shown("no faults: 2 migrations, policies and queries agree")));
    assert!(good(&["migrate", diary]).contains(&shown("applied 0002_add_mood")));
    server.hang_up();
    server.until_printed("were read again");
    ada.patch("/rest/v1/notes/1", &json!({ "mood": "calm" })).expect(204);
    let reply = anybody.get(&format!("{notes}?select=body,mood")).expect(200).text();
    assert_eq!(reply, shown(r#"[{"body":"Sailed to the island","mood":"calm"}]"#));

    let explained =
        good(&["explain", "notes?mood=eq.calm", diary, "--role", "authenticated", "--claim", "sub=ada"]);
    assert!(
        explained.contains(&shown(
            "  SCAN t0\n\n  warning: full scan of notes: CREATE INDEX notes_mood ON notes (mood)"
        )),
        "{explained}"
    );
}
