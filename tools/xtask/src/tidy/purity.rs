//! Floors 0 and 1 touch no clock, no randomness, no environment, no file and no runtime.

use std::path::Path;

use super::{Finding, source::Source};
use crate::metadata::Metadata;

const WHY: &str = "Floors 0 and 1 are pure: what they need of the world comes in as an argument, so that every case can be tested as data.";

const IMPURE: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "std::env",
    "env::var",
    "std::fs",
    "fs::read",
    "fs::write",
    "File::open",
    "std::net::Tcp",
    "std::process",
    "thread::sleep",
    "rand::",
    "getrandom",
    "Uuid::new_v",
    "tokio::",
    "hyper::",
    "OsRng",
    "RandomState::new",
];

/// Looks for impure names in the code of pure crates.
pub fn check(root: &Path, workspace: &Metadata, sources: &[Source]) -> Vec<Finding> {
    let pure = workspace.packages.iter().filter(|package| package.floor().is_some_and(|floor| floor <= 1));
    let folders: Vec<String> =
        pure.map(|package| format!("{}/src/", package.folder(root).to_string_lossy())).collect();
    let within =
        |source: &&Source| folders.iter().any(|folder| source.path.starts_with(folder)) && !source.is_test();
    sources.iter().filter(within).flat_map(in_file).collect()
}

fn in_file(source: &Source) -> Vec<Finding> {
    let found = |pattern: &&str| {
        let what = format!("`{pattern}` in a pure crate");
        let finding = move |line| Finding { path: source.path.clone(), line, what: what.clone(), why: WHY };
        source.lines_with(&source.bare, pattern).into_iter().map(finding).collect::<Vec<_>>()
    };
    IMPURE.iter().flat_map(found).collect()
}
