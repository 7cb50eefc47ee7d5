//! How long files and functions may be.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding,
    lists::{Allowance, Lists},
    source::{Source, block_end},
};

/// Above this a file wants a reason.
const FILE_LINES_MAX: usize = 500;
/// Above this a function wants a reason.
const FUNCTION_LINES_MAX: usize = 70;

const FILES: &str = "A folder should read as a table of contents. Split the file, or give the reason in tools/xtask/long_files.toml.";
const FUNCTIONS: &str =
    "A function should be seen at once. Split it, or give the reason in tools/xtask/long_functions.toml.";
const STALE: &str = "The lists may only shrink: remove the entry.";

/// Checks every file and function.
pub fn check(sources: &[Source], lists: &Lists) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            used.insert(source.path.clone());
            let what = format!("{lines} lines, more than {FILE_LINES_MAX}");
            judge(&mut findings, &lists.long_files, &source.path, source, (0, lines), what, FILES);
        }
        if is_table_of_cases(&source.path) {
            continue;
        }
        for (name, line, lines) in functions(source) {
            if lines > FUNCTION_LINES_MAX {
                let key = format!("{}::{name}", source.path);
                let what = format!("`{name}` has {lines} lines, more than {FUNCTION_LINES_MAX}");
                judge(&mut findings, &lists.long_functions, &key, source, (line, lines), what, FUNCTIONS);
                used.insert(key);
            }
        }
    }
    let entries = [("long_files.toml", &lists.long_files), ("long_functions.toml", &lists.long_functions)];
    for (list, allowed) in entries {
        for entry in allowed.keys().filter(|entry| !used.contains(*entry)) {
            let what = format!("`{entry}` is no longer too long");
            findings.push(Finding { path: format!("tools/xtask/{list}"), line: 0, what, why: STALE });
        }
    }
    findings
}

fn judge(
    findings: &mut Vec<Finding>,
    list: &BTreeMap<String, Allowance>,
    key: &str,
    source: &Source,
    (line, lines): (usize, usize),
    what: String,
    why: &'static str,
) {
    let allowed = list.get(key).filter(|entry| !entry.reason.trim().is_empty());
    if allowed.is_none_or(|entry| lines > entry.at_most) {
        let limit = allowed.map(|entry| format!(" (and than the {} that were allowed)", entry.at_most));
        let what = what + &limit.unwrap_or_default();
        findings.push(Finding { path: source.path.clone(), line, what, why });
    }
}

/// A test is data: its length is the number of its cases, and a split would hide what belongs together.
fn is_table_of_cases(path: &str) -> bool {
    path.split('/').any(|part| part == "tests") || path.ends_with("/tests.rs")
}

/// Name, line and length of every function with a body.
fn functions(source: &Source) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in source.bare.match_indices("fn ") {
        let starts_word = at == 0
            || !source.bare.as_bytes()[at - 1].is_ascii_alphanumeric()
                && source.bare.as_bytes()[at - 1] != b'_';
        let rest = &source.bare[at + 3..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !starts_word || name.is_empty() {
            continue;
        }
        if let Some(end) = block_end(&source.bare, at) {
            let (first, last) = (source.line_of(at), source.line_of(end));
            found.push((name, first, last - first + 1));
        }
    }
    found
}
