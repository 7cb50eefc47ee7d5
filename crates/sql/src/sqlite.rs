//! How SQLite writes things. Functions named `transom_…` are registered by the adapter on every connection.

use std::fmt::Write;

use serde_json::Value as Json;
use transom_query::{
    plan::{BinaryOp, Comparison, Function, Pattern},
    request::{FullTextKind, JsonKey, JsonStep},
};
use transom_types::{DataType, Problem, Value};

use crate::{Dialect, ENGINES, render::Search, words};

/// SQLite's dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sqlite;

/// A function takes at most so many arguments (`SQLITE_MAX_FUNCTION_ARG`); an object's member takes two.
const OBJECT_MEMBERS_MAX: usize = 400;

impl Dialect for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn tag(&self) -> &'static str {
        ENGINES[0]
    }

    fn identifier(&self, text: &mut String, name: &str) {
        quoted(text, name, '"');
    }

    fn string(&self, text: &mut String, value: &str) {
        // A NUL would end the statement's text.
        quoted(text, &value.replace('\0', "\u{FFFD}"), '\'');
    }

    fn placeholder(&self, text: &mut String, number: usize) {
        let _ = write!(text, "?{number}");
    }

    fn shares_parameters(&self) -> bool {
        true
    }

    fn typed(&self, text: &mut String, placeholder: &str, _: DataType) {
        text.push_str(placeholder);
    }

    fn value(&self, text: &mut String, value: &Value) -> Result<(), Problem> {
        match value {
            Value::Null => text.push_str("NULL"),
            Value::Bool(truth) => text.push(if *truth { '1' } else { '0' }),
            Value::Integer(i64::MIN) => text.push_str("(-9223372036854775807 - 1)"),
            Value::Integer(integer) => {
                let _ = write!(text, "{integer}");
            }
            Value::Real(real) if real.is_finite() => {
                let _ = write!(text, "{real:?}");
            }
            Value::Real(real) => text.push_str(if *real > 0.0 { "9e999" } else { "-9e999" }),
            Value::Numeric(number) if number.parse::<f64>().is_ok_and(f64::is_finite) => {
                text.push_str(number)
            }
            Value::Numeric(number) => self.string(text, number),
            Value::Text(string) | Value::Json(string) => self.string(text, string),
            Value::Bytes(bytes) => {
                text.push_str("x'");
                for byte in bytes {
                    let _ = write!(text, "{byte:02x}");
                }
                text.push('\'');
            }
        }
        Ok(())
    }

    fn json_value(&self, text: &mut String, data_type: DataType, inner: &str) {
        let _ = match data_type {
            DataType::Bool => {
                write!(
                    text,
                    "CASE {inner} WHEN 1 THEN json('true') WHEN 0 THEN json('false') ELSE {inner} END"
                )
            }
            // Text that is no JSON is shown as the string it is; bytes that are no JSON either, as bytes.
            DataType::Json => write!(
                text,
                "CASE WHEN json_valid({inner}, 9) THEN json({inner}) WHEN typeof({inner}) = 'blob' THEN '\\x' || lower(hex({inner})) ELSE {inner} END"
            ),
            // JSON has no infinity.
            DataType::Real | DataType::Numeric => {
                write!(text, "CASE {inner} WHEN 9e999 THEN NULL WHEN -9e999 THEN NULL ELSE {inner} END")
            }
            DataType::Bytes => {
                write!(text, "iif(typeof({inner}) = 'blob', '\\x' || lower(hex({inner})), {inner})")
            }
            // A column of a type that the engine does not know makes numbers of texts, `1e400` too.
            DataType::Any => write!(
                text,
                "CASE WHEN typeof({inner}) = 'blob' THEN '\\x' || lower(hex({inner})) WHEN {inner} IN (9e999, -9e999) THEN NULL ELSE {inner} END"
            ),
            _ => write!(text, "{inner}"),
        };
    }

    fn json_object(&self, text: &mut String, members: &[(&str, String)], _: bool) {
        if members.len() <= OBJECT_MEMBERS_MAX {
            return self.object(text, members);
        }
        // Each part loses its braces; all together get theirs.
        text.push_str("json('{'");
        for (at, part) in members.chunks(OBJECT_MEMBERS_MAX).enumerate() {
            let mut whole = String::new();
            self.object(&mut whole, part);
            let comma = if at > 0 { " || ','" } else { "" };
            let _ = write!(text, "{comma} || substr({whole}, 2, length({whole}) - 2)");
        }
        text.push_str(" || '}')");
    }

    fn has_records(&self) -> bool {
        false
    }

    fn json_array(&self, text: &mut String, values: &[String]) {
        let _ = write!(text, "json_array({})", values.join(", "));
    }

    fn json_aggregate(&self, text: &mut String, value: &str, order: &str) {
        let _ = match order.is_empty() {
            true => write!(text, "json_group_array({value})"),
            false => write!(text, "json_group_array({value} ORDER BY {order})"),
        };
    }

    fn as_json(&self, text: &mut String, inner: &str) {
        let _ = write!(text, "json({inner})");
    }

    fn json_text(&self, text: &mut String, inner: &str) {
        let _ = write!(text, "json_quote({inner})");
    }

    fn json_path(&self, text: &mut String, base: &str, steps: &[JsonStep], _: bool) -> Result<(), Problem> {
        let path = self.path(steps);
        let whole = format!("iif(json_valid({base}, 9), {base}, NULL)");
        let _ = match steps.last().is_some_and(|step| step.as_text) {
            // Booleans are words as text, not numbers.
            true => write!(
                text,
                "CASE json_type({whole}, {path}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST({whole} ->> {path} AS TEXT) END"
            ),
            false => write!(text, "({whole} -> {path})"),
        };
        Ok(())
    }

    fn json_key(&self, text: &mut String, inner: &str) {
        let _ = write!(text, "transom_json_key({inner})");
    }

    fn document_text(&self, text: &mut String, inner: &str) {
        let _ = write!(text, "(iif(json_valid({inner}, 9), json({inner}), {inner}) || '')");
    }

    fn cast(&self, text: &mut String, inner: &str, to: DataType) {
        let _ = match to {
            // Rounded, but only where that loses nothing. A text is read as a number first: as an integer it would lose its
            // fraction.
            DataType::Integer => {
                let number = format!("CAST({inner} AS NUMERIC)");
                write!(text, "CAST(iif(typeof({number}) = 'real', round({number}), {number}) AS INTEGER)")
            }
            DataType::Real => write!(text, "CAST({inner} AS REAL)"),
            DataType::Numeric => write!(text, "CAST({inner} AS NUMERIC)"),
            DataType::Bool => write!(
                text,
                "CASE lower(CAST({inner} AS TEXT)) WHEN '1' THEN 1 WHEN 'true' THEN 1 WHEN 't' THEN 1 WHEN '0' THEN 0 WHEN 'false' THEN 0 WHEN 'f' THEN 0 END"
            ),
            DataType::Bytes => write!(text, "CAST({inner} AS BLOB)"),
            DataType::Date => write!(text, "date({inner})"),
            DataType::Time => write!(text, "time({inner})"),
            DataType::Json | DataType::Any => write!(text, "{inner}"),
            DataType::Text | DataType::Uuid | DataType::Timestamp => write!(text, "CAST({inner} AS TEXT)"),
        };
    }

    fn comparison(&self, comparison: Comparison) -> &'static str {
        match comparison {
            Comparison::Eq => "=",
            Comparison::Neq => "<>",
            Comparison::Gt => ">",
            Comparison::Gte => ">=",
            Comparison::Lt => "<",
            Comparison::Lte => "<=",
            Comparison::Distinct => "IS NOT",
            Comparison::NotDistinct => "IS",
        }
    }

    fn pattern(&self, text: &mut String, pattern: Pattern, operand: &str, with: &str) {
        let _ = match pattern {
            Pattern::Like => write!(text, "transom_like({with}, {operand})"),
            Pattern::Ilike => write!(text, "transom_ilike({with}, {operand})"),
            Pattern::Regex => write!(text, "transom_regexp({with}, {operand}, 0)"),
            Pattern::RegexInsensitive => write!(text, "transom_regexp({with}, {operand}, 1)"),
        };
    }

    fn json_contains(&self, text: &mut String, whole: &str, part: &str) {
        let _ = write!(text, "transom_json_contains({whole}, {part})");
    }

    fn json_overlaps(&self, text: &mut String, left: &str, right: &str) {
        let _ = write!(text, "transom_json_overlaps({left}, {right})");
    }

    fn in_list(&self, text: &mut String, operand: &str, list: &str, data_type: DataType) {
        let _ = write!(text, "({operand}) IN (SELECT ");
        self.element(text, "l", data_type);
        text.push_str(" FROM ");
        self.rows_source(text, list, "l");
        text.push(')');
    }

    fn rows_source(&self, text: &mut String, rows: &str, alias: &str) {
        let _ = write!(text, "json_each({rows}) AS {alias}");
    }

    fn element(&self, text: &mut String, alias: &str, data_type: DataType) {
        let _ = match data_type {
            DataType::Bytes => write!(text, "unhex(substr({alias}.value, 3))"),
            // As what documents are compared by.
            DataType::Json => write!(text, "transom_json_key({alias}.value)"),
            _ => write!(text, "{alias}.value"),
        };
    }

    fn cell(&self, text: &mut String, alias: &str, at: usize, of: (DataType, Option<&str>)) {
        let _ = match of.0 {
            DataType::Bytes => write!(text, "unhex(substr({alias}.value ->> {at}, 3))"),
            DataType::Numeric => write!(text, "CAST({alias}.value ->> {at} AS NUMERIC)"),
            _ => write!(text, "({alias}.value ->> {at})"),
        };
    }

    fn like_column(&self, text: &mut String, inner: &str, data_type: DataType, collation: Option<&str>) {
        // A cast alone gives a value the affinity that a column has by its type.
        let _ = match data_type {
            DataType::Bool | DataType::Numeric => write!(text, "CAST({inner} AS NUMERIC)"),
            DataType::Integer => write!(text, "CAST({inner} AS INTEGER)"),
            DataType::Real => write!(text, "CAST({inner} AS REAL)"),
            DataType::Bytes | DataType::Any => write!(text, "{inner}"),
            _ => write!(text, "CAST({inner} AS TEXT)"),
        };
        if let Some(collation) = collation {
            text.push_str(" COLLATE ");
            self.identifier(text, collation);
        }
    }

    fn cell_missing(&self, text: &mut String, alias: &str, at: usize) {
        let _ = write!(text, "json_type({alias}.value, '$[{at}]') = 'object'");
    }

    fn row_place(&self, text: &mut String, alias: &str) {
        let _ = write!(text, "{alias}.key");
    }

    fn place(&self, text: &mut String, keys: &str, key: &str) {
        let _ = write!(text, "transom_place({keys}, {key})");
    }

    fn full_text(&self, text: &mut String, search: &Search<'_>) {
        let Search { row_id, index, words, .. } = search;
        let _ = write!(text, "({row_id} IN (SELECT rowid FROM {index} WHERE {index} MATCH {words}))");
    }

    fn search_words(&self, text: &str, kind: FullTextKind, columns: &[Box<str>]) -> Result<String, Problem> {
        words::full_text(text, kind, columns)
    }

    fn binary(&self, operator: BinaryOp) -> &'static str {
        match operator {
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Modulo => "%",
            BinaryOp::Concat => "||",
        }
    }

    fn call(&self, text: &mut String, function: Function, arguments: &[String]) {
        let name = match function {
            Function::Coalesce if arguments.len() == 1 => "",
            Function::Coalesce => "coalesce",
            Function::Nullif => "nullif",
            Function::Lower => "transom_lower",
            Function::Upper => "transom_upper",
            Function::Length => "length",
            Function::Abs => "abs",
            Function::Round => "round",
            Function::Trim => "trim",
            Function::Replace => "replace",
            Function::Now => "transom_now",
            Function::CurrentDate => return text.push_str("substr(transom_now(), 1, 10)"),
            Function::Substring => return substring(text, arguments),
            Function::Greatest => return extreme(text, "max", arguments),
            Function::Least => return extreme(text, "min", arguments),
        };
        let _ = write!(text, "{name}({})", arguments.join(", "));
    }

    fn truth(&self, truth: bool) -> &'static str {
        if truth { "1" } else { "0" }
    }

    fn nulls(&self, descending: bool, nulls_first: bool) -> &'static str {
        // Here NULLs count as least.
        match (descending, nulls_first) {
            (false, true) | (true, false) => "",
            (false, false) => " NULLS LAST",
            (true, true) => " NULLS FIRST",
        }
    }

    fn bounds(&self, text: &mut String, limit: Option<&str>, offset: Option<&str>) {
        let _ = write!(text, " LIMIT {}", limit.unwrap_or("-1"));
        if let Some(offset) = offset {
            let _ = write!(text, " OFFSET {offset}");
        }
    }

    fn keeps_order(&self) -> &'static str {
        // Without a bound the engine takes the order of a joined subquery for superfluous.
        " LIMIT -1"
    }

    fn default_values(&self) -> &'static str {
        " DEFAULT VALUES"
    }

    fn before_conflict(&self) -> &'static str {
        " WHERE true"
    }

    fn holds(&self, text: &mut String, predicate: &str) {
        // The adapter looks at it and undoes the statement.
        let _ = write!(text, "CASE WHEN {predicate} THEN 1 ELSE 0 END");
    }
}

impl Sqlite {
    /// A path literal. A member's name stands in it as JSON writes it, whatever is in it.
    fn path(self, steps: &[JsonStep]) -> String {
        let mut path = String::from("$");
        for step in steps {
            let _ = match &step.key {
                JsonKey::Member(name) => write!(path, ".{}", Json::from(&**name)),
                JsonKey::Index(at) if *at < 0 => write!(path, "[#{at}]"),
                JsonKey::Index(at) => write!(path, "[{at}]"),
            };
        }
        let mut literal = String::new();
        self.string(&mut literal, &path);
        literal
    }

    fn object(self, text: &mut String, members: &[(&str, String)]) {
        text.push_str("json_object(");
        for (at, (key, value)) in members.iter().enumerate() {
            if at > 0 {
                text.push_str(", ");
            }
            self.string(text, key);
            text.push_str(", ");
            text.push_str(value);
        }
        text.push(')');
    }
}

/// From a 1-based place, so many characters, both possibly outside of the text: here a place before the first would
/// count from the end, and a negative number of characters backwards.
fn substring(text: &mut String, arguments: &[String]) {
    let _ = match arguments {
        [of, from] => write!(text, "substr({of}, max({from}, 1))"),
        [of, from, count] => {
            write!(text, "substr({of}, max({from}, 1), max(max({count}, 0) + min({from} - 1, 0), 0))")
        }
        _ => write!(text, "substr({})", arguments.join(", ")),
    };
}

/// The greatest or least of what is not NULL: where an argument is NULL, another stands in for it.
fn extreme(text: &mut String, name: &str, arguments: &[String]) {
    if let [only] = arguments {
        // Of one argument it would be an aggregate.
        return text.push_str(only);
    }
    let _ = write!(text, "{name}(");
    for at in 0..arguments.len() {
        let comma = if at > 0 { ", " } else { "" };
        let rotated: Vec<&str> = arguments[at..].iter().chain(&arguments[..at]).map(String::as_str).collect();
        let _ = write!(text, "{comma}coalesce({})", rotated.join(", "));
    }
    text.push(')');
}

fn quoted(text: &mut String, inner: &str, quote: char) {
    text.push(quote);
    for character in inner.chars() {
        if character == quote {
            text.push(quote);
        }
        text.push(character);
    }
    text.push(quote);
}
