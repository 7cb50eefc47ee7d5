//! The engine's names of types, operators and functions, and how it writes constants.

use std::fmt::Write;

use transom_query::{
    plan::{EngineOperator, Pattern},
    request::FullTextKind,
};
use transom_types::{DataType, Value};

use super::Postgres;
use crate::Dialect;

/// The engine's name of a type.
pub(super) fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Bool => "boolean",
        DataType::Integer => "bigint",
        DataType::Real => "double precision",
        DataType::Numeric => "numeric",
        DataType::Text | DataType::Any => "text",
        DataType::Bytes => "bytea",
        DataType::Json => "jsonb",
        DataType::Uuid => "uuid",
        DataType::Date => "date",
        DataType::Time => "time",
        DataType::Timestamp => "timestamptz",
    }
}

pub(super) fn query_function(kind: FullTextKind) -> &'static str {
    match kind {
        FullTextKind::Query => "to_tsquery",
        FullTextKind::Plain => "plainto_tsquery",
        FullTextKind::Phrase => "phraseto_tsquery",
        FullTextKind::Web => "websearch_to_tsquery",
    }
}

pub(super) fn pattern_operator(pattern: Pattern) -> &'static str {
    match pattern {
        Pattern::Like => "LIKE",
        Pattern::Ilike => "ILIKE",
        Pattern::Regex => "~",
        Pattern::RegexInsensitive => "~*",
    }
}

/// A negative number of characters is an error here; elsewhere it is none at all.
pub(super) fn substring(text: &mut String, arguments: &[String]) {
    let _ = match arguments {
        [of, from, count] => write!(text, "substr({of}, ({from})::int, greatest(({count})::int, 0))"),
        [of, from] => write!(text, "substr({of}, ({from})::int)"),
        _ => write!(text, "substr({})", arguments.join(", ")),
    };
}

pub(super) fn quoted(text: &mut String, inner: &str, quote: char) {
    text.push(quote);
    for character in inner.chars() {
        if character == quote {
            text.push(quote);
        }
        text.push(character);
    }
    text.push(quote);
}

pub(super) fn engine_operator(operator: EngineOperator) -> &'static str {
    match operator {
        EngineOperator::Contains => "@>",
        EngineOperator::ContainedIn => "<@",
        EngineOperator::Overlaps => "&&",
        EngineOperator::StrictlyLeft => "<<",
        EngineOperator::StrictlyRight => ">>",
        EngineOperator::NotRightOf => "&<",
        EngineOperator::NotLeftOf => "&>",
        EngineOperator::Adjacent => "-|-",
    }
}

/// A constant.
pub(super) fn constant(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("NULL"),
        Value::Bool(truth) => text.push_str(Postgres.truth(*truth)),
        Value::Integer(i64::MIN) => text.push_str("(-9223372036854775807 - 1)"),
        Value::Integer(integer) => {
            let _ = write!(text, "{integer}");
        }
        Value::Real(real) if real.is_finite() => {
            let _ = write!(text, "{real:?}");
        }
        Value::Real(real) if real.is_nan() => text.push_str("'NaN'::float8"),
        Value::Real(real) => {
            text.push_str(if *real > 0.0 { "'Infinity'::float8" } else { "'-Infinity'::float8" });
        }
        Value::Numeric(number) => {
            Postgres.string(text, number);
            text.push_str("::numeric");
        }
        Value::Text(string) => Postgres.string(text, string),
        Value::Json(document) => {
            Postgres.string(text, document);
            text.push_str("::jsonb");
        }
        Value::Bytes(bytes) => {
            text.push_str("'\\x");
            for byte in bytes {
                let _ = write!(text, "{byte:02x}");
            }
            text.push_str("'::bytea");
        }
    }
}
