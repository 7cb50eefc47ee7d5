//! Opens connections, all with the same habits.

use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};
use transom_ports::DbError;

use crate::{
    errors,
    functions::{self, Clock},
    options::{Location, Options, Synchronous},
    watch::{STEPS, Watch},
};

/// Statements kept prepared by each connection.
const STATEMENTS_MAX: usize = 256;

/// A read-only connection, stopped by `watch`.
pub(crate) fn open_reader(options: &Options, watch: &Arc<Watch>) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let reader = || -> rusqlite::Result<Connection> {
        let mut connection = open(options, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        common(&mut connection, options, watch, &Arc::default())?;
        Ok(connection)
    };
    reader().map_err(|error| errors::db_error(&error))
}

/// The one connection that writes.
pub(crate) fn open_writer(
    options: &Options,
    watch: Arc<Watch>,
    clock: Arc<Clock>,
) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let writer = || -> rusqlite::Result<Connection> {
        let mut connection = open(options, flags)?;
        connection.busy_timeout(options.busy_timeout)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let synchronous = match options.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "wal_autocheckpoint", 1_000)?;
        // A log that grew under load is cut back when it is next empty.
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        common(&mut connection, options, &watch, &clock)?;
        Ok(connection)
    };
    writer().map_err(|error| errors::db_error(&error))
}

fn open(options: &Options, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    match &options.location {
        Location::File(path) => Connection::open_with_flags(path, flags & !OpenFlags::SQLITE_OPEN_URI),
        // Names are Transom's own: letters and digits.
        Location::Memory(name) => {
            let shared = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            Connection::open_with_flags(
                format!("file:/{name}?vfs=memdb"),
                shared | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI,
            )
        }
    }
}

fn common(
    connection: &mut Connection,
    options: &Options,
    watch: &Arc<Watch>,
    clock: &Arc<Clock>,
) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    // Plans do not depend on bound values: else a bound LIMIT makes the engine parse the statement anew at every call.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.pragma_update(None, "cache_size", -((options.cache_bytes / 1024) as i64))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    functions::register(connection, clock)?;
    let watch = watch.clone();
    watch.until(None);
    connection.progress_handler(STEPS, Some(move || watch.look()))
}
