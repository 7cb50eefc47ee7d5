//! `seed.toml` as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Another number gives other rows.
    #[serde(default)]
    pub(super) seed: u64,
    /// In insertion order: a table after those it refers to.
    #[serde(default)]
    pub(super) table: Vec<Table>,
}

/// How a table is filled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) name: String,
    /// Rows at every scale.
    #[serde(default)]
    pub(super) rows: u64,
    /// Rows per unit of scale.
    #[serde(default)]
    pub(super) rows_per_scale: u64,
    /// Rows per row of another table, instead of both.
    pub(super) per: Option<Per>,
    pub(super) columns: BTreeMap<String, Column>,
}

/// Some rows for each row of a parent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Per {
    pub(super) table: String,
    pub(super) min: u64,
    pub(super) max: u64,
}

/// How a column's values are made. Which options belong to which kind is checked in `compile`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Column {
    pub(super) kind: Option<Kind>,
    /// The fraction of rows that get NULL.
    pub(super) null_fraction: f64,
    /// Every this many rows, a value that is hard to handle stands in.
    pub(super) edge_every: u64,
    pub(super) values: Vec<toml::Value>,
    pub(super) weights: Vec<u64>,
    pub(super) parts: Vec<Vec<String>>,
    pub(super) template: Option<String>,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) places: Option<u32>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) fraction: Option<f64>,
    pub(super) table: Option<String>,
    pub(super) skew: Option<u32>,
    pub(super) distinct: bool,
    pub(super) earlier: bool,
    pub(super) through: Option<String>,
    pub(super) column: Option<String>,
    pub(super) fields: BTreeMap<String, Column>,
}

/// The kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// 1, 2, 3 …: the row's number.
    Serial,
    /// The parent's number.
    Parent,
    /// 1, 2, 3 … within the parent.
    Ordinal,
    /// `values` in turn; a number follows when they are used up, so that none comes twice.
    Listed,
    /// One of `values`, by `weights`.
    Choice,
    /// One of each of `parts`, with spaces between.
    Phrase,
    /// `template` with `{n}`, `{parent}` and `{ordinal}` filled in.
    Template,
    /// A person's name.
    Person,
    /// `min` to `max` words, as a sentence.
    Sentence,
    /// An integer from `min` to `max`, leaning to `min` by `skew`.
    Integer,
    /// A decimal from `min` to `max` in units of the last of `places`.
    Decimal,
    /// True in this `fraction`.
    Boolean,
    /// A day between `from` and `to`.
    Date,
    /// A time of day, on a quarter of an hour.
    Time,
    /// A moment between `from` and `to`.
    Timestamp,
    /// A UUID.
    Uuid,
    /// `min` to `max` bytes.
    Bytes,
    /// An object of `fields`.
    Json,
    /// The number of a row of `table`: leaning to the first by `skew`, `distinct` within a parent, or an `earlier` row of the same table.
    Reference,
    /// The `column` of the row that the reference in `through` names.
    Copied,
}
