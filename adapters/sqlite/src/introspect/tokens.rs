//! The words of a schema's SQL text, for what the engine keeps nowhere else: options of virtual tables, and how views combine rows.

/// A word, name, string or sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word as written without quotes: a keyword or a name.
    Word(String),
    /// A quoted name: `"a"`, `[a]` or `` `a` ``.
    Name(String),
    /// A string in single quotes.
    Text(String),
    /// Any other character.
    Sign(char),
}

impl Token {
    /// Whether this is the keyword.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// The name that this can be; the engine takes strings for names too.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Name(name) | Self::Text(name) => Some(name),
            Self::Sign(_) => None,
        }
    }
}

/// The tokens of a text that the engine has accepted; comments are left out.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        rest = match first {
            _ if rest.starts_with("--") => rest.find('\n').map_or("", |end| &rest[end..]),
            _ if rest.starts_with("/*") => rest.find("*/").map_or("", |end| &rest[end + 2..]),
            '"' | '`' | '\'' | '[' => {
                let (text, rest) = quoted(after, if first == '[' { ']' } else { first });
                tokens.push(if first == '\'' { Token::Text(text) } else { Token::Name(text) });
                rest
            }
            _ if first.is_whitespace() => after,
            _ if is_word(first) => {
                let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                &rest[end..]
            }
            sign => {
                tokens.push(Token::Sign(sign));
                after
            }
        };
    }
    tokens
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$' || !character.is_ascii()
}

/// What stands before the closing quote, of which two stand for one.
fn quoted(mut rest: &str, quote: char) -> (String, &str) {
    let mut text = String::new();
    while let Some(end) = rest.find(quote) {
        text.push_str(&rest[..end]);
        rest = &rest[end + quote.len_utf8()..];
        if quote == ']' || !rest.starts_with(quote) {
            return (text, rest);
        }
        text.push(quote);
        rest = &rest[quote.len_utf8()..];
    }
    text.push_str(rest);
    (text, "")
}

/// The value of an option of a virtual table: `content = 'products'`.
pub(super) fn option(tokens: &[Token], name: &str) -> Option<String> {
    tokens.windows(3).find_map(|window| match window {
        [found, Token::Sign('='), value] if found.is(name) => value.name().map(str::to_owned),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_virtual_tables() {
        let tokens = tokens(
            "CREATE VIRTUAL TABLE s USING fts5(content_note, content=\"it\"\"s\", content_rowid='id')",
        );
        assert_eq!(option(&tokens, "content").as_deref(), Some("it\"s"));
        assert_eq!(option(&tokens, "content_rowid").as_deref(), Some("id"));
        assert_eq!(option(&tokens, "tokenize"), None);
    }
}
