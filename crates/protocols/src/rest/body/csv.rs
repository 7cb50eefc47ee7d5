//! CSV bodies (RFC 4180): a header line names the columns. A bare `NULL` is null, an empty field the empty text.

use serde_json::Value as Json;
use transom_types::Problem;

use super::{Rows, invalid};

/// One field, and whether it was quoted.
type Field = (String, bool);

/// Reads the rows of a CSV text.
pub(super) fn read(bytes: &[u8], rows: &mut Rows) -> Result<bool, Problem> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| invalid("the CSV body is not UTF-8", format!("at byte {}", error.valid_up_to())))?;
    let mut reader = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 };
    let mut header = Vec::new();
    if !reader.record(&mut header)? {
        return Err(invalid("the CSV body is empty", "the first line must name the columns"));
    }
    let mut columns = Vec::with_capacity(header.len());
    for (at, (name, _)) in header.iter().enumerate() {
        if name.is_empty() || header[..at].iter().any(|(other, _)| other == name) {
            let details =
                format!("column {} of the header is '{}'", at + 1, super::super::scanner::clip(name));
            return Err(invalid("the CSV header has an empty or repeated name", details));
        }
        columns.push(rows.column(name)?);
    }
    let mut record = Vec::with_capacity(columns.len());
    loop {
        record.clear();
        let line = reader.line;
        if !reader.record(&mut record)? {
            return Ok(false);
        }
        if record.len() != columns.len() {
            let details =
                format!("line {line} has {} fields, the header has {}", record.len(), columns.len());
            return Err(invalid("All lines must have same number of fields", details));
        }
        for ((text, quoted), column) in record.drain(..).zip(&columns) {
            if let Some(column) = column {
                let null = !quoted && text == "NULL";
                rows.cell(*column, if null { Json::Null } else { Json::String(text) })?;
            }
        }
        rows.end_row()?;
    }
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    /// Reads one record; `false` at the end. Empty lines between records are left out.
    fn record(&mut self, fields: &mut Vec<Field>) -> Result<bool, Problem> {
        while self.end_of_line() {}
        if self.rest.is_empty() {
            return Ok(false);
        }
        loop {
            let field = self.field()?;
            fields.push(field);
            super::super::build::within(fields.len() as u32, super::COLUMNS_MAX, "columns in the CSV body")?;
            match self.rest.strip_prefix(',') {
                Some(rest) => self.rest = rest,
                None => {
                    self.end_of_line();
                    return Ok(true);
                }
            }
        }
    }

    fn end_of_line(&mut self) -> bool {
        let found = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n'));
        if let Some(rest) = found {
            self.rest = rest;
            self.line += 1;
        }
        found.is_some()
    }

    fn field(&mut self) -> Result<Field, Problem> {
        let Some(inner) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
            let (mut text, rest) = self.rest.split_at(end);
            if rest.starts_with('\n') {
                text = text.strip_suffix('\r').unwrap_or(text);
            }
            self.rest = rest;
            return Ok((text.to_owned(), false));
        };
        let mut text = String::new();
        let mut rest = inner;
        loop {
            let Some(quote) = rest.find('"') else {
                return Err(invalid(
                    "a quoted CSV field does not end",
                    format!("it begins in line {}", self.line),
                ));
            };
            text.push_str(&rest[..quote]);
            rest = &rest[quote + 1..];
            match rest.strip_prefix('"') {
                Some(after) => {
                    text.push('"');
                    rest = after;
                }
                None => break,
            }
        }
        let ended = rest.is_empty() || rest.starts_with([',', '\n']) || rest.starts_with("\r\n");
        if !ended {
            return Err(invalid(
                "a quoted CSV field is followed by more text",
                format!("in line {}", self.line),
            ));
        }
        self.line += text.matches('\n').count();
        self.rest = rest;
        Ok((text, true))
    }
}
