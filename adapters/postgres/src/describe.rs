//! What the engine says of a statement without running it.

use tokio_postgres::{Client, SimpleQueryMessage, types::Type};
use transom_ports::{DbError, database::Described};
use transom_sql::Statement;
use transom_types::DataType;

use crate::{
    connect::{Connection, UNHURRIED},
    errors::{During, db_error},
    params,
};

/// Columns of a handwritten statement, and whether it only reads.
pub(crate) async fn describe(client: &Client, sql: &str) -> Result<Described, DbError> {
    let failed = |error| db_error(&error, During::Read);
    // In one transaction, so that a pooler leaves us the session that knows the statement.
    client.batch_execute(&format!("BEGIN{UNHURRIED}")).await.map_err(failed)?;
    let statement = client.prepare(sql).await.map_err(failed)?;
    let columns: Vec<_> = statement
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), data_type(column.type_())))
        .collect();
    // The engine's own word: it is asked for its plan in a transaction that must not write. What has no plan, or one that
    // changes rows, writes.
    let nulls = vec!["NULL"; statement.params().len()].join(", ");
    let arguments = if nulls.is_empty() { String::new() } else { format!("({nulls})") };
    let asked = format!("PREPARE transom_described AS {sql}");
    client.batch_execute(&asked).await.map_err(failed)?;
    let plan =
        client.simple_query(&format!("EXPLAIN (FORMAT JSON) EXECUTE transom_described{arguments}")).await;
    drop(statement);
    client.batch_execute("ROLLBACK; DEALLOCATE ALL").await.map_err(failed)?;
    let read_only = match plan {
        Ok(messages) => !messages.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).is_some_and(|text| text.contains("\"ModifyTable\"")),
            _ => false,
        }),
        Err(_) => false,
    };
    Ok(Described { columns, read_only })
}

fn data_type(of: &Type) -> DataType {
    match *of {
        Type::BOOL => DataType::Bool,
        Type::INT2 | Type::INT4 | Type::INT8 => DataType::Integer,
        Type::FLOAT4 | Type::FLOAT8 => DataType::Real,
        Type::NUMERIC => DataType::Numeric,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => DataType::Text,
        Type::BYTEA => DataType::Bytes,
        Type::JSON | Type::JSONB => DataType::Json,
        Type::UUID => DataType::Uuid,
        Type::DATE => DataType::Date,
        Type::TIME => DataType::Time,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => DataType::Timestamp,
        _ => DataType::Any,
    }
}

/// The engine's account of how it would run a statement, a line per step.
pub(crate) async fn explain(connection: &Connection, statement: &Statement) -> Result<Vec<String>, DbError> {
    let prepared = &statement.prepared;
    let values = params::values(prepared, &statement.params, &[]);
    let run = async {
        let asked = connection.client.prepare(&format!("EXPLAIN {}", prepared.text)).await?;
        let values = values.iter().map(|value| value as &(dyn tokio_postgres::types::ToSql + Sync));
        let rows = connection.client.query(&asked, &values.collect::<Vec<_>>()).await?;
        Ok(rows.iter().map(|row| row.get::<_, String>(0)).collect())
    };
    let failed = |error| db_error(&error, During::Read);
    connection.client.batch_execute(&format!("BEGIN{}", connection.local)).await.map_err(failed)?;
    // Nothing is left of the statement when its transaction ends.
    let lines: Result<Vec<String>, DbError> = run.await.map_err(failed);
    connection.client.batch_execute("ROLLBACK").await.map_err(failed)?;
    lines
}
