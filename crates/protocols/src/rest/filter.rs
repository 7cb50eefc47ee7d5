//! One comparison: `[not.]operator[(any|all|language)].value`.

use std::borrow::Cow;

use transom_query::request::{FullTextKind, IsValue, Literal, Operator, Quantifier, Slot, Test};
use transom_types::{Problem, limits::LIST_ITEMS_MAX};

use super::{
    build::{Build, too_many},
    scanner::Scanner,
};

/// Whether a value stands alone, up to its end, or among others in a logic tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Alone,
    InTree,
}

/// What an operator's name stands for.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Takes `(any)` and `(all)`.
    Quantifiable(Operator),
    Compare(Operator),
    In,
    Is,
    FullText(FullTextKind),
}

/// Every operator, by its name in URLs.
pub(super) const OPERATORS: [(&str, Kind); 25] = [
    ("eq", Kind::Quantifiable(Operator::Eq)),
    ("neq", Kind::Compare(Operator::Neq)),
    ("gt", Kind::Quantifiable(Operator::Gt)),
    ("gte", Kind::Quantifiable(Operator::Gte)),
    ("lt", Kind::Quantifiable(Operator::Lt)),
    ("lte", Kind::Quantifiable(Operator::Lte)),
    ("like", Kind::Quantifiable(Operator::Like)),
    ("ilike", Kind::Quantifiable(Operator::Ilike)),
    ("match", Kind::Quantifiable(Operator::Match)),
    ("imatch", Kind::Quantifiable(Operator::Imatch)),
    ("in", Kind::In),
    ("is", Kind::Is),
    ("isdistinct", Kind::Compare(Operator::IsDistinct)),
    ("fts", Kind::FullText(FullTextKind::Query)),
    ("plfts", Kind::FullText(FullTextKind::Plain)),
    ("phfts", Kind::FullText(FullTextKind::Phrase)),
    ("wfts", Kind::FullText(FullTextKind::Web)),
    ("cs", Kind::Compare(Operator::Contains)),
    ("cd", Kind::Compare(Operator::ContainedIn)),
    ("ov", Kind::Compare(Operator::Overlaps)),
    ("sl", Kind::Compare(Operator::StrictlyLeft)),
    ("sr", Kind::Compare(Operator::StrictlyRight)),
    ("nxr", Kind::Compare(Operator::NotRightOf)),
    ("nxl", Kind::Compare(Operator::NotLeftOf)),
    ("adj", Kind::Compare(Operator::Adjacent)),
];

/// What `is` compares with, by name.
pub(super) const IS_VALUES: [(&str, IsValue); 5] = [
    ("null", IsValue::Null),
    ("not_null", IsValue::NotNull),
    ("true", IsValue::True),
    ("false", IsValue::False),
    ("unknown", IsValue::Unknown),
];

/// Whether a value begins like a comparison, so that a function's query parameter is a filter.
pub(super) fn begins_with_operator(value: &str) -> bool {
    let value = value.strip_prefix("not.").unwrap_or(value);
    let end = value.bytes().position(|b| !b.is_ascii_lowercase()).unwrap_or(value.len());
    operator(&value[..end]).is_some() && matches!(value.as_bytes().get(end), Some(b'.' | b'('))
}

fn operator(word: &str) -> Option<Kind> {
    OPERATORS.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
}

/// Reads a comparison; the flag says whether it is negated.
pub(super) fn test(
    scanner: &mut Scanner<'_>,
    build: &mut Build,
    place: Place,
) -> Result<(bool, Test), Problem> {
    build.count_filter()?;
    let negated = scanner.eat_text("not.");
    let start = scanner.position();
    let word = scanner.word();
    let Some(kind) = operator(word).filter(|_| matches!(scanner.peek(), Some(b'.' | b'('))) else {
        scanner.rewind(start);
        return Err(unknown_operator(scanner, negated));
    };
    let test = match kind {
        Kind::Is => is(scanner, place)?,
        Kind::In => {
            scanner.expect(b'.', "'.' and a list such as (a,b)")?;
            let mut list = parenthesized(scanner)?;
            if build.compatible {
                trimmed(&mut list);
            }
            Test::In(build.literal(Literal::List(list))?)
        }
        Kind::FullText(kind) => full_text(kind, scanner, build, place)?,
        Kind::Compare(operator) => {
            scanner.expect(b'.', "'.' and a value; only eq, gt, gte, lt, lte, like, ilike, match and imatch take (any) or (all)")?;
            Test::Compare(operator, None, operand(operator, scanner, build, place)?)
        }
        Kind::Quantifiable(operator) if scanner.peek() == Some(b'(') => {
            quantified(operator, scanner, build, place)?
        }
        Kind::Quantifiable(operator) => {
            scanner.expect(b'.', "'.'")?;
            Test::Compare(operator, None, operand(operator, scanner, build, place)?)
        }
    };
    if place == Place::Alone {
        scanner.finish("the end of the value")?;
    }
    Ok((negated, test))
}

#[cold]
fn unknown_operator(scanner: &Scanner<'_>, negated: bool) -> Problem {
    let rest = scanner.rest();
    let word = &rest[..rest.bytes().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(rest.len())];
    let theirs = if negated { "operator (eq, gt, ...)" } else { "\"not\" or operator (eq, gt, ...)" };
    let problem = scanner.unexpected(scanner.words("operator (eq, gt, ...)", theirs));
    let known = OPERATORS.iter().map(|(name, _)| *name).chain(["not"]);
    match transom_types::nearest::nearest(word, known).filter(|_| !word.is_empty()) {
        Some(near) if near == word => problem.with_hint(format!("Write '{near}.' and a value")),
        Some(near) => problem.with_hint(format!("Perhaps you meant '{near}'")),
        None => problem.with_hint("Write operator.value, for example eq.5; operators: eq, neq, gt, gte, lt, lte, like, ilike, in, is, …"),
    }
}

fn is(scanner: &mut Scanner<'_>, place: Place) -> Result<Test, Problem> {
    const EXPECTING: &str = "null, not_null, true, false or unknown";
    scanner.expect(b'.', "'.' and null, not_null, true, false or unknown")?;
    let start = scanner.position();
    let word = match place {
        Place::Alone => scanner.take_rest(),
        Place::InTree => scanner.until(b',', b')'),
    };
    let found = IS_VALUES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    found.map(|(_, value)| Test::Is(*value)).ok_or_else(|| {
        scanner.rewind(start);
        scanner.unexpected(EXPECTING)
    })
}

fn full_text(
    kind: FullTextKind,
    scanner: &mut Scanner<'_>,
    build: &mut Build,
    place: Place,
) -> Result<Test, Problem> {
    let language = match scanner.eat(b'(') {
        true => {
            let language = scanner.name("a language")?;
            scanner.expect(b')', "')'")?;
            Some(language.boxed())
        }
        false => None,
    };
    scanner.expect(b'.', "'.' and the words to search for")?;
    let query = build.text(&value(scanner, place))?;
    Ok(Test::FullText { kind, language, query })
}

fn quantified(
    operator: Operator,
    scanner: &mut Scanner<'_>,
    build: &mut Build,
    place: Place,
) -> Result<Test, Problem> {
    let quantifier = match () {
        () if scanner.eat_text("(any)") => Quantifier::Any,
        () if scanner.eat_text("(all)") => Quantifier::All,
        () => return Err(scanner.unexpected("(any) or (all)")),
    };
    scanner.expect(b'.', "'.' and a list such as {a,b}")?;
    let start = scanner.position();
    let text = value(scanner, place);
    let Some(elements) = array_literal(&text) else {
        scanner.rewind(start);
        return Err(scanner.unexpected("a list such as {a,b}"));
    };
    bounded(&elements)?;
    let mut list: Vec<_> = elements.into_iter().map(|element| element.text.into_boxed_str()).collect();
    if is_like(operator) {
        list.iter_mut().for_each(|pattern| *pattern = pattern.replace('*', "%").into());
    }
    Ok(Test::Compare(operator, Some(quantifier), build.literal(Literal::List(list))?))
}

fn is_like(operator: Operator) -> bool {
    matches!(operator, Operator::Like | Operator::Ilike)
}

/// The value of a comparison with one value. Array literals of `cs`, `cd` and `ov` become JSON, unless the engine reads
/// whatever comes.
fn operand(
    operator: Operator,
    scanner: &mut Scanner<'_>,
    build: &mut Build,
    place: Place,
) -> Result<Slot, Problem> {
    let text = value(scanner, place);
    if is_like(operator) && text.contains('*') {
        return build.text(&text.replace('*', "%"));
    }
    if !build.compatible
        && matches!(operator, Operator::Contains | Operator::ContainedIn | Operator::Overlaps)
        && text.starts_with('{')
        && !is_json(&text)
        && let Some(elements) = array_literal(&text)
    {
        bounded(&elements)?;
        let (written, json) = (text.as_ref().into(), json_array(elements).into());
        return build.literal(Literal::Listed { written, json });
    }
    build.text(&text)
}

/// Numbers, `true`, `false` and `null` that are not quoted stay what they are; the rest are texts.
fn json_array(elements: Vec<Element>) -> String {
    let values = elements.into_iter().map(|element| match serde_json::from_str(&element.text) {
        Ok(value) if !element.quoted => value,
        _ => serde_json::Value::String(element.text),
    });
    serde_json::Value::Array(values.collect()).to_string()
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn value<'s>(scanner: &mut Scanner<'s>, place: Place) -> Cow<'s, str> {
    if place == Place::Alone {
        return Cow::Borrowed(scanner.take_rest());
    }
    if let Some(text) = quoted_element(scanner) {
        return text;
    }
    if scanner.peek() == Some(b'{')
        && let Some(length) = braced(scanner.rest())
    {
        let text = &scanner.rest()[..length];
        let after = scanner.rest().as_bytes().get(length);
        if matches!(after, None | Some(b',' | b')')) {
            scanner.eat_text(text);
            return Cow::Borrowed(text);
        }
    }
    Cow::Borrowed(scanner.until(b',', b')'))
}

/// A quoted text that is a whole element. Quotes that are followed by more belong to a bare text.
fn quoted_element<'s>(scanner: &mut Scanner<'s>) -> Option<Cow<'s, str>> {
    let start = scanner.position();
    let text = scanner.quoted()?;
    if matches!(scanner.peek(), None | Some(b',' | b')')) {
        return Some(text);
    }
    scanner.rewind(start);
    None
}

/// The length of a text in balanced braces, whose quoted parts do not count.
fn braced(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// `(a,"b,c",d)`; `()` is empty.
fn parenthesized(scanner: &mut Scanner<'_>) -> Result<Vec<Box<str>>, Problem> {
    scanner.expect(b'(', "'(' and a list such as (a,b)")?;
    if scanner.eat(b')') {
        return Ok(Vec::new());
    }
    let mut list = Vec::new();
    loop {
        let element = match quoted_element(scanner) {
            Some(text) => text.into(),
            None => scanner.until(b',', b')').into(),
        };
        list.push(element);
        if list.len() > LIST_ITEMS_MAX as usize {
            return Err(too_many("elements in a list", LIST_ITEMS_MAX));
        }
        if !scanner.eat(b',') {
            scanner.expect(b')', "',' or ')'")?;
            return Ok(list);
        }
    }
}

/// PostgREST does not look at blanks before the elements of a list, and a list of blanks is empty.
fn trimmed(list: &mut Vec<Box<str>>) {
    for element in list.iter_mut().filter(|element| element.starts_with(' ')) {
        *element = element.trim_matches(' ').into();
    }
    if matches!(list.as_slice(), [only] if only.is_empty()) {
        list.clear();
    }
}

fn bounded(list: &[Element]) -> Result<(), Problem> {
    if list.len() > LIST_ITEMS_MAX as usize {
        return Err(too_many("elements in a list", LIST_ITEMS_MAX));
    }
    Ok(())
}

/// An element of an array literal.
struct Element {
    text: String,
    quoted: bool,
}

/// PostgreSQL's array literal of one dimension: `{a,"b,c",d}`, with `\` escapes, blanks around elements left out.
fn array_literal(text: &str) -> Option<Vec<Element>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut list = Vec::new();
    if inner.trim().is_empty() {
        return Some(list);
    }
    let mut characters = inner.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        let mut element = String::new();
        let quoted = characters.next_if_eq(&'"').is_some();
        if quoted {
            loop {
                match characters.next()? {
                    '"' => break,
                    '\\' => element.push(characters.next()?),
                    other => element.push(other),
                }
            }
            while characters.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        } else {
            while let Some(character) = characters.next_if(|c| *c != ',') {
                match character {
                    '"' | '{' | '}' => return None,
                    '\\' => element.push(characters.next()?),
                    other => element.push(other),
                }
            }
            element.truncate(element.trim_ascii_end().len());
            if element.is_empty() {
                return None;
            }
        }
        list.push(Element { text: element, quoted });
        match characters.next() {
            Some(',') => {}
            Some(_) => return None,
            None => return Some(list),
        }
    }
}
