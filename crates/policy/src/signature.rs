//! Which of several functions of one name a grant means, by the types of its parameters.

use sqlparser::tokenizer::Token;
use transom_query::catalog::{Function, FunctionParam};

/// Names that a type also goes by, and the one that the engine shows.
const ALIASES: [(&str, &str); 18] = [
    ("int", "integer"),
    ("int4", "integer"),
    ("int2", "smallint"),
    ("int8", "bigint"),
    ("float", "double precision"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("bool", "boolean"),
    ("dec", "numeric"),
    ("decimal", "numeric"),
    ("char", "character"),
    ("bpchar", "character"),
    ("varchar", "character varying"),
    ("varbit", "bit varying"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz", "timestamp with time zone"),
    ("time", "time without time zone"),
    ("timetz", "time with time zone"),
];

/// Words before a parameter's name or type that change nothing about which function is meant.
const MODES: [&str; 3] = ["in", "inout", "variadic"];

/// Whether the function's parameters are of the types that were written, each perhaps with a mode and a name.
pub(crate) fn takes(function: &Function, types: &[Vec<Token>]) -> bool {
    let shown = function.params.iter().map(|param| param.engine.as_ref().map_or("", |engine| &*engine.shown));
    function.params.len() == types.len() && shown.zip(types).all(|(shown, written)| is(shown, written))
}

/// The types as they were written.
pub(crate) fn written(types: &[Vec<Token>]) -> String {
    let texts: Vec<String> = types.iter().map(|words| joined(words)).collect();
    texts.join(", ")
}

/// The function with its parameters' types, as a grant can name it.
pub(crate) fn shown(name: &str, params: &[FunctionParam]) -> String {
    let types = params.iter().map(|param| match &param.engine {
        Some(engine) => canonical(&engine.shown),
        None => String::new(),
    });
    format!("{name}({})", types.collect::<Vec<_>>().join(", "))
}

fn is(shown: &str, written: &[Token]) -> bool {
    let mode = |token: &&Token| {
        matches!(token, Token::Word(word)
        if word.quote_style.is_none() && MODES.contains(&&*word.value.to_ascii_lowercase()))
    };
    let written = &written[usize::from(written.first().as_ref().is_some_and(mode))..];
    let meant = canonical(shown);
    let named = written.get(1..).filter(|rest| !rest.is_empty());
    canonical(&joined(written)) == meant || named.is_some_and(|rest| canonical(&joined(rest)) == meant)
}

/// Words with one space between, signs without any: as the engine writes the names of types.
fn joined(tokens: &[Token]) -> String {
    let mut text = String::new();
    for token in tokens {
        match token {
            Token::Word(word) => {
                if text.ends_with(|last: char| last != '.') {
                    text.push(' ');
                }
                match plain(&word.value) || word.quote_style.is_none() {
                    true if word.quote_style.is_none() => text.push_str(&word.value.to_lowercase()),
                    true => text.push_str(&word.value),
                    false => text.push_str(&format!("\"{}\"", word.value.replace('"', "\"\""))),
                }
            }
            token => text.push_str(&token.to_string()),
        }
    }
    text
}

/// Whether a name needs no quotes.
fn plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

/// The name that stands for all names of a type, without the one schema that there is.
fn canonical(name: &str) -> String {
    let end = name.find('[').unwrap_or(name.len());
    let (base, list) = name.split_at(end);
    let base = base.strip_prefix("public.").or_else(|| base.strip_prefix("pg_catalog.")).unwrap_or(base);
    let alias = ALIASES.iter().find(|(alias, _)| *alias == base);
    // However many dimensions are written, it is the one type of lists.
    format!("{}{}", alias.map_or(base, |(_, shown)| shown), if list.is_empty() { "" } else { "[]" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use sqlparser::{dialect::PostgreSqlDialect, tokenizer::Tokenizer};

    use super::*;

    fn check(shown: &str, written: &str, expected: bool) {
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, written).tokenize().unwrap();
        let tokens: Vec<Token> =
            tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
        assert_eq!(is(shown, &tokens), expected, "{shown}: {written}");
    }

    #[test]
    fn types_go_by_all_their_names() {
        check("integer", "int", true);
        check("integer", "INT4", true);
        check("integer[]", "int[]", true);
        check("integer[]", "VARIADIC numbers integer[]", true);
        check("integer", "int[]", false);
        check("timestamp with time zone", "timestamptz", true);
        check("timestamp with time zone", "at TIMESTAMP WITH TIME ZONE", true);
        check("timestamp with time zone", "timestamp", false);
        check("public.mood", "mood", true);
        check("public.mood", "public.mood", true);
        check("public.mood", "other.mood", false);
        check("public.\"Mood\"", "\"Mood\"", true);
        check("public.\"Mood\"", "Mood", false);
        check("public.mood", "\"mood\"", true);
        check("double precision", "double precision", true);
        check("double precision", "x double precision", true);
        check("text", "integer", false);
        check("text", "", false);
    }
}
