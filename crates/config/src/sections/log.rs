//! How log lines are written, and which.

use crate::kinds::choice;

choice! {
    /// How log lines are written.
    LogFormat {
        /// For people.
        Pretty = "pretty",
        /// One JSON object per line, for collectors.
        Json = "json",
    }
}

choice! {
    /// The least important lines that are written.
    Level {
        /// What needs somebody.
        Error = "error",
        /// What may need somebody.
        Warn = "warn",
        /// One line per request, and what the server does.
        Info = "info",
        /// Stages and decisions.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

section! {
    /// What is written to standard error.
    Log at "log" {
        /// How log lines are written.
        format: LogFormat = "pretty", production "json";
        /// The least important lines that are written.
        level: Level = "info";
    }
}
