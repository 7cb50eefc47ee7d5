//! The house rules, as tests with reasons. Each check looks at the sources as text (comments, strings and test
//! modules told apart) and returns what it finds; none builds anything.

mod docs;
mod floors;
mod lengths;
mod lists;
mod places;
mod purity;
mod source;

#[cfg(test)]
mod tests;

use std::{fmt, path::Path};

use source::Source;

use crate::{codegen, metadata};

/// A broken rule: where, what, and why it is a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the workspace.
    pub path: String,
    /// From 1; 0 for the whole file.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// Why that is a rule, and what to do.
    pub why: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what)?,
            line => write!(f, "{}:{line}: {}", self.path, self.what)?,
        }
        write!(f, "\n    {}", self.why)
    }
}

/// Runs every check. Errors: every finding.
pub fn run(root: &Path) -> anyhow::Result<()> {
    let findings = findings(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    anyhow::ensure!(findings.is_empty(), "{} of the house rules are broken", findings.len());
    codegen::check(root)
}

fn findings(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let sources = source::load(root)?;
    let lists = lists::load(&root.join("tools/xtask"))?;
    let workspace = metadata::read(root)?;
    let mut findings = floors::check(root, &workspace);
    findings.extend(purity::check(root, &workspace, &sources));
    findings.extend(lengths::check(&sources, &lists));
    findings.extend(places::check(&sources, &lists));
    findings.extend(docs::check(&sources));
    findings.sort();
    Ok(findings)
}

/// Whether any documentation holds code that is to be run.
pub fn has_doc_tests(root: &Path) -> anyhow::Result<bool> {
    let begins = |line: &str| {
        let text = line.trim_start().trim_start_matches("///").trim_start_matches("//!").trim();
        line.trim_start().starts_with("//") && (text == "```" || text.starts_with("```rust"))
    };
    Ok(source::load(root)?
        .iter()
        .filter(|file| !file.is_test())
        .any(|file: &Source| file.text.lines().any(begins)))
}
