//! What the grammar accepts, what it refuses and how, and that what is printed parses back.
#![allow(clippy::unwrap_used)]
