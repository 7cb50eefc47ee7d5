//! Media types that the schema has of its own: domains that are named as one, aggregates whose result is such a domain,
//! and functions that return one.

use tokio_postgres::{Client, Error, types::Type};
use transom_query::catalog::{Handler, Handlers};

/// An aggregate takes the rows of a relation, or any. A function gives its one value.
const HANDLERS: &str = "
WITH media AS (
  SELECT t.oid, n.nspname, t.typname, lower(t.typname) AS name FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typtype = 'd' AND (t.typname = '*/*' OR t.typname ~ '^[A-Za-z0-9.-]+/[A-Za-z0-9.+-]+$'))
SELECT n.nspname::text, p.proname::text, true, m.name, an.nspname::text, a.typname::text, a.oid = 'anyelement'::regtype
FROM media m JOIN pg_proc p ON p.prorettype = m.oid JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_type a ON a.oid = p.proargtypes[0] JOIN pg_namespace an ON an.oid = a.typnamespace
WHERE p.prokind = 'a' AND p.pronargs = 1 AND n.nspname = ANY ($1)
  AND (a.oid = 'anyelement'::regtype OR EXISTS (
    SELECT FROM pg_class c WHERE c.oid = a.typrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')))
UNION ALL
SELECT m.nspname::text, m.typname::text, false, m.name, n.nspname::text, p.proname::text, false
FROM media m JOIN pg_proc p ON p.prorettype = m.oid JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind = 'f' AND NOT p.proretset";

/// Asks. Aggregates are those of these schemas.
pub(crate) async fn handlers(client: &Client, schemas: &[String]) -> Result<Handlers, Error> {
    let mut handlers = Handlers::default();
    for row in client.query_typed(HANDLERS, &[(&schemas, Type::TEXT_ARRAY)]).await? {
        let media: &str = row.get(3);
        let handler = Handler {
            schema: row.get::<_, &str>(0).into(),
            name: row.get::<_, &str>(1).into(),
            aggregate: row.get(2),
            produces: if media == "*/*" { "application/octet-stream" } else { media }.into(),
        };
        let of = (row.get::<_, &str>(4), row.get::<_, &str>(5));
        let any: bool = row.get(6);
        handlers.add((!any).then_some(of), media, handler);
    }
    Ok(handlers)
}
