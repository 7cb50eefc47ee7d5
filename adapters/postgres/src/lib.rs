//! PostgreSQL behind the database port.
//!
//! Reads and writes of one statement are pipelined over a few shared connections, each statement prepared once per
//! connection; units that need a transaction have a connection of their own for as long as they last.

mod errors;
