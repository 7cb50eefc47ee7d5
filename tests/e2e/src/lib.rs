//! Nothing: a package needs a library; the specs are in `tests/e2e`.
