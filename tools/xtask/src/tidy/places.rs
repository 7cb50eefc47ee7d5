//! What may be written only in certain places: escape hatches, engine names, HTTP statuses, panics.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, lists::Lists, source::Source};

const HATCH: &str = "This goes around the rules, so its callers are few and listed: find another way, or defend a new entry in tools/xtask/escape_hatches.toml.";
const HATCH_STALE: &str = "The list may only shrink: lower the number in tools/xtask/escape_hatches.toml.";
const ENGINE: &str = "Engines are named in `sql`, adapters and wiring.rs alone: anywhere else a difference between them would leak. \
                      A defensible exception goes into tools/xtask/engine_names.toml with its reason.";
const STATUS: &str = "Statuses come from types::Code and are written by server::reply: anywhere else the same failure would get different answers. \
                      A defensible exception goes into tools/xtask/status_codes.toml with its reason.";
const PANIC: &str = "Nothing that comes from outside may stop the server. Return an error, or show in tools/xtask/panics.toml why it cannot happen.";
const STALE: &str = "The list may only shrink: lower or remove the entry.";

const ENGINES: &[&str] = &["sqlite", "postgres", "mysql"];
/// Where engines are at home.
const ENGINE_HOMES: &[&str] = &["crates/sql/", "adapters/", "crates/transom/src/wiring", "tools/"];
const STATUSES: &[&str] = &["StatusCode::", ".status(4", ".status(5", ".status(2"];
const STATUS_HOMES: &[&str] = &["crates/types/src/code.rs", "crates/server/src/reply", "tools/"];
const PANICS: &[&str] = &[".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!("];

/// Checks every file that is not a test.
pub fn check(sources: &[Source], lists: &Lists) -> Vec<Finding> {
    let shipped: Vec<&Source> = sources.iter().filter(|source| !source.is_test()).collect();
    let mut findings = hatches(&shipped, lists);
    let listed = |homes: &[&str], exceptions: &BTreeMap<String, String>, path: &str| {
        homes.iter().any(|home| path.starts_with(home))
            || exceptions.keys().any(|entry| path.starts_with(entry.as_str()))
    };
    let mut used = BTreeSet::new();
    for source in &shipped {
        let engines = engine_lines(source);
        let statuses: Vec<usize> =
            STATUSES.iter().flat_map(|pattern| source.lines_with(&source.bare, pattern)).collect();
        let kinds = [
            ("names an engine", engines, ENGINE_HOMES, &lists.engine_names, ENGINE),
            ("writes an HTTP status", statuses, STATUS_HOMES, &lists.status_codes, STATUS),
        ];
        for (what, lines, homes, exceptions, why) in kinds {
            if !lines.is_empty() {
                used.extend(
                    exceptions.keys().filter(|entry| source.path.starts_with(entry.as_str())).cloned(),
                );
            }
            if !listed(homes, exceptions, &source.path) {
                let finding = |line| Finding { path: source.path.clone(), line, what: what.to_owned(), why };
                findings.extend(lines.into_iter().map(finding));
            }
        }
    }
    for (list, exceptions) in
        [("engine_names.toml", &lists.engine_names), ("status_codes.toml", &lists.status_codes)]
    {
        for entry in exceptions.keys().filter(|entry| !used.contains(*entry)) {
            let what = format!("`{entry}` is no longer an exception");
            findings.push(Finding { path: format!("tools/xtask/{list}"), line: 0, what, why: STALE });
        }
    }
    findings.extend(panics(&shipped, lists));
    findings
}

/// Lines of code or strings (comments are free) that name an engine.
fn engine_lines(source: &Source) -> Vec<usize> {
    let lower = source.code.to_ascii_lowercase();
    let lines = lower.lines().zip(1..).filter(|(line, _)| {
        // The meaning of one's wire grammar is not an engine's name.
        let line = line.replace("postgrest", "");
        ENGINES.iter().any(|engine| line.contains(engine))
    });
    lines.map(|(_, number)| number).collect()
}

fn hatches(shipped: &[&Source], lists: &Lists) -> Vec<Finding> {
    let mut findings = Vec::new();
    for hatch in &lists.hatches {
        let mut uses: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for source in shipped.iter().filter(|source| !source.path.starts_with("tools/")) {
            let lines = source.lines_with(&source.bare, &hatch.pattern);
            if !lines.is_empty() {
                uses.insert(&source.path, lines);
            }
        }
        for (path, lines) in &uses {
            let allowed = hatch.callers.get(*path).copied().unwrap_or(0);
            if lines.len() > allowed {
                let what = format!(
                    "uses `{}` {} times; {allowed} are listed ({})",
                    hatch.pattern,
                    lines.len(),
                    hatch.reason
                );
                findings.push(Finding { path: (*path).to_owned(), line: lines[allowed], what, why: HATCH });
            }
        }
        for (path, allowed) in &hatch.callers {
            let now = uses.get(path.as_str()).map_or(0, Vec::len);
            if now < *allowed {
                let what = format!("`{path}` uses `{}` {now} times, not {allowed}", hatch.pattern);
                findings.push(Finding {
                    path: "tools/xtask/escape_hatches.toml".to_owned(),
                    line: 0,
                    what,
                    why: HATCH_STALE,
                });
            }
        }
    }
    findings
}

/// Lines that can panic. A method `expect` whose result is handled (`?`, `map_err`) is a parser's own.
fn panic_lines(source: &Source) -> Vec<usize> {
    let handled = |at: usize, pattern: &str| {
        let rest = after_call(&source.bare[at + pattern.len()..]).trim_start();
        pattern == ".expect(" && (rest.starts_with('?') || rest.starts_with(".map_err("))
    };
    let places = PANICS.iter().flat_map(|pattern| {
        source.bare.match_indices(pattern).filter(move |(at, _)| !handled(*at, pattern)).map(|(at, _)| at)
    });
    let mut lines: Vec<usize> = places.map(|at| source.line_of(at)).collect();
    lines.sort_unstable();
    lines
}

/// What follows the call whose arguments begin `text`.
fn after_call(text: &str) -> &str {
    let mut depth = 1usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return &text[at + 1..],
            b')' => depth -= 1,
            _ => {}
        }
    }
    ""
}

fn panics(shipped: &[&Source], lists: &Lists) -> Vec<Finding> {
    let mut findings = Vec::new();
    let reachable =
        |source: &&&Source| source.path.starts_with("crates/") || source.path.starts_with("adapters/");
    let mut counted = BTreeMap::new();
    for source in shipped.iter().filter(reachable) {
        let lines = panic_lines(source);
        let allowed = lists.panics.get(&source.path).filter(|entry| !entry.reason.trim().is_empty());
        let at_most = allowed.map_or(0, |entry| entry.at_most);
        counted.insert(source.path.as_str(), lines.len());
        if lines.len() > at_most {
            let what = format!("{} places can panic; {at_most} are allowed", lines.len());
            findings.push(Finding { path: source.path.clone(), line: lines[at_most], what, why: PANIC });
        }
    }
    for (path, entry) in &lists.panics {
        let now = counted.get(path.as_str()).copied().unwrap_or(0);
        if now < entry.at_most {
            let what = format!("`{path}` has {now} places, not {}", entry.at_most);
            findings.push(Finding { path: "tools/xtask/panics.toml".to_owned(), line: 0, what, why: STALE });
        }
    }
    findings
}
