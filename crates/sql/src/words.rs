//! Words of a full-text search in the engine's own search syntax. Every word is quoted, so that nothing a caller writes is syntax.

use transom_query::request::FullTextKind;
use transom_types::{Code, Problem};

/// Most words of one search.
const WORDS_MAX: usize = 64;

/// The words as an FTS5 expression, restricted to these columns (empty: all).
/// Errors: nothing to search for, or operators without words.
pub fn full_text(text: &str, kind: FullTextKind, columns: &[Box<str>]) -> Result<String, Problem> {
    let expression = match kind {
        FullTextKind::Plain => joined(&words(text)?, " AND "),
        FullTextKind::Phrase => joined(&words(text)?, " + "),
        FullTextKind::Web => web(text)?,
        FullTextKind::Query => Operators::parse(text)?,
    };
    if columns.is_empty() {
        return Ok(expression);
    }
    let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    Ok(format!("{{{}}} : ({expression})", columns.join(" ")))
}

fn invalid(details: impl Into<String>) -> Problem {
    Problem::new(Code::QuerySyntax, "syntax error in full-text search").with_details(details)
}

fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('"', "\"\""))
}

/// Runs of letters and digits, as the index itself splits text.
fn words(text: &str) -> Result<Vec<&str>, Problem> {
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    match words.len() {
        0 => Err(invalid("There are no words to search for")),
        count if count > WORDS_MAX => {
            Err(invalid(format!("At most {WORDS_MAX} words are searched for at once")))
        }
        _ => Ok(words),
    }
}

fn joined(words: &[&str], by: &str) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(by)
}

/// `"a phrase" word or other -not`: as people type into a search box; nothing they type is an error but nothing.
fn web(text: &str) -> Result<String, Problem> {
    let mut wanted: Vec<Vec<String>> = vec![Vec::new()];
    let mut unwanted = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let negated = rest.strip_prefix('-').filter(|after| !after.starts_with(char::is_whitespace));
        let from = negated.unwrap_or(rest);
        let (token, after) = match from.strip_prefix('"') {
            Some(phrase) => phrase.split_once('"').unwrap_or((phrase, "")),
            None => from.split_once(char::is_whitespace).unwrap_or((from, "")),
        };
        rest = after.trim_start();
        if negated.is_none() && token.eq_ignore_ascii_case("or") && !from.starts_with('"') {
            wanted.push(Vec::new());
            continue;
        }
        let Ok(found) = words(token) else { continue };
        let phrase = joined(&found, " + ");
        match negated {
            Some(_) => unwanted.push(phrase),
            None => wanted.last_mut().map_or((), |group| group.push(phrase)),
        }
    }
    let groups: Vec<String> = wanted
        .iter()
        .filter(|group| !group.is_empty())
        .map(|group| format!("({})", group.join(" AND ")))
        .collect();
    if groups.is_empty() {
        return Err(invalid("There are no words to search for"));
    }
    let wanted = groups.join(" OR ");
    Ok(match unwanted.is_empty() {
        true => wanted,
        false => format!("({wanted}) NOT ({})", unwanted.join(" OR ")),
    })
}

/// `fts`: words with `&`, `|`, `!`, `<->`, `:*` and parentheses.
struct Operators<'t> {
    rest: &'t str,
    words: usize,
    depth: usize,
}

impl<'t> Operators<'t> {
    fn parse(text: &'t str) -> Result<String, Problem> {
        let mut operators = Self { rest: text, words: 0, depth: 0 };
        let expression = operators.or()?;
        operators.skip();
        match operators.rest.is_empty() {
            true => Ok(expression),
            false => Err(invalid(format!("Unexpected '{}'", operators.rest))),
        }
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn or(&mut self) -> Result<String, Problem> {
        let mut parts = vec![self.and()?];
        while self.take("|") {
            parts.push(self.and()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { format!("({})", parts.join(" OR ")) })
    }

    /// The index knows `a NOT b`, not `NOT b` alone.
    fn and(&mut self) -> Result<String, Problem> {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        loop {
            match self.take("!") {
                true => unwanted.push(self.phrase()?),
                false => wanted.push(self.phrase()?),
            }
            if !self.take("&") {
                break;
            }
        }
        if wanted.is_empty() {
            return Err(invalid("A search for what is not there needs something that is: word & !other"));
        }
        let wanted = wanted.join(" AND ");
        Ok(match unwanted.is_empty() {
            true => wanted,
            false => format!("(({wanted}) NOT ({}))", unwanted.join(" OR ")),
        })
    }

    fn phrase(&mut self) -> Result<String, Problem> {
        let mut parts = vec![self.atom()?];
        while self.take("<->") {
            parts.push(self.atom()?);
        }
        match parts.iter().skip(1).any(|part| part.starts_with('('))
            || (parts.len() > 1 && parts[0].starts_with('('))
        {
            true => Err(invalid("'<->' stands between words")),
            false => Ok(parts.join(" + ")),
        }
    }

    fn atom(&mut self) -> Result<String, Problem> {
        if self.take("(") {
            self.depth += 1;
            if self.depth > 16 {
                return Err(invalid("Parentheses are nested too deeply"));
            }
            let inner = self.or()?;
            self.depth -= 1;
            return match self.take(")") {
                true => Ok(format!("({inner})")),
                false => Err(invalid("A parenthesis is not closed")),
            };
        }
        self.skip();
        let end =
            self.rest.find(|c: char| "&|!()<:".contains(c) || c.is_whitespace()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.words += 1;
        if self.words > WORDS_MAX {
            return Err(invalid(format!("At most {WORDS_MAX} words are searched for at once")));
        }
        let phrase = joined(&words(word.trim_matches('\''))?, " + ");
        Ok(if self.take(":*") { format!("{phrase} *") } else { phrase })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(kind: FullTextKind, text: &str, expected: Result<&str, &str>) {
        let found = full_text(text, kind, &[]);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(problem), Err(part)) => assert!(problem.details().unwrap().contains(part), "{problem:?}"),
            (found, expected) => panic!("{text:?}: {found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn words_become_quoted_words() {
        check(FullTextKind::Plain, "blue  suede-shoes", Ok(r#""blue" AND "suede" AND "shoes""#));
        check(FullTextKind::Phrase, "blue shoes", Ok(r#""blue" + "shoes""#));
        check(FullTextKind::Plain, "a OR NEAR(b)", Ok(r#""a" AND "OR" AND "NEAR" AND "b""#));
        check(FullTextKind::Plain, "\"*'", Err("no words"));
        check(
            FullTextKind::Web,
            "\"blue shoes\" or hat -red",
            Ok(r#"(("blue" + "shoes") OR ("hat")) NOT ("red")"#),
        );
        check(FullTextKind::Web, "-red", Err("no words"));
        check(FullTextKind::Query, "cat & !dog | mouse:*", Ok(r#"((("cat") NOT ("dog")) OR "mouse" *)"#));
        check(FullTextKind::Query, "blue <-> shoes", Ok(r#""blue" + "shoes""#));
        check(FullTextKind::Query, "(cat", Err("not closed"));
        check(FullTextKind::Query, "cat dog", Err("Unexpected"));
        check(FullTextKind::Query, "!cat", Err("needs something"));
    }

    #[test]
    fn columns_restrict_the_search() {
        let found = full_text("cat", FullTextKind::Plain, &["na\"me".into()]).unwrap();
        assert_eq!(found, r#"{"na""me"} : ("cat")"#);
    }
}
