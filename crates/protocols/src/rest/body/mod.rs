//! Request bodies: JSON, CSV and forms become the rows of a [`Payload`].

mod csv;
mod document;
mod form;
mod json;

use std::collections::HashMap;

use serde_json::Value as Json;
use transom_query::request::{Cell, Payload};
use transom_types::{Code, Problem, limits::WRITE_ROWS_MAX};

use super::build::{earlier, too_many};

pub(super) use document::Purpose;
pub(super) use json::depth_within;

/// Most keys of one payload.
pub(super) const COLUMNS_MAX: u32 = 2_000;
/// Most cells of one payload for keys that their row does not have: those take memory that no body has paid for.
const MISSING_CELLS_MAX: usize = 1_000_000;
/// Columns above which they are found by hash and not by looking at each.
const LINEAR_COLUMNS_MAX: usize = 16;

/// A request's body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'a> {
    /// As it arrived, with its `Content-Type`.
    Bytes(Option<&'a str>, &'a [u8]),
    /// Already parsed: an operation of a batch.
    Json(&'a Json),
}

/// The rows of a body, and whether it was one object and not a list.
#[derive(Debug)]
pub(super) struct Parsed {
    pub payload: Payload,
    pub single: bool,
}

/// Reads a body. With `columns`, only those keys of it. `operation` is the place in a batch, if it is part of one.
/// Errors: [`Code::BodyInvalid`], [`Code::MediaTypeUnsupported`], [`Code::TooManyParts`].
pub(super) fn parse(
    body: Body<'_>,
    columns: Option<Vec<Box<str>>>,
    operation: Option<u16>,
) -> Result<Parsed, Problem> {
    let mut rows = Rows::new(columns, operation);
    let single = match body {
        Body::Json(value) => json::from_value(value, &mut rows)?,
        Body::Bytes(content_type, bytes) => match media(content_type)? {
            Media::Json => json::from_bytes(bytes, &mut rows)?,
            Media::Csv => csv::read(bytes, &mut rows)?,
            Media::Form => form::read(bytes, &mut rows)?,
        },
    };
    Ok(Parsed { payload: rows.finish()?, single })
}

/// The same, where the engine reads JSON itself: then its text goes on as it came.
pub(super) fn parse_for_engine(
    body: Body<'_>,
    columns: Option<Vec<Box<str>>>,
    operation: Option<u16>,
    purpose: Purpose,
) -> Result<Parsed, Problem> {
    if let Body::Bytes(content_type, bytes) = body
        && let Media::Json = media(content_type)
            .map_err(|problem| invalid(problem.message().to_owned(), problem.details().unwrap_or_default()))?
    {
        return document::read(bytes, columns, purpose);
    }
    let mut parsed = parse(body, columns, operation)?;
    if purpose == Purpose::One && parsed.payload.rows.is_empty() {
        parsed.payload.columns.clear();
    }
    Ok(parsed)
}

enum Media {
    Json,
    Csv,
    Form,
}

fn media(content_type: Option<&str>) -> Result<Media, Problem> {
    let Some(header) = content_type else { return Ok(Media::Json) };
    let (media, parameters) = header.split_once(';').unwrap_or((header, ""));
    let media = media.trim().to_ascii_lowercase();
    let charset = super::accept::parameter(parameters, "charset");
    if charset.is_some_and(|charset| {
        !["utf-8", "utf8", "us-ascii"].contains(&charset.to_ascii_lowercase().as_str())
    }) {
        return Err(unsupported(header, "only UTF-8 is read"));
    }
    match media.as_str() {
        "" | "*/*" | "application/json" => Ok(Media::Json),
        "text/csv" => Ok(Media::Csv),
        "application/x-www-form-urlencoded" => Ok(Media::Form),
        other if other.starts_with("application/") && other.ends_with("+json") => Ok(Media::Json),
        "text/plain" | "application/octet-stream" | "text/xml" => Err(unsupported(
            header,
            "a raw body is the argument of a function with one unnamed parameter; named queries have none",
        )),
        _ => Err(unsupported(header, "no reader for this media type")),
    }
}

#[cold]
fn unsupported(header: &str, why: &str) -> Problem {
    let header = super::scanner::clip(header);
    Problem::new(Code::MediaTypeUnsupported, format!("Content-Type not acceptable: {header}"))
        .with_details(why)
        .with_hint("Send application/json, text/csv or application/x-www-form-urlencoded, in UTF-8")
}

#[cold]
pub(super) fn invalid(message: impl Into<String>, details: impl Into<String>) -> Problem {
    Problem::new(Code::BodyInvalid, message).with_details(details)
}

/// Collects rows whose keys may differ: the columns are the union of all keys, in order of appearance.
struct Rows {
    columns: Vec<Box<str>>,
    /// Only the columns given beforehand.
    fixed: bool,
    places: HashMap<Box<str>, usize>,
    rows: Vec<Vec<Cell>>,
    /// The row being read.
    row: Vec<Cell>,
    /// Where the next key is likely to stand: rows tend to have the same order.
    next: usize,
    /// Cells for keys that their row does not have.
    missing: usize,
    operation: Option<u16>,
}

impl Rows {
    fn new(columns: Option<Vec<Box<str>>>, operation: Option<u16>) -> Self {
        let fixed = columns.is_some();
        let mut rows = Self {
            columns: Vec::new(),
            fixed,
            places: HashMap::new(),
            rows: Vec::new(),
            row: Vec::new(),
            next: 0,
            missing: 0,
            operation,
        };
        columns.into_iter().flatten().for_each(|column| rows.add_column(column));
        rows
    }

    fn add_column(&mut self, column: Box<str>) {
        self.columns.push(column);
        if self.columns.len() > LINEAR_COLUMNS_MAX {
            let missing = self.places.len()..self.columns.len();
            self.places.extend(missing.map(|at| (self.columns[at].clone(), at)));
        }
    }

    /// The column of a key; `None` when it is not wanted.
    fn column(&mut self, key: &str) -> Result<Option<usize>, Problem> {
        let guess = self.next;
        if self.columns.get(guess).is_some_and(|column| **column == *key) {
            self.next = guess + 1;
            return Ok(Some(guess));
        }
        let found = match self.columns.len() > LINEAR_COLUMNS_MAX {
            true => self.places.get(key).copied(),
            false => self.columns.iter().position(|column| **column == *key),
        };
        if found.is_none() && !self.fixed {
            if self.columns.len() >= COLUMNS_MAX as usize {
                return Err(too_many("keys in the body", COLUMNS_MAX));
            }
            if key.len() > transom_types::limits::NAME_BYTES_MAX {
                return Err(invalid(
                    "a key of the body is too long",
                    format!("it begins with '{}'", super::scanner::clip(key)),
                ));
            }
            self.add_column(key.into());
            self.next = self.columns.len();
            return Ok(Some(self.columns.len() - 1));
        }
        if let Some(found) = found {
            self.next = found + 1;
        }
        Ok(found)
    }

    /// Sets a cell of the row being read; the last of a repeated key counts.
    fn cell(&mut self, column: usize, value: Json) -> Result<(), Problem> {
        let cell = self.reference(value)?;
        match self.row.get_mut(column) {
            Some(place) => {
                self.missing -= usize::from(*place == Cell::Missing);
                *place = cell;
            }
            None => {
                self.pad(column)?;
                self.row.push(cell);
            }
        }
        Ok(())
    }

    /// Fills the row being read with missing cells.
    fn pad(&mut self, width: usize) -> Result<(), Problem> {
        self.missing += width - self.row.len();
        if self.missing > MISSING_CELLS_MAX {
            return Err(too_many("missing keys in the rows of the body", MISSING_CELLS_MAX as u32)
                .with_hint("Give all rows the same keys, or send fewer rows"));
        }
        self.row.resize(width, Cell::Missing);
        Ok(())
    }

    /// In a batch, `{"$ref": "0.id"}` is a value that an earlier operation returns.
    fn reference(&self, value: Json) -> Result<Cell, Problem> {
        let Some(operation) = self.operation else { return Ok(Cell::Json(value)) };
        match value.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("$ref")) {
            Some(Json::String(target)) => earlier(target, operation).map(Cell::Earlier),
            Some(_) => Err(Problem::new(Code::BatchInvalid, "$ref needs a text such as \"0.id\"")),
            None => Ok(Cell::Json(value)),
        }
    }

    fn end_row(&mut self) -> Result<(), Problem> {
        if self.rows.len() >= WRITE_ROWS_MAX as usize {
            return Err(too_many("rows in the body", WRITE_ROWS_MAX));
        }
        self.next = 0;
        let capacity = self.row.len();
        self.rows.push(std::mem::replace(&mut self.row, Vec::with_capacity(capacity)));
        Ok(())
    }

    fn finish(mut self) -> Result<Payload, Problem> {
        let width = self.columns.len();
        for at in 0..self.rows.len() {
            if self.rows[at].len() < width {
                self.row = std::mem::take(&mut self.rows[at]);
                self.row.reserve_exact(width - self.row.len());
                self.pad(width)?;
                self.rows[at] = std::mem::take(&mut self.row);
            }
        }
        Ok(Payload { columns: self.columns, rows: self.rows, document: None })
    }
}
