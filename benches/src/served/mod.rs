//! The same works with the data on a database server: Transom, guarded by its own policies and natively by the server's,
//! beside hand-written Express with pg and beside PostGraphile.

mod field;
mod memory;
mod requests;
mod schema;

use std::time::Instant;

use crate::{
    Run,
    machine::{self, Ticks},
    table::{Bar, HEAD, Line, ratio},
    turns::{self, Turns, Work},
};
use field::Field;

/// One round.
struct Sample {
    a: Turns,
    native_a: Turns,
    express_a: Turns,
    graphile_a: Turns,
    b: Turns,
    express_b: Turns,
    graphile_b: Turns,
    c: Turns,
    express_c: Turns,
    /// A once more, in turn with D.
    alone: Turns,
    writes: Turns,
}

/// Measures and returns the page.
pub fn run(run: &Run) -> anyhow::Result<String> {
    std::fs::create_dir_all(&run.work)?;
    let began = Instant::now();
    let field = Field::start(run)?;
    let ticks = Ticks::now(field.database_id());
    let mut samples = Vec::new();
    for round in 0..=run.rounds {
        let elapsed = began.elapsed().as_secs_f64();
        eprintln!("round {round} of {} (round 0 warms up), {elapsed:.0} s", run.rounds);
        let seconds = if round == 0 { run.seconds.min(1.0) } else { run.seconds };
        let sample = sample(run, &field, seconds)?;
        if round > 0 {
            samples.push(sample);
        }
    }
    let resident = field.transom.resident_mib()?;
    let others = machine::others(&ticks, &Ticks::now(field.database_id()));
    let memory = memory::measure(run, &field)?;
    let mut lines = lines(&samples);
    lines.push(Line::once("resident memory after D, MiB", resident, 80.0));
    lines.push(Line::once("peak above idle while 100,000 rows are read, MiB", memory.read_mib, 64.0));
    lines.push(Line::once("peak above idle while 100,000 rows are inserted, MiB", memory.insert_mib, 100.0));
    lines.push(Line::once("start on 1,000 tables and 200 views, s", schema::start(run, &field)?, 2.0));
    let mut page = format!(
        "# Performance on a database server\n\nPrinted by `cargo xtask bench served`: {} rounds of {} s a work, {} keep-alive \
         connections, {} rows; {}.\nMachine: {}.\n{others}.\nPeers: {}.\n\n",
        run.rounds,
        run.seconds,
        run.connections,
        run.rows,
        field.version,
        machine::facts(),
        field.peers,
    );
    page += HEAD;
    lines.iter().for_each(|line| page += &line.markdown());
    Ok(page + "\n" + NOTES)
}

fn sample(run: &Run, field: &Field, seconds: f64) -> anyhow::Result<Sample> {
    let work =
        |target: &crate::load::Target, requests| Work { target: target.clone(), requests, dear_clients: 0 };
    let [transom, native, express, graphile] = field.targets();
    let of_a = [
        work(&transom, crate::data::transom_a),
        work(&native, requests::native_a),
        work(&express, crate::data::peer_a),
        work(&graphile, requests::graphile_a),
    ];
    let of_b = [
        work(&transom, crate::data::transom_b),
        work(&express, crate::data::peer_b),
        work(&graphile, requests::graphile_b),
    ];
    let of_c = [work(&transom, crate::data::transom_c), work(&express, crate::data::peer_c)];
    let tails = [work(&transom, crate::data::transom_a), work(&transom, crate::data::transom_d)];
    let [a, native_a, express_a, graphile_a] = turns::take(of_a, run.connections, seconds)?;
    let [b, express_b, graphile_b] = turns::take(of_b, run.connections, seconds)?;
    let [c, express_c] = turns::take(of_c, run.connections, seconds)?;
    let [alone, writes] = turns::take(tails, run.connections, seconds)?;
    Ok(Sample { a, native_a, express_a, graphile_a, b, express_b, graphile_b, c, express_c, alone, writes })
}

fn lines(samples: &[Sample]) -> Vec<Line> {
    let rate = |work: &str, least, sides: fn(&Sample) -> [&Turns; 2]| {
        let sides = samples.iter().map(|sample| sides(sample).map(|turns| turns.per_second));
        ratio(work, Bar::AtLeast(least), "a second", &sides.collect::<Vec<_>>())
    };
    let p99 = samples.iter().map(|sample| [sample.writes.p99_us, sample.alone.p99_us]);
    vec![
        rate("A. one row by primary key, guarded / Express + pg", 1.1, |s| [&s.a, &s.express_a]),
        rate("A. guarded / PostGraphile", 3.0, |s| [&s.a, &s.graphile_a]),
        rate("A. native / guarded", 0.6, |s| [&s.native_a, &s.a]),
        rate("B. 20 rows, filtered, ordered, one embedded / Express + pg", 1.0, |s| [&s.b, &s.express_b]),
        rate("B. / PostGraphile", 3.0, |s| [&s.b, &s.graphile_b]),
        rate("C. insert, row returned / Express + pg", 1.0, |s| [&s.c, &s.express_c]),
        ratio(
            "D. 90 % A + 10 % C: p99 of reads / without writes",
            Bar::AtMost(2.0),
            "µs",
            &p99.collect::<Vec<_>>(),
        ),
    ]
}

const NOTES: &str = "Ratios are medians over the rounds, with the least and greatest beside them; works that are compared take \
turns of half a second. Database server, server, peers and load generator share the machine, and all speak to the database by TCP; \
it runs as installed, with every commit on the disk.\n\n\
- **Guarded**: `policies.sql` in the statement. **Native**: role and claims set for the transaction, row-level security decides; \
served by a PostgREST configuration.\n\
- **Express**: hand-written SQL with pg, every statement prepared once, two processes that share the port, ten connections each.\n\
- **PostGraphile**: the same rows by GraphQL, two workers, production settings.\n";
