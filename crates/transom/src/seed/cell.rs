//! Makes one cell: a pure function of seed, table, column and row.

use jiff::{ToSpan, civil::Date};
use serde_json::{Map, Value as Json, json};

use super::{
    Place, SeedSpec,
    compile::{Choosing, Column, Maker, Table},
    random::Random,
    samples,
};

/// All cells of a row.
pub(super) fn row(spec: &SeedSpec, table: &Table, place: Place, scale: u32) -> Map<String, Json> {
    let scope = Scope { spec, table, scale };
    table.columns.iter().map(|(name, column)| (name.clone(), scope.cell(name, column, place))).collect()
}

/// What cells of one table may look at.
#[derive(Clone, Copy)]
struct Scope<'a> {
    spec: &'a SeedSpec,
    table: &'a Table,
    scale: u32,
}

impl Scope<'_> {
    fn cell(self, name: &str, column: &Column, place: Place) -> Json {
        let mut random = Random::new(self.spec.seed, &self.table.name, name, place.number);
        if column.null_fraction > 0.0 && random.fraction() < column.null_fraction {
            return Json::Null;
        }
        if column.edge_every > 0 && place.number.is_multiple_of(column.edge_every) {
            let at = (place.number / column.edge_every - 1) as usize;
            if let Some(edge) = edge(&column.maker, at) {
                return edge;
            }
        }
        self.make(name, &column.maker, place, &mut random)
    }

    fn make(self, name: &str, maker: &Maker, place: Place, random: &mut Random) -> Json {
        match maker {
            Maker::Serial => place.number.into(),
            Maker::Parent => place.parent.into(),
            Maker::Ordinal => place.ordinal.into(),
            Maker::Listed(values) => listed(values, place.number),
            Maker::Choice { values, weights } => weighted(values, weights, random),
            Maker::Phrase(parts) => {
                parts.iter().map(|words| random.pick(words).as_str()).collect::<Vec<_>>().join(" ").into()
            }
            Maker::Template(template) => template
                .replace("{n}", &place.number.to_string())
                .replace("{parent}", &place.parent.to_string())
                .replace("{ordinal}", &place.ordinal.to_string())
                .into(),
            Maker::Person => format!("{} {}", random.pick(samples::FIRST), random.pick(samples::LAST)).into(),
            Maker::Sentence { min, max } => sentence(random, *min, *max).into(),
            Maker::Integer { min, max, skew } => integer(random, *min, *max, *skew).into(),
            Maker::Decimal { min, max, places } => decimal(integer(random, *min, *max, 1), *places),
            Maker::Boolean { fraction } => (random.fraction() < *fraction).into(),
            Maker::Date { from, days } => day(*from, random.between(0, *days)).to_string().into(),
            Maker::Time => {
                let quarters = random.below(96);
                format!("{:02}:{:02}:00", quarters / 4, quarters % 4 * 15).into()
            }
            Maker::Timestamp { from, days } => {
                let (day, ms) = (day(*from, random.between(0, *days)), random.below(86_400_000));
                let (second, ms) = (ms / 1000, ms % 1000);
                format!("{day}T{:02}:{:02}:{:02}.{ms:03}Z", second / 3600, second / 60 % 60, second % 60)
                    .into()
            }
            Maker::Uuid => uuid(random).into(),
            Maker::Bytes { min, max } => {
                let count = random.between(*min, *max);
                let hex: String = (0..count).map(|_| format!("{:02x}", random.next() as u8)).collect();
                format!("\\x{hex}").into()
            }
            Maker::Json(fields) => {
                let field =
                    |inner: &str, column: &Column| self.cell(&format!("{name}.{inner}"), column, place);
                Json::Object(
                    fields.iter().map(|(inner, column)| (inner.clone(), field(inner, column))).collect(),
                )
            }
            Maker::Reference { table, skew, choice } => {
                let count = self.spec.rows_of(*table, self.scale);
                self.reference(name, count, *skew, *choice, place, random)
            }
            Maker::Copied { through, table, column } => self.copied(through, *table, column, place),
        }
    }

    fn reference(
        self,
        name: &str,
        count: u64,
        skew: u32,
        choice: Choosing,
        place: Place,
        random: &mut Random,
    ) -> Json {
        match choice {
            Choosing::Any if count == 0 => Json::Null,
            Choosing::Any => (1 + random.skewed(count, skew)).into(),
            Choosing::Earlier if place.number <= 1 => Json::Null,
            Choosing::Earlier => (1 + random.skewed(place.number - 1, skew)).into(),
            // Every parent starts somewhere and goes on from there: no row comes twice while there are enough.
            Choosing::Distinct => {
                let mut start = Random::new(self.spec.seed, &self.table.name, name, place.parent ^ (1 << 63));
                let first = start.skewed(count.max(1), skew);
                let step = 1 + start.below((count / 16).max(1));
                (1 + (first + (place.ordinal - place.ordinal.min(1)) * coprime(step, count)) % count.max(1))
                    .into()
            }
        }
    }

    /// The referenced row's cell, made again.
    fn copied(self, through: &str, table: usize, column: &str, place: Place) -> Json {
        let target = Scope { table: &self.spec.tables[table], ..self };
        let reference = self.table.columns.get(through).map(|found| self.cell(through, found, place));
        let number = reference.and_then(|number| number.as_u64());
        match (number, target.table.columns.get(column)) {
            (Some(number), Some(found)) => {
                target.cell(column, found, Place { number, parent: 0, ordinal: 0 })
            }
            _ => Json::Null,
        }
    }
}

/// The nearest step that visits every one of `count` before any twice.
fn coprime(mut step: u64, count: u64) -> u64 {
    fn divisor(a: u64, b: u64) -> u64 {
        if b == 0 { a } else { divisor(b, a % b) }
    }
    while divisor(step, count.max(1)) != 1 {
        step += 1;
    }
    step
}

fn listed(values: &[Json], number: u64) -> Json {
    let (at, round) = ((number - 1) as usize % values.len(), (number - 1) / values.len() as u64);
    match (&values[at], round) {
        (value, 0) => value.clone(),
        (Json::String(text), round) => format!("{text} {}", round + 1).into(),
        (value, _) => value.clone(),
    }
}

fn weighted(values: &[Json], weights: &[u64], random: &mut Random) -> Json {
    let mut at = random.below(weights.iter().sum());
    for (value, weight) in values.iter().zip(weights) {
        if at < *weight {
            return value.clone();
        }
        at -= weight;
    }
    Json::Null
}

fn integer(random: &mut Random, min: i64, max: i64, skew: u32) -> i64 {
    let range = max.abs_diff(min);
    let above =
        if skew > 1 { random.skewed(range.saturating_add(1), skew) } else { random.between(0, range) };
    min.wrapping_add_unsigned(above)
}

/// `units` of the last decimal place.
fn decimal(units: i64, places: u32) -> Json {
    json!(units as f64 / 10f64.powi(places as i32))
}

fn day(from: Date, days: u64) -> Date {
    from.saturating_add((days as i64).days())
}

fn sentence(random: &mut Random, min: u64, max: u64) -> String {
    let count = random.between(min, max);
    let mut text = String::new();
    for at in 0..count {
        let word = random.pick(samples::WORDS);
        if at > 0 {
            text.push(' ');
            text.push_str(word);
        } else {
            let mut letters = word.chars();
            text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            text.push_str(letters.as_str());
        }
    }
    if count > 0 {
        text.push('.');
    }
    text
}

/// Version 4 in form: the bits that say so are set.
fn uuid(random: &mut Random) -> String {
    let high = (random.next() & !0xf000) | 0x4000;
    let low = (random.next() & !(0b11 << 62)) | (0b10 << 62);
    let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xffff);
    format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
}

/// A value of this kind that is hard to handle.
fn edge(maker: &Maker, at: usize) -> Option<Json> {
    Some(match maker {
        Maker::Person | Maker::Phrase(_) | Maker::Sentence { .. } => {
            // Where words are required, emptiness is no value.
            let least = if matches!(maker, Maker::Sentence { min: 0, .. }) { 0 } else { 1 };
            samples::edge_text(least + at % (samples::EDGE_TEXTS + 1 - least)).into()
        }
        Maker::Integer { min, max, .. } => if at.is_multiple_of(2) { *max } else { *min }.into(),
        Maker::Decimal { min, max, places } => {
            decimal(if at.is_multiple_of(2) { *max } else { *min }, *places)
        }
        Maker::Json(_) => samples::edge_json(at),
        _ => return None,
    })
}
