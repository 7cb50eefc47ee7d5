//! Checks a specification and resolves its names, so that making rows cannot fail.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::Value as Json;
use transom_query::Catalog;
use transom_types::nearest::nearest;

use super::spec::{self, Kind};

/// How a table is filled; tables by place.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) rows_per_scale: u64,
    pub(super) per: Option<Per>,
    pub(super) columns: BTreeMap<String, Column>,
}

/// Some rows for each row of a parent.
#[derive(Debug)]
pub(super) struct Per {
    pub(super) table: usize,
    pub(super) min: u64,
    pub(super) max: u64,
}

/// How a column's values are made.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) null_fraction: f64,
    pub(super) edge_every: u64,
    pub(super) maker: Maker,
}

/// What makes a value.
#[derive(Debug)]
pub(super) enum Maker {
    Serial,
    Parent,
    Ordinal,
    Listed(Vec<Json>),
    Choice { values: Vec<Json>, weights: Vec<u64> },
    Phrase(Vec<Vec<String>>),
    Template(String),
    Person,
    Sentence { min: u64, max: u64 },
    Integer { min: i64, max: i64, skew: u32 },
    Decimal { min: i64, max: i64, places: u32 },
    Boolean { fraction: f64 },
    Date { from: Date, days: u64 },
    Time,
    Timestamp { from: Date, days: u64 },
    Uuid,
    Bytes { min: u64, max: u64 },
    Json(BTreeMap<String, Column>),
    Reference { table: usize, skew: u32, choice: Choosing },
    Copied { through: String, table: usize, column: String },
}

/// Which rows a reference may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choosing {
    Any,
    /// No row twice within one parent.
    Distinct,
    /// Rows before this one, in the same table.
    Earlier,
}

/// What is known while a table is compiled.
struct Context<'a> {
    file: &'a spec::File,
    table: usize,
    column: String,
    faults: &'a mut Vec<String>,
}

/// Resolves every table; faults are appended, and what has one is left out.
pub(super) fn compile(file: &spec::File, faults: &mut Vec<String>) -> Vec<Table> {
    let tables = 0..file.table.len();
    tables.map(|table| compile_table(&mut Context { file, table, column: String::new(), faults })).collect()
}

fn compile_table(context: &mut Context<'_>) -> Table {
    let read = &context.file.table[context.table];
    let per = read.per.as_ref().and_then(|per| {
        if per.min > per.max {
            context.fault("`per` has a min above its max");
        }
        let table = context.table_named(&per.table)?;
        Some(Per { table, min: per.min, max: per.max })
    });
    if read.per.is_some() == (read.rows + read.rows_per_scale > 0) {
        context.fault("give either `rows` and `rows_per_scale`, or `per`");
    }
    let mut columns = BTreeMap::new();
    for (name, column) in &read.columns {
        context.column = name.clone();
        if let Some(column) = compile_column(context, column) {
            columns.insert(name.clone(), column);
        }
    }
    Table { name: read.name.clone(), rows: read.rows, rows_per_scale: read.rows_per_scale, per, columns }
}

fn compile_column(context: &mut Context<'_>, read: &spec::Column) -> Option<Column> {
    if !(0.0..=1.0).contains(&read.null_fraction) {
        context.fault("`null_fraction` must be from 0 to 1");
    }
    let Some(kind) = read.kind else {
        context.fault("needs a `kind`");
        return None;
    };
    let maker = maker(context, kind, read)?;
    Some(Column { null_fraction: read.null_fraction, edge_every: read.edge_every, maker })
}

fn maker(context: &mut Context<'_>, kind: Kind, read: &spec::Column) -> Option<Maker> {
    let skew = read.skew.unwrap_or(1).clamp(1, 8);
    Some(match kind {
        Kind::Serial => Maker::Serial,
        Kind::Parent | Kind::Ordinal if context.file.table[context.table].per.is_none() => {
            return context.refuse("is of a kind that only a table with `per` has");
        }
        Kind::Parent => Maker::Parent,
        Kind::Ordinal => Maker::Ordinal,
        Kind::Listed => Maker::Listed(values(context, read)?),
        Kind::Choice => choice(context, read)?,
        Kind::Phrase if read.parts.is_empty() || read.parts.iter().any(Vec::is_empty) => {
            return context.refuse("needs `parts`, none of them empty");
        }
        Kind::Phrase => Maker::Phrase(read.parts.clone()),
        Kind::Template => match &read.template {
            Some(template) => Maker::Template(template.clone()),
            None => return context.refuse("needs a `template`, such as \"user-{n}\""),
        },
        Kind::Person => Maker::Person,
        Kind::Sentence => {
            let (min, max) = counts(context, read, (4, 12))?;
            Maker::Sentence { min, max }
        }
        Kind::Integer | Kind::Decimal => {
            let (Some(min), Some(max)) = (read.min, read.max) else {
                return context.refuse("needs `min` and `max`");
            };
            if min > max {
                return context.refuse("has a `min` above its `max`");
            }
            let places = read.places.unwrap_or(2).min(9);
            if kind == Kind::Integer {
                Maker::Integer { min, max, skew }
            } else {
                Maker::Decimal { min, max, places }
            }
        }
        Kind::Boolean => Maker::Boolean { fraction: read.fraction.unwrap_or(0.5) },
        Kind::Date | Kind::Timestamp => {
            let (from, days) = days(context, read)?;
            if kind == Kind::Date { Maker::Date { from, days } } else { Maker::Timestamp { from, days } }
        }
        Kind::Time => Maker::Time,
        Kind::Uuid => Maker::Uuid,
        Kind::Bytes => {
            let (min, max) = counts(context, read, (8, 32))?;
            Maker::Bytes { min, max }
        }
        Kind::Json => {
            let fields = read.fields.iter();
            Maker::Json(
                fields
                    .filter_map(|(name, field)| Some((name.clone(), compile_column(context, field)?)))
                    .collect(),
            )
        }
        Kind::Reference => reference(context, read, skew)?,
        Kind::Copied => copied(context, read)?,
    })
}

fn values(context: &mut Context<'_>, read: &spec::Column) -> Option<Vec<Json>> {
    if read.values.is_empty() {
        return context.refuse("needs `values`");
    }
    Some(read.values.iter().map(|value| serde_json::to_value(value).unwrap_or_default()).collect())
}

fn choice(context: &mut Context<'_>, read: &spec::Column) -> Option<Maker> {
    let values = values(context, read)?;
    let weights = if read.weights.is_empty() { vec![1; values.len()] } else { read.weights.clone() };
    if weights.len() != values.len() || weights.iter().sum::<u64>() == 0 {
        return context.refuse("needs as many `weights` as `values`, not all 0");
    }
    Some(Maker::Choice { values, weights })
}

fn counts(context: &mut Context<'_>, read: &spec::Column, default: (i64, i64)) -> Option<(u64, u64)> {
    let (min, max) = (read.min.unwrap_or(default.0), read.max.unwrap_or(default.1));
    match (u64::try_from(min), u64::try_from(max)) {
        (Ok(min), Ok(max)) if min <= max && max <= 100_000 => Some((min, max)),
        _ => context.refuse("needs 0 <= `min` <= `max` <= 100000"),
    }
}

fn days(context: &mut Context<'_>, read: &spec::Column) -> Option<(Date, u64)> {
    let date = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<Date>().ok());
    let (Some(from), Some(to)) = (date(&read.from), date(&read.to)) else {
        return context.refuse("needs `from` and `to`, days such as \"2024-01-31\"");
    };
    match from.until(to).map(|span| span.get_days()) {
        Ok(days) if days >= 0 => Some((from, days as u64)),
        _ => context.refuse("has a `from` after its `to`"),
    }
}

fn reference(context: &mut Context<'_>, read: &spec::Column, skew: u32) -> Option<Maker> {
    let Some(name) = &read.table else { return context.refuse("needs a `table`") };
    let table = context.table_named(name)?;
    let choice = match (read.distinct, read.earlier) {
        (true, true) => return context.refuse("is either `distinct` or `earlier`"),
        (true, _) => Choosing::Distinct,
        (_, true) if table != context.table => {
            return context.refuse("is `earlier`, which only a reference to its own table can be");
        }
        (_, true) => Choosing::Earlier,
        _ => Choosing::Any,
    };
    Some(Maker::Reference { table, skew, choice })
}

fn copied(context: &mut Context<'_>, read: &spec::Column) -> Option<Maker> {
    let (Some(through), Some(column)) = (&read.through, &read.column) else {
        return context
            .refuse("needs `through` (a reference of this table) and `column` (of the table it names)");
    };
    let reference = context.file.table[context.table].columns.get(through);
    let Some(name) = reference.filter(|r| r.kind == Some(Kind::Reference)).and_then(|r| r.table.as_ref())
    else {
        return context.refuse(&format!("goes through `{through}`, which is not a reference of this table"));
    };
    let table = context.table_named(name)?;
    if !context.file.table[table].columns.contains_key(column) {
        return context.refuse(&format!("copies `{name}.{column}`, which is not generated"));
    }
    Some(Maker::Copied { through: through.clone(), table, column: column.clone() })
}

impl Context<'_> {
    fn fault(&mut self, what: &str) {
        let table = &self.file.table[self.table].name;
        let place = if self.column.is_empty() { table.clone() } else { format!("{table}.{}", self.column) };
        self.faults.push(format!("`{place}` {what}"));
    }

    fn refuse<T>(&mut self, what: &str) -> Option<T> {
        self.fault(what);
        None
    }

    /// A table that rows can be referred to by number, filled no later than this one.
    fn table_named(&mut self, name: &str) -> Option<usize> {
        let names = self.file.table.iter().map(|table| table.name.as_str());
        let Some(at) = names.clone().position(|other| other == name) else {
            let remedy =
                nearest(name, names).map(|near| format!("; perhaps you meant `{near}`")).unwrap_or_default();
            return self.refuse(&format!("names the table `{name}`, which is not filled here{remedy}"));
        };
        if at > self.table {
            return self.refuse(&format!("refers to `{name}`, which is filled later: put it before"));
        }
        if self.file.table[at].per.is_some() {
            return self.refuse(&format!("refers to `{name}`, whose rows have no number of their own"));
        }
        Some(at)
    }
}

/// Whether a table and its columns exist, and none that needs a value is left out.
pub(super) fn check(table: &Table, catalog: &Catalog, faults: &mut Vec<String>) {
    let Some(found) = catalog.table(&table.name).map(|id| &catalog[id]) else {
        let near =
            nearest(&table.name, catalog.table_names()).map(|near| format!("; perhaps you meant `{near}`"));
        return faults.push(format!("there is no table `{}`{}", table.name, near.unwrap_or_default()));
    };
    for name in table.columns.keys() {
        match found.column(name).map(|id| &found[id]) {
            None => {
                let names = found.columns.iter().map(|column| &*column.name);
                let near = nearest(name, names)
                    .map(|near| format!("; perhaps you meant `{near}`"))
                    .unwrap_or_default();
                faults.push(format!("`{}` has no column `{name}`{near}", table.name));
            }
            Some(column) if column.generated => {
                faults
                    .push(format!("`{}.{name}` is computed by the database and takes no value", table.name));
            }
            Some(_) => {}
        }
    }
    for column in &found.columns {
        let optional = column.nullable || column.default.is_some() || column.generated || column.identity;
        if !optional && !table.columns.contains_key(&*column.name) {
            faults.push(format!("`{}.{}` needs a value, and none is generated", table.name, column.name));
        }
    }
}
