//! What one parse collects besides the shape: the values cut out, and how much of each limit is used up.

use transom_query::request::{Earlier, Filter, Literal, Slot};
use transom_types::{
    Code, Problem,
    limits::{EMBED_COUNT_MAX, EMBED_DEPTH_MAX, FILTER_COUNT_MAX, SELECT_ITEMS_MAX},
};

/// The state of one parse.
#[derive(Debug, Default)]
pub(super) struct Build {
    pub literals: Vec<Literal>,
    /// In a batch: this operation's place in it. Values may refer to earlier ones.
    pub operation: Option<u16>,
    /// Whether what is written is read just as PostgREST reads it.
    pub compatible: bool,
    filters: u32,
    items: u32,
    embeds: u32,
}

impl Build {
    /// `operation` is the place in a batch, if the request is part of one.
    pub fn new(operation: Option<u16>, compatible: bool) -> Self {
        Self { operation, compatible, ..Self::default() }
    }

    pub fn literal(&mut self, literal: Literal) -> Result<Slot, Problem> {
        let slot = u16::try_from(self.literals.len()).map_err(|_| too_many("values", u32::from(u16::MAX)))?;
        self.literals.push(literal);
        Ok(Slot(slot))
    }

    /// A value as the caller wrote it, or in a batch `$ref(0.column)`.
    pub fn text(&mut self, text: &str) -> Result<Slot, Problem> {
        let literal = match self.reference(text)? {
            Some(earlier) => Literal::Earlier(earlier),
            None => Literal::Text(text.into()),
        };
        self.literal(literal)
    }

    fn reference(&self, text: &str) -> Result<Option<Earlier>, Problem> {
        let Some(operation) = self.operation else { return Ok(None) };
        match text.strip_prefix("$ref(").and_then(|rest| rest.strip_suffix(')')) {
            Some(target) => earlier(target, operation).map(Some),
            None => Ok(None),
        }
    }

    pub fn count_filter(&mut self) -> Result<(), Problem> {
        self.filters += 1;
        within(self.filters, FILTER_COUNT_MAX, "conditions")
    }

    pub fn count_item(&mut self) -> Result<(), Problem> {
        self.items += 1;
        within(self.items, SELECT_ITEMS_MAX, "items in select")
    }

    pub fn count_embed(&mut self, depth: u32) -> Result<(), Problem> {
        self.embeds += 1;
        within(self.embeds, EMBED_COUNT_MAX, "embedded resources")?;
        within(depth, EMBED_DEPTH_MAX, "levels of embedded resources")
    }
}

/// Reads `0.column`: a column of what an operation before `operation` returns.
pub(super) fn earlier(target: &str, operation: u16) -> Result<Earlier, Problem> {
    let invalid = |details: String| {
        Problem::new(Code::BatchInvalid, "a reference to an earlier operation is not valid")
            .with_details(details)
            .with_hint("Write OPERATION.COLUMN, for example 0.id for the id that the first operation returns")
    };
    let (number, column) = target.split_once('.').ok_or_else(|| invalid(format!("'{target}' has no '.'")))?;
    let number: u16 =
        number.parse().map_err(|_| invalid(format!("'{number}' in '{target}' is not a number")))?;
    if number >= operation {
        return Err(invalid(format!(
            "operation {operation} cannot refer to operation {number}, which is not earlier"
        )));
    }
    if column.is_empty() || column.len() > transom_types::limits::NAME_BYTES_MAX {
        return Err(invalid(format!("'{target}' names no column")));
    }
    Ok(Earlier { operation: number, column: column.into() })
}

/// Adds a condition that must hold as well. An `and` inside an `and` says nothing, so there is none.
pub(super) fn and_also(filter: &mut Option<Filter>, more: Filter) {
    *filter = Some(match filter.take() {
        None => more,
        Some(filter) => conjunction(vec![filter, more]),
    });
}

/// All of these, without an `and` directly inside; one alone stands for itself.
pub(super) fn conjunction(parts: Vec<Filter>) -> Filter {
    let inside = |part| match part {
        Filter::And(parts) => Ok(parts),
        other => Err(other),
    };
    flattened(parts, inside, Filter::And)
}

/// One of these, without an `or` directly inside; one alone stands for itself.
pub(super) fn disjunction(parts: Vec<Filter>) -> Filter {
    let inside = |part| match part {
        Filter::Or(parts) => Ok(parts),
        other => Err(other),
    };
    flattened(parts, inside, Filter::Or)
}

fn flattened(
    parts: Vec<Filter>,
    inside: impl Fn(Filter) -> Result<Vec<Filter>, Filter>,
    join: impl Fn(Vec<Filter>) -> Filter,
) -> Filter {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match inside(part) {
            Ok(parts) if flat.is_empty() => flat = parts,
            Ok(parts) => flat.extend(parts),
            Err(part) => flat.push(part),
        }
    }
    match flat.len() {
        1 => flat.swap_remove(0),
        _ => join(flat),
    }
}

pub(super) fn within(count: u32, count_max: u32, what: &str) -> Result<(), Problem> {
    if count > count_max { Err(too_many(what, count_max)) } else { Ok(()) }
}

pub(super) fn too_many(what: &str, count_max: u32) -> Problem {
    Problem::new(Code::TooManyParts, format!("the request has too many {what}"))
        .with_details(format!("at most {count_max} {what} are allowed in one request"))
        .with_hint("Split the request")
}
