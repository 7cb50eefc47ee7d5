//! Stored values as subscribers see them: the change log keeps what the engine stores, the wire shows what REST shows.

use serde_json::{Map, Value as Json};
use transom_query::catalog::Table;
use transom_types::DataType;

/// The columns of a row image (or key) that the role of `table`'s catalog may select, as the wire shows them, in the table's order.
/// Logged names that are no columns any more are left out.
pub(crate) fn image(table: &Table, stored: &Map<String, Json>) -> Map<String, Json> {
    let readable = table.columns.iter().filter(|column| column.access.select);
    readable
        .filter_map(|column| {
            let value = stored.get(&*column.name)?;
            Some((column.name.to_string(), shown(value, column.data_type)))
        })
        .collect()
}

/// Every cell of a row image in the table's order, as stored: what a policy judges, readable or not.
pub(crate) fn cells(table: &Table, stored: &Map<String, Json>) -> Vec<Json> {
    table.stored().map(|column| stored.get(&*column.name).cloned().unwrap_or(Json::Null)).collect()
}

fn shown(value: &Json, data_type: DataType) -> Json {
    match (data_type, value) {
        (DataType::Bool, Json::Number(number)) => Json::Bool(number.as_f64() != Some(0.0)),
        // Columns declared as JSON can hold other text in old rows: shown as the text it is.
        (DataType::Json, Json::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        _ => value.clone(),
    }
}
