//! `select=id,total:price.sum(),category(name),...supplier!fk!inner(city)`

use transom_query::request::{Embed, Field, Item, Select};
use transom_types::Problem;

use super::{
    build::Build,
    path::{aggregate, path},
    scanner::{Name, Scanner},
};

/// Reads the value of `select`. `*` alone is the same as nothing: every column.
pub(super) fn select(value: &str, build: &mut Build) -> Result<Vec<Item>, Problem> {
    if value.is_empty() || value == "*" {
        return Ok(Vec::new());
    }
    let mut scanner = Scanner::new("select parameter", value).compatibly(build.compatible);
    let items = items(&mut scanner, build, 0)?;
    // PostgREST does not read what stands behind the last resource.
    let behind = build.compatible && matches!(items.last(), Some(Item::Embed(_)));
    if !behind {
        scanner.finish("',' or the end of select")?;
    }
    Ok(items)
}

fn items(scanner: &mut Scanner<'_>, build: &mut Build, depth: u32) -> Result<Vec<Item>, Problem> {
    let mut items = Vec::new();
    loop {
        build.count_item()?;
        items.push(item(scanner, build, depth)?);
        scanner.skip_spaces();
        if !scanner.eat(b',') {
            break;
        }
    }
    if items == [Item::All] {
        items.clear();
    }
    Ok(items)
}

fn item(scanner: &mut Scanner<'_>, build: &mut Build, depth: u32) -> Result<Item, Problem> {
    const EXPECTING: &str = "a column, '*' or an embedded resource";
    scanner.skip_spaces();
    if scanner.eat(b'*') {
        return Ok(Item::All);
    }
    let spread = scanner.eat_text("...");
    let mut alias = None;
    if !is_count(scanner) {
        let mut name = scanner.name(EXPECTING)?;
        if scanner.peek() == Some(b':') && !scanner.rest().starts_with("::") {
            scanner.eat(b':');
            alias = Some(name.boxed());
            scanner.skip_spaces();
            if is_count(scanner) && !spread {
                return field(alias, None, scanner);
            }
            name = scanner.name("a column or an embedded resource")?;
        }
        if spread || matches!(scanner.peek(), Some(b'(' | b'!')) {
            return embed(alias, name, spread, scanner, build, depth + 1);
        }
        return field(alias, Some(name), scanner);
    }
    if spread {
        return Err(scanner.unexpected("an embedded resource to spread"));
    }
    field(alias, None, scanner)
}

/// `count()` is an aggregate and not an empty embedded resource.
fn is_count(scanner: &Scanner<'_>) -> bool {
    scanner.rest().starts_with("count()")
}

fn field(
    alias: Option<Box<str>>,
    column: Option<Name<'_>>,
    scanner: &mut Scanner<'_>,
) -> Result<Item, Problem> {
    let mut field = Field { alias, path: None, cast: None, aggregate: None, aggregate_cast: None };
    match column {
        Some(column) => {
            field.path = Some(path(column, scanner)?);
            field.cast = cast(scanner)?;
            if scanner.eat(b'.') {
                field.aggregate = Some(
                    aggregate(scanner)
                        .ok_or_else(|| scanner.unexpected("count(), sum(), avg(), max() or min()"))?,
                );
            }
        }
        None => field.aggregate = aggregate(scanner),
    }
    if field.aggregate.is_some() {
        field.aggregate_cast = cast(scanner)?;
    }
    Ok(Item::Field(field))
}

fn cast(scanner: &mut Scanner<'_>) -> Result<Option<Box<str>>, Problem> {
    if !scanner.eat_text("::") {
        return Ok(None);
    }
    Ok(Some(scanner.name("a type name")?.boxed()))
}

fn embed(
    alias: Option<Box<str>>,
    resource: Name<'_>,
    spread: bool,
    scanner: &mut Scanner<'_>,
    build: &mut Build,
    depth: u32,
) -> Result<Item, Problem> {
    build.count_embed(depth)?;
    let (hint, inner) = modifiers(scanner)?;
    scanner.expect(b'(', "'(' and the columns of the embedded resource")?;
    scanner.skip_spaces();
    let mut select = Select::default();
    let empty = scanner.eat(b')');
    if !empty {
        select.items = items(scanner, build, depth)?;
        scanner.expect(b')', "',' or ')'")?;
    }
    Ok(Item::Embed(Embed { alias, resource: resource.boxed(), hint, inner, spread, select, empty }))
}

/// `!hint`, `!inner` and `!left`, in any order.
fn modifiers(scanner: &mut Scanner<'_>) -> Result<(Option<Box<str>>, bool), Problem> {
    let (mut hint, mut join) = (None, None);
    loop {
        let start = scanner.position();
        if !scanner.eat(b'!') {
            return Ok((hint, join.unwrap_or(false)));
        }
        let name = scanner.name("a foreign key, inner or left")?;
        if join.is_none() && (name.is("inner") || name.is("left")) {
            join = Some(name.is("inner"));
        } else if hint.is_none() {
            hint = Some(name.boxed());
        } else {
            scanner.rewind(start);
            return Err(scanner.unexpected("'(': one hint and one of inner and left are allowed"));
        }
    }
}
