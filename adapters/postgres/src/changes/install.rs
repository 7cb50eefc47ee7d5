//! Makes the schema that Transom keeps its books in.

use tokio_postgres::{Client, types::Type};
use transom_ports::{DbError, Fault};

use crate::{
    connect::UNHURRIED,
    errors::{During, db_error},
};

const SCRIPT: &str = include_str!("install.sql");

/// What the schema's comment says when it is as this version wants it: the last line of the script.
const CURRENT: &str = "Transom keeps its books here: version 1";

/// The first key of Transom's advisory locks: `Tran`.
pub(crate) const LOCK_CLASS: i32 = 0x5472_616e;

/// What an advisory lock is for: the second key. The script names the one for settling, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Locked {
    /// The schema is made.
    Install = 1,
    /// Changes get their positions.
    #[allow(dead_code, reason = "the script takes it")]
    Settle = 2,
    /// A migration is applied.
    Migrate = 3,
    /// What is old is removed.
    Clean = 4,
}

impl Locked {
    /// Waits for the lock, and holds it until the transaction ends.
    pub(crate) fn statement(self) -> String {
        format!("SELECT pg_advisory_xact_lock({LOCK_CLASS}, {})", self as i32)
    }
}

/// Makes what is missing; quick where nothing is.
pub(crate) async fn install(client: &Client) -> Result<(), DbError> {
    if is_current(client).await? {
        return Ok(());
    }
    let failed = |error: tokio_postgres::Error| db_error(&error, During::Read);
    let make = async {
        client
            .batch_execute(&format!("BEGIN{UNHURRIED}; {}", Locked::Install.statement()))
            .await
            .map_err(failed)?;
        // Another server may have been first.
        if !is_current(client).await? {
            client.batch_execute(SCRIPT).await.map_err(failed)?;
        }
        client.batch_execute("COMMIT").await.map_err(failed)
    };
    let made: Result<(), DbError> = make.await;
    if made.is_err() {
        let _ = client.batch_execute("ROLLBACK").await;
    }
    made.map_err(|error| DbError {
        message: format!(
            "the schema _transom cannot be made: {}; let the role create schemas in this database, or make it once as one that may",
            error.message
        ),
        ..error
    })
}

/// Errors: books that a later version of Transom keeps.
async fn is_current(client: &Client) -> Result<bool, DbError> {
    let said = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = '_transom'";
    let no_values: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] = &[];
    let rows = client.query_typed(said, no_values).await.map_err(|error| db_error(&error, During::Read))?;
    let Some(row) = rows.first() else { return Ok(false) };
    match row.get::<_, Option<&str>>(0) {
        Some(CURRENT) => Ok(true),
        found => {
            let message = format!(
                "the schema _transom is not one that this version of Transom knows ({}): use the version that made it, or drop it",
                found.unwrap_or("it has no comment")
            );
            Err(DbError::new(Fault::Internal, message))
        }
    }
}
