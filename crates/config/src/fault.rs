//! One thing that is wrong with a configuration, and what would be right.

use std::fmt;

/// A fault: what is wrong, where, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, environment variable or flag it is in.
    pub file: String,
    /// Line, from 1; 0 where there are no lines.
    pub line: u32,
    /// Column in characters, from 1; 0 where there are no lines.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message)?,
            line => write!(f, "{}:{line}:{}: {}", self.file, self.column, self.message)?,
        }
        write!(f, "\n    {}", self.remedy)
    }
}

impl std::error::Error for Fault {}
