//! Runs a program so that nothing of it outlives this one: in a process group of its own, which is stopped when the
//! program ends, when a signal arrives, and when a stage fails.

use std::{path::Path, process::Stdio};

use anyhow::{Context, bail};
use tokio::{
    process::Command,
    signal::unix::{Signal, SignalKind, signal},
};

/// Stops a process group when dropped.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        // The program itself has ended or is to end; what it left behind gets no second chance. There is
        // nothing to do about a `kill` that fails: mostly the group is empty, as it should be.
        let group = format!("-{}", self.0);
        let stop = |signal: &str| {
            let mut kill = std::process::Command::new("kill");
            kill.args([signal, "--", &group]).stdout(Stdio::null()).stderr(Stdio::null()).status()
        };
        if stop("-TERM").is_ok_and(|status| status.success()) {
            std::thread::sleep(std::time::Duration::from_millis(200));
            let _ = stop("-KILL");
        }
    }
}

/// Runs a program in `folder` and waits for it. Errors: it cannot be started, fails, or a signal arrives.
pub async fn run(folder: &Path, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    run_with(folder, program, arguments, &[]).await
}

/// The same, with environment variables.
pub async fn run_with(
    folder: &Path,
    program: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().copied()).current_dir(folder);
    command.stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("`{program}` cannot be started"))?;
    let _group = child.id().map(Group);
    let [mut interrupt, mut terminate, mut hangup] = signals()?;
    let status = tokio::select! {
        status = child.wait() => status?,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("told to stop"),
        _ = hangup.recv() => bail!("the terminal is gone"),
    };
    if !status.success() {
        bail!("`{program} {}` failed: {status}", arguments.join(" "));
    }
    Ok(())
}

fn signals() -> anyhow::Result<[Signal; 3]> {
    Ok([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?])
}

/// Whether a program runs and succeeds; its output is thrown away.
pub fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = std::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alive(id: &str) -> bool {
        // A process that has ended but was not waited for is a zombie: state Z.
        let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        !status.is_empty() && !status.contains(") Z ")
    }

    #[tokio::test]
    async fn what_a_program_leaves_behind_is_stopped() -> anyhow::Result<()> {
        for ending in ["exit 0", "exit 3"] {
            let folder = tempfile::tempdir()?;
            let script = format!("sleep 300 & echo $! > left; {ending}");
            let ended = run(folder.path(), "sh", &["-c", &script]).await;
            assert_eq!(ended.is_ok(), ending == "exit 0");
            let left = std::fs::read_to_string(folder.path().join("left"))?;
            assert!(!left.trim().is_empty() && !alive(left.trim()), "{ending}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn failures_are_told() {
        let missing = run(Path::new("/"), "no-such-program", &[]).await;
        assert!(missing.is_err_and(|error| format!("{error:#}").contains("cannot be started")));
    }
}
