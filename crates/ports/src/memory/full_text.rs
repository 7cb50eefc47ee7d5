//! Full-text search by whole words, without stemming: enough to tell whether a search was planned and guarded rightly.

use transom_query::evaluate::{Context, EvaluateError, Search};
use transom_query::request::FullTextKind;
use transom_types::Value;

use super::scope::Scope;

/// Whether the row's searched columns hold every word (a phrase: in a row) of the search.
/// Words are bound in an engine's own syntax; its quotes, column filters and operators are read as separators.
pub(super) fn matches(search: &Search<'_>, scope: &Scope<'_>) -> Result<Option<bool>, EvaluateError> {
    let Some(index) = &scope.environment().catalog[search.table].full_text else {
        return Err(EvaluateError::Unsupported("the table has no full-text index".into()));
    };
    let wanted = match scope.param(search.words)? {
        Value::Text(text) => words(text.rsplit_once("} :").map_or(&*text, |(_, words)| words)),
        _ => return Ok(None),
    };
    let columns = if search.columns.is_empty() { &index.columns } else { search.columns };
    let mut texts = Vec::new();
    for column in columns {
        if let Value::Text(text) = scope.column(search.query, *column)? {
            texts.push(words(&text));
        }
    }
    let holds = |wanted: &String| texts.iter().flatten().any(|word| word == wanted);
    Ok(Some(match search.kind {
        FullTextKind::Phrase => {
            texts.iter().any(|text| text.windows(wanted.len().max(1)).any(|run| run == wanted))
        }
        _ => !wanted.is_empty() && wanted.iter().filter(|word| *word != "and").all(holds),
    }))
}

fn words(text: &str) -> Vec<String> {
    let separated = text.split(|character: char| !character.is_alphanumeric());
    separated.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
