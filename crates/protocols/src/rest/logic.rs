//! Logic trees: `or=(a.eq.1,not.and(b.gt.2,c.is.null))`, and `having` with aggregates in the leaves.

use transom_query::request::{Aggregate, Condition, Filter, Path};
use transom_types::{Problem, limits::LOGIC_DEPTH_MAX};

use super::{
    build::{Build, conjunction, disjunction, within},
    filter::{Place, test},
    path::{aggregate, path},
    scanner::Scanner,
};

/// How the parts of a group are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    And,
    Or,
}

impl Join {
    fn word(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
        }
    }
}

/// `(…)`, the value of `and=` or `or=`, or of one of them behind `not.`.
pub(super) fn group(negated: bool, join: Join, value: &str, build: &mut Build) -> Result<Filter, Problem> {
    let before = join.word().len() + if negated { "not.".len() } else { 0 };
    let mut scanner = Scanner::new("logic tree", value).compatibly(build.compatible).behind(before);
    let filter = parts(join, &mut scanner, build, 1)?;
    // PostgREST does not look at what follows.
    if !build.compatible {
        scanner.finish("the end of the value")?;
    }
    Ok(negate(negated, filter))
}

/// `having`: a leaf, or a tree in parentheses with or without its own `and`/`or`.
pub(super) fn having(value: &str, build: &mut Build) -> Result<Filter, Problem> {
    let mut scanner = Scanner::new("having", value);
    let filter = match scanner.peek() {
        Some(b'(') => parts(Join::And, &mut scanner, build, 1)?,
        _ if begins_group(value) => node(&mut scanner, build, 0)?,
        _ => leaf(&mut scanner, build, Place::Alone)?,
    };
    scanner.finish("the end of the value")?;
    Ok(filter)
}

fn begins_group(text: &str) -> bool {
    let text = text.strip_prefix("not.").unwrap_or(text);
    let rest = text.strip_prefix("and").or_else(|| text.strip_prefix("or"));
    rest.is_some_and(|rest| rest.trim_start_matches(' ').starts_with('('))
}

fn parts(join: Join, scanner: &mut Scanner<'_>, build: &mut Build, depth: u32) -> Result<Filter, Problem> {
    within(depth, LOGIC_DEPTH_MAX, "levels of and/or")?;
    scanner.skip_spaces();
    scanner.expect(b'(', "'('")?;
    let mut parts = vec![node(scanner, build, depth)?];
    loop {
        scanner.skip_spaces();
        if !scanner.eat(b',') {
            break;
        }
        parts.push(node(scanner, build, depth)?);
    }
    scanner.expect(b')', "',' or ')'")?;
    Ok(match join {
        Join::And => conjunction(parts),
        Join::Or => disjunction(parts),
    })
}

fn node(scanner: &mut Scanner<'_>, build: &mut Build, depth: u32) -> Result<Filter, Problem> {
    scanner.skip_spaces();
    if !begins_group(scanner.rest()) {
        return leaf(scanner, build, Place::InTree);
    }
    let negated = scanner.eat_text("not.");
    let join = if scanner.eat_text("and") { Join::And } else { Join::Or };
    if join == Join::Or {
        scanner.eat_text("or");
    }
    let filter = parts(join, scanner, build, depth + 1)?;
    Ok(negate(negated, filter))
}

fn leaf(scanner: &mut Scanner<'_>, build: &mut Build, place: Place) -> Result<Filter, Problem> {
    // `not.` before an aggregate negates the whole leaf; before a column it would be a column named `not`.
    let before = scanner.position();
    let mut negated_before = scanner.eat_text("not.");
    if negated_before && super::filter::begins_with_operator(scanner.rest()) {
        scanner.rewind(before);
        negated_before = false;
    }
    let (path, aggregate) = subject(scanner)?;
    scanner.expect(b'.', "'.' and an operator (eq, gt, ...)")?;
    let (negated, test) = test(scanner, build, place)?;
    let condition = Filter::Condition(Condition { path, aggregate, test });
    Ok(negate(negated_before, negate(negated, condition)))
}

/// A column or path, an aggregate of one, or `count()`.
fn subject(scanner: &mut Scanner<'_>) -> Result<(Option<Path>, Option<Aggregate>), Problem> {
    scanner.skip_spaces();
    if scanner.rest().starts_with("count()") {
        return Ok((None, aggregate(scanner)));
    }
    let expecting = scanner.words(
        "a column name",
        "field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)",
    );
    let column = scanner.name(expecting)?;
    let path = path(column, scanner)?;
    let dot = scanner.position();
    let found = match scanner.eat(b'.') {
        true => aggregate(scanner),
        false => None,
    };
    if found.is_none() {
        scanner.rewind(dot);
    }
    Ok((Some(path), found))
}

pub(super) fn negate(negated: bool, filter: Filter) -> Filter {
    if negated { Filter::Not(Box::new(filter)) } else { filter }
}
