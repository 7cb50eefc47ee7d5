//! Sample data from a `seed.toml`: deterministic rows for any schema, without SQL.
//!
//! Every cell is a pure function of the seed, its table, column and row, so rows can be made in any order and looked
//! up again (a line's price is its product's). Nothing is inserted here: batches of JSON objects come out, and the
//! command sends them down the ordinary write path.

mod cell;
mod compile;
mod random;
mod samples;
mod spec;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value as Json};
use transom_query::Catalog;

use compile::Table;

/// A `seed.toml`, read and checked.
#[derive(Debug)]
pub struct SeedSpec {
    seed: u64,
    tables: Vec<Table>,
}

/// Some rows of one table, in insertion order.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The table.
    pub table: String,
    /// Its rows: JSON objects by column, as a REST client would send them.
    pub rows: Vec<Map<String, Json>>,
}

/// Rows per batch: enough that the commit is cheap, few enough that the progress bar moves.
pub const BATCH_ROWS: usize = 1_000;

/// The place of a row: what its cells are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// From 1, within the table.
    number: u64,
    /// The parent row's number; 0 without a parent.
    parent: u64,
    /// From 1, within the parent's rows; 0 without a parent.
    ordinal: u64,
}

impl SeedSpec {
    /// Reads the text of a `seed.toml`. Errors: every fault, each with file, place and remedy, one per line.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<String>> {
        let read: spec::File = toml::from_str(text)
            .map_err(|error| vec![format!("{file}: {}", error.to_string().trim_end())])?;
        let mut faults = Vec::new();
        let tables = compile::compile(&read, &mut faults);
        match faults.is_empty() {
            true => Ok(Self { seed: read.seed, tables }),
            false => Err(faults.into_iter().map(|fault| format!("{file}: {fault}")).collect()),
        }
    }

    /// Whether every table and column exists, and none that needs a value is left out. Errors: every fault.
    pub fn check(&self, catalog: &Catalog) -> Result<(), Vec<String>> {
        let mut faults = Vec::new();
        for table in &self.tables {
            compile::check(table, catalog, &mut faults);
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// How many rows [`generate`] will make.
    pub fn row_count(&self, scale: u32) -> u64 {
        (0..self.tables.len()).map(|table| self.places(table, scale).count() as u64).sum()
    }

    /// How many rows a table without a parent has.
    fn rows_of(&self, table: usize, scale: u32) -> u64 {
        let table = &self.tables[table];
        table.rows + table.rows_per_scale * u64::from(scale)
    }

    /// The places of a table's rows.
    fn places(&self, at: usize, scale: u32) -> Box<dyn Iterator<Item = Place> + '_> {
        let table = &self.tables[at];
        match &table.per {
            None => {
                let all = 1..=self.rows_of(at, scale);
                Box::new(all.map(|number| Place { number, parent: 0, ordinal: 0 }))
            }
            Some(per) => {
                let parents = 1..=self.rows_of(per.table, scale);
                let places = parents.flat_map(move |parent| {
                    let children =
                        random::Random::new(self.seed, &table.name, "", parent).between(per.min, per.max);
                    (1..=children).map(move |ordinal| (parent, ordinal))
                });
                Box::new((1..).zip(places).map(|(number, (parent, ordinal))| Place {
                    number,
                    parent,
                    ordinal,
                }))
            }
        }
    }
}

/// Makes the rows of every table, parents first, in batches of at most [`BATCH_ROWS`].
/// The same specification and scale always give the same rows.
pub fn generate(spec: &SeedSpec, scale: u32) -> impl Iterator<Item = Batch> + '_ {
    (0..spec.tables.len()).flat_map(move |at| {
        let table = &spec.tables[at];
        let mut places = spec.places(at, scale);
        std::iter::from_fn(move || {
            let rows: Vec<_> =
                places.by_ref().take(BATCH_ROWS).map(|place| cell::row(spec, table, place, scale)).collect();
            (!rows.is_empty()).then(|| Batch { table: table.name.clone(), rows })
        })
    })
}
