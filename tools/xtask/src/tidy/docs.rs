//! Every module says what it is for.

use super::{Finding, source::Source};

const WHY: &str = "A module opens with one `//!` paragraph: what it is for and what it leaves to others.";

/// Checks the first lines of every file that is not a test.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let wanting = sources.iter().filter(|source| !source.is_test() && !opens_well(&source.text));
    wanting
        .map(|source| Finding {
            path: source.path.clone(),
            line: 1,
            what: "does not say what it is for".to_owned(),
            why: WHY,
        })
        .collect()
}

fn opens_well(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    // A word or two, or a lone full stop, say nothing.
    first.strip_prefix("//!").is_some_and(|said| said.trim().len() >= 12)
}
