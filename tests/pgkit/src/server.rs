//! A server in a temporary folder.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Child,
};

use tempfile::TempDir;

use crate::Programs;

/// What a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The disk, as in production.
    Full,
    /// Nothing: for tests that lose no power.
    None,
}

/// Ends a server, if it runs, and removes its folder.
const END: &str = r#""$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null; rm -rf "$2""#;

/// A running server; stopped, and its folder removed, when dropped, and when this process is killed.
pub struct Server {
    folder: TempDir,
    guard: Child,
    programs: Programs,
    port: u16,
    durability: Durability,
}

impl Server {
    /// Starts a new server on a free port and on a socket in its folder.
    pub fn start(durability: Durability) -> Self {
        Self::of(Programs::find(), durability)
    }

    /// The same, of these programs.
    pub fn of(programs: Programs, durability: Durability) -> Self {
        // A socket's path has little room: not under the build's folder.
        let folder = tempfile::Builder::new().prefix("transom-pg-").tempdir_in("/tmp").expect("a folder");
        if let Some((uid, gid)) = programs.user {
            chown(folder.path(), Some(uid), Some(gid)).expect("the folder is given away");
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it can be entered");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let guard = programs.at_the_end(END, folder.path());
        let server = Self { folder, guard, programs, port, durability };
        let data = server.data();
        let arguments =
            ["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
        server.programs.run("initdb", &arguments);
        server.resume();
        server
    }

    /// Starts it again after [`Server::kill`] or [`Server::stop`].
    pub fn resume(&self) {
        let durable =
            if self.durability == Durability::Full { "" } else { "-c fsync=off -c synchronous_commit=off" };
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c max_connections=400 {durable}",
            self.port,
            self.folder.path().display()
        );
        self.control(&["-w", "-l", &self.path("log").display().to_string(), "-o", &options, "start"]);
    }

    /// Ends it as a crash would.
    pub fn kill(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Ends it as an operator does who does not wait for sessions.
    pub fn stop(&self) {
        self.control(&["-m", "fast", "stop"]);
    }

    /// Starts it again so that it encrypts with this certificate and key, believes clients of this authority, and lets in whom
    /// these rules of `pg_hba.conf` let in. All but the rules are PEM.
    pub fn encrypt(&self, (certificate, key): (&str, &str), authority: &str, rules: &str) {
        self.stop();
        let keep = |name: &str, text: &str, mode: u32| {
            let path = self.path("data").join(name);
            fs::write(&path, text).expect("it is written");
            if let Some((uid, gid)) = self.programs.user {
                chown(&path, Some(uid), Some(gid)).expect("it is given away");
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is the server's alone");
        };
        keep("server.crt", certificate, 0o600);
        keep("server.key", key, 0o600);
        keep("root.crt", authority, 0o600);
        keep("pg_hba.conf", rules, 0o600);
        keep("postgresql.auto.conf", "ssl = on\nssl_ca_file = 'root.crt'\n", 0o600);
        self.resume();
    }

    /// The address of a database over TCP.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a database over the Unix socket.
    pub fn socket_url(&self, database: &str) -> String {
        format!("postgresql://postgres@/{database}?host={}&port={}", self.folder.path().display(), self.port)
    }

    /// The process that all others of it descend from, while it runs.
    pub fn id(&self) -> Option<u32> {
        fs::read_to_string(self.path("data/postmaster.pid")).ok()?.lines().next()?.parse().ok()
    }

    /// Where its data and socket are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> String {
        self.path("data").display().to_string()
    }

    fn control(&self, arguments: &[&str]) {
        self.programs.run("pg_ctl", &[&["-D", &self.data()], arguments].concat());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
