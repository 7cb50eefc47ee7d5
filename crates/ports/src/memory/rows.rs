//! Updates and deletes, and what is returned of affected rows.

use transom_query::{
    QueryId, TableId,
    evaluate::{evaluate, object, show},
    plan::{Delete, Returning, Update},
};
use transom_types::{DataType, Value};

use super::{
    constraints,
    read::holds,
    scope::{Environment, Scope},
    state::{Row, State},
};
use crate::{DbError, Fault, Outcome};

/// What a statement did: each row before and after.
#[derive(Debug, Default)]
pub(super) struct Affected {
    pub(super) rows: Vec<BeforeAfter>,
}

/// One row before and after; none before an insert, none after a delete.
pub(super) type BeforeAfter = (Option<Row>, Option<Row>);

/// The places of the rows that a write step is about.
fn chosen(
    id: QueryId,
    table: TableId,
    conditions: [&Option<transom_query::Expr>; 2],
    outside: &Scope<'_>,
) -> Result<Vec<usize>, DbError> {
    let mut chosen = Vec::new();
    for (place, row) in outside.environment().state.rows(table).iter().enumerate() {
        let scope = outside.row(id, row);
        if holds(conditions[0].as_ref(), &scope)? && holds(conditions[1].as_ref(), &scope)? {
            chosen.push(place);
        }
    }
    Ok(chosen)
}

/// Every new value is worked out on the rows as they were; unique keys are checked when all are changed.
pub(super) fn update(
    step: &Update,
    environment: &Environment<'_>,
    next: &mut State,
) -> Result<Affected, DbError> {
    let table = &environment.catalog[step.table];
    let outside = environment.outside();
    let mut affected = Affected::default();
    let places = chosen(step.id, step.table, [&step.filter, &step.guard], &outside)?;
    for place in &places {
        let before = environment.state.rows(step.table)[*place].clone();
        let after = changed(step, &before, environment)?;
        constraints::not_null(table, &after)?;
        let after = Row::from(after);
        next.rows_mut(step.table)?[*place] = after.clone();
        affected.rows.push((Some(before), Some(after)));
    }
    for place in places {
        let mut others = next.rows(step.table).to_vec();
        let row = others.swap_remove(place);
        constraints::unique(table, &others, &row)?;
    }
    Ok(affected)
}

/// The rows that would be there behind it, whatever constraints say of them.
pub(super) fn new_rows(step: &Update, environment: &Environment<'_>) -> Result<Vec<Row>, DbError> {
    let places = chosen(step.id, step.table, [&step.filter, &step.guard], &environment.outside())?;
    let rows = environment.state.rows(step.table);
    places.into_iter().map(|place| Ok(Row::from(changed(step, &rows[place], environment)?))).collect()
}

fn changed(step: &Update, before: &Row, environment: &Environment<'_>) -> Result<Vec<Value>, DbError> {
    let outside = environment.outside();
    let scope = outside.row(step.id, before);
    let mut after = before.to_vec();
    for (column, expr) in &step.set {
        let of = &environment.catalog[step.table][*column];
        after[column.0 as usize] = constraints::stored(evaluate(expr, &scope)?, of)?;
    }
    Ok(after)
}

/// Removes the rows.
pub(super) fn delete(
    step: &Delete,
    environment: &Environment<'_>,
    next: &mut State,
) -> Result<Affected, DbError> {
    let places = chosen(step.id, step.table, [&step.filter, &step.guard], &environment.outside())?;
    let mut affected = Affected::default();
    let rows = next.rows_mut(step.table)?;
    for place in places.iter().rev() {
        affected.rows.push((Some(rows.remove(*place)), None));
    }
    affected.rows.reverse();
    Ok(affected)
}

/// Every new row satisfies what policy demands; what is unknown does not.
pub(super) fn check<'a>(
    id: QueryId,
    check: Option<&transom_query::Expr>,
    rows: impl IntoIterator<Item = &'a Row>,
    environment: &Environment<'_>,
) -> Result<(), DbError> {
    let outside = environment.outside();
    for row in rows {
        if !holds(check, &outside.row(id, row))? {
            return Err(refused());
        }
    }
    Ok(())
}

pub(super) fn refused() -> DbError {
    DbError::new(Fault::Policy, "a new row breaks the table's policy")
}

/// What a write step returns and keeps.
pub(super) fn returned(
    id: QueryId,
    returning: &Returning,
    affected: &Affected,
    environment: &Environment<'_>,
) -> Result<Outcome, DbError> {
    let outside = environment.outside();
    let mut outcome = Outcome { rows: affected.rows.len() as u64, ..Outcome::default() };
    outcome.inserted = affected.rows.iter().filter(|(before, _)| before.is_none()).count() as u64;
    let mut bodies = Vec::new();
    for (before, after) in &affected.rows {
        let Some(row) = after.as_ref().or(before.as_ref()) else { continue };
        let scope = outside.row(id, row);
        let values = returning.outputs.iter().map(|output| evaluate(&output.expr, &scope));
        bodies.push(object(&returning.outputs, &values.collect::<Result<Vec<_>, _>>()?));
        if !returning.capture.is_empty() {
            let cell = |column: &transom_query::ColumnId| show(&row[column.0 as usize], DataType::Text);
            let cells: Vec<String> = returning.capture.iter().map(cell).collect();
            outcome.captured.push(format!("[{}]", cells.join(",")));
        }
    }
    if !returning.outputs.is_empty() {
        outcome.json = format!("[{}]", bodies.join(","));
    }
    Ok(outcome)
}

/// ISO 8601 in UTC with milliseconds.
pub(super) fn time_text(at_ms: i64) -> String {
    let (day, within) = (at_ms.div_euclid(86_400_000), at_ms.rem_euclid(86_400_000));
    // Howard Hinnant's civil-from-days: years begin in March, so that the leap day comes last.
    let shifted = day + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hours, minutes) = (within / 3_600_000, within / 60_000 % 60);
    let (seconds, millis) = (within / 1_000 % 60, within % 1_000);
    format!("{year:04}-{month:02}-{day_of_month:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}
