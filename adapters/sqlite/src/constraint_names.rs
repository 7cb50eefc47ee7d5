//! Names of foreign keys: the engine keeps them only in the text of `CREATE TABLE`.

/// The names that a table's text gives to foreign keys, each with its referencing columns.
pub(crate) fn foreign_key_names(sql: &str) -> Vec<(String, Vec<String>)> {
    let tokens = tokens(sql);
    let mut found = Vec::new();
    let mut depth = 0;
    let mut column: Option<&str> = None;
    let mut name: Option<&str> = None;
    let mut listed: Option<Vec<String>> = None;
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        match token.word.as_str() {
            "(" if !token.quoted => depth += 1,
            ")" if !token.quoted => depth -= 1,
            "," if depth == 1 => (column, name, listed) = (None, None, None),
            _ if depth != 1 => {}
            _ if token.is("constraint") => {
                name = tokens.get(at + 1).map(|next| next.word.as_str());
                at += 1;
            }
            _ if token.is("foreign") => {
                let columns: Vec<&Token> =
                    tokens[at..].iter().skip(2).take_while(|next| next.word != ")").collect();
                listed = Some(
                    columns
                        .iter()
                        .filter(|next| next.word != "(" && next.word != ",")
                        .map(|next| next.word.clone())
                        .collect(),
                );
            }
            _ if token.is("references") => {
                let columns = listed.take().or_else(|| column.map(|column| vec![column.to_owned()]));
                if let (Some(name), Some(columns)) = (name.take(), columns) {
                    found.push((name.to_owned(), columns));
                }
            }
            // The name belonged to another constraint.
            _ if ["primary", "unique", "check", "not", "default", "collate", "generated"]
                .iter()
                .any(|word| token.is(word)) =>
            {
                name = None;
            }
            _ if column.is_none() => column = Some(&token.word),
            _ => {}
        }
        at += 1;
    }
    found
}

struct Token {
    word: String,
    quoted: bool,
}

impl Token {
    fn is(&self, keyword: &str) -> bool {
        !self.quoted && self.word.eq_ignore_ascii_case(keyword)
    }
}

/// Words, quoted names, parentheses and commas; strings and comments are left out.
fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (None, rest.find("*/").map_or(rest.len(), |end| end + 2)),
            '\'' => (None, quoted_length(rest, '\'')),
            '"' | '`' | '[' => {
                let length = quoted_length(rest, if first == '[' { ']' } else { first });
                let word = rest[1..length.saturating_sub(1).max(1)].replace("\"\"", "\"");
                (Some(Token { word, quoted: true }), length)
            }
            '(' | ')' | ',' => (Some(Token { word: first.to_string(), quoted: false }), 1),
            _ if first.is_alphanumeric() || first == '_' => {
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                (Some(Token { word: rest[..length].to_owned(), quoted: false }), length)
            }
            _ => (None, first.len_utf8()),
        };
        tokens.extend(token);
        rest = &rest[length..];
    }
    tokens
}

/// Up to and with the closing quote; a doubled one belongs to the text.
fn quoted_length(text: &str, close: char) -> usize {
    let mut from = 1;
    loop {
        let Some(end) = text[from..].find(close) else { return text.len() };
        from += end + 1;
        if !text[from..].starts_with(close) {
            return from;
        }
        from += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::foreign_key_names;

    fn check(sql: &str, expected: &[(&str, &[&str])]) {
        let found = foreign_key_names(sql);
        let found: Vec<(&str, Vec<&str>)> = found
            .iter()
            .map(|(name, columns)| (name.as_str(), columns.iter().map(String::as_str).collect()))
            .collect();
        let expected: Vec<(&str, Vec<&str>)> =
            expected.iter().map(|(name, columns)| (*name, columns.to_vec())).collect();
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn finds_the_names_of_foreign_keys_alone() {
        check(
            "CREATE TABLE t (a INTEGER REFERENCES x, b INT CONSTRAINT bill REFERENCES x (id))",
            &[("bill", &["b"])],
        );
        check(
            "CREATE TABLE t (a INT, \"b c\" INT, -- CONSTRAINT no REFERENCES\n CONSTRAINT \"two\" FOREIGN KEY (a, \"b c\") REFERENCES x (p, q))",
            &[("two", &["a", "b c"])],
        );
        check(
            "CREATE TABLE t (a INT CONSTRAINT n NOT NULL REFERENCES x, c TEXT DEFAULT 'CONSTRAINT z REFERENCES')",
            &[],
        );
        check(
            "CREATE TABLE t (a INT CONSTRAINT u UNIQUE CONSTRAINT f REFERENCES x ON DELETE CASCADE)",
            &[("f", &["a"])],
        );
        check("CREATE TABLE t (", &[]);
        check("'", &[]);
    }
}
