//! Opens connections, all with the same habits.

use std::{sync::Arc, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig, ffi, limits::Limit};
use transom_ports::DbError;

use crate::{
    errors,
    functions::{self, Clock},
    options::{Location, Options, Synchronous},
    watch::{STEPS, Watch},
};

/// Statements kept prepared by each connection.
const STATEMENTS_MAX: usize = 256;
/// Pages in the write-ahead log after which a commit writes it back (4 MiB of the usual pages).
const CHECKPOINT_PAGES: u32 = 1_000;
/// A log that grew under load is cut back to this when it is next empty.
const WAL_BYTES_KEPT: u32 = 4 * 1024 * 1024;

/// A read-only connection and what bounds its statements.
pub(crate) struct Reader {
    pub(crate) connection: Connection,
    pub(crate) watch: Arc<Watch>,
    pub(crate) clock: Arc<Clock>,
}

impl Reader {
    /// Waits at most `busy_timeout` for what other connections hold; in a write-ahead log that is next to never.
    pub(crate) fn open(options: &Options, busy_timeout: Duration) -> Result<Self, DbError> {
        let (watch, clock) = (Arc::new(Watch::default()), Arc::new(Clock::default()));
        let open = || -> rusqlite::Result<Connection> {
            let mut connection = open(options, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            connection.pragma_update(None, "query_only", true)?;
            common(&mut connection, options, &watch, &clock)?;
            connection.busy_timeout(busy_timeout)?;
            // One value that is larger than a reply may be is not put together first.
            let bytes_max = options.reply_bytes_max.saturating_add(1).min(i32::MAX as usize);
            connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, bytes_max as i32)?;
            Ok(connection)
        };
        let connection = open().map_err(|error| errors::db_error(&error))?;
        Ok(Self { connection, watch, clock })
    }
}

/// The one connection that writes.
pub(crate) fn open_writer(
    options: &Options,
    watch: &Arc<Watch>,
    clock: &Arc<Clock>,
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
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
        common(&mut connection, options, watch, clock)?;
        functions::of_the_writer(&mut connection, clock)?;
        Ok(connection)
    };
    writer().map_err(|error| {
        let found = errors::db_error(&error);
        let location = match &options.location {
            Location::File(path) => path.display().to_string(),
            Location::Memory(name) => format!("memory database {name}"),
        };
        DbError { message: format!("{location}: {}", found.message), ..found }
    })
}

/// A connection that only keeps a database in memory alive.
pub(crate) fn open_anchor(options: &Options) -> Result<Connection, DbError> {
    open(options, OpenFlags::empty()).map_err(|error| errors::db_error(&error))
}

fn open(options: &Options, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match &options.location {
        Location::File(path) => Connection::open_with_flags(path, flags),
        // Names are Transom's own: letters and digits. A second read-only handle would not find the database.
        Location::Memory(name) => Connection::open_with_flags(
            format!("file:/{name}?vfs=memdb"),
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_URI,
        ),
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

/// Whether foreign keys that are checked at the end of the transaction are violated now.
pub(crate) fn violates_deferred(connection: &Connection) -> bool {
    let (mut violated, mut highest) = (0, 0);
    // SAFETY: the handle belongs to the connection, which outlives the call; both numbers outlive it too.
    let code = unsafe {
        ffi::sqlite3_db_status(
            connection.handle(),
            ffi::SQLITE_DBSTATUS_DEFERRED_FKS,
            &raw mut violated,
            &raw mut highest,
            0,
        )
    };
    code == ffi::SQLITE_OK && violated != 0
}
