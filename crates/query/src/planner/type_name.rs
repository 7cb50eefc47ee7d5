//! Names of types that only the engine knows, as a cast gives them.

use std::collections::BTreeSet;

use transom_types::{Code, DataType, Problem};

/// What every caller may be pointed to; the schema's own types are named to nobody who does not know them.
const COMMON: [&str; 10] = [
    "text",
    "integer",
    "bigint",
    "numeric",
    "double precision",
    "boolean",
    "json",
    "date",
    "timestamp",
    "uuid",
];

/// Names of the language that are no type's own name.
const SPOKEN: [&str; 11] = [
    "dec",
    "character",
    "bit varying",
    "national character",
    "national character varying",
    "nchar",
    "time with time zone",
    "time without time zone",
    "timestamp with time zone",
    "timestamp without time zone",
    "interval day to second",
];

/// A type's name as SQL text: words, a length, brackets; nothing that could be more than a name.
pub(super) fn type_text(name: &str) -> Result<Box<str>, Problem> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | ' ' | '.' | '(' | ')' | ',' | '[' | ']');
    let begins = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    match begins && name.chars().all(plain) {
        true => Ok(name.into()),
        false => Err(Problem::new(Code::QuerySyntax, format!("\"{name}\" is not the name of a type"))),
    }
}

/// The same of a type that must be among those the engine is known to have: no other word gets into the statement.
/// Without any known types the engine is left to judge.
pub(super) fn known_type_text(name: &str, types: &BTreeSet<Box<str>>) -> Result<Box<str>, Problem> {
    let text = type_text(name)?;
    if types.is_empty() {
        return Ok(text);
    }
    let (base, rest) = name.split_at(name.find(['(', '[']).unwrap_or(name.len()));
    let base = base.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let (schema, own) = base.split_once('.').map_or((None, &*base), |(schema, own)| (Some(schema), own));
    let spoken = || SPOKEN.contains(&own) || DataType::from_cast_name(own).is_some();
    // A list goes by the name of what it holds behind an underscore, too.
    let listed = || own.strip_prefix('_').is_some_and(|held| types.contains(held));
    let known = types.contains(own) || listed() || (schema.is_none() && spoken());
    if !known || !is_rest(rest) {
        return Err(unknown(name));
    }
    Ok(match schema {
        // A schema may have the name of a word of the language.
        Some(schema) => format!("\"{schema}\".\"{own}\"{rest}").into(),
        None => text,
    })
}

/// What is no type's name.
pub(super) fn unknown(name: &str) -> Problem {
    Problem::new(Code::QuerySyntax, format!("type \"{name}\" does not exist")).suggesting(name, COMMON)
}

/// Lengths and brackets: `(6,2)`, `[]`, `(3)[][2]`.
fn is_rest(rest: &str) -> bool {
    let lists = match rest.strip_prefix('(') {
        Some(inner) => {
            let Some((lengths, lists)) = inner.split_once(')') else { return false };
            let length = |length: &str| !length.is_empty() && length.chars().all(char::is_alphanumeric);
            if !lengths.split(',').all(|text| length(text.trim())) {
                return false;
            }
            lists
        }
        None => rest,
    };
    let bounds = |bounds: &str| bounds.len() < 9 && bounds.bytes().all(|byte| byte.is_ascii_digit());
    lists.is_empty()
        || lists
            .strip_prefix('[')
            .and_then(|lists| lists.strip_suffix(']'))
            .is_some_and(|lists| lists.split("][").all(bounds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        let types = ["int4", "numeric", "color", "timestamptz"].map(Into::into).into();
        assert_eq!(known_type_text(name, &types).ok().as_deref(), expected, "{name}");
    }

    #[test]
    fn no_word_but_a_known_type_gets_into_a_statement() {
        for name in [
            "int4",
            "INT4[]",
            "numeric(6,2)",
            "numeric(6)[][2]",
            "color",
            "_int4",
            "timestamp with time zone",
        ] {
            check(name, Some(name));
        }
        check("Shop.Color", Some("\"shop\".\"color\""));
        check("select.int4", Some("\"select\".\"int4\""));
        for name in [
            "nope",
            "select",
            "int4(",
            "int4(3",
            "int4()",
            "int4[",
            "int4[[]",
            "int4]",
            "shop.integer",
            "color)",
        ] {
            check(name, None);
        }
        check("int4; drop", None);
    }
}
