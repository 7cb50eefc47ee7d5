//! Rows as CSV (RFC 4180 quoting, one line feed between lines): null is an empty field, the empty text is `""`.

use bytes::Bytes;
use transom_types::Problem;

use super::rows;

/// Writes a JSON array of rows; without rows there is no header either.
pub(super) fn write(json: &[u8]) -> Result<Bytes, Problem> {
    let rows = rows::read(json)?;
    let Some(first) = rows.first() else { return Ok(Bytes::new()) };
    let mut text = String::with_capacity(json.len());
    for (at, (key, _)) in first.0.iter().enumerate() {
        separate(at, &mut text);
        field(key, &mut text);
    }
    for row in &rows {
        text.push('\n');
        for (at, (key, _)) in first.0.iter().enumerate() {
            separate(at, &mut text);
            // Rows of one result have their members in one order; a missing one is null.
            let same = row.0.get(at).filter(|(other, _)| other == key);
            let found = same.or_else(|| row.0.iter().find(|(other, _)| other == key));
            if let Some(value) = found.and_then(|(_, value)| rows::text(value.get())) {
                field(&value, &mut text);
            }
        }
    }
    Ok(text.into())
}

fn separate(at: usize, text: &mut String) {
    if at > 0 {
        text.push(',');
    }
}

fn field(value: &str, text: &mut String) {
    if !value.is_empty() && !value.contains([',', '"', '\n', '\r']) {
        text.push_str(value);
        return;
    }
    text.push('"');
    text.push_str(&value.replace('"', "\"\""));
    text.push('"');
}
