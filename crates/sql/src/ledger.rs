//! The bookkeeping of rows that are moved to another database, in words that every engine has.

/// The table: whoever has it is being moved to.
pub const TABLE: &str = "transom_move";

/// Makes it.
pub const CREATE: &str = "CREATE TABLE transom_move (
  name TEXT PRIMARY KEY, position TEXT, row_count BIGINT NOT NULL, finished BOOLEAN NOT NULL
)";

/// Removes it.
pub const DROP: &str = "DROP TABLE transom_move";
