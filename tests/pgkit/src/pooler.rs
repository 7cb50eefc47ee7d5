//! PgBouncer before a server, in transaction mode.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::chown,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::Programs;

/// How long it may take to come up.
const START_MAX: Duration = Duration::from_secs(30);

/// The version that first passed prepared statements on in transaction mode.
const PREPARES_FROM: (u32, u32) = (1, 21);

/// A running pooler; stopped when dropped, and when this process is killed.
pub struct Pooler {
    folder: TempDir,
    guard: Child,
    port: u16,
    to: u16,
}

/// Whether there is no PgBouncer. Says so, and what does not run without it.
pub fn without_pooler(what: &str) -> bool {
    let missing = version().is_none();
    if missing {
        #[allow(clippy::print_stdout, reason = "whoever reads the run sees what it says nothing about")]
        {
            println!("not run, for there is no PgBouncer (the package `pgbouncer`): {what}");
        }
    }
    missing
}

fn program() -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command.env("PATH", format!("{path}:/usr/sbin")).args(["-c", r#"exec pgbouncer "$@""#, "sh"]);
    command
}

fn version() -> Option<(u32, u32)> {
    let output = program().arg("--version").stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.split_whitespace().nth(1)?.split('.').map_while(|part| part.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

impl Pooler {
    /// Whether it passes prepared statements on where it is told to.
    pub fn prepares() -> bool {
        version().is_some_and(|version| version >= PREPARES_FROM)
    }

    /// Before the server on this port of this machine, with so few sessions for each database that they are shared; `settings`
    /// are lines of its file.
    pub fn before(to: u16, settings: &str) -> Self {
        let programs = Programs::find();
        let folder = tempfile::Builder::new().prefix("transom-pool-").tempdir_in("/tmp").expect("a folder");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let file = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={to}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\nauth_file =\npool_mode = transaction\ndefault_pool_size = 3\n\
             max_client_conn = 200\n{settings}\n"
        );
        // With `any` it connects as the user of the database's line.
        let text = text.replace(&format!("port={to}\n"), &format!("port={to} user=postgres\n"));
        fs::write(&file, text).expect("a file");
        if let Some((uid, gid)) = programs.user {
            chown(folder.path(), Some(uid), Some(gid)).expect("the folder is given away");
        }
        let guard = programs.at_the_end_of(folder.path());
        let pooler = Self { folder, guard, port, to };
        pooler.wait();
        pooler
    }

    fn wait(&self) {
        let until = Instant::now() + START_MAX;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "PgBouncer did not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// An address of the server's, as one of the pooler.
    pub fn url(&self, of: &str) -> String {
        of.replacen(&format!(":{}/", self.to), &format!(":{}/", self.port), 1)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Programs {
    /// Runs the pooler of this folder until its input ends, as it does when this process ends in any way.
    fn at_the_end_of(&self, folder: &Path) -> Child {
        let script = r#"PATH=$PATH:/usr/sbin; pgbouncer "$1/pgbouncer.ini" >"$1/log" 2>&1 & cat >/dev/null; kill $!; wait"#;
        let mut command = self.any_command(Path::new("sh"));
        command.args(["-c", script, "sh"]).arg(folder).stdin(Stdio::piped()).stderr(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut command, 0).spawn().expect("a shell starts")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
