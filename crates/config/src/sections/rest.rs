//! What one request to the REST surface may ask for.

use std::time::Duration;

section! {
    /// The REST surface, `/rest/v1`.
    Rest at "rest" {
        /// Most rows of one reply, whatever `limit` says; `"none"` lifts it. A forgotten `limit` on a grown table then costs one page.
        rows_max: Option<u32> = 1_000, within 1..=10_000_000;
        /// Most rows in the body of one insert. Bounds how long one request can hold the writer.
        write_rows_max: u32 = 10_000, within 1..=100_000;
        /// Allows `count()`, `sum()` and the like in `select`. Off, as in PostgREST: one request can then make the database read every row.
        aggregates: bool = false;
        /// Honours `Prefer: timezone` where the engine has time zones. Off: the zone is also the one in which policies, views and
        /// functions read times without an offset, so that a caller can move what those compare with `now()` by up to a day.
        time_zones: bool = false;
        /// Answers `Accept: application/vnd.pgrst.plan` with the statement and how the database would run it. Off in production:
        /// it shows the schema.
        plan: bool = true, production false;
        /// How long the reply to an `Idempotency-Key` is kept, for a request sent again. A day outlives any client's retries.
        idempotency_age: Duration = "24h", within 60_000..=2_592_000_000;
    }
}
