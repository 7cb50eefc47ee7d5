//! `LIKE` as standard SQL has it: `%`, `_`, escape `\`; with regard to case or, Unicode-aware, without.

/// Whether `text` matches `pattern`. Time is bounded by the product of their lengths: after a `%`, only the last one is tried again.
pub(crate) fn like(pattern: &str, text: &str, insensitive: bool) -> bool {
    let tokens = tokens(pattern, insensitive);
    let text: Vec<char> = if insensitive {
        text.chars().flat_map(char::to_lowercase).collect()
    } else {
        text.chars().collect()
    };
    let (mut at, mut token) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    while at < text.len() {
        match tokens.get(token) {
            Some(Token::Any) => {
                again = Some((token + 1, at));
                token += 1;
                continue;
            }
            Some(Token::One) => {
                (at, token) = (at + 1, token + 1);
                continue;
            }
            Some(Token::Is(wanted)) if *wanted == text[at] => {
                (at, token) = (at + 1, token + 1);
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = again else { return false };
        again = Some((after, from + 1));
        (token, at) = (after, from + 1);
    }
    tokens[token.min(tokens.len())..].iter().all(|token| matches!(token, Token::Any))
}

enum Token {
    Any,
    One,
    Is(char),
}

fn tokens(pattern: &str, insensitive: bool) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(pattern.len());
    let mut escaped = false;
    for character in pattern.chars() {
        match character {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '%' if !escaped => tokens.push(Token::Any),
            '_' if !escaped => tokens.push(Token::One),
            character if insensitive => tokens.extend(character.to_lowercase().map(Token::Is)),
            character => tokens.push(Token::Is(character)),
        }
        escaped = false;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::like;

    fn check(pattern: &str, text: &str, sensitive: bool, insensitive: bool) {
        assert_eq!(like(pattern, text, false), sensitive, "{text:?} LIKE {pattern:?}");
        assert_eq!(like(pattern, text, true), insensitive, "{text:?} ILIKE {pattern:?}");
    }

    #[test]
    fn matches_as_standard_sql_does() {
        check("a%", "abc", true, true);
        check("A%", "abc", false, true);
        check("%b_", "abc", true, true);
        check("_", "", false, false);
        check("%", "", true, true);
        check("", "", true, true);
        check("a\\%", "a%", true, true);
        check("a\\%", "ab", false, false);
        check("ÉT%", "été", false, true);
        check("%a%b%c%", "xxaxxbxxcxx", true, true);
        check("%a%b%c%", "xxaxxcxxbxx", false, false);
        check(&"%a".repeat(50), &"a".repeat(5_000), true, true);
        check(&format!("{}b", "%a".repeat(50)), &"a".repeat(5_000), false, false);
    }
}
