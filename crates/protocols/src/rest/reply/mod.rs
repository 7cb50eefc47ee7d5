//! Rows in the form that was asked for. The database has already written them as a JSON array: most forms are that
//! array as it is, the others are made of its rows, one after the other.

mod csv;
mod elements;
mod first;
mod nulls;
mod rows;

use bytes::{Bytes, BytesMut};
use transom_query::catalog::Returns;
use transom_types::{Code, Problem};

use super::{
    accept::{BareMedia, ReplyForm},
    problem::singular_expected,
};
use elements::Elements;
use first::First;

/// How a reply comes from a JSON array of rows.
#[derive(Debug)]
pub enum Shape {
    /// It is that array.
    Plain,
    /// It is empty.
    Nothing,
    /// It is made of the rows.
    Made(Shaping),
}

/// Makes a reply of rows that arrive in pieces. What it holds does not grow with their number.
#[derive(Debug)]
pub struct Shaping {
    elements: Elements,
    making: Making,
}

/// What is made, and of how many rows it was so far.
#[derive(Debug)]
struct Making {
    kind: Kind,
    count: u64,
    /// The value of the row that has begun, where it is made of that.
    first: First,
}

#[derive(Debug)]
enum Kind {
    /// The array without the members that are null.
    Stripped,
    /// The one row.
    Row { strip_nulls: bool },
    /// Lines below a header.
    Csv(csv::Lines),
    /// The one value of the first row, as JSON.
    Value,
    /// The same as it is.
    Bare(BareMedia),
    /// The one value of the one row.
    OnlyValue,
    /// The one value of each row. `parts`: each that has some in a line of its own.
    Values { parts: bool },
}

/// How a JSON array of `rows` objects becomes a reply of this form. `returns` is a function's; tables give `None`.
/// Errors: [`Code::SingularExpected`]; [`Code::MediaTypeUnacceptable`] for rows in a form that only scalars have.
pub fn shape(form: &ReplyForm, returns: Option<Returns>, rows: u64) -> Result<Shape, Problem> {
    let kind = match (form, returns) {
        // The plan itself is the body, as is what the engine has made; they were never rows.
        (ReplyForm::Made(_), _) => return Ok(Shape::Plain),
        (_, Some(Returns::Nothing)) => return Ok(Shape::Nothing),
        (ReplyForm::Csv, _) => Kind::Csv(csv::Lines::default()),
        (ReplyForm::Bare(media), Some(Returns::Scalar)) => Kind::Bare(*media),
        (_, Some(Returns::Scalar)) => Kind::Value,
        (ReplyForm::Bare(_), _) => return Err(only_scalars()),
        (ReplyForm::Object { .. }, Some(Returns::Scalars { .. })) => Kind::OnlyValue,
        (_, Some(Returns::Scalars { parts })) => Kind::Values { parts },
        (ReplyForm::Plan(_), _) => return Ok(Shape::Plain),
        (ReplyForm::Object { strip_nulls, .. }, _)
        | (ReplyForm::Array { strip_nulls, .. }, Some(Returns::Row)) => match rows {
            1 => Kind::Row { strip_nulls: *strip_nulls },
            rows => return Err(singular_expected(rows)),
        },
        (ReplyForm::Array { strip_nulls: true, .. }, _) => Kind::Stripped,
        (ReplyForm::Array { .. }, _) => return Ok(Shape::Plain),
    };
    let elements = Elements::new(!kind.is_of_parts());
    Ok(Shape::Made(Shaping { elements, making: Making { kind, count: 0, first: First::default() } }))
}

impl Shaping {
    /// Makes all of it at once.
    /// Errors: as [`take`](Self::take) and [`end`](Self::end).
    pub fn whole(mut self, json: &Bytes) -> Result<Bytes, Problem> {
        if matches!(self.making.kind, Kind::Row { strip_nulls: false }) {
            return Ok(without_brackets(json));
        }
        let mut out = BytesMut::with_capacity(json.len());
        self.take(json, &mut out)?;
        self.end(&mut out)?;
        Ok(out.freeze())
    }

    /// Takes one more piece of the array, and writes what can be made with it.
    /// Errors: [`Code::Internal`] for what is no array of rows.
    pub fn take(&mut self, piece: &[u8], out: &mut BytesMut) -> Result<(), Problem> {
        let Self { elements, making } = self;
        elements.take(piece, &mut |part, last| match making.kind.is_of_parts() {
            true => making.part(part, last, out),
            false => making.row(part, out),
        })
    }

    /// Writes what is left when there are no more pieces.
    /// Errors: [`Code::SingularExpected`]; [`Code::Internal`] for what is no array of rows.
    pub fn end(self, out: &mut BytesMut) -> Result<(), Problem> {
        self.elements.end()?;
        self.making.end(out)
    }
}

impl Kind {
    /// Whether it is made of a row's parts as they come: a document may be as large as many rows.
    fn is_of_parts(&self) -> bool {
        matches!(self, Self::Row { strip_nulls: false } | Self::Value | Self::OnlyValue)
    }
}

impl Making {
    fn part(&mut self, part: &[u8], last: bool, out: &mut BytesMut) -> Result<(), Problem> {
        let ended = match (&self.kind, self.count) {
            (Kind::Value, 1..) => false,
            // It is an error in the end.
            (Kind::OnlyValue, 1..) => self.first.take(part, &mut BytesMut::new())?,
            (Kind::Value | Kind::OnlyValue, 0) => self.first.take(part, out)?,
            _ => {
                out.extend_from_slice(part);
                last
            }
        };
        self.count += u64::from(ended);
        if last {
            self.first = First::default();
        }
        Ok(())
    }

    fn row(&mut self, row: &[u8], out: &mut BytesMut) -> Result<(), Problem> {
        let first = self.count == 0;
        match &mut self.kind {
            Kind::Row { .. } => nulls::strip(row, out),
            Kind::Stripped => {
                out.extend_from_slice(if first { b"[" } else { b"," });
                nulls::strip(row, out);
            }
            Kind::Csv(lines) => lines.row(&rows::read(row)?, out),
            Kind::Bare(media) if first => match rows::read(row)?.value() {
                Some(value) => bare(*media, value, out),
                None => return Ok(()),
            },
            Kind::Values { parts } => {
                let row = rows::read(row)?;
                let Some(value) = row.value() else { return Ok(()) };
                out.extend_from_slice(match (first, *parts && value != "null") {
                    (true, _) => b"[",
                    (false, true) => b", \n ",
                    (false, false) => b", ",
                });
                out.extend_from_slice(value.as_bytes());
            }
            Kind::Bare(_) | Kind::Value | Kind::OnlyValue => {}
        }
        self.count += 1;
        Ok(())
    }

    fn end(&self, out: &mut BytesMut) -> Result<(), Problem> {
        match (&self.kind, self.count) {
            (Kind::OnlyValue, 1) => {}
            (Kind::OnlyValue, count) => return Err(singular_expected(count)),
            (Kind::Value, 0) => out.extend_from_slice(b"null"),
            (Kind::Stripped | Kind::Values { .. }, 0) => out.extend_from_slice(b"[]"),
            (Kind::Stripped | Kind::Values { .. }, _) => out.extend_from_slice(b"]"),
            (Kind::Row { .. } | Kind::Csv(_) | Kind::Value | Kind::Bare(_), _) => {}
        }
        Ok(())
    }
}

/// `[{…}]` → `{…}`, without a copy.
fn without_brackets(json: &Bytes) -> Bytes {
    let trimmed = json.trim_ascii();
    let inner = trimmed.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(trimmed);
    json.slice_ref(inner.trim_ascii())
}

/// A value as the bytes that it stands for; none of null.
fn bare(media: BareMedia, value: &str, out: &mut BytesMut) {
    let Some(text) = rows::text(value) else { return };
    let bytes = (media == BareMedia::OctetStream).then(|| hexadecimal(&text)).flatten();
    out.extend_from_slice(bytes.as_deref().unwrap_or(text.as_bytes()));
}

/// The bytes of `\x…`, how bytes are shown in JSON.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x").filter(|digits| digits.len().is_multiple_of(2))?;
    let nibble = |digit: u8| (digit as char).to_digit(16);
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::try_from(nibble(pair[0])? * 16 + nibble(pair[1])?).ok())
        .collect()
}

#[cold]
fn only_scalars() -> Problem {
    Problem::new(Code::MediaTypeUnacceptable, "this media type is for functions that return a scalar")
        .with_hint("Accept application/json or text/csv")
}
