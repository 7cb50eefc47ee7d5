//! Reads one decoded value of the query string from left to right, and says where it stopped understanding.
//!
//! Positions always stand on a character boundary: only ASCII bytes and whole names are stepped over.

use std::borrow::Cow;

use transom_types::{Code, Problem, limits::NAME_BYTES_MAX};

/// How much of an offending text an error repeats, in characters.
const QUOTED_CHARS_MAX: usize = 160;

/// A place in one value of the query string.
pub(super) struct Scanner<'s> {
    kind: &'static str,
    text: &'s str,
    at: usize,
    /// Whether the text is read, and what is wrong with it told, just as PostgREST does.
    pub compatible: bool,
    /// How many characters the place of an error counts that stand before the text.
    before: usize,
}

/// A name, and whether it was written in quotes: quoted names are never keywords.
#[derive(Debug)]
pub(super) struct Name<'s> {
    pub text: Cow<'s, str>,
    pub quoted: bool,
}

impl Name<'_> {
    /// Whether this is the unquoted word.
    pub fn is(&self, word: &str) -> bool {
        !self.quoted && self.text == word
    }

    pub fn boxed(self) -> Box<str> {
        self.text.into()
    }
}

impl<'s> Scanner<'s> {
    /// `kind` is what errors call the text: `filter`, `select parameter`, …
    pub fn new(kind: &'static str, text: &'s str) -> Self {
        Self { kind, text, at: 0, compatible: false, before: 0 }
    }

    /// The same with PostgREST's words where `compatible`.
    pub fn compatibly(self, compatible: bool) -> Self {
        Self { compatible, ..self }
    }

    /// PostgREST reads what stands before the text with it, and counts its characters.
    pub fn behind(self, characters: usize) -> Self {
        Self { before: if self.compatible { characters } else { 0 }, ..self }
    }

    /// What an error says was expected: in our words or in PostgREST's.
    pub fn words(&self, ours: &'static str, theirs: &'static str) -> &'static str {
        if self.compatible { theirs } else { ours }
    }

    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub fn at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub fn rest(&self) -> &'s str {
        &self.text[self.at..]
    }

    pub fn take_rest(&mut self) -> &'s str {
        let rest = self.rest();
        self.at = self.text.len();
        rest
    }

    pub fn position(&self) -> usize {
        self.at
    }

    /// Goes back to an earlier [`Scanner::position`].
    pub fn rewind(&mut self, position: usize) {
        debug_assert!(position <= self.at);
        self.at = position;
    }

    /// Steps over one ASCII byte, if it is next.
    pub fn eat(&mut self, byte: u8) -> bool {
        debug_assert!(byte.is_ascii());
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Steps over a text, if it is next.
    pub fn eat_text(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    pub fn skip_spaces(&mut self) {
        while self.eat(b' ') {}
    }

    pub fn expect(&mut self, byte: u8, expecting: &str) -> Result<(), Problem> {
        if self.eat(byte) { Ok(()) } else { Err(self.unexpected(expecting)) }
    }

    pub fn finish(&self, expecting: &str) -> Result<(), Problem> {
        if self.at_end() { Ok(()) } else { Err(self.refused('\'', expecting)) }
    }

    /// The ASCII letters that come next; may be empty.
    pub fn word(&mut self) -> &'s str {
        let rest = self.rest();
        let length = rest.bytes().position(|b| !b.is_ascii_lowercase()).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// What comes before the first of these ASCII bytes, or everything.
    pub fn until(&mut self, one: u8, other: u8) -> &'s str {
        let rest = self.rest();
        let length = memchr::memchr2(one, other, rest.as_bytes()).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// An identifier, bare or in double quotes with `\` escapes.
    pub fn name(&mut self, expecting: &str) -> Result<Name<'s>, Problem> {
        self.skip_spaces();
        let start = self.at;
        let (text, quoted) = match self.quoted() {
            Some(text) => (text, true),
            None => (Cow::Borrowed(self.bare_name()), false),
        };
        if text.is_empty() {
            self.rewind(start);
            return Err(self.unexpected(expecting));
        }
        if text.len() > NAME_BYTES_MAX {
            return Err(too_long(self.kind, &text));
        }
        Ok(Name { text, quoted })
    }

    /// A key of a document: quoted, or any characters up to the next arrow, cast, or what separates items.
    pub fn key(&mut self, expecting: &str) -> Result<Name<'s>, Problem> {
        if self.peek() == Some(b'"') {
            return self.name(expecting);
        }
        let rest = self.rest();
        let ends = |(at, character): (usize, char)| match character {
            '.' | ',' | '(' | ')' | '>' => true,
            '-' => rest[at..].starts_with("->"),
            ':' => rest[at..].starts_with("::"),
            _ => false,
        };
        let length = rest.char_indices().find(|place| ends(*place)).map_or(rest.len(), |(at, _)| at);
        let text = rest[..length].trim_matches(' ');
        if text.is_empty() {
            return Err(self.unexpected(expecting));
        }
        if text.len() > NAME_BYTES_MAX {
            return Err(too_long(self.kind, text));
        }
        self.at += length;
        Ok(Name { text: Cow::Borrowed(text), quoted: false })
    }

    fn bare_name(&mut self) -> &'s str {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let mut length = 0;
        while let Some(byte) = bytes.get(length) {
            let arrow = *byte == b'-' && bytes.get(length + 1) == Some(&b'>');
            if arrow || !is_name_byte(*byte) {
                break;
            }
            length += 1;
        }
        self.at += length;
        rest[..length].trim_matches(' ')
    }

    /// A text in double quotes; `None`, and nothing stepped over, when there is none or it does not end.
    pub fn quoted(&mut self) -> Option<Cow<'s, str>> {
        let inner = self.rest().strip_prefix('"')?;
        let bytes = inner.as_bytes();
        let mut text = Cow::Borrowed("");
        let (mut copied, mut from) = (0, 0);
        loop {
            let found = from + memchr::memchr2(b'"', b'\\', &bytes[from..])?;
            if bytes[found] == b'"' {
                text += &inner[copied..found];
                self.at += found + 2;
                return Some(text);
            }
            text += &inner[copied..found];
            copied = found + 1;
            // The escaped character stands for itself; it is copied with what follows.
            from = copied + inner[copied..].chars().next()?.len_utf8();
        }
    }

    /// A syntax error at this place.
    pub fn unexpected(&self, expecting: &str) -> Problem {
        self.refused(if self.compatible { '"' } else { '\'' }, expecting)
    }

    fn refused(&self, quote: char, expecting: &str) -> Problem {
        let found = match self.rest().chars().next() {
            Some(character) => format!("unexpected {quote}{character}{quote}"),
            None => "unexpected end of input".to_owned(),
        };
        let column = self.before + self.text[..self.at].chars().count() + 1;
        let message =
            format!("\"failed to parse {} ({})\" (line 1, column {column})", self.kind, clip(self.text));
        Problem::new(Code::QuerySyntax, message).with_details(format!("{found} expecting {expecting}"))
    }
}

#[cold]
fn too_long(kind: &str, text: &str) -> Problem {
    Problem::new(Code::TooManyParts, format!("a name of {} bytes is too long", text.len()))
        .with_details(format!("{kind} begins with '{}'", clip(text)))
        .with_hint(format!("Names have at most {NAME_BYTES_MAX} bytes"))
}

/// Letters, digits, `_`, `$`, space and `-`; everything outside ASCII counts as a letter.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b' ' | b'-') || byte >= 0x80
}

/// A text short enough for an error message.
pub(super) fn clip(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(text: &str, name: &str, rest: &str) {
        let mut scanner = Scanner::new("test", text);
        let found = scanner.name("a name").unwrap();
        assert_eq!((&*found.text, scanner.rest()), (name, rest), "{text}");
    }

    #[test]
    fn reads_names() {
        check("id.eq", "id", ".eq");
        check("a-b->c", "a-b", "->c");
        check(" Unit Price ,x", "Unit Price", ",x");
        check("موارد(", "موارد", "(");
        check(r#""a.b,\"c\\\é".x"#, r#"a.b,"c\é"#, ".x");
    }

    #[test]
    fn refuses_what_is_no_name() {
        for text in ["", ".", "\"", "\"\"", "\"a\\", "()"] {
            assert!(Scanner::new("test", text).name("a name").is_err(), "{text}");
        }
        assert!(Scanner::new("test", &"x".repeat(256)).name("a name").is_err());
    }
}
