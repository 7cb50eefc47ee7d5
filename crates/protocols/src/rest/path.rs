//! A column and the way into its JSON: `data->phones->0->>number`.

use transom_query::request::{Aggregate, JsonKey, JsonStep, Path};
use transom_types::Problem;

use super::scanner::{Name, Scanner};

/// The names of the aggregate functions, as written before `()`.
pub(super) const AGGREGATES: [(&str, Aggregate); 5] = [
    ("count", Aggregate::Count),
    ("sum", Aggregate::Sum),
    ("avg", Aggregate::Avg),
    ("max", Aggregate::Max),
    ("min", Aggregate::Min),
];

/// The rest of a path whose column has been read.
pub(super) fn path(column: Name<'_>, scanner: &mut Scanner<'_>) -> Result<Path, Problem> {
    let mut json = Vec::new();
    while scanner.eat_text("->") {
        let as_text = scanner.eat(b'>');
        if scanner.compatible {
            signed(scanner)?;
        }
        let expecting = scanner
            .words("a JSON key or index", "\"-\", digit or any non reserved character different from: .,>()");
        let name = scanner.key(expecting)?;
        let key = match (name.quoted, name.text.parse()) {
            (false, Ok(index)) => JsonKey::Index(index),
            _ => JsonKey::Member(name.boxed()),
        };
        json.push(JsonStep { key, as_text });
    }
    Ok(Path { column: column.boxed(), json })
}

/// What begins with a minus is an index to PostgREST, and no key.
fn signed(scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    let start = scanner.position();
    if scanner.eat(b'-') && !scanner.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        return Err(scanner.unexpected("digit"));
    }
    scanner.rewind(start);
    Ok(())
}

/// `count()` and its kin, when one comes next.
pub(super) fn aggregate(scanner: &mut Scanner<'_>) -> Option<Aggregate> {
    let start = scanner.position();
    let word = scanner.word();
    let found = AGGREGATES.iter().find(|(name, _)| *name == word).map(|(_, aggregate)| *aggregate);
    if found.is_some() && scanner.eat_text("()") {
        return found;
    }
    scanner.rewind(start);
    None
}
