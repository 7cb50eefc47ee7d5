//! The suite on SQLite will stand here.
