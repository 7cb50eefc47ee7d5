//! A request as its canonical URL: what is printed parses back to an equal request.
//!
//! Order: select, filters, order, having, limit, offset, each level before the embedded ones below it; then what
//! only writes have. The body and the headers are not part of it.

use std::{borrow::Cow, fmt::Write as _};

use serde_json::Value as Json;
use transom_query::request::{
    Action, Aggregate, Cell, Condition, DataRequest, Earlier, Embed, Field, Filter, FullTextKind, Item,
    JsonKey, Literal, Operator, Order, Path, Quantifier, Resource, Select, Shape, Slot, Test, Values,
};

use super::{
    filter::{IS_VALUES, Kind, OPERATORS},
    path::AGGREGATES,
    query_string::RESERVED,
    scanner::is_name_byte,
};

/// The path below `/rest/v1` and the query string of a request, percent-encoded.
pub fn url(request: &DataRequest) -> String {
    let mut url = path_of(&request.shape.resource, &request.values);
    let query = query_string(request);
    if !query.is_empty() {
        url.push('?');
        url.push_str(&query);
    }
    url
}

/// The path below `/rest/v1`, without a leading slash.
pub fn path_of(resource: &Resource, values: &Values) -> String {
    let mut path = String::new();
    match resource {
        Resource::Table(name) => encode(name, &mut path),
        Resource::Function(name) => {
            path.push_str("rpc/");
            encode(name, &mut path);
        }
        Resource::Row(name, key) => {
            encode(name, &mut path);
            let printer = Printer { values: Some(values), text: String::new() };
            for (at, slot) in key.iter().enumerate() {
                path.push(if at == 0 { '/' } else { ',' });
                encode_with(&printer.literal(*slot), |byte| byte == b',', &mut path);
            }
        }
    }
    path
}

/// The query string, without its `?`.
pub fn query_string(request: &DataRequest) -> String {
    let mut printer = Printer { values: Some(&request.values), text: String::new() };
    printer.shape(&request.shape);
    printer.text
}

/// What decides which rows follow which: resource, filters and order, without values.
pub(super) fn ordering(shape: &Shape) -> String {
    let mut printer = Printer { values: None, text: path_of(&shape.resource, &Values::default()) };
    let (filter, having) = (shape.select.filter.clone(), shape.select.having.clone());
    // Conditions on embedded resources choose rows too, where those are inner.
    let items = shape.select.items.iter().filter(|item| matches!(item, Item::Embed(_))).cloned().collect();
    let order = shape.select.order.clone();
    printer.select(&Select { items, filter, having, order, ..Select::default() }, &[]);
    printer.text
}

/// A name as it is written in the grammar: in quotes where it would be read as something else.
pub(super) fn name(name: &str) -> Cow<'_, str> {
    let keyword = || {
        RESERVED.contains(&name)
            || name == "not"
            || OPERATORS.iter().any(|(operator, _)| *operator == name)
            || AGGREGATES.iter().any(|(aggregate, _)| *aggregate == name)
            || matches!(name, "inner" | "left" | "asc" | "desc" | "nullsfirst" | "nullslast")
    };
    let plain = !name.is_empty()
        && !name.starts_with([' ', '-'])
        && !name.ends_with([' ', '-'])
        && !name.as_bytes()[0].is_ascii_digit()
        && name.bytes().all(is_name_byte)
        && !keyword();
    if plain { Cow::Borrowed(name) } else { Cow::Owned(quoted(name)) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Percent-encodes for a query string or path; what the grammar itself uses and URLs allow stays readable.
pub(super) fn encode(text: &str, into: &mut String) {
    encode_with(text, |_| false, into);
}

fn encode_with(text: &str, also: impl Fn(u8) -> bool, into: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        let safe = byte.is_ascii_alphanumeric() || b"-._~,:()*!$".contains(&byte);
        if safe && !also(byte) {
            into.push(byte as char);
        } else {
            into.push('%');
            into.push(HEX[usize::from(byte >> 4)] as char);
            into.push(HEX[usize::from(byte & 15)] as char);
        }
    }
}

struct Printer<'a> {
    /// `None` prints `?` for every value.
    values: Option<&'a Values>,
    text: String,
}

impl Printer<'_> {
    fn parameter(&mut self, key: &str, value: &str) {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        encode(key, &mut self.text);
        self.text.push('=');
        encode(value, &mut self.text);
    }

    fn shape(&mut self, shape: &Shape) {
        if !shape.select.items.is_empty() {
            let items = items(&shape.select.items);
            self.parameter("select", &items);
        }
        if let Action::Call { read_only: true, .. } = &shape.action {
            self.arguments();
        }
        self.select(&shape.select, &[]);
        if let Some(cursor) = &shape.select.cursor {
            let token = cursor.after.as_ref().map(|slots| self.token(shape, slots));
            self.parameter("cursor", token.as_deref().unwrap_or("start"));
        }
        let (columns, conflict) = match &shape.action {
            Action::Insert(insert) => (&*insert.columns, insert.conflict.as_ref()),
            Action::Update { columns, .. } | Action::Put { columns } => (&**columns, None),
            _ => (Default::default(), None),
        };
        if !columns.is_empty() {
            self.parameter("columns", &names(columns));
        }
        if let Some(conflict) = conflict.filter(|conflict| !conflict.columns.is_empty()) {
            self.parameter("on_conflict", &names(&conflict.columns));
        }
    }

    fn token(&self, shape: &Shape, slots: &[Slot]) -> String {
        let values: Vec<_> = slots.iter().map(|slot| self.literal(*slot)).collect();
        super::cursor::encode_cursor(super::cursor::fingerprint(shape), &format!("[{}]", values.join(",")))
    }

    fn arguments(&mut self) {
        let Some(payload) = self.values.map(|values| &values.payload) else { return };
        for (column, cell) in payload.columns.iter().zip(payload.rows.first().into_iter().flatten()) {
            match cell {
                Cell::Json(Json::String(text)) => self.parameter(column, text),
                Cell::Json(other) => self.parameter(column, &other.to_string()),
                Cell::Missing | Cell::Earlier(_) => {}
            }
        }
    }

    /// Everything of one level but its items, then the levels below.
    fn select(&mut self, select: &Select, path: &[&str]) {
        let prefix: String = path.iter().map(|part| format!("{}.", name(part))).collect();
        match &select.filter {
            Some(Filter::And(parts)) => parts.iter().for_each(|part| self.filter(&prefix, part)),
            Some(filter) => self.filter(&prefix, filter),
            None => {}
        }
        if !select.order.is_empty() {
            let terms: Vec<_> = select.order.iter().map(order).collect();
            self.parameter(&format!("{prefix}order"), &terms.join(","));
        }
        match &select.having {
            Some(Filter::And(parts)) => parts.iter().for_each(|part| self.having(&prefix, part)),
            Some(filter) => self.having(&prefix, filter),
            None => {}
        }
        for (key, slot) in [("limit", select.limit), ("offset", select.offset)] {
            if let Some(slot) = slot {
                let rows = self.literal(slot).into_owned();
                self.parameter(&format!("{prefix}{key}"), &rows);
            }
        }
        for item in &select.items {
            if let Item::Embed(embed) = item {
                let mut path = path.to_vec();
                path.push(embed.alias.as_ref().unwrap_or(&embed.resource));
                self.select(&embed.select, &path);
            }
        }
    }

    /// One parameter of a level.
    fn filter(&mut self, prefix: &str, filter: &Filter) {
        let (negated, inner) = match filter {
            Filter::Not(inner) => ("not.", &**inner),
            inner => ("", inner),
        };
        let (key, parts) = match inner {
            Filter::Condition(Condition { path: Some(path), aggregate: None, test }) => {
                let value = format!("{negated}{}", self.test(test, |text| text.into()));
                return self.parameter(&format!("{prefix}{}", path_text(path)), &value);
            }
            Filter::And(parts) => ("and", &**parts),
            Filter::Or(parts) => ("or", &**parts),
            Filter::Condition(_) | Filter::Not(_) => ("and", std::slice::from_ref(inner)),
        };
        let value = self.group(parts);
        self.parameter(&format!("{prefix}{negated}{key}"), &value);
    }

    fn having(&mut self, prefix: &str, filter: &Filter) {
        let value = match filter {
            Filter::Condition(condition) => self.leaf("", condition, |text| text.into()),
            Filter::Not(inner) => match &**inner {
                Filter::Condition(condition) => self.leaf("not.", condition, |text| text.into()),
                _ => self.node(filter),
            },
            _ => self.node(filter),
        };
        self.parameter(&format!("{prefix}having"), &value);
    }

    fn group(&self, parts: &[Filter]) -> String {
        let parts: Vec<_> = parts.iter().map(|part| self.node(part)).collect();
        format!("({})", parts.join(","))
    }

    /// A part of a logic tree.
    fn node(&self, filter: &Filter) -> String {
        match filter {
            Filter::And(parts) => format!("and{}", self.group(parts)),
            Filter::Or(parts) => format!("or{}", self.group(parts)),
            Filter::Condition(condition) => self.leaf("", condition, tree_value),
            Filter::Not(inner) => match &**inner {
                Filter::And(_) | Filter::Or(_) => format!("not.{}", self.node(inner)),
                Filter::Condition(condition) => self.leaf("not.", condition, tree_value),
                Filter::Not(_) => format!("not.and({})", self.node(inner)),
            },
        }
    }

    fn leaf(&self, negated: &str, condition: &Condition, value: fn(&str) -> String) -> String {
        let subject = match (&condition.path, condition.aggregate) {
            (Some(path), Some(aggregate)) => format!("{}.{}", path_text(path), aggregate_text(aggregate)),
            (Some(path), None) => path_text(path),
            (None, aggregate) => aggregate_text(aggregate.unwrap_or(Aggregate::Count)),
        };
        format!("{subject}.{negated}{}", self.test(&condition.test, value))
    }

    fn test(&self, test: &Test, value: fn(&str) -> String) -> String {
        match test {
            Test::Compare(operator, None, slot) => {
                format!("{}.{}", operator_name(*operator), value(&self.literal(*slot)))
            }
            Test::Compare(operator, Some(quantifier), slot) => {
                let quantifier = if *quantifier == Quantifier::Any { "any" } else { "all" };
                format!("{}({quantifier}).{}", operator_name(*operator), value(&self.list(*slot, '{', '}')))
            }
            Test::In(slot) => format!("in.{}", self.list(*slot, '(', ')')),
            Test::Is(is) => {
                let word = IS_VALUES.iter().find(|(_, value)| value == is).map_or("null", |(word, _)| word);
                format!("is.{word}")
            }
            Test::FullText { kind, language, query } => {
                let language = language.as_ref().map(|language| format!("({})", name(language)));
                format!(
                    "{}{}.{}",
                    full_text_name(*kind),
                    language.unwrap_or_default(),
                    value(&self.literal(*query))
                )
            }
        }
    }

    fn literal(&self, slot: Slot) -> Cow<'_, str> {
        let Some(values) = self.values else { return Cow::Borrowed("?") };
        match values.literals.get(usize::from(slot.0)) {
            Some(Literal::Text(text)) => Cow::Borrowed(text),
            Some(Literal::Listed { written, .. }) => Cow::Borrowed(written),
            Some(Literal::Integer(number)) => Cow::Owned(number.to_string()),
            Some(Literal::Earlier(Earlier { operation, column })) => {
                Cow::Owned(format!("$ref({operation}.{column})"))
            }
            Some(Literal::List(_)) | None => Cow::Borrowed("?"),
        }
    }

    fn list(&self, slot: Slot, open: char, close: char) -> String {
        let list = match self.values.and_then(|values| values.literals.get(usize::from(slot.0))) {
            Some(Literal::List(list)) => list.as_slice(),
            _ => &[],
        };
        let elements: Vec<_> = list
            .iter()
            .map(|element| {
                let bare = !element.is_empty()
                    && element.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
                if bare { element.to_string() } else { quoted(element) }
            })
            .collect();
        format!("{open}{}{close}", elements.join(","))
    }
}

/// A value among others in a logic tree.
fn tree_value(text: &str) -> String {
    let bare = !text.is_empty() && !text.contains([',', '(', ')', '"', '{', '\\']);
    if bare { text.to_owned() } else { quoted(text) }
}

fn names(columns: &[Box<str>]) -> String {
    columns.iter().map(|column| name(column)).collect::<Vec<_>>().join(",")
}

fn items(items: &[Item]) -> String {
    let items: Vec<_> = items
        .iter()
        .map(|item| match item {
            Item::All => "*".to_owned(),
            Item::Field(field) => field_text(field),
            Item::Embed(embed) => embed_text(embed),
        })
        .collect();
    items.join(",")
}

fn alias_text(alias: Option<&str>) -> String {
    alias.map(|alias| format!("{}:", name(alias))).unwrap_or_default()
}

fn field_text(field: &Field) -> String {
    let mut text = alias_text(field.alias.as_deref());
    let cast = |text: &mut String, cast: &Option<Box<str>>| {
        if let Some(cast) = cast {
            // Writing to a String cannot fail.
            let _ = write!(text, "::{}", name(cast));
        }
    };
    match &field.path {
        Some(path) => {
            text.push_str(&path_text(path));
            cast(&mut text, &field.cast);
            if let Some(aggregate) = field.aggregate {
                text.push('.');
                text.push_str(&aggregate_text(aggregate));
            }
        }
        None => text.push_str(&aggregate_text(field.aggregate.unwrap_or(Aggregate::Count))),
    }
    cast(&mut text, &field.aggregate_cast);
    text
}

fn embed_text(embed: &Embed) -> String {
    let mut text = String::from(if embed.spread { "..." } else { "" });
    text.push_str(&alias_text(embed.alias.as_deref()));
    text.push_str(&name(&embed.resource));
    if let Some(hint) = &embed.hint {
        text.push('!');
        text.push_str(&name(hint));
    }
    if embed.inner {
        text.push_str("!inner");
    }
    let inside = match (embed.empty, embed.select.items.is_empty()) {
        (true, _) => String::new(),
        (false, true) => "*".to_owned(),
        (false, false) => items(&embed.select.items),
    };
    text + "(" + &inside + ")"
}

fn path_text(path: &Path) -> String {
    let mut text = name(&path.column).into_owned();
    for step in &path.json {
        text.push_str(if step.as_text { "->>" } else { "->" });
        match &step.key {
            JsonKey::Member(key) => text.push_str(&name(key)),
            JsonKey::Index(index) => text.push_str(&index.to_string()),
        }
    }
    text
}

fn order(term: &Order) -> String {
    let mut text = match (&term.embed, &term.path) {
        (Some(embed), Some(path)) => format!("{}({})", name(embed), path_text(path)),
        (None, Some(path)) => path_text(path),
        (_, None) => String::new(),
    };
    if let Some(aggregate) = term.aggregate {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(&aggregate_text(aggregate));
    }
    if term.descending {
        text.push_str(".desc");
    }
    text.push_str(match term.nulls_first {
        Some(true) => ".nullsfirst",
        Some(false) => ".nullslast",
        None => "",
    });
    text
}

fn aggregate_text(aggregate: Aggregate) -> String {
    let name = AGGREGATES.iter().find(|(_, known)| *known == aggregate).map_or("count", |(name, _)| name);
    format!("{name}()")
}

fn operator_name(operator: Operator) -> &'static str {
    let found = OPERATORS.iter().find(|(_, kind)| match kind {
        Kind::Compare(known) | Kind::Quantifiable(known) => *known == operator,
        _ => false,
    });
    found.map_or("eq", |(name, _)| name)
}

fn full_text_name(kind: FullTextKind) -> &'static str {
    let found = OPERATORS.iter().find(|(_, known)| matches!(known, Kind::FullText(known) if *known == kind));
    found.map_or("fts", |(name, _)| name)
}
