//! Defaults: literals and the time, which is what a catalog's SQL text can tell without an engine.

use transom_query::catalog::Column;
use transom_types::{DataType, Value};

use crate::{DbError, Fault};

/// The value a column takes when none is written.
pub(super) fn default_of(column: &Column, now: &str) -> Result<Value, DbError> {
    let Some(text) = &column.default else { return Ok(Value::Null) };
    let text = unwrapped(text.trim());
    let unknown = || {
        let message =
            format!("the memory database only knows literal defaults, not '{text}' of '{}'", column.name);
        DbError::new(Fault::Internal, message)
    };
    if let Some(quoted) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return column.data_type.parse(&quoted.replace("''", "'")).ok_or_else(unknown);
    }
    match text.to_ascii_lowercase().as_str() {
        "null" => Ok(Value::Null),
        "now()" | "transom_now()" | "current_timestamp" => Ok(Value::text(now)),
        "current_date" => Ok(Value::text(now.get(..10).unwrap_or(now))),
        _ if column.data_type == DataType::Text => Err(unknown()),
        _ => column.data_type.parse(text).ok_or_else(unknown),
    }
}

fn unwrapped(text: &str) -> &str {
    match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => unwrapped(inner.trim()),
        None => text,
    }
}
