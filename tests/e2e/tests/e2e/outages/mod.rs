//! Bad days of a database server: it is killed, cut off, replaced, slowed down, locked up and changed while requests run.
//! Nothing acknowledged is lost, nothing happens twice, and the answer says what happened.

mod changes_beneath;
mod collisions;
mod crashes;
mod limits;
mod proxy;
mod replaced;

use std::{
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use transom_pgkit::Programs;
use transom_testkit::{Client, Project, Reply};

/// How long anything may take to come right again.
const PATIENCE: Duration = Duration::from_secs(30);

const SCHEMA: &str =
    "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, label text NOT NULL);";
const POLICIES: &str =
    "GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO anon;\nALTER TABLE notes DISABLE ROW LEVEL SECURITY;";

/// A project with notes that may well be the same twice: a note that was written again is seen.
fn notes() -> Project {
    Project::of(SCHEMA, POLICIES)
}

/// What `psql` prints.
pub(crate) fn asked(url: &str, sql: &str) -> String {
    let mut psql = Programs::find().command("psql");
    psql.args(["-At", "-c", sql, url]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = psql.output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// How often each label is in the table.
fn copies(url: &str, label: &str) -> u64 {
    asked(url, &format!("SELECT count(*) FROM notes WHERE label = '{label}'")).parse().unwrap()
}

/// What became of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Acknowledged,
    Refused,
    Unknown,
}

/// What a reply to a write says. Any other answer is wrong on such a day.
fn fate(reply: &Reply) -> Fate {
    if reply.status == 201 {
        return Fate::Acknowledged;
    }
    match (reply.status, reply.code().as_str()) {
        (503, "TR103" | "TR101") => {
            assert!(reply.header("retry-after").is_some(), "a refusal says when to come again");
            Fate::Refused
        }
        (504, "TR102") => Fate::Refused,
        (500, "TR105") => Fate::Unknown,
        _ => panic!("{} {}", reply.status, reply.text()),
    }
}

/// Writes notes from several connections while `happens` runs, and for a while after it; what became of each label.
fn written_while(client: &Client, keyed: bool, happens: impl FnOnce()) -> Vec<(String, Fate)> {
    let (fates, over, numbers) = (Mutex::new(Vec::new()), AtomicBool::new(false), AtomicU64::new(0));
    let acknowledged =
        || fates.lock().unwrap().iter().filter(|(_, fate)| *fate == Fate::Acknowledged).count();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let label = format!("note {}", numbers.fetch_add(1, Ordering::Relaxed));
                    let reply = write(client, &label, keyed);
                    fates.lock().unwrap().push((label, fate(&reply)));
                }
            });
        }
        wait_until(|| acknowledged() >= 40, "writes run");
        happens();
        let before = acknowledged();
        wait_until(|| acknowledged() >= before + 40, "writes run again");
        over.store(true, Ordering::Relaxed);
    });
    fates.into_inner().unwrap()
}

fn write(client: &Client, label: &str, keyed: bool) -> Reply {
    let client = if keyed { client.with("Idempotency-Key", label) } else { client.clone() };
    client.post("/rest/v1/notes", &json!({ "label": label }))
}

fn wait_until(mut done: impl FnMut() -> bool, what: &str) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "it did not come to this in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What was acknowledged is there once, what was refused is not, and what is unknown is there at most once.
fn nothing_lost_or_twice(url: &str, fates: &[(String, Fate)]) {
    let counted = asked(url, "SELECT label || ':' || count(*) FROM notes GROUP BY label");
    for (label, fate) in fates {
        let found = counted.lines().find_map(|line| line.strip_prefix(&format!("{label}:"))).unwrap_or("0");
        let right: &[&str] = match fate {
            Fate::Acknowledged => &["1"],
            Fate::Refused => &["0"],
            Fate::Unknown => &["0", "1"],
        };
        assert!(right.contains(&found), "{label} is {fate:?} and there {found} times");
    }
}
