//! The lists of exceptions. Each has a reason, and a list may only shrink: an entry that is no longer needed is a finding too.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use serde::Deserialize;

/// Every list.
#[derive(Debug, Default)]
pub struct Lists {
    /// `long_files.toml`: path to its allowance.
    pub long_files: BTreeMap<String, Allowance>,
    /// `long_functions.toml`: `path::name` to its allowance.
    pub long_functions: BTreeMap<String, Allowance>,
    /// `escape_hatches.toml`.
    pub hatches: Vec<Hatch>,
    /// `panics.toml`: path to how many places may panic.
    pub panics: BTreeMap<String, Allowance>,
    /// `engine_names.toml`: path (of a file or folder) to the reason.
    pub engine_names: BTreeMap<String, String>,
    /// `status_codes.toml`: path to the reason.
    pub status_codes: BTreeMap<String, String>,
}

/// How much of something is allowed, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// At most so much: lines, or places.
    pub at_most: usize,
    /// Why.
    pub reason: String,
}

/// A way around the rules, and who may use it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hatch {
    /// The text that shows its use.
    pub pattern: String,
    /// What it gets around.
    pub reason: String,
    /// Path to the number of uses there.
    #[serde(default)]
    pub callers: BTreeMap<String, usize>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hatches {
    #[serde(default)]
    hatch: Vec<Hatch>,
}

/// Reads the lists of a folder; one that is not there is empty.
pub fn load(folder: &Path) -> anyhow::Result<Lists> {
    Ok(Lists {
        long_files: read(folder, "long_files.toml")?,
        long_functions: read(folder, "long_functions.toml")?,
        hatches: read::<Hatches>(folder, "escape_hatches.toml")?.hatch,
        panics: read(folder, "panics.toml")?,
        engine_names: read(folder, "engine_names.toml")?,
        status_codes: read(folder, "status_codes.toml")?,
    })
}

fn read<T: Default + for<'de> Deserialize<'de>>(folder: &Path, name: &str) -> anyhow::Result<T> {
    match fs::read_to_string(folder.join(name)) {
        Ok(text) => toml::from_str(&text).with_context(|| format!("{name} cannot be read")),
        Err(_) => Ok(T::default()),
    }
}
