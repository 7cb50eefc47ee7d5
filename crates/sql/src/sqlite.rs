//! How SQLite writes things.
