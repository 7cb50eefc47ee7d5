//! Builds with the profile that ships: to measure it, or to see its size.

use std::path::Path;

use anyhow::Context;

use crate::{metadata, needs, process};

/// The profile in the workspace's `Cargo.toml`.
const PROFILE: &str = "dist";

/// Builds what ships, then runs the measuring program on it. `arguments` go to the program; `served` before them asks for
/// the table of a database server.
pub async fn bench(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    needs::provide(root, needs::BENCH).await?;
    let built = binary(root).await?;
    let built = built.to_string_lossy();
    let mut words = vec!["run", "--quiet", "--profile", PROFILE, "--package", "transom-benches", "--"];
    let (table, arguments) = match arguments.split_first() {
        Some((first, rest)) if first == "served" => ("served", rest),
        _ => ("run", arguments),
    };
    words.extend([table, "--transom", &built]);
    words.extend(arguments.iter().map(String::as_str));
    process::run(root, "cargo", &words).await
}

/// Builds what ships and prints where it is and how large.
pub async fn release(root: &Path) -> anyhow::Result<()> {
    let built = binary(root).await?;
    let bytes = built.metadata().with_context(|| format!("{} was not built", built.display()))?.len();
    println!("{}  {:.1} MiB", built.display(), bytes as f64 / f64::from(1 << 20));
    Ok(())
}

async fn binary(root: &Path) -> anyhow::Result<std::path::PathBuf> {
    process::run(root, "cargo", &["build", "--profile", PROFILE, "--package", "transom"]).await?;
    Ok(metadata::read(root)?.target_directory.join(PROFILE).join("transom"))
}
