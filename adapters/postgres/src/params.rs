//! Parameters on their way to the server: as text, which every type of the engine reads.

use std::{borrow::Cow, error::Error};

use bytes::{BufMut, BytesMut};
use serde_json::Value as Json;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};
use transom_ports::Outcome;
use transom_query::plan::ParamKind;
use transom_sql::{Bound, Prepared, Statement};
use transom_types::Value;

/// Most bytes of parameters that a connection may have sent and still be kept.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// A parameter's text; `None` is NULL.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    text: Option<Cow<'a, str>>,
    /// Elements in a JSON array, which the engine reads in its own form.
    list: bool,
}

impl Text<'_> {
    /// Whether it is written in another form where the engine wants an array.
    pub(crate) fn needs_type(&self) -> bool {
        !self.list && self.text.as_deref().is_some_and(|text| text.starts_with('['))
    }

    /// Writes it, as an array's text where `array` says that the parameter is one. `false` for NULL.
    pub(crate) fn write(&self, array: bool, out: &mut BytesMut) -> Result<bool, serde_json::Error> {
        let Some(text) = &self.text else { return Ok(false) };
        match self.list || (array && text.starts_with('[')) {
            true => out.put_slice(array_literal(text)?.as_bytes()),
            false => out.put_slice(text.as_bytes()),
        }
        Ok(true)
    }
}

impl ToSql for Text<'_> {
    fn to_sql(&self, data_type: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let array = matches!(data_type.kind(), Kind::Array(_));
        Ok(if self.write(array, out)? { IsNull::No } else { IsNull::Yes })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// Whether a statement's parameters are so large that the connection is of no more use: it keeps buffers of the size of the
/// largest statement that it ever sent.
pub(crate) fn bloat(statement: &Statement) -> bool {
    let length = |bound: &Bound| match bound {
        Bound::Value(Value::Text(text) | Value::Json(text) | Value::Numeric(text)) => text.len(),
        Bound::Value(Value::Bytes(bytes)) => bytes.len(),
        _ => 0,
    };
    statement.params.iter().map(length).sum::<usize>() > KEPT_BYTES_MAX
}

/// The values of a statement's parameters; `outcomes` are those of the unit's steps before it.
pub(crate) fn values<'a>(prepared: &Prepared, params: &'a [Bound], outcomes: &[Outcome]) -> Vec<Text<'a>> {
    let earlier = |step: &u16| outcomes.get(usize::from(*step));
    let bind = |id: &transom_query::plan::ParamId| {
        let at = usize::from(id.0);
        let kind = prepared.plan.plan().params.get(at).map(|parameter| &parameter.kind);
        let list = matches!(kind, Some(ParamKind::List(_)));
        let text = match params.get(at) {
            Some(Bound::Value(value)) => shown(value),
            Some(Bound::Captured { step, column }) => {
                let value = earlier(step).map_or(Value::Null, |outcome| outcome.captured_value(*column));
                shown(&value).map(|text| Cow::Owned(text.into_owned()))
            }
            Some(Bound::CapturedRows { step }) => {
                Some(earlier(step).map_or_else(|| "[]".into(), |outcome| outcome.captured_rows().into()))
            }
            None => None,
        };
        Text { text, list }
    };
    prepared.params.iter().map(bind).collect()
}

fn shown(value: &Value) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
        Value::Integer(integer) => integer.to_string().into(),
        Value::Real(real) if real.is_nan() => "NaN".into(),
        Value::Real(real) if real.is_infinite() => if *real > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        Value::Real(real) => format!("{real:?}").into(),
        Value::Numeric(text) | Value::Text(text) | Value::Json(text) => Cow::Borrowed(text),
        Value::Bytes(bytes) => {
            let mut text = String::with_capacity(2 + bytes.len() * 2);
            text.push_str("\\x");
            bytes.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
            text.into()
        }
    })
}

/// `[1,"a b",null]` as `{1,"a b",NULL}`; arrays within become arrays.
fn array_literal(json: &str) -> Result<String, serde_json::Error> {
    let mut text = String::with_capacity(json.len() + 2);
    array(&serde_json::from_str(json)?, &mut text);
    Ok(text)
}

fn array(json: &Json, text: &mut String) {
    match json {
        Json::Array(elements) => {
            text.push('{');
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                array(element, text);
            }
            text.push('}');
        }
        Json::Null => text.push_str("NULL"),
        Json::String(string) => quoted(string, text),
        Json::Object(_) => quoted(&json.to_string(), text),
        Json::Bool(_) | Json::Number(_) => text.push_str(&json.to_string()),
    }
}

fn quoted(element: &str, text: &mut String) {
    text.push('"');
    for character in element.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn check(json: &str, literal: &str) {
        assert_eq!(array_literal(json).unwrap(), literal, "{json}");
    }

    #[test]
    fn lists_are_written_as_the_engine_reads_them() {
        check("[]", "{}");
        check("[1,-2.5,true,null]", "{1,-2.5,true,NULL}");
        check(
            r#"["a b","","NULL","quo\"te","back\\slash","{x}","comma,"]"#,
            r#"{"a b","","NULL","quo\"te","back\\slash","{x}","comma,"}"#,
        );
        check("[[1,2],[3]]", "{{1,2},{3}}");
        check(r#"[{"a":"b"}]"#, r#"{"{\"a\":\"b\"}"}"#);
    }
}
