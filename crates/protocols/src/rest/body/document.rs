//! JSON bodies that the engine reads itself: only their keys are looked at, and the text goes on as it came.

use std::fmt;

use serde::{
    Deserialize, Deserializer as _,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use transom_query::request::Payload;
use transom_types::Problem;

use super::{COLUMNS_MAX, Parsed, invalid};
use crate::rest::build::too_many;

/// What a body is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Rows, or one row.
    Rows,
    /// One row: of a list the first.
    One,
    /// Rows, always as a list.
    List,
}

/// Takes a JSON body. `columns`: which keys are read; the rest, and whether it is JSON at all, is the engine's matter.
pub(super) fn read(
    bytes: &[u8],
    columns: Option<Vec<Box<str>>>,
    purpose: Purpose,
) -> Result<Parsed, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| not_json())?.trim_ascii();
    let (mut columns, form) = match columns {
        Some(columns) if text.starts_with('[') => (columns, Form::List),
        Some(columns) => (columns, Form::Object),
        None => keys(text)?,
    };
    columns.sort_unstable();
    columns.dedup();
    let mut single = form == Form::Object;
    let mut document = match form {
        // What holds no rows holds none.
        Form::Other => "[]".into(),
        _ => Box::from(text),
    };
    match purpose {
        Purpose::Rows => {}
        Purpose::List if single => document = format!("[{document}]").into(),
        Purpose::List => {}
        Purpose::One if single => {}
        Purpose::One => {
            let rows: Result<Vec<&RawValue>, _> = serde_json::from_str(&document);
            match rows.as_deref() {
                Ok([]) => columns.clear(),
                Ok([first, ..]) => document = first.get().into(),
                Err(_) => return Err(not_json()),
            }
            single = true;
        }
    }
    let payload = Payload { columns, rows: Vec::new(), document: Some(document) };
    Ok(Parsed { payload, single })
}

#[cold]
fn not_json() -> Problem {
    invalid("Empty or invalid json", "the body is not JSON").with_hint("Send a JSON object or a list of them")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Object,
    List,
    Other,
}

/// The keys of a body, which are the same in all of its rows.
fn keys(text: &str) -> Result<(Vec<Box<str>>, Form), Problem> {
    let mut keys = Keys { known: Vec::new(), seen: Vec::new(), row: 0, uniform: true, too_many: false };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // Not whatever comes: a number with a fraction comes as an object of its own.
    let read = match text.as_bytes().first() {
        Some(b'{') => deserializer.deserialize_map(Top(&mut keys)),
        Some(b'[') => deserializer.deserialize_seq(Top(&mut keys)),
        _ => IgnoredAny::deserialize(&mut deserializer).map(|_| Form::Other),
    };
    let form = match read.and_then(|form| deserializer.end().map(|()| form)) {
        Ok(form) => form,
        // An element that is no row.
        Err(error) if error.is_data() && serde_json::from_str::<IgnoredAny>(text).is_ok() => {
            keys.uniform = false;
            Form::List
        }
        Err(_) => return Err(not_json()),
    };
    if keys.too_many {
        return Err(too_many("keys in the body", COLUMNS_MAX));
    }
    if !keys.uniform {
        return Err(invalid("All object keys must match", "the rows of the body differ in their keys")
            .with_hint("Say what is meant: columns=a,b"));
    }
    Ok((keys.known, form))
}

/// The keys of the first row, and which of them the row being read has.
struct Keys {
    known: Vec<Box<str>>,
    /// The number of the last row that had the key.
    seen: Vec<usize>,
    /// The number of the row being read, from 1.
    row: usize,
    uniform: bool,
    too_many: bool,
}

impl Keys {
    /// `next`: where the key is likely to stand, for rows tend to have one order.
    fn see(&mut self, key: &str, next: usize) {
        let likely = self.known.get(next).is_some_and(|known| **known == *key);
        let place = if likely { Some(next) } else { self.known.iter().position(|known| **known == *key) };
        match place {
            Some(place) => self.seen[place] = self.row,
            None if self.row > 1 => self.uniform = false,
            None if self.known.len() >= COLUMNS_MAX as usize => self.too_many = true,
            None => {
                self.known.push(key.into());
                self.seen.push(1);
            }
        }
    }

    fn end_row(&mut self) {
        self.uniform &= self.seen.iter().all(|row| *row == self.row);
    }
}

/// The members of one row.
fn row<'de, A: MapAccess<'de>>(keys: &mut Keys, mut members: A) -> Result<(), A::Error> {
    keys.row += 1;
    let mut next = 0;
    while members.next_key_seed(Key(keys, next))?.is_some() {
        members.next_value::<IgnoredAny>()?;
        next += 1;
    }
    keys.end_row();
    Ok(())
}

/// The whole body.
struct Top<'a>(&'a mut Keys);

impl<'de> Visitor<'de> for Top<'_> {
    type Value = Form;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Form, A::Error> {
        row(self.0, members).map(|()| Form::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Form, A::Error> {
        while rows.next_element_seed(Element(self.0))?.is_some() {}
        Ok(Form::List)
    }
}

/// An element of the list.
struct Element<'a>(&'a mut Keys);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        row(self.0, members)
    }
}

/// A key, without keeping its text where it is known.
struct Key<'a>(&'a mut Keys, usize);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<(), E> {
        self.0.see(key, self.1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(body: &str, purpose: Purpose, columns: &[&str], document: &str, single: bool) {
        let parsed = read(body.as_bytes(), None, purpose).unwrap();
        let names: Vec<&str> = parsed.payload.columns.iter().map(|name| &**name).collect();
        assert_eq!(names, columns, "{body}");
        assert_eq!(parsed.payload.document.as_deref(), Some(document), "{body}");
        assert_eq!(parsed.single, single, "{body}");
    }

    fn check_refused(body: &str, message: &str) {
        assert_eq!(read(body.as_bytes(), None, Purpose::Rows).unwrap_err().message(), message, "{body}");
    }

    #[test]
    fn passes_the_text_on() {
        check(
            r#" {"b": 1.10, "a": {"x": 1}} "#,
            Purpose::Rows,
            &["a", "b"],
            r#"{"b": 1.10, "a": {"x": 1}}"#,
            true,
        );
        check(
            r#"[{"a":1,"b":2},{"b":1,"a":2}]"#,
            Purpose::Rows,
            &["a", "b"],
            r#"[{"a":1,"b":2},{"b":1,"a":2}]"#,
            false,
        );
        check("[]", Purpose::Rows, &[], "[]", false);
        check("17", Purpose::Rows, &[], "[]", false);
        check("1.5", Purpose::Rows, &[], "[]", false);
        check(r#"[{"a":1},{"a":2}]"#, Purpose::One, &["a"], r#"{"a":1}"#, true);
        check("[]", Purpose::One, &[], "[]", true);
        check(r#"{"a":1}"#, Purpose::List, &["a"], r#"[{"a":1}]"#, true);
    }

    #[test]
    fn wants_rows_of_the_same_keys() {
        check_refused(r#"[{"a":1},{"b":1}]"#, "All object keys must match");
        check_refused(r#"[{"a":1},{"a":1,"b":1}]"#, "All object keys must match");
        check_refused(r#"[{"a":1,"b":1},{"a":1,"a":1}]"#, "All object keys must match");
        check_refused(r#"[{"a":1},2]"#, "All object keys must match");
        check_refused("[1]", "All object keys must match");
        check_refused("[1.5]", "All object keys must match");
        check_refused(r#"[{"a":1},[2.5],{"a":1}]"#, "All object keys must match");
        check_refused("[1.5", "Empty or invalid json");
        check_refused("[1.5] x", "Empty or invalid json");
        check_refused("", "Empty or invalid json");
        check_refused(r#"[{"a":1}"#, "Empty or invalid json");
        check_refused(r#"{"a":1} x"#, "Empty or invalid json");
    }
}
