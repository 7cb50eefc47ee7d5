//! The servers under load: started on free ports, stopped whatever happens.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

/// A running server; killed when dropped.
pub struct Server {
    pub port: u16,
    pub started_ms: f64,
    child: Child,
}

impl Server {
    /// Starts a command that will listen on `port`, and waits for its first answer to `path`.
    pub fn start(command: Command, port: u16, path: &str, log: &Path) -> anyhow::Result<Self> {
        Self::start_until(command, port, path, "HTTP/1.1 200", log)
    }

    /// The same, for a server whose first sign of life begins otherwise.
    pub fn start_until(
        mut command: Command,
        port: u16,
        path: &str,
        sign: &str,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let log = File::create(log)?;
        let began = Instant::now();
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let mut server = Self { port, started_ms: 0.0, child };
        loop {
            if answer(port, "GET", path, None, "").is_ok_and(|reply| reply.starts_with(sign)) {
                server.started_ms = began.elapsed().as_secs_f64() * 1000.0;
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                anyhow::bail!("{name} ended with {status}");
            }
            ensure!(began.elapsed() < Duration::from_secs(60), "{name} does not answer");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Resident memory now, in MiB.
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }

    /// Processor time that its threads have used, in nanoseconds, by thread.
    /// Exact when it is idle: a running thread's account is brought up to date when it stops.
    pub fn processor_ns(&self) -> anyhow::Result<HashMap<String, u64>> {
        let mut threads = HashMap::new();
        for entry in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let entry = entry?;
            // A thread may have ended since the folder was read.
            let Ok(account) = std::fs::read_to_string(entry.path().join("schedstat")) else { continue };
            let ran = account.split(' ').next().context("the kernel keeps no schedstat")?.parse()?;
            threads.insert(entry.file_name().to_string_lossy().into_owned(), ran);
        }
        Ok(threads)
    }

    /// Asks it to stop and waits.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let began = Instant::now();
        while self.child.try_wait()?.is_none() && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// One request on a connection of its own; the whole reply as text.
pub fn answer(
    port: u16,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n{token}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply)
}

/// The peer with its packages, installed once under the work folder.
/// `workers` share the port, each a process of its own.
pub fn express(
    work: &Path,
    database: &Path,
    port: u16,
    synchronous: &str,
    workers: u32,
) -> anyhow::Result<Command> {
    let mut command = node(work)?;
    command
        .arg("express.js")
        .arg(std::fs::canonicalize(database)?)
        .arg(port.to_string())
        .arg(synchronous)
        .arg(workers.to_string());
    Ok(command)
}

/// Node.js in the peers' folder, with their packages, in production mode.
pub fn node(work: &Path) -> anyhow::Result<Command> {
    let folder = peers(work)?;
    let mut command = Command::new("node");
    command.env("NODE_ENV", "production").current_dir(&folder);
    Ok(command)
}

/// The versions of Node.js and of these packages.
pub fn versions(work: &Path, packages: &[&str]) -> String {
    let node = Command::new("node").arg("--version").output();
    let node = node.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let package = |name: &str| -> Option<String> {
        let file = work.join("peers/node_modules").join(name).join("package.json");
        let package: serde_json::Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        Some(format!("{name} {}", package["version"].as_str()?))
    };
    let packages = packages.iter().copied().filter_map(package);
    let all: Vec<_> =
        std::iter::once(format!("Node.js {}", node.unwrap_or_default())).chain(packages).collect();
    all.join(", ")
}

fn peers(work: &Path) -> anyhow::Result<PathBuf> {
    let folder = work.join("peers");
    std::fs::create_dir_all(&folder)?;
    for (name, text) in [
        ("package.json", include_str!("../peers/package.json")),
        ("express.js", include_str!("../peers/express.js")),
        ("express-pg.js", include_str!("../peers/express-pg.js")),
    ] {
        std::fs::write(folder.join(name), text)?;
    }
    let there = ["better-sqlite3/build/Release/better_sqlite3.node", "pg", "postgraphile"];
    if !there.iter().all(|part| folder.join("node_modules").join(part).exists()) {
        let status = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--foreground-scripts"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .status()
            .context("npm is needed for the peers: install Node.js")?;
        ensure!(status.success(), "npm could not install the peers");
    }
    Ok(folder)
}
