//! The data line: request → plan → guard → SQL → port → rows, each worked out once per shape and role.
