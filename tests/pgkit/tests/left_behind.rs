//! Nothing of a server outlives who started it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests, one of which tells the other where it is"
)]

use std::{
    env,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use transom_pgkit::{Durability, Server};

/// Set in the process that is to be killed.
const VICTIM: &str = "TRANSOM_TEST_VICTIM";
const WAIT_MAX: Duration = Duration::from_secs(30);

#[test]
fn a_server_ends_with_a_process_that_is_killed() {
    if env::var_os(VICTIM).is_some() {
        let server = Server::start(Durability::None);
        println!("\nfolder {}", server.folder().display());
        // Until killed, or orphaned.
        let _ = std::io::stdin().read(&mut [0]);
        return;
    }
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_server_ends_with_a_process_that_is_killed", "--nocapture"])
        .env(VICTIM, "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let folder = lines.map_while(Result::ok).find_map(|line| Some(line.strip_prefix("folder ")?.to_owned()));
    let folder = folder.unwrap();
    let pid = std::fs::read_to_string(Path::new(&folder).join("data/postmaster.pid")).unwrap();
    let process = Path::new("/proc").join(pid.lines().next().unwrap());
    assert!(process.exists(), "the server runs");
    victim.kill().unwrap();
    victim.wait().unwrap();
    let begun = Instant::now();
    while process.exists() || Path::new(&folder).exists() {
        assert!(begun.elapsed() < WAIT_MAX, "{folder} or its server is left behind");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_server_comes_back_after_a_crash_and_is_gone_when_dropped() {
    let server = Server::start(Durability::Full);
    let folder = server.folder().to_owned();
    server.kill();
    server.resume();
    server.stop();
    drop(server);
    assert!(!folder.exists(), "{} is left behind", folder.display());
}
