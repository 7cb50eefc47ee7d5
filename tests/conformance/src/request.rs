//! Requests for cases, built in Rust: the suite depends on no protocol.

use serde_json::Value as Json;
use transom_query::{
    DataRequest,
    request::{
        Action, Aggregate, Cell, Condition, Conflict, Count, Cursor, Embed, Expect, Field, Filter,
        FullTextKind, Insert, IsValue, Item, JsonKey, JsonStep, Literal, Operator, Order, Path, Payload,
        Quantifier, Resolution, Resource, Returning, Select, Shape, Slot, Test, Values,
    },
};

/// A condition with its values in place.
#[derive(Clone, Debug)]
pub enum Where {
    /// All hold.
    And(Vec<Where>),
    /// One holds.
    Or(Vec<Where>),
    /// It does not hold.
    Not(Box<Where>),
    /// Column, operator, value.
    Compare(String, Operator, String),
    /// Column, operator, quantifier, values.
    Quantified(String, Operator, Quantifier, Vec<String>),
    /// Column and values.
    In(String, Vec<String>),
    /// Column, kind and words.
    FullText(String, FullTextKind, String),
    /// Column and word.
    Is(String, IsValue),
}

/// `column operator value`
pub fn test(column: &str, operator: Operator, value: &str) -> Where {
    Where::Compare(column.into(), operator, value.into())
}

/// `column = value`
pub fn eq(column: &str, value: &str) -> Where {
    test(column, Operator::Eq, value)
}

/// `column IS …`
pub fn is(column: &str, value: IsValue) -> Where {
    Where::Is(column.into(), value)
}

/// `column IN (…)`
pub fn among(column: &str, values: &[&str]) -> Where {
    Where::In(column.into(), values.iter().map(|value| (*value).into()).collect())
}

/// `column operator ANY/ALL (…)`
pub fn quantified(column: &str, operator: Operator, quantifier: Quantifier, values: &[&str]) -> Where {
    Where::Quantified(
        column.into(),
        operator,
        quantifier,
        values.iter().map(|value| (*value).into()).collect(),
    )
}

/// The negation.
pub fn not(of: Where) -> Where {
    Where::Not(Box::new(of))
}

/// A request under construction.
#[derive(Clone, Debug)]
pub struct Request {
    request: DataRequest,
}

/// What is read of a resource.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    columns: Vec<Item>,
    embeds: Vec<(Embed, Wanted)>,
    filter: Option<Where>,
    having: Option<(Aggregate, Operator, String)>,
    order: Vec<Order>,
    limit: Option<i64>,
    offset: Option<i64>,
}

/// These columns, as the REST grammar writes them: `alias:column->path::type`, `column.sum()`, `*`.
pub fn columns(list: &str) -> Wanted {
    let items = list.split(',').filter(|item| !item.is_empty()).map(item).collect();
    Wanted { columns: items, ..Wanted::default() }
}

impl Wanted {
    /// With rows of a related resource: `alias:resource!hint`, with a leading `...` spread.
    #[must_use]
    pub fn with(mut self, name: &str, wanted: Wanted) -> Self {
        let (spread, name) = name.strip_prefix("...").map_or((false, name), |name| (true, name));
        let (alias, name) =
            name.split_once(':').map_or((None, name), |(alias, name)| (Some(alias.into()), name));
        let mut parts = name.split('!');
        let resource = parts.next().unwrap_or_default().into();
        let (mut inner, mut hint) = (false, None);
        for part in parts {
            match part {
                "inner" => inner = true,
                name => hint = Some(name.into()),
            }
        }
        let empty = wanted.columns.is_empty() && wanted.embeds.is_empty();
        let embed = Embed { alias, resource, hint, inner, spread, select: Select::default(), empty };
        self.embeds.push((embed, wanted));
        self
    }

    /// Only these rows.
    #[must_use]
    pub fn filter(mut self, filter: Where) -> Self {
        self.filter = Some(match self.filter.take() {
            Some(before) => Where::And(vec![before, filter]),
            None => filter,
        });
        self
    }

    /// Only these groups.
    #[must_use]
    pub fn having(mut self, aggregate: Aggregate, operator: Operator, value: &str) -> Self {
        self.having = Some((aggregate, operator, value.into()));
        self
    }

    /// In this order, as the REST grammar writes it: `price.desc.nullslast,name` or `embed(column)`.
    #[must_use]
    pub fn order(mut self, terms: &str) -> Self {
        self.order = terms.split(',').map(order_term).collect();
        self
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, rows: i64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// After skipping so many rows.
    #[must_use]
    pub fn offset(mut self, rows: i64) -> Self {
        self.offset = Some(rows);
        self
    }

    fn build(self, values: &mut Values) -> Select {
        let mut items = self.columns;
        for (embed, wanted) in self.embeds {
            items.push(Item::Embed(Embed { select: wanted.build(values), ..embed }));
        }
        let having = self.having.map(|(aggregate, operator, value)| {
            let path = None;
            let test = Test::Compare(operator, None, literal(values, Literal::Text(value.into())));
            Filter::Condition(Condition { path, aggregate: Some(aggregate), test })
        });
        Select {
            items,
            filter: self.filter.map(|filter| condition(filter, values)),
            having,
            order: self.order,
            limit: self.limit.map(|rows| literal(values, Literal::Integer(rows))),
            offset: self.offset.map(|rows| literal(values, Literal::Integer(rows))),
            cursor: None,
        }
    }
}

/// Reads a table.
pub fn read(table: &str, wanted: Wanted) -> Request {
    let mut values = Values::default();
    let select = wanted.build(&mut values);
    Request { request: DataRequest { shape: Shape { select, ..Shape::read(table) }, values } }
}

/// Inserts a JSON object or a list of them.
pub fn insert(table: &str, body: Json) -> Request {
    let single = body.is_object();
    let payload = payload(body);
    let columns = payload.columns.clone();
    write(
        table,
        Action::Insert(Insert { columns, single, conflict: None, missing_default: true, objects: vec![] }),
        payload,
    )
}

/// Sets columns of the rows that a filter chooses.
pub fn update(table: &str, filter: Where, body: Json) -> Request {
    let payload = payload(body);
    let action = Action::Update { columns: payload.columns.clone(), missing_default: false };
    write(table, action, payload).filter(filter)
}

/// Deletes the rows that a filter chooses.
pub fn delete(table: &str, filter: Where) -> Request {
    write(table, Action::Delete, Payload::default()).filter(filter)
}

/// Calls a handwritten statement.
pub fn call(function: &str, arguments: Json, read_only: bool) -> Request {
    let payload = payload(arguments);
    let arguments = payload.columns.clone();
    let action = Action::Call { arguments, read_only, given: Default::default() };
    let shape = Shape { resource: Resource::Function(function.into()), action, ..Shape::read(function) };
    Request { request: DataRequest { shape, values: Values { payload, ..Values::default() } } }
}

fn write(table: &str, action: Action, payload: Payload) -> Request {
    let shape = Shape {
        resource: Resource::Table(table.into()),
        action,
        returning: Returning::Minimal,
        ..Shape::read(table)
    };
    Request { request: DataRequest { shape, values: Values { payload, ..Values::default() } } }
}

impl Request {
    /// The finished request.
    pub fn build(self) -> DataRequest {
        self.request
    }

    fn filter(mut self, filter: Where) -> Self {
        self.request.shape.select.filter = Some(condition(filter, &mut self.request.values));
        self
    }

    /// Returns the written rows so. The filter of an update or delete stays.
    #[must_use]
    pub fn returning(mut self, wanted: Wanted) -> Self {
        let filter = self.request.shape.select.filter.take();
        let select = wanted.build(&mut self.request.values);
        self.request.shape.select = Select { filter, ..select };
        self.request.shape.returning = Returning::Rows;
        self
    }

    /// Returns only the key of a single inserted row.
    #[must_use]
    pub fn returning_key(mut self) -> Self {
        self.request.shape.returning = Returning::Key;
        self
    }

    /// What happens to rows that exist already, by these unique columns (none: the primary key).
    #[must_use]
    pub fn on_conflict(mut self, columns: &[&str], resolution: Resolution) -> Self {
        if let Action::Insert(insert) = &mut self.request.shape.action {
            let columns = columns.iter().map(|column| (*column).into()).collect();
            insert.conflict = Some(Conflict { columns, resolution });
        }
        self
    }

    /// Missing cells become NULL and not the default.
    #[must_use]
    pub fn missing_null(mut self) -> Self {
        if let Action::Insert(insert) = &mut self.request.shape.action {
            insert.missing_default = false;
        }
        self
    }

    /// With the total.
    #[must_use]
    pub fn counted(mut self) -> Self {
        self.request.shape.count = Some(Count::Exact);
        self
    }

    /// The number of rows must be so.
    #[must_use]
    pub fn expect(mut self, expect: Expect) -> Self {
        self.request.shape.expect = expect;
        self
    }

    /// The page after a cursor: a JSON array of the order's values; `None` is the first page.
    #[must_use]
    pub fn page(mut self, after: Option<&str>) -> Self {
        let values = &mut self.request.values;
        let after = after.map(|cursor| {
            let scalars: Vec<Json> = serde_json::from_str(cursor).unwrap_or_default();
            scalars.iter().map(|value| literal(values, Literal::Text(value.to_string().into()))).collect()
        });
        self.request.shape.select.cursor = Some(Cursor { after });
        self
    }
}

fn literal(values: &mut Values, literal: Literal) -> Slot {
    values.literals.push(literal);
    Slot((values.literals.len() - 1) as u16)
}

fn list(values: &mut Values, of: Vec<String>) -> Slot {
    literal(values, Literal::List(of.into_iter().map(Into::into).collect()))
}

fn condition(filter: Where, values: &mut Values) -> Filter {
    let (column, test) = match filter {
        Where::And(parts) => {
            return Filter::And(parts.into_iter().map(|part| condition(part, values)).collect());
        }
        Where::Or(parts) => {
            return Filter::Or(parts.into_iter().map(|part| condition(part, values)).collect());
        }
        Where::Not(part) => return Filter::Not(Box::new(condition(*part, values))),
        Where::Compare(column, operator, value) => {
            (column, Test::Compare(operator, None, literal(values, Literal::Text(value.into()))))
        }
        Where::Quantified(column, operator, quantifier, of) => {
            (column, Test::Compare(operator, Some(quantifier), list(values, of)))
        }
        Where::In(column, of) => (column, Test::In(list(values, of))),
        Where::FullText(column, kind, words) => {
            let query = literal(values, Literal::Text(words.into()));
            (column, Test::FullText { kind, language: None, query })
        }
        Where::Is(column, is) => (column, Test::Is(is)),
    };
    Filter::Condition(Condition { path: Some(path(&column)), aggregate: None, test })
}

fn path(text: &str) -> Path {
    let mut rest = text.replace("->>", "\0>").replace("->", "\0-");
    let column_end = rest.find('\0').unwrap_or(rest.len());
    let steps = rest.split_off(column_end);
    let json = steps.split('\0').skip(1).map(|step| {
        let (as_text, name) = (step.starts_with('>'), &step[1..]);
        let key = name.parse().map_or_else(|_| JsonKey::Member(name.into()), JsonKey::Index);
        JsonStep { key, as_text }
    });
    Path { column: rest.into(), json: json.collect() }
}

fn item(text: &str) -> Item {
    if text == "*" {
        return Item::All;
    }
    let cast_at = text.rfind("::");
    let (text, cast) = cast_at.map_or((text, None), |at| (&text[..at], Some(text[at + 2..].into())));
    let (alias, text) = text.split_once(':').map_or((None, text), |(alias, text)| (Some(alias.into()), text));
    if text == "count()" {
        let aggregate = Some(Aggregate::Count);
        return Item::Field(Field { alias, path: None, cast: None, aggregate, aggregate_cast: cast });
    }
    let aggregates = [
        (".count()", Aggregate::Count),
        (".sum()", Aggregate::Sum),
        (".avg()", Aggregate::Avg),
        (".max()", Aggregate::Max),
        (".min()", Aggregate::Min),
    ];
    for (suffix, aggregate) in aggregates {
        if let Some(text) = text.strip_suffix(suffix) {
            let path = Some(path(text));
            return Item::Field(Field {
                alias,
                path,
                cast: None,
                aggregate: Some(aggregate),
                aggregate_cast: cast,
            });
        }
    }
    Item::Field(Field { alias, path: Some(path(text)), cast, aggregate: None, aggregate_cast: None })
}

fn order_term(text: &str) -> Order {
    let mut parts = text.split('.');
    let name = parts.next().unwrap_or_default();
    let (mut descending, mut nulls_first) = (false, None);
    for part in parts {
        match part {
            "desc" => descending = true,
            "nullsfirst" => nulls_first = Some(true),
            "nullslast" => nulls_first = Some(false),
            _ => {}
        }
    }
    let (embed, column) = match name.strip_suffix(')').and_then(|name| name.split_once('(')) {
        Some((embed, column)) => (Some(embed.into()), column),
        None => (None, name),
    };
    Order { embed, path: Some(path(column)), aggregate: None, descending, nulls_first }
}

fn payload(body: Json) -> Payload {
    let rows: Vec<serde_json::Map<String, Json>> = match body {
        Json::Array(rows) => rows.into_iter().filter_map(|row| row.as_object().cloned()).collect(),
        Json::Object(row) => vec![row],
        _ => Vec::new(),
    };
    let mut columns: Vec<Box<str>> = Vec::new();
    for name in rows.iter().flat_map(serde_json::Map::keys) {
        if !columns.iter().any(|known| **known == **name) {
            columns.push(name.as_str().into());
        }
    }
    let cell = |row: &serde_json::Map<String, Json>, name: &str| {
        row.get(name).map_or(Cell::Missing, |value| Cell::Json(value.clone()))
    };
    let rows = rows.iter().map(|row| columns.iter().map(|name| cell(row, name)).collect()).collect();
    Payload { columns, rows, document: None }
}
