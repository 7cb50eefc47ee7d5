//! Reads the schema: a few questions about all tables at once, in one snapshot, whatever their number.

mod columns;
mod computed;
mod functions;
mod handlers;
mod keys;
mod notes;
mod rivals;
mod rule;
#[cfg(test)]
mod tests;
mod tree;
mod views;

use ahash::{AHashMap, AHashSet};
use tokio_postgres::{
    Client, Error, Row,
    error::SqlState,
    types::{ToSql, Type},
};
use transom_ports::{DbError, Fault, Reported};
use transom_query::{
    Catalog, ColumnId, TableId,
    catalog::{Access, Table, TableKind},
};

use crate::{
    connect::UNHURRIED,
    errors::{During, db_error},
};
pub(crate) use handlers::handlers;

/// Begins every question: tables, partitioned tables (their partitions are theirs), views, materialised views and foreign
/// tables of the schemas, and what those views read, in whatever schema: keys lead through it. Our own books are left out.
macro_rules! of_relations {
    ($question:literal) => {
        concat!(
            "
WITH RECURSIVE relations (oid, served) AS (
  SELECT c.oid, true FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND NOT starts_with(c.relname::text, '_transom_')
  UNION
  SELECT c.oid, n.nspname = ANY ($1) AND NOT starts_with(c.relname::text, '_transom_')
  FROM relations s JOIN pg_rewrite r ON r.ev_class = s.oid
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
  JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
)",
            $question
        )
    };
}

use of_relations;

/// A view is writable if it takes an insert (8), an update (4) or a delete (16): by itself or by a trigger.
const TABLES: &str = of_relations!(
    "
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text,
       c.relkind = 'v' AND pg_relation_is_updatable(c.oid, true) & 28 <> 0, obj_description(c.oid, 'pg_class'), o.served
FROM relations o JOIN pg_class c ON c.oid = o.oid JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY array_position($1, n.nspname::text), c.relname"
);

/// The time zones in which the engine can show times.
const TIME_ZONES: &str = "SELECT name FROM pg_timezone_names";

/// The tables found so far, those that are served first, and where each and its columns stand.
#[derive(Default)]
struct Found {
    tables: Vec<Table>,
    names: AHashSet<Box<str>>,
    ids: AHashMap<u32, TableId>,
    columns: AHashMap<(u32, i16), ColumnId>,
    /// How many of the tables are served.
    served_count: usize,
    /// Whether the engine judges values and types itself, and every schema has its own names.
    native: bool,
}

/// The tables of these schemas. Of two with one name the first schema's is served, or each in its own schema where the
/// engine decides; `hoisted` are then the settings of functions that hold for their transactions.
pub(crate) async fn introspect(
    client: &Client,
    schemas: &[String],
    hoisted: Option<&[String]>,
) -> Result<Catalog, DbError> {
    let native = hoisted.is_some();
    let failed = |error| db_error(&error, During::Read);
    let path = client.query_typed(computed::PATH, &[]).await.map_err(failed)?;
    let path: Vec<&str> = path.iter().flat_map(|row| row.get::<_, Vec<&str>>(0)).collect();
    // With no schema in the path every name is written with its own. To compile a question takes ten times its own time.
    let begin =
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''; SET LOCAL jit = off";
    client.batch_execute(&format!("{begin}{UNHURRIED}")).await.map_err(failed)?;
    if native {
        all_there(client, schemas).await?;
    }
    let answers = answers(client, schemas).await.map_err(failed)?;
    let zones = client.query_typed(TIME_ZONES, &[]).await.map_err(failed)?;
    let functions =
        client.query_typed(functions::FUNCTIONS, &[(&schemas, Type::TEXT_ARRAY)]).await.map_err(failed)?;
    let namesakes = match native {
        true => Vec::new(),
        false => {
            client.query_typed(rivals::NAMESAKES, &[(&schemas, Type::TEXT_ARRAY)]).await.map_err(failed)?
        }
    };
    let related = match native {
        true => {
            client.query_typed(computed::RELATED, &[(&schemas, Type::TEXT_ARRAY)]).await.map_err(failed)?
        }
        false => Vec::new(),
    };
    let path: &[&str] = if native { &[] } else { &path };
    let of: &[(&(dyn ToSql + Sync), Type)] = &[(&schemas, Type::TEXT_ARRAY), (&path, Type::TEXT_ARRAY)];
    let computed = client.query_typed(computed::COMPUTED, of).await.map_err(failed)?;
    let [tables, columns, keys, indexes, views] = answers;
    let mut found = Found { native, ..Found::default() };
    let (served, hidden): (Vec<&Row>, Vec<&Row>) = tables.iter().partition(|row| found.is_served(row));
    served.into_iter().chain(hidden).for_each(|row| found.table(row));
    columns.iter().for_each(|row| columns::add(&mut found, row));
    columns::searched(&mut found);
    keys.iter().for_each(|row| keys::constraint(&mut found, row));
    indexes.iter().for_each(|row| keys::index(&mut found, row));
    views::add(&mut found, &views);
    let notes = notes::notes(client, schemas, &found).await.map_err(failed)?;
    let functions = functions::served(&functions, native);
    let named = |row: &&Row| native || computed::is_of(row, &functions);
    computed.iter().filter(named).for_each(|row| computed::add(&mut found, row));
    client.batch_execute("COMMIT").await.map_err(failed)?;
    let related = computed::related(&found, &related);
    let rivals = rivals::rivals(&found, &functions, &namesakes);
    let functions = functions::functions(&found, &functions, hoisted);
    let catalog = Catalog::new(found.served(), functions).with_rivals(rivals);
    let catalog = catalog.with_relationships(related).with_notes(notes);
    Ok(catalog.with_time_zones(zones.iter().map(|row| row.get::<_, &str>(0).into())))
}

/// Asks every question; all are on their way before the first is answered. None is prepared: rows would keep it so, beyond
/// the transaction.
/// Errors: a schema that is to be served and does not exist.
async fn all_there(client: &Client, schemas: &[String]) -> Result<(), DbError> {
    let question = "SELECT s FROM unnest($1::text[]) s WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = s)";
    let missing = client.query_typed(question, &[(&schemas, Type::TEXT_ARRAY)]).await;
    let missing = missing.map_err(|error| db_error(&error, During::Read))?;
    let Some(name) = missing.first().map(|row| row.get::<_, &str>(0)) else { return Ok(()) };
    let message = format!("schema \"{name}\" does not exist");
    let reported = Reported {
        code: "3F000".into(),
        message: message.clone(),
        details: None,
        hint: Some("Create it, or take it out of the schemas that are served".to_owned()),
    };
    Err(DbError { reported: Some(Box::new(reported)), ..DbError::new(Fault::Undefined, message) })
}

async fn answers(client: &Client, schemas: &[String]) -> Result<[Vec<Row>; 5], Error> {
    let of: &[(&(dyn ToSql + Sync), Type)] = &[(&schemas, Type::TEXT_ARRAY)];
    let answers = tokio::join!(
        client.query_typed(TABLES, of),
        client.query_typed(columns::COLUMNS, of),
        client.query_typed(keys::CONSTRAINTS, of),
        client.query_typed(keys::INDEXES, of),
        client.query_typed(views::DEFINITIONS, of),
    );
    let (mut rows, mut failure): (_, Option<Error>) = (<[Vec<Row>; 5]>::default(), None);
    let answers: [_; 5] = answers.into();
    for (rows, answer) in rows.iter_mut().zip(answers) {
        // One that fails takes the others with it: theirs is not the cause.
        let taken_along = |error: &Error| error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION);
        match answer {
            Ok(found) => *rows = found,
            Err(error) if failure.as_ref().is_none_or(taken_along) => failure = Some(error),
            Err(_) => {}
        }
    }
    failure.map_or(Ok(rows), Err)
}

impl Found {
    /// Whether this one can be asked for by its name.
    fn is_served(&mut self, row: &Row) -> bool {
        let served = row.get(6) && (self.names.insert(row.get::<_, &str>(2).into()) || self.native);
        self.served_count += usize::from(served);
        served
    }

    /// What is served; what else was found was there to be seen through.
    fn served(mut self) -> Vec<Table> {
        let count = self.served_count;
        self.tables.truncate(count);
        for table in &mut self.tables {
            table.foreign_keys.retain(|key| (key.table.0 as usize) < count);
        }
        self.tables
    }

    fn table(&mut self, row: &Row) {
        let name: &str = row.get(2);
        let writable: bool = row.get(4);
        let kind = match row.get::<_, &str>(3) {
            "v" => TableKind::View { writable },
            "m" => TableKind::View { writable: false },
            _ => TableKind::Table,
        };
        self.ids.insert(row.get(0), TableId(self.tables.len() as u32));
        self.tables.push(Table {
            name: name.into(),
            schema: Some(row.get::<_, &str>(1).into()),
            kind,
            columns: Vec::new(),
            primary_key: Vec::new(),
            unique_keys: Vec::new(),
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
            full_text: None,
            access: Access::ALL,
            comment: row.get::<_, Option<&str>>(5).map(Into::into),
        });
    }

    fn of(&mut self, oid: u32) -> Option<&mut Table> {
        let id = self.ids.get(&oid)?;
        self.tables.get_mut(id.0 as usize)
    }

    /// Columns by their numbers; `None` when one is not served.
    fn numbered(&self, oid: u32, numbers: &[i16]) -> Option<Vec<ColumnId>> {
        numbers.iter().map(|number| self.columns.get(&(oid, *number)).copied()).collect()
    }
}
