//! Which crate may stand on which.

use std::{collections::BTreeMap, path::Path};

use super::Finding;
use crate::metadata::{Metadata, Package};

const FLOORS: &str = "A crate stands above all that it imports: floors 0 and 1 may look sideways, from 2 up only down. \
                      Otherwise no part can be understood, built or replaced without the others.";
const ADAPTERS: &str = "Only the binary (and tests and benches) name adapters: everything else speaks to a port, so that engines can be exchanged.";
const PURE: &str = "Floors 0 and 1 are pure: without runtime, network, clock, randomness or files they can be tested by data alone.";

/// What pure crates do not depend on.
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "hyper-util",
    "rand",
    "getrandom",
    "uuid",
    "rusqlite",
    "socket2",
    "reqwest",
    "async-std",
    "jiff",
];

/// Checks the dependencies of every package; those for tests alone are free.
pub fn check(root: &Path, workspace: &Metadata) -> Vec<Finding> {
    let packages: BTreeMap<&str, &Package> =
        workspace.packages.iter().map(|p| (p.name.as_str(), p)).collect();
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let folder = package.folder(root);
        let path = folder.join("Cargo.toml").to_string_lossy().into_owned();
        let mut found = |what: String, why| findings.push(Finding { path: path.clone(), line: 0, what, why });
        let Some(floor) = package.floor() else {
            found("has no floor: add `[package.metadata.transom] floor = N`".to_owned(), FLOORS);
            continue;
        };
        let names_adapters = floor >= 5 || folder.starts_with("tests") || folder.starts_with("benches");
        for name in package.normal_dependencies() {
            if floor <= 1 && IMPURE.contains(&name) {
                found(format!("floor {floor} depends on `{name}`"), PURE);
            }
            let Some(below) = packages.get(name) else { continue };
            let below_floor = below.floor().unwrap_or(u64::MAX);
            let stands = below_floor < floor || (below_floor == floor && floor <= 1);
            // Test crates build on each other.
            let both_test = below_floor >= 6 && floor >= 6;
            if !stands && !both_test {
                found(format!("floor {floor} depends on `{name}` of floor {below_floor}"), FLOORS);
            }
            if below.folder(root).starts_with("adapters") && !names_adapters {
                found(format!("names the adapter `{name}`"), ADAPTERS);
            }
        }
    }
    findings
}
