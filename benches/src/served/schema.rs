//! How long it takes to start on a large schema: from the process's beginning to its first reply.

use super::field::{Field, asked, native};
use crate::Run;

/// A thousand tables that refer to one another, and two hundred views of two of them each.
const LARGE: &str = "DO $$ BEGIN
CREATE TABLE t0 (id int PRIMARY KEY);
FOR n IN 1..999 LOOP
  EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, name text, other int REFERENCES t%s, c1 int, c2 text, c3 date,
    c4 numeric, c5 jsonb)', n, n - 1);
END LOOP;
FOR n IN 1..200 LOOP
  EXECUTE format('CREATE VIEW v%s AS SELECT t.*, o.id AS another FROM t%s t JOIN t%s o ON o.id = t.other', n, n, n - 1);
END LOOP;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO anon; END $$";

/// Seconds.
pub fn start(run: &Run, field: &Field) -> anyhow::Result<f64> {
    asked(&field.url("postgres"), "CREATE DATABASE large")?;
    let url = field.url("large");
    asked(&url, LARGE)?;
    let server = native(run, &url, "large", "/v200?limit=0")?;
    let seconds = server.started_ms / 1000.0;
    server.stop()?;
    Ok(seconds)
}
