//! `order=name.asc.nullslast,data->>age.desc,category(name),price.sum().desc`

use transom_query::request::Order;
use transom_types::Problem;

use super::{
    build::Build,
    path::{aggregate, path},
    scanner::Scanner,
};

/// Reads the value of `order`.
pub(super) fn order(value: &str, build: &mut Build) -> Result<Vec<Order>, Problem> {
    let mut scanner = Scanner::new("order", value).compatibly(build.compatible);
    let mut terms = Vec::new();
    if value.is_empty() {
        return Ok(terms);
    }
    loop {
        build.count_filter()?;
        terms.push(term(&mut scanner)?);
        scanner.skip_spaces();
        if !scanner.eat(b',') {
            let ended = terms.last().is_some_and(|term| term.nulls_first.is_some());
            scanner.finish(match ended {
                true => scanner.words("',' or the end of the value", "\",\" or end of input"),
                false => "',', '.asc', '.desc', '.nullsfirst' or '.nullslast'",
            })?;
            return Ok(terms);
        }
    }
}

fn term(scanner: &mut Scanner<'_>) -> Result<Order, Problem> {
    let mut order = Order { embed: None, path: None, aggregate: None, descending: false, nulls_first: None };
    scanner.skip_spaces();
    if scanner.rest().starts_with("count()") {
        order.aggregate = aggregate(scanner);
    } else {
        let mut name = scanner.name("a column name")?;
        if scanner.eat(b'(') {
            order.embed = Some(name.boxed());
            name = scanner.name("a column of the related resource")?;
            order.path = Some(path(name, scanner)?);
            scanner.expect(b')', "')'")?;
        } else {
            order.path = Some(path(name, scanner)?);
        }
    }
    suffixes(scanner, &mut order)?;
    Ok(order)
}

fn suffixes(scanner: &mut Scanner<'_>, order: &mut Order) -> Result<(), Problem> {
    let mut direction = false;
    while scanner.peek() == Some(b'.') {
        let dot = scanner.position();
        scanner.eat(b'.');
        let fresh = !direction && order.nulls_first.is_none();
        if fresh && order.aggregate.is_none() && order.embed.is_none() {
            order.aggregate = aggregate(scanner);
            if order.aggregate.is_some() {
                continue;
            }
        }
        // Nothing can follow these, so what does is told by itself.
        let nulls = [("nullsfirst", true), ("nullslast", false)];
        if order.nulls_first.is_none()
            && let Some((_, first)) = nulls.into_iter().find(|(word, _)| scanner.eat_text(word))
        {
            order.nulls_first = Some(first);
            continue;
        }
        match scanner.word() {
            "asc" if fresh => direction = true,
            "desc" if fresh => {
                direction = true;
                order.descending = true;
            }
            _ => {
                scanner.rewind(dot);
                return Err(scanner.unexpected("',', '.asc', '.desc', '.nullsfirst' or '.nullslast'"));
            }
        }
    }
    Ok(())
}
