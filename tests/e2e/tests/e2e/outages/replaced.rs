//! The database server is replaced by its standby.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use transom_pgkit::{Durability, Programs, Server as Database};
use transom_testkit::Server;

use super::{asked, notes, wait_until, write};

/// A standby of a server, in a folder beside its data.
struct Standby {
    data: PathBuf,
    port: u16,
}

impl Standby {
    fn of(primary: &Database) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let data = primary.folder().join("standby");
        let standby = Self { data, port };
        // At rest the data can be copied as they are, whatever the version.
        primary.stop();
        standby.copied(&primary.folder().join("data"));
        primary.resume();
        let conninfo = format!("primary_conninfo = 'host=127.0.0.1 port={} user=postgres'\n", primary.port());
        fs::write(standby.data.join("standby.signal"), "").unwrap();
        let settings = OpenOptions::new().append(true).open(standby.data.join("postgresql.auto.conf"));
        settings.unwrap().write_all(conninfo.as_bytes()).unwrap();
        let options = format!(
            "-p {port} -k {} -c listen_addresses=127.0.0.1 -c fsync=off -c hot_standby=on -c max_connections=400",
            primary.folder().display()
        );
        standby.control(&["-w", "-l", &format!("{}.log", standby.data.display()), "-o", &options, "start"]);
        standby
    }

    fn copied(&self, from: &Path) {
        let copy = Command::new("cp").arg("-a").args([from, &self.data]).status().unwrap();
        assert!(copy.success(), "the data are copied");
    }

    fn promote(&self) {
        self.control(&["-w", "promote"]);
    }

    fn control(&self, arguments: &[&str]) {
        let data = self.data.display().to_string();
        self.run("pg_ctl", &[&["-D", &data], arguments].concat());
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Programs::find().command(program);
        let status = command.args(arguments).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "{program} {arguments:?}");
    }

    fn url(&self) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let data = self.data.display().to_string();
        let mut stop = Programs::find().command("pg_ctl");
        let _ = stop.args(["-D", &data, "-m", "immediate", "stop"]).stderr(Stdio::null()).status();
    }
}

#[test]
fn a_promoted_standby_takes_over() {
    let (project, primary) = (notes(), Database::start(Durability::Full));
    let standby = Standby::of(&primary);
    let both = format!(
        "postgresql://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?sslmode=disable&target_session_attrs=read-write",
        primary.port(),
        standby.port
    );
    let server = Server::start(project.dir(), &["--database-url", &both]);
    let client = server.client();
    write(&client, "on the primary", false).expect(201);
    wait_until(
        || {
            asked(
                &standby.url(),
                "SELECT to_regclass('notes') IS NOT NULL AND (SELECT count(*) = 1 FROM notes)",
            ) == "t"
        },
        "the standby has it",
    );
    primary.kill();
    // Nobody takes writes now: a clear refusal, no wrong answer.
    let refused = write(&client, "in between", false);
    assert!(matches!(refused.status, 503 | 500), "{} {}", refused.status, refused.text());
    wait_until(
        || {
            let refused = write(&client, "in between", false);
            (refused.status, refused.code().as_str()) == (503, "TR103")
        },
        "it is refused",
    );
    standby.promote();
    wait_until(|| write(&client, "on the new one", false).status == 201, "the new primary takes writes");
    let there = asked(&standby.url(), "SELECT string_agg(label, ',' ORDER BY id) FROM notes");
    assert!(there.starts_with("on the primary,"), "{there}");
    assert!(there.ends_with("on the new one") && !there.contains("in between"), "{there}");
    assert!(fs::metadata(&standby.data).is_ok());
}

#[test]
fn a_server_that_takes_no_writes_says_so() {
    let (project, primary) = (notes(), Database::start(Durability::Full));
    let server = Server::start(project.dir(), &["--database-url", &primary.url("postgres")]);
    write(&server.client(), "there", false).expect(201);
    drop(server);
    let standby = Standby::of(&primary);
    // Without migrations to look after: the standby alone serves reads.
    let reader = transom_testkit::Project::empty();
    reader.write("policies.sql", super::POLICIES);
    let server = Server::start(reader.dir(), &["--database-url", &standby.url()]);
    let client = server.client();
    let rows = client.get("/rest/v1/notes?select=label").expect(200).json();
    assert_eq!(rows, serde_json::json!([{ "label": "there" }]));
    let refused = write(&client, "not here", false);
    assert_eq!((refused.status, refused.code().as_str()), (503, "TR103"), "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
}

/// Serves the notes from this address, and writes and reads one.
fn serves_from(url: &str, label: &str) {
    let project = notes();
    let server = Server::start(project.dir(), &["--database-url", url]);
    write(&server.client(), label, false).expect(201);
    let rows =
        server.client().get(&format!("/rest/v1/notes?select=label&label=eq.{label}")).expect(200).json();
    assert_eq!(rows, serde_json::json!([{ "label": label }]), "{url}");
}

#[test]
fn the_server_is_found_by_its_socket_and_behind_dead_hosts() {
    let database = Database::start(Durability::None);
    let (port, folder) = (database.port(), database.folder().display().to_string());
    // Nobody listens there any more.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let parameters = "sslmode=disable&target_session_attrs=read-write";
    let addresses = [
        ("socket", database.socket_url("postgres")),
        ("dead", format!("postgresql://postgres@127.0.0.1:{dead},127.0.0.1:{port}/postgres?{parameters}")),
        (
            "named",
            format!(
                "postgresql://postgres@%2Fnowhere:{port},{}:{port}/postgres?{parameters}",
                folder.replace('/', "%2F")
            ),
        ),
    ];
    for (label, url) in addresses {
        serves_from(&url, label);
    }
}

#[test]
fn a_host_that_takes_connections_and_says_nothing_is_told() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgresql://postgres@{}/postgres?sslmode=disable", silent.local_addr().unwrap());
    let refused = Server::try_start(notes().dir(), &["--database-url", &url]);
    let printed = refused.err().expect("it does not start");
    assert!(printed.contains("TR103") && printed.contains("did not answer in time"), "{printed}");
}
