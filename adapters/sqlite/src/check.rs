//! Looks at a file before anything is changed in it: what is no database is refused by name and left untouched.

use std::{fs::File, io::Read};

use rusqlite::{Connection, OpenFlags};
use transom_ports::{DbError, Fault};

use crate::{
    errors,
    options::{Location, Options},
};

/// The first bytes of every SQLite database file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Errors: a folder that cannot be made, a file that is no database or is damaged.
pub(crate) fn file(options: &Options) -> Result<(), DbError> {
    let Location::File(path) = &options.location else { return Ok(()) };
    let name = path.display();
    let unavailable = |error: std::io::Error| DbError::new(Fault::Unavailable, format!("{name}: {error}"));
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                Some(folder) => std::fs::create_dir_all(folder).map_err(unavailable),
                None => Ok(()),
            };
        }
        Err(error) => return Err(unavailable(error)),
    };
    let mut start = Vec::with_capacity(MAGIC.len());
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start).map_err(unavailable)?;
    if start.is_empty() {
        return Ok(());
    }
    if start != MAGIC {
        return Err(DbError::new(
            Fault::Damaged,
            format!("{name} is not an SQLite database; it was left as it is"),
        ));
    }
    let damaged = |error: &rusqlite::Error| {
        let found = errors::db_error(error);
        DbError { message: format!("{name}: {}; it was left as it is", found.message), ..found }
    };
    // A schema that can be read; whether every page is sound is for `integrity_check`, which reads them all.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| damaged(&error))?;
    let count = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    match count {
        Ok(_) => Ok(()),
        // A write-ahead log without its index cannot be opened read-only; the writer recovers it.
        Err(error) if errors::is_cannot_open(&error) => Ok(()),
        Err(error) => Err(damaged(&error)),
    }
}
