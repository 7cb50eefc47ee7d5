//! Copies tables, page by page.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value as Json, value::RawValue};
use transom_query::{
    catalog::Table,
    request::{Cell, Conflict, Resolution},
};
use transom_types::DataType;

use super::{
    ledger::{self, Ledger},
    order::Step,
    pages::{Page, Pages, Row},
    side::Side,
};
use crate::faults::Faults;

/// Takes every step that is not finished.
pub(super) async fn all(source: &Side, target: &Side, ledger: &Ledger, steps: &[Step]) -> anyhow::Result<()> {
    let mut total = 0;
    for step in steps.iter().filter(|step| !step.filling) {
        total += source.count(&step.table).await.map_err(Faults::from)?;
    }
    let bar = ProgressBar::new(total);
    bar.set_style(ProgressStyle::with_template(
        "moving {msg} {bar:30} {human_pos} of {human_len} rows, {eta} left",
    )?);
    let (started, mut rows) = (Instant::now(), 0);
    for step in steps {
        bar.set_message(step.table.to_string());
        rows += one(source, target, ledger, step, &bar).await?;
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    say!("{rows} rows copied in {seconds:.1} s, {:.0} rows/s", rows as f64 / seconds.max(0.001));
    Ok(())
}

/// Takes one step from where it stopped; returns how many rows this was now.
async fn one(
    source: &Side,
    target: &Side,
    ledger: &Ledger,
    step: &Step,
    bar: &ProgressBar,
) -> anyhow::Result<u64> {
    let name = step.name();
    let entry = ledger.entry(&name);
    if !step.filling {
        bar.inc(entry.row_count);
    }
    let Some(table) = target.catalog().table(&step.table).filter(|_| !entry.finished) else { return Ok(0) };
    let table = &target.catalog()[table];
    let holding = if step.filling { step.deferred.as_slice() } else { &[] };
    let mut pages = Pages::new(source, &step.table, &step.columns, step.whole)
        .holding(holding)
        .after(entry.position.clone());
    let (mut copied, mut now) = (entry.row_count, 0);
    while let Some(Page { rows, position }) = pages.next().await? {
        let count = rows.len() as u64;
        copied += count;
        now += count;
        let mut requests = Vec::with_capacity(2);
        if count > 0 {
            let rows = rows.iter().map(|row| cells(step, table, row)).collect::<Result<_, _>>()?;
            let conflict = Conflict { columns: Vec::new(), resolution: Resolution::Merge };
            let conflict = step.filling.then_some(conflict);
            requests.push(ledger::insert(&step.table, step.columns.clone(), rows, conflict));
        }
        requests.push(ledger::note(&name, position.as_deref(), copied));
        target.write(requests).await.map_err(|problem| {
            anyhow::anyhow!(
                "copying {}: {}\n    {} rows of it are there; the same command goes on from here",
                step.table,
                Faults::from(problem),
                copied - count
            )
        })?;
        if !step.filling {
            bar.inc(count);
        }
    }
    // A second visit is no row more.
    Ok(if step.filling { 0 } else { now })
}

fn cells(step: &Step, table: &Table, row: &Row) -> anyhow::Result<Vec<Cell>> {
    let cell = |name: &str| {
        let later = !step.filling && step.deferred.iter().any(|deferred| **deferred == *name);
        let Some(raw) = row.get(name).filter(|_| !later) else { return Ok(Cell::Json(Json::Null)) };
        let column = table.column(name).map(|id| &table[id]);
        let (data_type, nullable) =
            column.map_or((DataType::Any, true), |column| (column.data_type, column.nullable));
        Ok(Cell::Json(value(raw, data_type, nullable)?))
    };
    step.columns.iter().map(|name| cell(name)).collect()
}

/// A value for the write path. Documents and decimals go as their text, for that is exact.
fn value(raw: &RawValue, data_type: DataType, nullable: bool) -> Result<Json, serde_json::Error> {
    let text = raw.get();
    match data_type {
        // Where NULL cannot be, it is the document `null`.
        DataType::Json if text != "null" || !nullable => Ok(Json::String(text.to_owned())),
        DataType::Numeric if !text.starts_with('"') && text != "null" => Ok(Json::String(text.to_owned())),
        _ => serde_json::from_str(text),
    }
}
