//! Settings that the database holds for the role that connects: `ALTER ROLE authenticator SET pgrst.db_schemas = …`.

use tokio_postgres::{Client, types::Type};
use transom_ports::DbError;

use crate::{
    Options,
    connect::{Connector, UNHURRIED},
    errors::{During, db_error},
};

/// Settings for this database come before those for every database.
const OF_ROLE: &str = "
SELECT DISTINCT ON (1) split_part(s, '=', 1), substr(s, strpos(s, '=') + 1)
FROM pg_db_role_setting d, unnest(d.setconfig) s
WHERE d.setrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
  AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND starts_with(s, $1 || '.')
ORDER BY 1, d.setdatabase DESC";

/// What a function has set, of the names that are looked for.
const OF_FUNCTION: &str = "
SELECT n, current_setting($1 || '.' || n, true) FROM unnest($2::text[]) n
WHERE current_setting($1 || '.' || n, true) <> ''";

/// The settings `prefix.…` of the role, their names without the prefix; those that the function makes come last.
pub(crate) async fn settings(
    options: &Options,
    prefix: &str,
    (function, names): (Option<&str>, &[&str]),
) -> Result<Vec<(String, String)>, DbError> {
    let client = Connector::new(options)?.client().await?;
    let failed = |error| db_error(&error, During::Read);
    let rows = client.query_typed(OF_ROLE, &[(&prefix, Type::TEXT)]).await.map_err(failed)?;
    let plain = |name: &str| name.strip_prefix(prefix).map_or(name, |name| &name[1..]).to_owned();
    let mut settings: Vec<(String, String)> =
        rows.iter().map(|row| (plain(row.get(0)), row.get(1))).collect();
    if let Some(function) = function {
        settings.extend(made(&client, prefix, function, names).await.map_err(failed)?);
    }
    Ok(settings)
}

async fn made(
    client: &Client,
    prefix: &str,
    function: &str,
    names: &[&str],
) -> Result<Vec<(String, String)>, tokio_postgres::Error> {
    client.batch_execute(&format!("BEGIN{UNHURRIED}; SELECT {function}()")).await?;
    let rows = client.query_typed(OF_FUNCTION, &[(&prefix, Type::TEXT), (&names, Type::TEXT_ARRAY)]).await?;
    client.batch_execute("ROLLBACK").await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
