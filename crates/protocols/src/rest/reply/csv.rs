//! Rows as CSV (RFC 4180 quoting, one line feed between lines): null is an empty field, the empty text is `""`.

use bytes::BytesMut;
use memchr::{memchr, memchr3};

use super::rows::{self, Row};

/// Lines that are written. Without rows there is no header either.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The members of the first row.
    columns: Option<Vec<Box<str>>>,
}

impl Lines {
    /// Writes one more row.
    pub(super) fn row(&mut self, row: &Row<'_>, out: &mut BytesMut) {
        let columns = self.columns.get_or_insert_with(|| header(row, out));
        out.extend_from_slice(b"\n");
        for (at, column) in columns.iter().enumerate() {
            separate(at, out);
            // Rows of one result have their members in one order; a missing one is null.
            let same = row.0.get(at).filter(|(other, _)| **other == **column);
            let found = same.or_else(|| row.0.iter().find(|(other, _)| **other == **column));
            if let Some(value) = found.and_then(|(_, value)| rows::text(value.get())) {
                field(&value, out);
            }
        }
    }
}

fn header(row: &Row<'_>, out: &mut BytesMut) -> Vec<Box<str>> {
    for (at, (column, _)) in row.0.iter().enumerate() {
        separate(at, out);
        field(column, out);
    }
    row.0.iter().map(|(column, _)| (**column).into()).collect()
}

fn separate(at: usize, out: &mut BytesMut) {
    if at > 0 {
        out.extend_from_slice(b",");
    }
}

fn field(value: &str, out: &mut BytesMut) {
    let bytes = value.as_bytes();
    let plain = memchr3(b',', b'"', b'\n', bytes).or_else(|| memchr(b'\r', bytes)).is_none();
    if plain && !bytes.is_empty() {
        out.extend_from_slice(bytes);
        return;
    }
    for part in value.split('"') {
        // Each quote but the first, which opens the field, stands for one within it together with that before it.
        out.extend_from_slice(b"\"");
        out.extend_from_slice(part.as_bytes());
        out.extend_from_slice(b"\"");
    }
}
