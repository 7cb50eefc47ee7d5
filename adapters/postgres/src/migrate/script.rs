//! A script's statements: where each begins, and which must not be in a migration. For refusals and for the line of an
//! error; what runs is the script as it is.

/// A statement of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statement {
    /// Where its first word begins, in bytes.
    pub(super) start: usize,
    /// Its words outside of quotes and comments, in capitals; a quoted name as it is.
    words: Vec<Box<str>>,
}

/// Words that decide something all stand near the beginning, but for Transom's own schema.
const WORDS_MAX: usize = 10_000;

/// The statements, without empty ones.
pub(super) fn statements(sql: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut reader = Reader { sql, at: 0 };
    let mut current: Option<Statement> = None;
    // `;` within parentheses (a rule's actions) and within BEGIN ATOMIC … END (a function's body) ends no statement.
    let (mut parentheses, mut blocks) = (0_usize, 0_usize);
    while let Some((start, token)) = reader.next() {
        if token == Token::Semicolon && parentheses == 0 && blocks == 0 {
            found.extend(current.take());
            continue;
        }
        let statement = current.get_or_insert_with(|| Statement { start, words: Vec::new() });
        match token {
            Token::Open => parentheses += 1,
            Token::Close => parentheses = parentheses.saturating_sub(1),
            Token::Word(word) => {
                let word = word.to_uppercase();
                match &*word {
                    "ATOMIC" if statement.words.last().is_some_and(|last| &**last == "BEGIN") => blocks += 1,
                    "CASE" if blocks > 0 => blocks += 1,
                    "END" => blocks = blocks.saturating_sub(1),
                    _ => {}
                }
                statement.push(word.into());
            }
            Token::Name(name) => statement.push(name.into()),
            Token::Semicolon | Token::Other => {}
        }
    }
    found.extend(current);
    found
}

impl Statement {
    fn push(&mut self, word: Box<str>) {
        if self.words.len() < WORDS_MAX {
            self.words.push(word);
        }
    }

    /// Why it may not stand in a script, if it may not.
    pub(super) fn refusal(&self, sql: &str) -> Option<String> {
        if sql[self.start..].starts_with('\\') {
            return Some("commands of psql are not SQL: leave them away".to_owned());
        }
        let word = |at: usize| self.words.get(at).map_or("", |word| &**word);
        let has = |wanted: &str| self.words.iter().any(|word| &**word == wanted);
        let ends_a_transaction = match word(0) {
            "BEGIN" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" | "SAVEPOINT" | "RELEASE" => true,
            "START" | "PREPARE" => word(1) == "TRANSACTION",
            _ => false,
        };
        if ends_a_transaction {
            return Some(format!(
                "it runs in a transaction of its own: {} is not for it, leave it away",
                word(0)
            ));
        }
        if word(0) == "COPY" && (has("STDIN") || has("STDOUT")) {
            return Some("COPY from or to the client has no client here: use INSERT".to_owned());
        }
        let own = has("_transom") || has("_TRANSOM");
        own.then(|| "the schema _transom is Transom's own: leave it alone".to_owned())
    }
}

/// The line of a byte, from 1.
pub(super) fn line(sql: &str, at: usize) -> usize {
    sql.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'s> {
    Word(&'s str),
    /// A name in double quotes.
    Name(&'s str),
    Semicolon,
    Open,
    Close,
    Other,
}

/// Reads tokens; comments are none.
struct Reader<'s> {
    sql: &'s str,
    at: usize,
}

impl<'s> Reader<'s> {
    fn rest(&self) -> &'s str {
        &self.sql[self.at..]
    }

    fn next(&mut self) -> Option<(usize, Token<'s>)> {
        self.skip_blank();
        let (start, rest) = (self.at, self.rest());
        let first = rest.chars().next()?;
        let token = match first {
            ';' | '(' | ')' => {
                self.at += 1;
                match first {
                    ';' => Token::Semicolon,
                    '(' => Token::Open,
                    _ => Token::Close,
                }
            }
            '\'' => self.quoted('\'', false),
            '"' => {
                self.quoted('"', false);
                Token::Name(self.sql[start..self.at].trim_matches('"'))
            }
            '$' => self.dollar(),
            _ if first == '_' || first.is_alphabetic() => self.word(),
            // A number may have letters in it, which are no word.
            _ if first.is_ascii_digit() => {
                self.at += length_of(rest, |c| c == '.' || c == '_' || c.is_alphanumeric());
                Token::Other
            }
            _ => {
                self.at += first.len_utf8();
                Token::Other
            }
        };
        Some((start, token))
    }

    fn word(&mut self) -> Token<'s> {
        let rest = self.rest();
        let length = length_of(rest, |c| c == '_' || c == '$' || c.is_alphanumeric());
        self.at += length;
        let word = &rest[..length];
        // E'…', B'…', N'…', U&'…': only the first has backslashes.
        match (word, self.rest().starts_with('\'')) {
            ("E" | "e", true) => self.quoted('\'', true),
            ("B" | "b" | "X" | "x" | "N" | "n", true) => self.quoted('\'', false),
            _ => Token::Word(word),
        }
    }

    /// To behind the quote that ends it, or to the end where there is none; a doubled one ends nothing.
    fn quoted(&mut self, quote: char, backslashes: bool) -> Token<'s> {
        self.at += 1;
        let mut characters = self.rest().char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            if character == '\\' && backslashes {
                characters.next();
            } else if character == quote {
                if characters.peek().is_some_and(|(_, next)| *next == quote) {
                    characters.next();
                } else {
                    self.at += at + 1;
                    return Token::Other;
                }
            }
        }
        self.at = self.sql.len();
        Token::Other
    }

    /// `$tag$ … $tag$`, or a parameter.
    fn dollar(&mut self) -> Token<'s> {
        let rest = self.rest();
        let tag = length_of(&rest[1..], |c| c == '_' || c.is_alphanumeric()) + 2;
        let is_tag =
            rest.get(tag - 1..tag) == Some("$") && !rest[1..].starts_with(|c: char| c.is_ascii_digit());
        if !is_tag {
            self.at += 1;
            return Token::Other;
        }
        let ends = rest[tag..].find(&rest[..tag]);
        self.at += ends.map_or(rest.len(), |end| tag + end + tag);
        Token::Other
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("--") {
                self.at += trimmed.find('\n').map_or(trimmed.len(), |end| end + 1);
            } else if trimmed.starts_with("/*") {
                self.at += comment_length(trimmed);
            } else {
                return;
            }
        }
    }
}

fn length_of(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// Comments may stand within comments.
fn comment_length(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(sql: &str, begins: &[&str]) {
        let found: Vec<&str> = statements(sql)
            .iter()
            .map(|one| sql[one.start..].split_whitespace().next().unwrap_or(""))
            .collect();
        assert_eq!(found, begins, "{sql}");
    }

    #[test]
    fn statements_end_where_the_engine_ends_them() {
        check("", &[]);
        check(" ; ;; -- nothing;\n /* a /* b; */ ; */ ;", &[]);
        check(
            "SELECT 1; INSERT INTO t VALUES (';', 'it''s;', E'\\';', $$;$$, $a$ ; $$ ; $a$, $1); x",
            &["SELECT", "INSERT", "x"],
        );
        check("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); DROP", &["CREATE", "DROP"]);
        check(
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; DROP",
            &["CREATE", "DROP"],
        );
        check("DO $x$ BEGIN COMMIT; END $x$; -- over\nUPDATE \"a;b\" SET c = 1", &["DO", "UPDATE"]);
        check("SELECT 'never ends; SELECT 2", &["SELECT"]);
    }

    #[test]
    fn what_may_not_stand_in_a_script() {
        for (sql, why) in [
            ("/* first */ begin; SELECT 1", "BEGIN is not for it"),
            ("commit", "COMMIT is not for it"),
            ("ROLLBACK TO a", "ROLLBACK is not for it"),
            ("start transaction read only", "START is not for it"),
            ("COPY t FROM stdin;", "use INSERT"),
            ("\\connect other", "psql"),
            ("DELETE FROM _transom.changes", "Transom's own"),
            ("DELETE FROM \"_transom\".changes", "Transom's own"),
        ] {
            let refusal = statements(sql)[0].refusal(sql).unwrap_or_default();
            assert!(refusal.contains(why), "{sql}: {refusal}");
        }
        for sql in [
            "PREPARE x AS SELECT 1",
            "SELECT '_transom.changes', 'BEGIN'",
            "COPY t FROM '/a/file'",
            "DO $$BEGIN END$$",
        ] {
            assert_eq!(statements(sql)[0].refusal(sql), None, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(sql in "[-a-zE'\"$;()/*\\\\ \nä0]{0,60}") {
            let mut last = None;
            for statement in statements(&sql) {
                prop_assert!(sql.is_char_boundary(statement.start) && Some(statement.start) > last);
                last = Some(statement.start);
                statement.refusal(&sql);
            }
        }
    }
}
