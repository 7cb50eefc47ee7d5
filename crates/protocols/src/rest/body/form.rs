//! `application/x-www-form-urlencoded` bodies: one row of texts.

use serde_json::Value as Json;
use transom_types::Problem;

use super::{Rows, invalid};
use crate::rest::decode::{In, decode};

/// Reads the one row of a form.
pub(super) fn read(bytes: &[u8], rows: &mut Rows) -> Result<bool, Problem> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| invalid("the form is not UTF-8", format!("at byte {}", error.valid_up_to())))?;
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let key = field(key)?;
        if let Some(column) = rows.column(&key)? {
            rows.cell(column, Json::String(field(value)?))?;
        }
    }
    rows.end_row()?;
    Ok(true)
}

fn field(text: &str) -> Result<String, Problem> {
    decode(text, In::Query).map(Into::into).map_err(|problem| {
        invalid("the form is not percent-encoded UTF-8", problem.details().unwrap_or_default())
    })
}
