//! Every fault of a project at once, as one error.

use std::fmt;

use transom_types::Problem;

/// Faults, one text each.
#[derive(Debug)]
pub struct Faults(Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            f.write_str(fault)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl From<Vec<transom_config::Fault>> for Faults {
    fn from(faults: Vec<transom_config::Fault>) -> Self {
        Self(faults.iter().map(ToString::to_string).collect())
    }
}

impl From<Vec<Problem>> for Faults {
    fn from(problems: Vec<Problem>) -> Self {
        Self(problems.iter().map(described).collect())
    }
}

impl From<Problem> for Faults {
    fn from(problem: Problem) -> Self {
        Self(vec![described(&problem)])
    }
}

fn described(problem: &Problem) -> String {
    let mut text = format!("{} [{}]", problem.message(), problem.code().as_str());
    for line in [problem.details(), problem.hint()].into_iter().flatten() {
        text += &format!("\n    {line}");
    }
    let cause = problem.private().map(ToString::to_string).unwrap_or_default();
    if !cause.is_empty() && !text.contains(&cause) {
        text += &format!("\n    cause: {cause}");
    }
    text
}
