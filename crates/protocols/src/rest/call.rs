//! The arguments of a function: in the query string, in a body by their names, or all of a body as one.

use serde_json::Value as Json;
use transom_query::request::{Action, Cell, Given, Payload};
use transom_types::Problem;

use super::{
    body::{self, Body},
    decode::{In, decode},
    query_string::Query,
};

/// What a call's arguments are read from.
pub(super) struct Call<'a> {
    /// Whether they stand in the query string: GET and HEAD.
    pub read_only: bool,
    /// The body.
    pub body: Body<'a>,
    /// The place in a batch, if it is part of one.
    pub operation: Option<u16>,
    /// What is done with a body as a whole.
    pub whole: Whole,
}

/// What is done with a body as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// No function takes it: a body is an object of arguments.
    Refused,
    /// It may come in all forms that PostgREST reads, but none of these functions takes it.
    Dropped,
    /// It may be the one argument.
    Kept,
}

/// Reads the arguments of a call.
pub(super) fn call(query: &mut Query, call: Call<'_>) -> Result<(Payload, Action), Problem> {
    let Call { read_only, body, operation, whole } = call;
    let compatible = whole != Whole::Refused;
    let empty = matches!(body, Body::Bytes(_, bytes) if bytes.trim_ascii().is_empty());
    let (payload, given) = match (read_only, compatible, body) {
        (true, true, _) => (texts(std::mem::take(&mut query.arguments)), Given::Texts),
        (true, false, _) => (row(std::mem::take(&mut query.arguments)), Given::Json),
        (false, true, Body::Bytes(media, bytes)) => {
            posted((media, bytes), query.columns.take(), whole == Whole::Kept)?
        }
        (false, ..) if empty => {
            (Payload { columns: Vec::new(), rows: vec![Vec::new()], document: None }, Given::Json)
        }
        (false, ..) => (body::parse(body, query.columns.take(), operation)?.payload, Given::Json),
    };
    if payload.rows.len() != 1 {
        return Err(body::invalid(
            "the arguments must be one object",
            format!("the body holds {} rows", payload.rows.len()),
        )
        .with_hint("Send a JSON object whose keys are the function's parameters"));
    }
    let arguments = payload.columns.clone();
    Ok((payload, Action::Call { arguments, read_only, given }))
}

type Arguments = Vec<(Box<str>, Box<str>)>;

fn row(arguments: Arguments) -> Payload {
    let cell = |(name, value): (Box<str>, Box<str>)| (name, Cell::Json(Json::String(value.into())));
    let (columns, row) = arguments.into_iter().map(cell).unzip();
    Payload { columns, rows: vec![row], document: None }
}

/// Texts by name; a repeated name has a list of them.
fn texts(arguments: Arguments) -> Payload {
    let mut payload = Payload { columns: Vec::new(), rows: Vec::new(), document: None };
    let mut values: Vec<Json> = Vec::new();
    for (name, value) in arguments {
        let value = Json::String(value.into());
        let known =
            payload.columns.iter().position(|column| *column == name).and_then(|at| values.get_mut(at));
        match known {
            Some(Json::Array(several)) => several.push(value),
            Some(one) => *one = Json::Array(vec![one.take(), value]),
            None => {
                payload.columns.push(name);
                values.push(value);
            }
        }
    }
    payload.rows.push(values.into_iter().map(Cell::Json).collect());
    payload
}

/// A body as PostgREST reads it: of several rows the first counts, and all of it stands behind the named arguments.
fn posted(
    (media, bytes): (Option<&str>, &[u8]),
    columns: Option<Vec<Box<str>>>,
    keep_whole: bool,
) -> Result<(Payload, Given), Problem> {
    let name = media.unwrap_or_default();
    let name = name.split_once(';').map_or(name, |(name, _)| name).trim().to_ascii_lowercase();
    let whole = |given, text: String| {
        let row = vec![Cell::Json(Json::String(text))];
        Ok((Payload { columns: Vec::new(), rows: vec![row], document: None }, given))
    };
    match name.as_str() {
        "text/plain" => whole(Given::Text, utf8(bytes)?),
        "text/xml" => whole(Given::Xml, utf8(bytes)?),
        "application/octet-stream" => whole(Given::Bytes, hexadecimal(bytes)),
        "application/x-www-form-urlencoded" => Ok((texts(form(bytes, columns.as_deref())?), Given::Texts)),
        "text/csv" => {
            let mut payload = body::parse(Body::Bytes(media, bytes), columns, None)?.payload;
            payload.rows.truncate(1);
            if payload.rows.is_empty() {
                payload.rows.push(Vec::new());
            }
            Ok((payload, Given::Table))
        }
        _ => {
            let bytes = if bytes.is_empty() { b"{}" } else { bytes };
            let mut payload = match is_bare(bytes) {
                true => Payload::default(),
                false => body::parse(Body::Bytes(media, bytes), columns, None)?.payload,
            };
            payload.rows.truncate(1);
            let mut row = payload.rows.pop().unwrap_or_default();
            row.resize(payload.columns.len(), Cell::Missing);
            if keep_whole {
                row.push(Cell::Json(Json::String(utf8(bytes)?)));
            }
            payload.rows.push(row);
            Ok((payload, Given::Json))
        }
    }
}

/// Whether a body is one JSON value without any names: no object, and no list of them.
fn is_bare(bytes: &[u8]) -> bool {
    let container = matches!(bytes.trim_ascii().first(), Some(b'{' | b'['));
    !container && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

fn form(bytes: &[u8], columns: Option<&[Box<str>]>) -> Result<Arguments, Problem> {
    let text = utf8(bytes)?;
    let mut arguments = Arguments::new();
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (key, value) = (decode(key, In::Query)?, decode(value, In::Query)?);
        if columns.is_none_or(|columns| columns.iter().any(|column| **column == *key)) {
            arguments.push((key.into(), value.into()));
        }
    }
    Ok(arguments)
}

fn utf8(bytes: &[u8]) -> Result<String, Problem> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|error| body::invalid("the body is not UTF-8", format!("at byte {}", error.valid_up_to())))
}

/// Bytes as engines read them from text.
fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("\\x");
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_texts_are_lists() {
        let payload = texts(vec![
            ("v".into(), "a".into()),
            ("w".into(), "b".into()),
            ("v".into(), "c".into()),
            ("v".into(), "d".into()),
        ]);
        assert_eq!(payload.columns, ["v".into(), "w".into()]);
        let expected = [serde_json::json!(["a", "c", "d"]), serde_json::json!("b")];
        assert_eq!(payload.rows, [expected.map(Cell::Json).to_vec()]);
    }

    #[test]
    fn bytes_become_digits() {
        assert_eq!(hexadecimal(&[0, 0xAB, 0x7F]), "\\x00ab7f");
    }
}
