//! What a role may use of a schema, asked as that role: what its requests would be allowed is known by nobody better.

use tokio_postgres::types::Type;
use transom_ports::{DbError, Visible};
use transom_types::Session;

use crate::{
    connect::Connection,
    errors::{During, db_error, reported},
    settings,
};

/// Any privilege on a relation, or on a column of it, is enough to tell of it.
const TABLES: &str = "
SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
       OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))";

const FUNCTIONS: &str = "
SELECT DISTINCT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = $1 AND has_function_privilege(p.oid, 'EXECUTE')";

/// The tables and functions of the schema, in a transaction of the session that changes nothing.
pub(crate) async fn visible(
    connection: &Connection,
    schema: &str,
    session: &Session,
) -> Result<Visible, DbError> {
    let client = &connection.client;
    let mut visible = Visible::default();
    let asked = async {
        client.batch_execute(&format!("BEGIN READ ONLY{}", connection.local)).await?;
        client.batch_execute(&settings::at_once(session)).await?;
        if let Some(function) = &session.before {
            client.batch_execute(&format!("SELECT {function}()")).await?;
        }
        for (question, names) in [(TABLES, &mut visible.tables), (FUNCTIONS, &mut visible.functions)] {
            let rows = client.query_typed(question, &[(&schema, Type::TEXT)]).await?;
            names.extend(rows.iter().map(|row| Box::from(row.get::<_, &str>(0))));
        }
        client.batch_execute("ROLLBACK").await
    };
    match asked.await {
        Ok(()) => Ok(visible),
        Err(error) => {
            let reported = reported(&error);
            Err(DbError { reported, ..db_error(&error, During::Read) })
        }
    }
}
