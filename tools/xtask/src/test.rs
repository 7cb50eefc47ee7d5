//! `cargo xtask test`: every stage in order, each with its time; the first that fails ends it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{needs, process, tidy};

/// Runs everything.
pub async fn run(root: &Path) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut times = Vec::new();
    let outcome = stages(root, &mut times).await;
    println!();
    for (name, time) in &times {
        println!("{name:<24} {}", show(*time));
    }
    println!("{:<24} {}", "in all", show(begun.elapsed()));
    outcome
}

async fn stages(root: &Path, times: &mut Vec<(&'static str, Duration)>) -> anyhow::Result<()> {
    let nextest = process::succeeds("cargo", &["nextest", "--version"]);
    let runner: &[&str] = match nextest {
        true => &["nextest", "run", "--workspace", "--no-fail-fast"],
        false => &["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"],
    };
    stage(times, "needs", needs::provide(root, needs::TEST)).await?;
    needs::try_to_provide(root, needs::TEST_MAY).await;
    stage(times, "formatting", cargo(root, &["fmt", "--all", "--check"])).await?;
    stage(times, "tidy", async { tidy::run(root) }).await?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    stage(times, "clippy", cargo(root, &clippy)).await?;
    stage(times, "clients", needs::clients(root)).await?;
    // End-to-end tests start the binary itself.
    stage(times, "build", cargo(root, &["build", "--package", "transom"])).await?;
    {
        // One server for all tests; gone with this scope, whatever happens in it.
        let server = transom_pgkit::Server::start(transom_pgkit::Durability::None);
        let shared = server.url("postgres");
        let variables = [(transom_pgkit::SHARED, shared.as_str())];
        stage(times, "tests", process::run_with(root, "cargo", runner, &variables)).await?;
        // The specs again, over the same projects on the other engine.
        let specs: Vec<&str> = runner
            .iter()
            .map(|word| if *word == "--workspace" { "--package=transom-e2e" } else { word })
            .collect();
        let variables = [variables[0], ("TRANSOM_TEST_ENGINE", "postgres")];
        stage(times, "specs on a server", process::run_with(root, "cargo", &specs, &variables)).await?;
    }
    if tidy::has_doc_tests(root)? {
        stage(times, "documentation tests", cargo(root, &["test", "--workspace", "--doc"])).await?;
    }
    Ok(())
}

async fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    process::run(root, "cargo", arguments).await
}

async fn stage(
    times: &mut Vec<(&'static str, Duration)>,
    name: &'static str,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    println!("\n── {name}");
    let begun = Instant::now();
    let outcome = work.await;
    times.push((name, begun.elapsed()));
    outcome.map_err(|error| error.context(format!("the stage `{name}` failed")))
}

fn show(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:6.1} s")
    } else {
        format!("{:3.0} min {:2.0} s", (seconds / 60.0).floor(), seconds % 60.0)
    }
}
