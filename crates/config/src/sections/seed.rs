//! When sample data is made, and how much.

section! {
    /// Sample data, from `seed.toml` (generated) and `seed.sql` (as written).
    Seed at "seed" {
        /// Whether `transom serve` seeds a database that it has just created. Never one that was there before. Production refuses it.
        on_create: bool = true, production false;
        /// How much is generated; `transom seed --scale N` overrides it.
        scale: u32 = 1, within 1..=10_000;
    }
}
