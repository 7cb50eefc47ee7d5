//! What is done to a table, and the rows that it is done with.

use serde_json::Value as Json;
use transom_query::request::{Action, Cell, Conflict, Insert, Payload};
use transom_types::{Code, Problem};

use super::{
    body::{self, Body, Parsed, Purpose},
    prefer::Preferences,
    query_string::Query,
    request::Verb,
};

/// What the method says. `operation` is the place in a batch, if the request is part of one; `compatible`: the engine
/// reads the body itself.
pub(super) fn action(
    method: Verb,
    query: &mut Query,
    body: Body<'_>,
    preferences: &Preferences,
    (operation, compatible): (Option<u16>, bool),
) -> Result<(Payload, Action), Problem> {
    let purpose = match method {
        Verb::Get => return Ok((Payload::default(), Action::Read)),
        Verb::Delete => return Ok((Payload::default(), Action::Delete)),
        Verb::Post => Purpose::Rows,
        Verb::Patch => Purpose::One,
        Verb::Put => Purpose::List,
    };
    let columns = query.columns.take();
    let chosen = columns.is_some();
    let mut parsed = match compatible {
        true => body::parse_for_engine(body, columns, operation, purpose)?,
        false => body::parse(body, columns, operation)?,
    };
    if method == Verb::Post {
        if !chosen && preferences.missing_default.is_none() {
            same_keys(&parsed.payload)?;
        }
        return Ok(insert(parsed, query, preferences));
    }
    if !compatible {
        one_row(method, &mut parsed.payload)?;
    }
    let columns = parsed.payload.columns.clone();
    let missing_default = compatible && preferences.missing_default == Some(true);
    let action = match method {
        Verb::Put => Action::Put { columns },
        _ => Action::Update { columns, missing_default },
    };
    Ok((parsed.payload, action))
}

fn insert(parsed: Parsed, query: &mut Query, preferences: &Preferences) -> (Payload, Action) {
    let Parsed { payload, single } = parsed;
    let conflict = preferences
        .resolution
        .map(|resolution| Conflict { columns: query.on_conflict.take().unwrap_or_default(), resolution });
    let insert = Insert {
        columns: payload.columns.clone(),
        single,
        conflict,
        missing_default: preferences.missing_default == Some(true),
        objects: objects(&payload),
    };
    (payload, Action::Insert(insert))
}

fn one_row(method: Verb, payload: &mut Payload) -> Result<(), Problem> {
    if method == Verb::Patch && payload.rows.is_empty() {
        // An empty list changes nothing, as an empty object does.
        payload.rows.push(Vec::new());
        payload.columns.clear();
    }
    match payload.rows.len() {
        1 => Ok(()),
        rows => Err(body::invalid("the body must hold exactly one row", format!("it holds {rows}"))
            .with_hint("Send one JSON object")),
    }
}

/// The places of columns that hold an object in some row.
fn objects(payload: &Payload) -> Vec<u16> {
    let object =
        |row: &Vec<Cell>, at: u16| matches!(row.get(usize::from(at)), Some(Cell::Json(Json::Object(_))));
    (0u16..payload.columns.len() as u16)
        .filter(|at| payload.rows.iter().any(|row| object(row, *at)))
        .collect()
}

/// Without a word on what is missing, every row has the same keys: else a misspelt one would silently become NULL.
fn same_keys(payload: &Payload) -> Result<(), Problem> {
    for (number, row) in payload.rows.iter().enumerate() {
        let missing = row.iter().position(|cell| *cell == Cell::Missing);
        if let Some(column) = missing.and_then(|at| payload.columns.get(at)) {
            return Err(Problem::new(Code::BodyInvalid, "All object keys must match")
                .with_details(format!("Row {} of the body has no '{column}'", number + 1))
                .with_hint("Say what is meant: columns=a,b, or Prefer: missing=default"));
        }
    }
    Ok(())
}
