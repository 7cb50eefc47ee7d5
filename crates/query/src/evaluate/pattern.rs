//! `LIKE`, `ILIKE` and regular expressions.

use super::EvaluateError;

/// Compiled regular expressions larger than this are refused.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// `text LIKE pattern`: `%` any run of characters, `_` any one, `\` takes the next literally.
pub fn like(pattern: &str, text: &str) -> bool {
    let pattern = tokens(pattern);
    let text: Vec<char> = text.chars().collect();
    // The classic walk: on a mismatch, go back to the last `%` and let it take one character more.
    let (mut at, mut from) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(Token::Run) => {
                back = Some((at, from));
                at += 1;
            }
            Some(token) if token.takes(text[from]) => (at, from) = (at + 1, from + 1),
            _ => match back {
                Some((run, taken)) => {
                    back = Some((run, taken + 1));
                    (at, from) = (run + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|token| matches!(token, Token::Run))
}

/// `LIKE` without regard to case.
pub fn ilike(pattern: &str, text: &str) -> bool {
    like(&pattern.to_lowercase(), &text.to_lowercase())
}

/// Whether a regular expression occurs in a text.
pub fn regex(pattern: &str, text: &str, ignore_case: bool) -> Result<bool, EvaluateError> {
    let built = regex::RegexBuilder::new(pattern)
        .case_insensitive(ignore_case)
        .dot_matches_new_line(true)
        .size_limit(REGEX_BYTES_MAX)
        .build();
    match built {
        Ok(regex) => Ok(regex.is_match(text)),
        Err(error) => Err(EvaluateError::Pattern(error.to_string())),
    }
}

enum Token {
    Run,
    One,
    Literal(char),
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Run => false,
            Self::One => true,
            Self::Literal(literal) => *literal == character,
        }
    }
}

/// A trailing escape, which escapes nothing, stands for nothing.
fn tokens(pattern: &str) -> Vec<Token> {
    let mut characters = pattern.chars();
    let mut tokens = Vec::new();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '%' => Token::Run,
            '_' => Token::One,
            '\\' => match characters.next() {
                Some(escaped) => Token::Literal(escaped),
                None => break,
            },
            literal => Token::Literal(literal),
        });
    }
    tokens
}
