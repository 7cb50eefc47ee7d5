//! The query string: splits it, and gives each parameter to the part of the request that it belongs to.

use std::borrow::Cow;

use transom_query::request::{Condition, Filter, Item, Literal, Select};
use transom_types::{Code, Problem};

use super::{
    build::{Build, and_also},
    decode::{In, decode},
    filter::{Place, begins_with_operator, test},
    logic::{Join, group, having, negate},
    order::order,
    path::path,
    scanner::{Name, Scanner},
    select::select,
};

/// Parameters of the root that are never filters.
pub(super) const RESERVED: [&str; 12] = [
    "select",
    "order",
    "limit",
    "offset",
    "columns",
    "on_conflict",
    "cursor",
    "having",
    "and",
    "or",
    "not.and",
    "not.or",
];

/// Everything that a query string says.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub select: Select,
    pub limit: Option<u64>,
    pub offset: Option<u64>,
    /// Only these keys of the body.
    pub columns: Option<Vec<Box<str>>>,
    pub on_conflict: Option<Vec<Box<str>>>,
    /// The token, empty for the first page.
    pub cursor: Option<Box<str>>,
    /// A function's arguments; unless they are told by their values, a repeated name keeps the last.
    pub arguments: Vec<(Box<str>, Box<str>)>,
}

/// Which parameters are a function's arguments.
#[derive(Clone, Copy)]
pub(super) enum Arguments<'a> {
    /// None: there is no function, or its arguments are in the body.
    None,
    /// These names.
    Known(&'a [Box<str>]),
    /// Every one whose value does not begin with an operator.
    Guessed,
    /// The same, whatever its name, and as often as it is given.
    ByValue,
}

type Pair<'q> = (Cow<'q, str>, Cow<'q, str>);

/// Reads a query string, without its `?`.
pub(super) fn query(raw: &str, arguments: Arguments<'_>, build: &mut Build) -> Result<Query, Problem> {
    let mut query = Query::default();
    if raw.is_empty() {
        return Ok(query);
    }
    let pairs = pairs(raw, if build.compatible { In::QueryAsIs } else { In::Query })?;
    let mut selects = pairs.iter().filter(|(key, _)| key == "select");
    if let Some((_, value)) = selects.next() {
        query.select.items = select(value, build)?;
    }
    if selects.next().is_some() {
        return Err(twice("select"));
    }
    for (key, value) in &pairs {
        parameter(key, value, arguments, &mut query, build)?;
    }
    Ok(query)
}

fn pairs(raw: &str, encoding: In) -> Result<Vec<Pair<'_>>, Problem> {
    let count = memchr::memchr_iter(b'&', raw.as_bytes()).count() + 1;
    super::build::within(u32::try_from(count).unwrap_or(u32::MAX), PARAMETERS_MAX, "query parameters")?;
    let mut pairs = Vec::with_capacity(count);
    for part in raw.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = match memchr::memchr(b'=', part.as_bytes()) {
            Some(at) => (&part[..at], &part[at + 1..]),
            None => (part, ""),
        };
        pairs.push((decode(key, encoding)?, decode(value, encoding)?));
    }
    Ok(pairs)
}

/// Most parameters of one query string.
const PARAMETERS_MAX: u32 = 1_000;

fn parameter(
    key: &str,
    value: &str,
    arguments: Arguments<'_>,
    query: &mut Query,
    build: &mut Build,
) -> Result<(), Problem> {
    match key {
        "select" => {}
        "order" => once(key, query.select.order.is_empty()).and_then(|()| {
            query.select.order = order(value, build)?;
            Ok(())
        })?,
        "limit" => set(key, &mut query.limit, rows("limit", value, build)?)?,
        "offset" => set(key, &mut query.offset, rows("offset", value, build)?)?,
        "columns" => set(key, &mut query.columns, names("columns", value)?)?,
        "on_conflict" => set(key, &mut query.on_conflict, names("on_conflict", value)?)?,
        "and" | "or" | "not.and" | "not.or" => {
            let filter = logic(key, value, build)?;
            and_also(&mut query.select.filter, filter);
        }
        // A token never has a '.', so a column of this name can still be filtered.
        "cursor" if !begins_with_operator(value) => set(key, &mut query.cursor, value.into())?,
        "having" if !begins_with_operator(value) => {
            let condition = having(value, build)?;
            and_also(&mut query.select.having, condition);
        }
        _ if is_argument(key, value, arguments) => {
            if !matches!(arguments, Arguments::ByValue) {
                query.arguments.retain(|(name, _)| **name != *key);
            }
            query.arguments.push((key.into(), value.into()));
        }
        _ => filter(key, value, &mut query.select, build)?,
    }
    Ok(())
}

fn is_argument(key: &str, value: &str, arguments: Arguments<'_>) -> bool {
    match arguments {
        Arguments::None => false,
        Arguments::Known(names) => names.iter().any(|name| **name == *key),
        Arguments::Guessed => !begins_with_operator(value) && !key.contains('.'),
        Arguments::ByValue => !begins_with_operator(value) && !value.starts_with("not."),
    }
}

/// A filter, or a part of an embedded resource: `[embed.]…column[->path]`, `embed.order`, `embed.or`, …
fn filter(key: &str, value: &str, select: &mut Select, build: &mut Build) -> Result<(), Problem> {
    let mut scanner = Scanner::new("tree path", key).compatibly(build.compatible);
    let mut names = Vec::new();
    let mut last = scanner.name("a column name")?;
    while scanner.eat(b'.') {
        names.push(last);
        last = scanner.name("a column name")?;
    }
    if !names.is_empty() && !last.quoted && scanner.at_end() {
        match &*last.text {
            "and" | "or" => {
                let negated = names.last().is_some_and(|name| name.is("not"));
                names.truncate(names.len() - usize::from(negated));
                let join = if last.is("and") { Join::And } else { Join::Or };
                let condition = group(negated, join, value, build)?;
                and_also(&mut embedded(select, &names)?.filter, condition);
                return Ok(());
            }
            "order" => {
                let embedded = embedded(select, &names)?;
                once(key, embedded.order.is_empty())?;
                embedded.order = order(value, build)?;
                return Ok(());
            }
            "having" => {
                let condition = having(value, build)?;
                and_also(&mut embedded(select, &names)?.having, condition);
                return Ok(());
            }
            "limit" | "offset" => {
                let rows = rows(if last.is("limit") { "limit" } else { "offset" }, value, build)?;
                let slot = build.literal(Literal::Integer(rows as i64))?;
                let embedded = embedded(select, &names)?;
                let place = if last.is("limit") { &mut embedded.limit } else { &mut embedded.offset };
                return set(key, place, slot);
            }
            _ => {}
        }
    }
    let path = path(last, &mut scanner)?;
    scanner.finish("'.', '->', '->>' or '='")?;
    let mut scanner = Scanner::new("filter", value).compatibly(build.compatible);
    let (negated, test) = match test(&mut scanner, build, Place::Alone) {
        Err(problem) if !build.compatible => return Err(named(problem, key)),
        read => read?,
    };
    let condition = Filter::Condition(Condition { path: Some(path), aggregate: None, test });
    and_also(&mut embedded(select, &names)?.filter, negate(negated, condition));
    Ok(())
}

/// Says which parameter an error is about.
#[cold]
fn named(problem: Problem, key: &str) -> Problem {
    match problem.details().map(|details| format!("{details} in '{}'", super::scanner::clip(key))) {
        Some(details) => problem.with_details(details),
        None => problem,
    }
}

fn logic(key: &str, value: &str, build: &mut Build) -> Result<Filter, Problem> {
    let join = if key.ends_with("and") { Join::And } else { Join::Or };
    group(key.starts_with("not."), join, value, build)
}

/// The embedded resource at a path of names or aliases; the root itself for the empty path.
fn embedded<'s>(mut select: &'s mut Select, names: &[Name<'_>]) -> Result<&'s mut Select, Problem> {
    for name in names {
        let by_alias = select.items.iter().position(|item| called(item) == Some(&name.text));
        // The name of an aliased resource is an older way to say which.
        let by_name = || select.items.iter().position(|item| resource(item) == Some(&name.text));
        let at = by_alias.or_else(by_name);
        let found = match at.map(|at| &mut select.items[at]) {
            Some(Item::Embed(embed)) => &mut embed.select,
            _ => return Err(not_embedded(&name.text)),
        };
        select = found;
    }
    Ok(select)
}

fn resource(item: &Item) -> Option<&str> {
    match item {
        Item::Embed(embed) => Some(&embed.resource),
        _ => None,
    }
}

fn called(item: &Item) -> Option<&str> {
    match item {
        Item::Embed(embed) => Some(embed.alias.as_ref().unwrap_or(&embed.resource)),
        _ => None,
    }
}

#[cold]
fn not_embedded(name: &str) -> Problem {
    Problem::new(Code::NotEmbedded, format!("'{name}' is not an embedded resource in this request"))
        .with_hint(format!("Verify that '{name}' is included in the 'select' query parameter."))
}

/// How many rows. PostgREST skips a negative number of rows by skipping none.
fn rows(key: &str, value: &str, build: &Build) -> Result<u64, Problem> {
    match value.parse::<i64>() {
        Ok(rows) if build.compatible && rows < 0 && key == "offset" => Ok(0),
        Ok(rows) if build.compatible && rows < 0 => {
            Err(Problem::new(Code::RangeInvalid, "Requested range not satisfiable")
                .with_details("Limit should be greater than or equal to zero."))
        }
        _ => number(key, value),
    }
}

fn number(key: &str, value: &str) -> Result<u64, Problem> {
    let invalid = |code, message: String| {
        Problem::new(code, message)
            .with_details(format!("'{}' was given", super::scanner::clip(value)))
            .with_hint(format!("Write a whole number from 0, for example {key}=10"))
    };
    match value.parse::<i64>() {
        Ok(number) => u64::try_from(number)
            .map_err(|_| invalid(Code::RangeInvalid, format!("{key} cannot be negative"))),
        Err(_) => Err(invalid(Code::QuerySyntax, format!("{key} is not a whole number"))),
    }
}

/// `a,"b c",d`
fn names(key: &'static str, value: &str) -> Result<Vec<Box<str>>, Problem> {
    let kind = if key == "columns" { "columns parameter" } else { key };
    let mut scanner = Scanner::new(kind, value);
    let mut names = Vec::new();
    loop {
        let name = scanner.name("field name (* or [a..z0..9_$])")?.boxed();
        if names.contains(&name) {
            return Err(Problem::new(Code::QuerySyntax, format!("'{name}' is named twice in {key}")));
        }
        names.push(name);
        super::build::within(names.len() as u32, super::body::COLUMNS_MAX, "columns")?;
        scanner.skip_spaces();
        if !scanner.eat(b',') {
            scanner.finish("','")?;
            return Ok(names);
        }
    }
}

fn set<T>(key: &str, place: &mut Option<T>, value: T) -> Result<(), Problem> {
    once(key, place.is_none())?;
    *place = Some(value);
    Ok(())
}

fn once(key: &str, first: bool) -> Result<(), Problem> {
    if first { Ok(()) } else { Err(twice(key)) }
}

#[cold]
fn twice(key: &str) -> Problem {
    Problem::new(Code::QuerySyntax, format!("'{key}' is given twice"))
        .with_hint(format!("Give '{key}' once, with its parts separated by commas"))
}
