//! Reads both sides once more, and compares what they hold.

use transom_query::{Catalog, catalog::Table};
use transom_types::DataType;

use super::{digest::Digest, order::Step, pages::Pages, side::Side};

/// How much of a checksum is shown.
const SHOWN_DIGITS: usize = 16;

/// Prints a line for every table; whether all are the same.
pub(super) async fn all(source: &Side, target: &Side, steps: &[Step]) -> anyhow::Result<bool> {
    let tables = || steps.iter().filter(|step| !step.filling);
    let width = tables().map(|step| step.table.len()).max().unwrap_or(0).max("table".len());
    say!("\n{:width$}  {:>12}  checksum", "table", "rows");
    let mut same = true;
    for step in tables() {
        let columns = columns(source.catalog(), target.catalog(), step);
        // Neither waits for the other.
        let (here, there) = tokio::try_join!(digest(source, step, &columns), digest(target, step, &columns))?;
        let shown = |digest: Digest| digest.to_string()[..SHOWN_DIGITS].to_owned();
        if here == there {
            say!("{:width$}  {:>12}  {}", step.table, here.rows, shown(here));
        } else {
            same = false;
            let (mine, other) = (shown(here), shown(there));
            say!(
                "{:width$}  {:>12}  {mine}  DIFFERENT: {} rows, {other} there",
                step.table,
                here.rows,
                there.rows
            );
        }
    }
    Ok(same)
}

/// What is compared, each by the type that says most about it.
fn columns(source: &Catalog, target: &Catalog, step: &Step) -> Vec<(Box<str>, DataType)> {
    let of = |catalog: &Catalog, name: &str| {
        let table: &Table = &catalog[catalog.table(&step.table)?];
        table.column(name).map(|column| table[column].data_type)
    };
    let typed = |name: &str| {
        let there = of(target, name).filter(|data_type| !matches!(data_type, DataType::Any | DataType::Text));
        (name.into(), there.or_else(|| of(source, name)).unwrap_or(DataType::Any))
    };
    step.compared.iter().map(|name| typed(name)).collect()
}

async fn digest(side: &Side, step: &Step, columns: &[(Box<str>, DataType)]) -> anyhow::Result<Digest> {
    let mut digest = Digest::default();
    let mut pages = Pages::new(side, &step.table, &step.compared, !step.paged);
    while let Some(page) = pages.next().await? {
        page.rows.iter().for_each(|row| digest.add(row, columns));
    }
    Ok(digest)
}
