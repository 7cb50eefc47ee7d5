//! Patterns: `LIKE` as standard SQL has it (`%`, `_`, escape `\`), and regular expressions.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use crate::errors::PATTERN_MARK;

/// Largest compiled regular expression.
const REGEX_BYTES_MAX: usize = 1024 * 1024;
/// Regular expressions kept compiled by each connection.
const REGEXES_MAX: usize = 16;

/// A `LIKE` pattern made ready.
pub(crate) struct Like {
    tokens: Vec<Token>,
    insensitive: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Any,
    One,
    Is(char),
}

impl Like {
    pub(crate) fn new(pattern: &str, insensitive: bool) -> Self {
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            let literal = match character {
                '%' => {
                    // One after another is as good as one.
                    if tokens.last() != Some(&Token::Any) {
                        tokens.push(Token::Any);
                    }
                    continue;
                }
                '_' => {
                    tokens.push(Token::One);
                    continue;
                }
                // At the end it escapes nothing, and stands for nothing.
                '\\' => match characters.next() {
                    Some(escaped) => escaped,
                    None => break,
                },
                literal => literal,
            };
            match insensitive {
                true => tokens.extend(literal.to_lowercase().map(Token::Is)),
                false => tokens.push(Token::Is(literal)),
            }
        }
        Self { tokens, insensitive }
    }

    /// Time is bounded by the product of the lengths: after a `%`, only the last one is tried again.
    pub(crate) fn matches(&self, text: &str) -> bool {
        if !self.insensitive {
            return self.walk(text);
        }
        if text.is_ascii() {
            return self.walk(&text.to_ascii_lowercase());
        }
        // Character by character: what follows must not decide how one is written, as it does for a final sigma.
        self.walk(&text.chars().flat_map(char::to_lowercase).collect::<String>())
    }

    fn walk(&self, text: &str) -> bool {
        let (mut rest, mut token) = (text, 0);
        let mut again: Option<(usize, &str)> = None;
        loop {
            match self.tokens.get(token) {
                Some(Token::Any) => {
                    token += 1;
                    if token == self.tokens.len() {
                        return true;
                    }
                    again = Some((token, rest));
                    continue;
                }
                None if rest.is_empty() => return true,
                Some(wanted) => {
                    let mut characters = rest.chars();
                    let found = characters.next();
                    if found.is_some_and(|found| *wanted == Token::One || *wanted == Token::Is(found)) {
                        (rest, token) = (characters.as_str(), token + 1);
                        continue;
                    }
                }
                None => {}
            }
            let Some((after, from)) = again else { return false };
            let mut characters = from.chars();
            if characters.next().is_none() {
                return false;
            }
            again = Some((after, characters.as_str()));
            (token, rest) = (after, characters.as_str());
        }
    }
}

/// The latest regular expressions, compiled; the newest last.
#[derive(Default)]
pub(crate) struct Regexes(Vec<(String, bool, Arc<Regex>)>);

impl Regexes {
    /// Errors: what is wrong with the pattern, marked as such.
    pub(crate) fn get(&mut self, pattern: &str, insensitive: bool) -> Result<Regex, String> {
        let same =
            |(text, ignores_case, _): &(String, bool, _)| text == pattern && *ignores_case == insensitive;
        if let Some(at) = self.0.iter().position(same) {
            let found = self.0.remove(at);
            let regex = (*found.2).clone();
            self.0.push(found);
            return Ok(regex);
        }
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(insensitive)
            // As on the other engines: a dot is any character.
            .dot_matches_new_line(true)
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|error| format!("{PATTERN_MARK}{error}"))?;
        if self.0.len() >= REGEXES_MAX {
            self.0.remove(0);
        }
        self.0.push((pattern.to_owned(), insensitive, Arc::new(regex.clone())));
        Ok(regex)
    }
}

/// A number as the engine writes it.
pub(crate) fn real(real: f64) -> String {
    if real.is_infinite() {
        return if real > 0.0 { "Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{real:?}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let point = if digits.contains('.') { "" } else { ".0" };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}{point}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, sensitive: bool, insensitive: bool) {
        assert_eq!(Like::new(pattern, false).matches(text), sensitive, "{text:?} LIKE {pattern:?}");
        assert_eq!(Like::new(pattern, true).matches(text), insensitive, "{text:?} ILIKE {pattern:?}");
    }

    #[test]
    fn matches_as_standard_sql_does() {
        check("a%", "abc", true, true);
        check("A%", "abc", false, true);
        check("%b_", "abc", true, true);
        check("_", "", false, false);
        check("_", "é", true, true);
        check("%", "", true, true);
        check("", "", true, true);
        check("", "a", false, false);
        check("a", "ab", false, false);
        check("a\\%", "a%", true, true);
        check("a\\%", "ab", false, false);
        check("a\\\\", "a\\", true, true);
        check("a\\", "a", true, true);
        check("ÉT%", "été", false, true);
        check("ΟΔΟΣ%", "οδοσα", false, true);
        check("%%_%", "", false, false);
        check("%a%b%c%", "xxaxxbxxcxx", true, true);
        check("%a%b%c%", "xxaxxcxxbxx", false, false);
        check(&"%a".repeat(50), &"a".repeat(5_000), true, true);
        check(&format!("{}b", "%a".repeat(50)), &"a".repeat(5_000), false, false);
    }

    #[test]
    fn regular_expressions_are_bounded_and_kept() {
        let mut regexes = Regexes::default();
        assert!(regexes.get("^É", true).is_ok_and(|regex| regex.is_match("été")));
        assert!(regexes.get("^É", false).is_ok_and(|regex| !regex.is_match("été")));
        for wrong in ["(", "[z-a]", "(?=x)", "(a{1000}){1000}"] {
            assert!(regexes.get(wrong, false).is_err_and(|error| error.starts_with(PATTERN_MARK)), "{wrong}");
        }
        for number in 0..100 {
            assert!(regexes.get(&format!("x{number}"), false).is_ok());
        }
        assert_eq!(regexes.0.len(), REGEXES_MAX);
    }

    #[test]
    fn numbers_are_written_as_the_engine_writes_them() {
        let connection = rusqlite::Connection::open_in_memory();
        for number in [0.0, 1.0, -2.5, 0.1, 1e-7, 1e15, 123456789.125, 1e300, f64::INFINITY, 2.5e-10] {
            let engine = connection.as_ref().ok().and_then(|connection| {
                connection.query_row("SELECT CAST(?1 AS TEXT)", [number], |row| row.get::<_, String>(0)).ok()
            });
            assert_eq!(engine, Some(real(number)));
        }
    }
}
