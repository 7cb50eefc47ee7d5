//! Bounds that hold everywhere, each with its unit in the name. What a deployment may tune stands in the configuration; what it may not, here.

/// Deepest nesting of a JSON request body.
pub const JSON_DEPTH_MAX: u32 = 64;
/// Deepest nesting of embedded resources in `select`.
pub const EMBED_DEPTH_MAX: u32 = 8;
/// Most embedded resources in one request.
pub const EMBED_COUNT_MAX: u32 = 32;
/// Most items in all `select` lists of one request.
pub const SELECT_ITEMS_MAX: u32 = 512;
/// Most conditions in all filters of one request.
pub const FILTER_COUNT_MAX: u32 = 256;
/// Deepest nesting of `and` / `or`.
pub const LOGIC_DEPTH_MAX: u32 = 16;
/// Most elements of one `in.(…)` or `any`/`all` list.
pub const LIST_ITEMS_MAX: u32 = 10_000;
/// Most rows of one bulk write.
pub const WRITE_ROWS_MAX: u32 = 100_000;
/// Most operations of one atomic batch.
pub const BATCH_OPERATIONS_MAX: u32 = 1_000;
/// Longest name (table, column, alias, role) in bytes.
pub const NAME_BYTES_MAX: usize = 255;

const _: () = assert!(EMBED_COUNT_MAX >= EMBED_DEPTH_MAX);
const _: () = assert!(SELECT_ITEMS_MAX >= EMBED_COUNT_MAX);
