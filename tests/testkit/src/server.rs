//! A real server process.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use crate::{Client, SECRET, project::root, token};

/// How long a server may take to come up on a loaded machine.
const START_MAX: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// Where the API listens.
    pub address: SocketAddr,
    /// Where health and metrics listen.
    pub admin_address: SocketAddr,
    output: mpsc::Receiver<String>,
}

impl Server {
    /// Serves a folder on free ports.
    pub fn start(dir: &Path, flags: &[&str]) -> Self {
        Self::try_start(dir, flags).unwrap_or_else(|output| panic!("the server did not start:\n{output}"))
    }

    /// Serves a folder on free ports, or returns what the process printed before it ended.
    pub fn try_start(dir: &Path, flags: &[&str]) -> Result<Self, String> {
        let mut child = Command::new(binary())
            .arg("serve")
            .arg(dir)
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--set", &format!("auth.secret={SECRET}")])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let output = lines(&mut child);
        let mut printed = String::new();
        let (mut address, mut admin_address) = (None, None);
        let until = Instant::now() + START_MAX;
        while let Ok(line) = output.recv_timeout(until.saturating_duration_since(Instant::now())) {
            address = address.or_else(|| after(&line, "api    http://"));
            admin_address = admin_address.or_else(|| after(&line, "admin  http://"));
            printed += &line;
            printed.push('\n');
            if let (Some(address), Some(admin_address)) = (address, admin_address) {
                return Ok(Self { child, address, admin_address, output });
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        Err(printed)
    }

    /// A client without a token.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// A client of the admin listener.
    pub fn admin(&self) -> Client {
        Client::new(self.admin_address)
    }

    /// A client with a token of this role.
    pub fn role(&self, role: &str) -> Client {
        self.claims(&json!({ "role": role }))
    }

    /// A client with a token of role `authenticated` and this subject.
    pub fn user(&self, subject: &str) -> Client {
        self.claims(&json!({ "role": "authenticated", "sub": subject }))
    }

    /// A client with a token of these claims.
    pub fn claims(&self, claims: &Json) -> Client {
        let mut claims = claims.clone();
        if claims.get("exp").is_none() {
            claims["exp"] = json!(4_102_444_800_u64);
        }
        self.client().bearer(&token(&claims))
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the kernel says of its memory, in MiB: `VmRSS` is what it holds now, `VmHWM` the most that it has held.
    pub fn memory_mib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = value.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok());
        kib.expect("a number of KiB") / 1024
    }

    /// Kills the process at once, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop, without waiting.
    pub fn terminate(&self) {
        let _ = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
    }

    /// Waits for the process to end; its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let until = Instant::now() + START_MAX;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.code(),
                _ if Instant::now() > until => return None,
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Sends SIGHUP, without waiting.
    pub fn hang_up(&self) {
        let _ = Command::new("kill").args(["-HUP", &self.id().to_string()]).status();
    }

    /// What it has printed since it was ready.
    pub fn printed(&self) -> String {
        self.output.try_iter().collect::<Vec<_>>().join("\n")
    }

    /// Waits for a line with this word; everything printed up to that line, which is the last.
    pub fn until_printed(&self, word: &str) -> String {
        let until = Instant::now() + START_MAX;
        let mut printed: Vec<String> = Vec::new();
        while let Ok(line) = self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
            let found = line.contains(word);
            printed.push(line);
            if found {
                return printed.join("\n");
            }
        }
        panic!("{word:?} was not printed:\n{}", printed.join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Both outputs of a process, line by line.
fn lines(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let streams: [Option<Box<dyn std::io::Read + Send>>; 2] = [
        child.stdout.take().map(|out| Box::new(out) as _),
        child.stderr.take().map(|err| Box::new(err) as _),
    ];
    for stream in streams.into_iter().flatten() {
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

fn after(line: &str, prefix: &str) -> Option<SocketAddr> {
    line.trim_start().strip_prefix(prefix)?.split(['/', ' ']).next()?.parse().ok()
}

/// Runs the binary to its end.
pub fn run(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).stdin(Stdio::null()).output().expect("the binary runs")
}

/// The binary under test: `TRANSOM_BIN`, else the one built beside the tests, which is built if it is missing.
pub fn binary() -> PathBuf {
    if let Some(path) = env::var_os("TRANSOM_BIN") {
        return path.into();
    }
    let test = env::current_exe().expect("a path");
    let folder = test.parent().and_then(Path::parent).expect("target/debug/deps").to_owned();
    let path = folder.join("transom");
    if !path.exists() {
        let status = Command::new(option_env!("CARGO").unwrap_or("cargo"))
            .args(["build", "--quiet", "--package", "transom"])
            .current_dir(root())
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the binary does not build");
    }
    path
}
