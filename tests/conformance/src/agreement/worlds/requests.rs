//! Requests to a drawn schema: reads with related rows, groups, writes with what they return.

use serde_json::{Map, Value as Json};
use transom_query::request::{IsValue, Operator, Quantifier, Resolution};
use transom_types::DataType;

use super::{
    schema::{Schema, Table},
    values,
};
use crate::{
    agreement::tape::Tape,
    request::{Request, Wanted, Where, columns, delete, insert, is, not, read, update},
};

/// How deep rows stand in rows.
const DEPTH: usize = 2;
/// Keys that rows have; the last few are of no row.
const KEYS: usize = 8;

/// A request, and whether it writes.
pub(super) fn request(schema: &Schema, tape: &mut Tape<'_>) -> (Request, bool) {
    let at = tape.below(schema.tables.len());
    let name = schema.name(at);
    match tape.below(9) {
        0..=4 => {
            let request = read(&name, wanted(schema, at, tape, DEPTH, true));
            (if tape.one_in(4) { request.counted() } else { request }, false)
        }
        5 => (read(&name, groups(&schema.tables[at], tape)), false),
        6 => (inserted(schema, at, tape), true),
        7 => {
            let table = &schema.tables[at];
            let mut body = Map::new();
            let settable: Vec<_> = table.all().into_iter().filter(|(name, _)| name != "id").collect();
            for _ in 0..1 + tape.below(2) {
                let (column, _) = tape.pick(&settable).clone();
                body.insert(column.clone(), cell(table, &column, tape));
            }
            let filter = predicate(table, tape, 1);
            (returned(update(&name, filter, Json::Object(body)), schema, at, tape), true)
        }
        _ => (returned(delete(&name, predicate(&schema.tables[at], tape, 1)), schema, at, tape), true),
    }
}

/// Some rows of a table, in one insert.
pub(super) fn rows(schema: &Schema, at: usize, tape: &mut Tape<'_>) -> Vec<Json> {
    let table = &schema.tables[at];
    let mut rows: Vec<Json> = Vec::new();
    for number in 0..KEYS - tape.below(KEYS) {
        let mut row = Map::new();
        for (column, _) in table.all() {
            row.insert(column.clone(), cell(table, &column, tape));
        }
        if !table.junction {
            row.insert("id".to_owned(), (number + 1).into());
        }
        let twice = |other: &Json| key_of(table, other) == key_of(table, &Json::Object(row.clone()));
        if !rows.iter().any(twice) {
            rows.push(Json::Object(row));
        }
    }
    rows
}

fn key_of(table: &Table, row: &Json) -> Vec<Json> {
    table.key().iter().map(|column| row[*column].clone()).collect()
}

/// What a write puts into a column.
fn cell(table: &Table, column: &str, tape: &mut Tape<'_>) -> Json {
    let number = |of: &str| of[1..].parse::<usize>().unwrap_or_default();
    match &column[..1] {
        "c" => {
            let (data_type, nullable) = table.columns[number(column)];
            // What is refused teaches little: a NULL too many comes seldom.
            let none = nullable || tape.one_in(12);
            values::value(tape, data_type, none)
        }
        "r" if !table.junction && tape.one_in(4) => Json::Null,
        _ => {
            let bound = if tape.one_in(5) { KEYS } else { 3 };
            (1 + tape.below(bound)).into()
        }
    }
}

fn inserted(schema: &Schema, at: usize, tape: &mut Tape<'_>) -> Request {
    let (table, name) = (&schema.tables[at], schema.name(at));
    let left_out: Vec<String> = match tape.one_in(4) {
        true => table
            .columns
            .iter()
            .enumerate()
            .filter(|_| tape.one_in(2))
            .map(|(at, _)| format!("c{at}"))
            .collect(),
        false => Vec::new(),
    };
    let mut rows: Vec<Json> = Vec::new();
    for _ in 0..1 + tape.below(3) {
        let columns = table.all().into_iter().filter(|(name, _)| !left_out.contains(name));
        let mut row: Map<String, Json> =
            columns.map(|(name, _)| (name.clone(), cell(table, &name, tape))).collect();
        if !table.junction {
            row.insert("id".to_owned(), (1 + tape.below(KEYS + 2)).into());
        }
        let row = Json::Object(row);
        // A row that comes twice in one upsert is an error to a server, where others let the last one win.
        if !rows.iter().any(|other| key_of(table, other) == key_of(table, &row)) {
            rows.push(row);
        }
    }
    let body = if rows.len() == 1 { rows.remove(0) } else { Json::Array(rows) };
    let request = insert(&name, body);
    let request = match tape.below(4) {
        0 => request.on_conflict(&[], Resolution::Merge),
        1 => request.on_conflict(&[], Resolution::Ignore),
        _ => request,
    };
    returned(request, schema, at, tape)
}

fn returned(request: Request, schema: &Schema, at: usize, tape: &mut Tape<'_>) -> Request {
    match tape.one_in(4) {
        true => request,
        false => request.returning(wanted(schema, at, tape, 1, false)),
    }
}

/// What is read of a table. The rows of a page are in an order without doubt.
fn wanted(schema: &Schema, at: usize, tape: &mut Tape<'_>, depth: usize, whole: bool) -> Wanted {
    let table = &schema.tables[at];
    let mut wanted = columns(&shown(table, tape));
    if whole && tape.one_in(2) {
        wanted = wanted.filter(predicate(table, tape, 2));
    }
    let mut order: Vec<String> = Vec::new();
    let sortable: Vec<_> = table.all().into_iter().filter(|(_, of)| *of != DataType::Json).collect();
    if tape.one_in(2) {
        order.push(format!("{}{}", tape.pick(&sortable).0, direction(tape)));
    }
    if depth > 0 {
        let ways = schema.ways(at);
        for number in 0..tape.below(3).min(ways.len()) {
            let way = tape.pick(&ways);
            let inner = if whole && tape.one_in(3) { "!inner" } else { "" };
            let alias = format!("e{depth}{number}");
            if way.one && tape.one_in(4) {
                let column = format!("{alias}x:{}", tape.pick(&schema.tables[way.to].all()).0);
                wanted = wanted.with(&format!("...{}{inner}", way.name), columns(&column));
                continue;
            }
            if !way.one && tape.one_in(5) {
                wanted = wanted.with(&format!("{alias}:{}{inner}", way.name), columns("count()"));
                continue;
            }
            let of = self::wanted(schema, way.to, tape, depth - 1, true);
            wanted = wanted.with(&format!("{alias}:{}{inner}", way.name), of);
            if way.one && whole && tape.one_in(3) {
                let far: Vec<_> =
                    schema.tables[way.to].all().into_iter().filter(|(_, of)| *of != DataType::Json).collect();
                order.push(format!("{alias}({}){}", tape.pick(&far).0, direction(tape)));
            } else if whole && inner.is_empty() && tape.one_in(5) {
                let absent = is(&alias, IsValue::Null);
                wanted = wanted.filter(if tape.one_in(2) { not(absent) } else { absent });
            }
        }
    }
    if !whole {
        return wanted;
    }
    order.extend(table.key().iter().map(|column| (*column).to_owned()));
    wanted = wanted.order(&order.join(","));
    if tape.one_in(5) {
        wanted = wanted.limit(tape.below(4) as i64).offset(tape.below(3) as i64);
    }
    wanted
}

fn direction(tape: &mut Tape<'_>) -> &'static str {
    const DIRECTIONS: [&str; 4] = ["", ".desc", ".nullsfirst", ".desc.nullslast"];
    DIRECTIONS[tape.below(DIRECTIONS.len())]
}

fn shown(table: &Table, tape: &mut Tape<'_>) -> String {
    if !tape.one_in(3) {
        return "*".to_owned();
    }
    let mut list = vec![table.key().join(",")];
    for (number, (data_type, _)) in table.columns.iter().enumerate() {
        list.push(match data_type {
            DataType::Json => {
                format!("p{number}:c{number}->a,t{number}:c{number}->>a,d{number}:c{number}->a->b")
            }
            DataType::Integer | DataType::Uuid | DataType::Date => format!("s{number}:c{number}::text"),
            _ => format!("a{number}:c{number}"),
        });
    }
    list.join(",")
}

/// Groups by one column, each with aggregates of the others.
fn groups(table: &Table, tape: &mut Tape<'_>) -> Wanted {
    let all = table.all();
    let groupable: Vec<_> = all.iter().filter(|(_, of)| *of != DataType::Json).collect();
    let by = tape.pick(&groupable).0.clone();
    let mut list = vec![by.clone(), "count()".to_owned()];
    for (name, data_type) in &all {
        use DataType::{Date, Integer, Numeric, Real, Text, Timestamp};
        list.push(format!("n_{name}:{name}.count()"));
        if matches!(data_type, Integer | Numeric | Real) {
            list.push(format!("s_{name}:{name}.sum()"));
        }
        if matches!(data_type, Integer | Numeric | Real | Text | Date | Timestamp) {
            list.push(format!("l_{name}:{name}.min(),g_{name}:{name}.max()"));
        }
    }
    let mut wanted = columns(&list.join(",")).order(&format!("{by}{}", direction(tape)));
    if tape.one_in(2) {
        wanted = wanted.filter(predicate(table, tape, 1));
    }
    wanted
}

fn predicate(table: &Table, tape: &mut Tape<'_>, depth: usize) -> Where {
    if depth > 0 && tape.one_in(3) {
        let (one, other) = (predicate(table, tape, depth - 1), predicate(table, tape, depth - 1));
        return match tape.below(3) {
            0 => Where::And(vec![one, other]),
            1 => Where::Or(vec![one, other]),
            _ => not(one),
        };
    }
    let (column, data_type) = tape.pick(&table.all()).clone();
    let (column, data_type) = match data_type {
        DataType::Json => (format!("{column}->>a"), DataType::Text),
        _ => (column, data_type),
    };
    use Operator::{Eq, Gt, Gte, Ilike, IsDistinct, Like, Lt, Lte, Neq};
    match tape.below(6) {
        0 | 1 => {
            let operator = *tape.pick(&[Eq, Neq, Gt, Gte, Lt, Lte, IsDistinct]);
            Where::Compare(column, operator, values::operand(tape, data_type))
        }
        2 => {
            let list = (0..1 + tape.below(3)).map(|_| values::operand(tape, data_type)).collect();
            Where::In(column, list)
        }
        3 => is(&column, *tape.pick(&[IsValue::Null, IsValue::NotNull])),
        4 if data_type == DataType::Text => {
            let pattern = *tape.pick(&["a%", "%b", "_", "%", "A%", "a\\%%"]);
            Where::Compare(column, *tape.pick(&[Like, Ilike]), pattern.to_owned())
        }
        4 if data_type == DataType::Bool => is(&column, *tape.pick(&[IsValue::True, IsValue::False])),
        _ => {
            let quantifier = *tape.pick(&[Quantifier::Any, Quantifier::All]);
            let list = (0..1 + tape.below(2)).map(|_| values::operand(tape, data_type)).collect();
            Where::Quantified(column, *tape.pick(&[Eq, Gt, Lte]), quantifier, list)
        }
    }
}
