//! Full-text search by whole words, without stemming. Reads the search syntax that words are bound in:
//! `{"column" …} : (…)` around words in quotes, `+` for a phrase, a trailing `*` for a prefix, `AND`, `OR`, `NOT` and parentheses.

use transom_query::{
    ColumnId,
    evaluate::{Context, EvaluateError, Search},
};
use transom_types::Value;

use super::scope::Scope;

/// Whether the row's searched columns satisfy the search; NULL words tell nothing.
pub(super) fn matches(search: &Search<'_>, scope: &Scope<'_>) -> Result<Option<bool>, EvaluateError> {
    let table = &scope.environment().catalog[search.table];
    let Some(index) = &table.full_text else {
        return Err(EvaluateError::Unsupported(format!("'{}' has no full-text index", table.name)));
    };
    let Value::Text(words) = scope.param(search.words)? else { return Ok(None) };
    let columns = if search.columns.is_empty() { &index.columns } else { search.columns };
    let text = |column: &ColumnId| match scope.column(search.query, *column)? {
        Value::Text(text) => Ok(split(&text)),
        _ => Ok(Vec::new()),
    };
    let texts: Vec<Vec<String>> = columns.iter().map(text).collect::<Result<_, EvaluateError>>()?;
    let expression = words.rsplit_once("} : ").map_or(&*words, |(_, expression)| expression);
    let mut parser = Parser { rest: expression.trim(), texts: &texts };
    let found = parser.any()?;
    if !parser.rest.is_empty() {
        return Err(parser.invalid());
    }
    Ok(Some(found))
}

/// Evaluates while it parses: an expression's value is all that is asked of it.
struct Parser<'a> {
    rest: &'a str,
    texts: &'a [Vec<String>],
}

impl Parser<'_> {
    fn any(&mut self) -> Result<bool, EvaluateError> {
        let mut found = self.all()?;
        while self.take("OR") {
            found |= self.all()?;
        }
        Ok(found)
    }

    fn all(&mut self) -> Result<bool, EvaluateError> {
        let mut found = self.except()?;
        while self.take("AND") {
            found &= self.except()?;
        }
        Ok(found)
    }

    fn except(&mut self) -> Result<bool, EvaluateError> {
        let mut found = self.one()?;
        while self.take("NOT") {
            found &= !self.one()?;
        }
        Ok(found)
    }

    fn one(&mut self) -> Result<bool, EvaluateError> {
        if self.take("(") {
            let found = self.any()?;
            return if self.take(")") { Ok(found) } else { Err(self.invalid()) };
        }
        let mut phrase = self.word()?;
        while self.take("+") {
            phrase.extend(self.word()?);
        }
        let prefix = self.take("*");
        Ok(self.texts.iter().any(|text| holds(text, &phrase, prefix)))
    }

    /// A quoted word; doubled quotes stand for one, and count as a separator.
    fn word(&mut self) -> Result<Vec<String>, EvaluateError> {
        let Some(after) = self.rest.strip_prefix('"') else { return Err(self.invalid()) };
        let Some(end) = after.find('"') else { return Err(self.invalid()) };
        self.rest = after[end + 1..].trim_start();
        Ok(split(&after[..end]))
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn invalid(&self) -> EvaluateError {
        EvaluateError::Pattern(format!("unexpected '{}' in a full-text search", self.rest))
    }
}

/// Whether the words stand in a row in the text, the last perhaps only as a beginning.
fn holds(text: &[String], phrase: &[String], prefix: bool) -> bool {
    let Some((last, before)) = phrase.split_last() else { return false };
    text.windows(phrase.len()).any(|run| {
        let ends = &run[before.len()];
        run.starts_with(before) && if prefix { ends.starts_with(last.as_str()) } else { ends == last }
    })
}

fn split(text: &str) -> Vec<String> {
    let separated = text.split(|character: char| !character.is_alphanumeric());
    separated.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_phrases_and_operators() {
        let check = |expression: &str, expected: bool| {
            let texts = [split("Blue suede shoes, two pairs"), split("red")];
            let mut parser = Parser { rest: expression, texts: &texts };
            assert_eq!(parser.any(), Ok(expected), "{expression}");
            assert_eq!(parser.rest, "");
        };
        check("\"BLUE\"", true);
        check("\"blue\" AND \"red\"", true);
        check("\"blue\" + \"suede\"", true);
        check("\"suede\" + \"blue\"", false);
        check("\"sho\"", false);
        check("\"sho\" *", true);
        check("\"green\" OR (\"red\" AND \"two\")", true);
        check("((\"blue\") NOT (\"red\"))", false);
        check("((\"blue\") NOT (\"green\"))", true);
    }
}
