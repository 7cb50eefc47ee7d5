//! A pooler between that gives each transaction a session of its choice. What is set for one session would be left in
//! another's, and what was prepared not be found: it has to be known, and is looked for where nobody spoke of it.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use tokio_postgres::{Client, Error, SimpleQueryMessage};
use transom_ports::{DbError, Fault};

use crate::connect::{Connector, UNHURRIED};

/// How long the look may take: a pooler with no session left keeps us waiting.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// What a listener should know.
pub(crate) const DEAF: &str = "messages of a channel do not come through a pooler in transaction mode: \
    the schema is read again on SIGHUP; to hear them, address the server itself";

const UNSPOKEN: &str = "a pooler in transaction mode stands before the database server, and nothing says so: set \
    database.pooled = true, or db-prepared-statements = false in a PostgREST configuration; or address the server itself";

/// Errors: there is such a pooler, and the options do not say so.
pub(crate) async fn refuse(connector: &Connector) -> Result<(), DbError> {
    if connector.pooled {
        return Ok(());
    }
    // What cannot be found out, as where no second connection is to be had, is left as it is.
    match tokio::time::timeout(LOOK_MAX, look(connector)).await {
        Ok(Ok(true)) => Err(DbError::new(Fault::Unavailable, UNSPOKEN)),
        _ => Ok(()),
    }
}

/// Whether one connection finds in its session what another has set in its own, or does not find its own again.
async fn look(connector: &Connector) -> Result<bool, DbError> {
    let (one, other) = (connector.client().await?, connector.client().await?);
    let failed = |error: Error| DbError::new(Fault::Unavailable, error.to_string());
    let mark = format!("{:x}", RandomState::new().build_hasher().finish());
    one.batch_execute(&format!("SET transom.session = '{mark}'")).await.map_err(failed)?;
    other.batch_execute(&format!("BEGIN{UNHURRIED}")).await.map_err(failed)?;
    let strange = found(&other).await.map_err(failed)? == Some(mark.clone());
    // The other keeps its session meanwhile: one that is not ours.
    let lost = !strange && found(&one).await.map_err(failed)? != Some(mark);
    other.batch_execute("ROLLBACK").await.map_err(failed)?;
    Ok(strange || lost)
}

async fn found(client: &Client) -> Result<Option<String>, Error> {
    let messages = client.simple_query("SELECT current_setting('transom.session', true)").await?;
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
