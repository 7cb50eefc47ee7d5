//! Table-driven tests of the planner.
