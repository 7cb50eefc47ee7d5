//! Rows in the form that was asked for. The database has already written them as a JSON array: most forms are that
//! array, or a slice of it.

mod csv;
mod nulls;
mod rows;

use bytes::Bytes;
use transom_query::catalog::Returns;
use transom_types::{Code, Problem};

use super::{
    accept::{BareMedia, ReplyForm},
    problem::singular_expected,
};

/// Gives a JSON array of `rows` objects the form of the reply. `returns` is a function's; tables give `None`.
/// Errors: [`Code::SingularExpected`]; [`Code::MediaTypeUnacceptable`] for rows in a form that only scalars have.
pub fn shape_reply(
    form: &ReplyForm,
    returns: Option<Returns>,
    rows: u64,
    json: Bytes,
) -> Result<Bytes, Problem> {
    if matches!(form, ReplyForm::Made(_)) {
        return Ok(json);
    }
    if json.is_empty() || returns == Some(Returns::Nothing) {
        return Ok(Bytes::new());
    }
    if returns == Some(Returns::Scalar) {
        return scalar(form, json);
    }
    if let Some(Returns::Scalars { parts }) = returns
        && !matches!(form, ReplyForm::Csv | ReplyForm::Bare(_))
    {
        return values(form, parts, json);
    }
    let singular = form.is_singular() || returns == Some(Returns::Row);
    match form {
        ReplyForm::Csv => csv::write(&json),
        ReplyForm::Bare(_) => Err(only_scalars()),
        ReplyForm::Array { strip_nulls, .. } | ReplyForm::Object { strip_nulls, .. } => {
            let json = match (singular, rows) {
                (false, _) => json,
                (true, 1) => without_brackets(&json),
                (true, rows) => return Err(singular_expected(rows)),
            };
            Ok(if *strip_nulls { nulls::strip(&json).into() } else { json })
        }
        // The plan itself is the body; it was never rows.
        ReplyForm::Plan(_) | ReplyForm::Made(_) => Ok(json),
    }
}

/// Whether a JSON array of rows is the reply as it is.
pub fn is_plain(form: &ReplyForm, returns: Option<Returns>) -> bool {
    matches!(form, ReplyForm::Array { strip_nulls: false, .. })
        && !matches!(
            returns,
            Some(Returns::Nothing | Returns::Scalar | Returns::Scalars { .. } | Returns::Row)
        )
}

/// `[{…}]` → `{…}`, without a copy.
fn without_brackets(json: &Bytes) -> Bytes {
    let trimmed = json.trim_ascii();
    let inner = trimmed.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(trimmed);
    json.slice_ref(inner.trim_ascii())
}

/// The one value of the first row; `null` without one.
fn scalar(form: &ReplyForm, json: Bytes) -> Result<Bytes, Problem> {
    let rows = rows::read(&json)?;
    let value = rows.first().and_then(|row| row.0.first()).map_or("null", |(_, value)| value.get());
    match form {
        ReplyForm::Bare(BareMedia::OctetStream) => Ok(match rows::text(value) {
            Some(text) => hexadecimal(&text).unwrap_or_else(|| text.into_owned().into_bytes()).into(),
            None => Bytes::new(),
        }),
        ReplyForm::Bare(_) => Ok(rows::text(value).unwrap_or_default().into_owned().into()),
        ReplyForm::Csv => csv::write(&json),
        // The `null` of no row is not a part of the array.
        _ if rows.is_empty() => Ok(Bytes::from_static(b"null")),
        _ => Ok(json.slice_ref(value.as_bytes())),
    }
}

/// The one value of each row, in an array with the white space that the engine writes there, or alone where one row was
/// asked for.
fn values(form: &ReplyForm, parts: bool, json: Bytes) -> Result<Bytes, Problem> {
    let rows = rows::read(&json)?;
    let values = rows.iter().filter_map(|row| row.0.first()).map(|(_, value)| value.get());
    if form.is_singular() {
        let values: Vec<&str> = values.collect();
        return match values.as_slice() {
            [only] => Ok(json.slice_ref(only.as_bytes())),
            several => Err(singular_expected(several.len() as u64)),
        };
    }
    let mut array = String::with_capacity(json.len());
    for value in values {
        array.push_str(match array.is_empty() {
            true => "[",
            false if parts && value != "null" => ", \n ",
            false => ", ",
        });
        array.push_str(value);
    }
    array.push_str(if array.is_empty() { "[]" } else { "]" });
    Ok(array.into())
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
