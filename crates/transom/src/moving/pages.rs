//! A table read in pages by its key, every value as the text that the engine wrote.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use transom_query::request::{
    Condition, Cursor, Field, Filter, IsValue, Item, Literal, Path, Select, Shape, Slot, Test, Values,
};
use transom_types::{Code, Problem};

use super::side::Side;

/// Rows per page, where they are not too large.
const PAGE_ROWS: u32 = 1_000;

/// A row: each column's JSON text.
pub(super) type Row = BTreeMap<String, Box<RawValue>>;

/// Some rows, and where they end.
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    /// The last row's key: a JSON array. `None` after the last page.
    pub(super) position: Option<Box<str>>,
}

/// A table, being read.
pub(super) struct Pages<'a> {
    side: &'a Side,
    table: &'a str,
    columns: &'a [Box<str>],
    /// Only rows in which one of these is not NULL; all, where there are none.
    holding: &'a [Box<str>],
    whole: bool,
    position: Option<Box<str>>,
    rows_max: u32,
    finished: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn new(side: &'a Side, table: &'a str, columns: &'a [Box<str>], whole: bool) -> Self {
        Self {
            side,
            table,
            columns,
            holding: &[],
            whole,
            position: None,
            rows_max: PAGE_ROWS,
            finished: false,
        }
    }

    pub(super) fn holding(self, holding: &'a [Box<str>]) -> Self {
        Self { holding, ..self }
    }

    /// Goes on after this row.
    pub(super) fn after(self, position: Option<Box<str>>) -> Self {
        Self { position, ..self }
    }

    /// The next rows; `None` at the end.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Page>> {
        if self.finished {
            return Ok(None);
        }
        let reply = loop {
            let (shape, values) = self.request()?;
            match self.side.read(shape, values).await {
                // Rows that are large come in smaller pages.
                Err(problem)
                    if problem.code() == Code::ResultTooLarge && !self.whole && self.rows_max > 1 =>
                {
                    self.rows_max /= 2;
                }
                reply => break reply.map_err(|problem| self.failed(problem))?,
            }
        };
        let rows: Vec<Row> = serde_json::from_slice(&reply.json.into_bytes()?)?;
        self.finished = self.whole || rows.len() < self.rows_max as usize;
        self.position = reply.cursor.filter(|_| !self.finished);
        Ok(Some(Page { rows, position: self.position.clone() }))
    }

    fn failed(&self, problem: Problem) -> anyhow::Error {
        let large = problem.code() == Code::ResultTooLarge;
        let hint = match (large, self.whole) {
            (true, true) => {
                "\n    It has no key to page by: give more room with --set database.reply_bytes_max=1GiB"
            }
            (true, false) => {
                "\n    One row is larger than that: give more room with --set database.reply_bytes_max=1GiB"
            }
            _ => "",
        };
        anyhow::anyhow!(
            "reading {} from {}: {}{hint}",
            self.table,
            self.side.place,
            crate::faults::Faults::from(problem)
        )
    }

    fn request(&self) -> anyhow::Result<(Shape, Values)> {
        let mut literals = Vec::new();
        let mut slot = |literal| {
            literals.push(literal);
            Slot((literals.len() - 1) as u16)
        };
        let items = self.columns.iter().map(|name| {
            Item::Field(Field {
                alias: None,
                path: Some(path(name)),
                cast: None,
                aggregate: None,
                aggregate_cast: None,
            })
        });
        let mut select = Select { items: items.collect(), ..Select::default() };
        if !self.holding.is_empty() {
            let filled = |name: &str| {
                let test = Test::Is(IsValue::Null);
                let empty = Condition { path: Some(path(name)), aggregate: None, test };
                Filter::Not(Box::new(Filter::Condition(empty)))
            };
            select.filter = Some(Filter::Or(self.holding.iter().map(|name| filled(name)).collect()));
        }
        if !self.whole {
            select.limit = Some(slot(Literal::Integer(self.rows_max.into())));
            let after = match &self.position {
                None => None,
                Some(position) => {
                    let values: Vec<Box<RawValue>> = serde_json::from_str(position)?;
                    Some(values.iter().map(|value| slot(Literal::Text(value.get().into()))).collect())
                }
            };
            select.cursor = Some(Cursor { after });
        }
        Ok((Shape { select, ..Shape::read(self.table) }, Values { literals, ..Values::default() }))
    }
}

fn path(column: &str) -> Path {
    Path { column: column.into(), json: Vec::new() }
}
