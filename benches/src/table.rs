//! The table: medians of ratios, beside what they must be.

use crate::Run;

/// Requests per second (and microseconds) of one round.
pub struct Sample {
    pub ceiling: f64,
    pub a: f64,
    pub peer_a: f64,
    pub b: f64,
    pub peer_b: f64,
    pub c: f64,
    pub peer_c: f64,
    pub fsync_c: f64,
    pub d: f64,
    pub d_p99_us: f64,
    pub a_p99_us: f64,
    pub a_again: f64,
    pub token: f64,
    pub open: f64,
    pub guarded: f64,
}

struct Line {
    work: &'static str,
    value: f64,
    bar: f64,
    /// Whether the value must be at least the bar (else at most).
    at_least: bool,
    spread: String,
    note: String,
}

/// The whole page, in Markdown.
pub fn render(run: &Run, samples: &[Sample], start_mib: f64, load_mib: f64, started_ms: f64) -> String {
    let mut lines = ratios(samples);
    let plain = |work, value, bar| Line {
        work,
        value,
        bar,
        at_least: false,
        spread: String::new(),
        note: String::new(),
    };
    lines.push(plain("resident memory at start, MiB", start_mib, 50.0));
    lines.push(plain("resident memory after D, MiB", load_mib, 120.0));
    lines.push(plain("start to first answer, ms", started_ms, 200.0));
    let mut page = String::from("# Performance\n\n");
    page += &format!(
        "Printed by `cargo xtask bench`: {} rounds of {} s, {} keep-alive connections, {} rows, `synchronous=FULL`.\n{}\n\
         Ratios are medians over the rounds; the least and greatest stand beside them. Server, peer and load generator share the machine.\n\n",
        run.rounds,
        run.seconds,
        run.connections,
        run.rows,
        machine(),
    );
    page += "| work | measured | spread | asked | | requests per second |\n| --- | --- | --- | --- | --- | --- |\n";
    for line in &lines {
        let met = if line.at_least { line.value >= line.bar } else { line.value <= line.bar };
        let sign = if line.at_least { "≥" } else { "≤" };
        page += &format!(
            "| {} | {:.2} | {} | {sign} {} | {} | {} |\n",
            line.work,
            line.value,
            line.spread,
            line.bar,
            if met { "met" } else { "**missed**" },
            line.note
        );
    }
    page += "\nThe ceiling is the same HTTP library answering with the same bytes from memory. The peer is Express with \
             better-sqlite3 and hand-written, prepared SQL: two processes for A and B, one for C, where it runs with `synchronous=NORMAL`, that is without \
             durability, and once more with `FULL` for one fsync per insert.\n";
    page
}

fn ratios(samples: &[Sample]) -> Vec<Line> {
    let line = |work,
                bar,
                at_least,
                ratio: &dyn Fn(&Sample) -> f64,
                of: &dyn Fn(&Sample) -> [f64; 2],
                unit: &str| {
        let (value, least, most) = spread(samples.iter().map(ratio));
        let side = |at: usize| spread(samples.iter().map(|sample| of(sample)[at])).0;
        let note = format!("{:.0} / {:.0}{unit}", side(0), side(1));
        Line { work, value, bar, at_least, spread: format!("{least:.2}–{most:.2}"), note }
    };
    vec![
        line(
            "A. one row by primary key / ceiling",
            0.55,
            true,
            &|s| s.a / s.ceiling,
            &|s| [s.a, s.ceiling],
            "",
        ),
        line("A. / Express + better-sqlite3", 1.6, true, &|s| s.a / s.peer_a, &|s| [s.a, s.peer_a], ""),
        line(
            "B. 20 rows, filtered, ordered, one embedded / Express",
            1.3,
            true,
            &|s| s.b / s.peer_b,
            &|s| [s.b, s.peer_b],
            "",
        ),
        line(
            "C. insert, row returned / Express without durability",
            1.0,
            true,
            &|s| s.c / s.peer_c,
            &|s| [s.c, s.peer_c],
            "",
        ),
        line("C. / one fsync per insert", 20.0, true, &|s| s.c / s.fsync_c, &|s| [s.c, s.fsync_c], ""),
        line(
            "D. 90 % A + 10 % C: p99 of reads / without writes",
            2.0,
            false,
            &|s| s.d_p99_us / s.a_p99_us,
            &|s| [s.d_p99_us, s.a_p99_us],
            " µs",
        ),
        line(
            "cost of a policy on an indexed column",
            1.10,
            false,
            &|s| s.open / s.guarded,
            &|s| [s.guarded, s.open],
            "",
        ),
        line(
            "cost of a verified token",
            1.05,
            false,
            &|s| s.a_again / s.token,
            &|s| [s.token, s.a_again],
            "",
        ),
        line("D. requests per second / A", 0.0, true, &|s| s.d / s.a, &|s| [s.d, s.a], ""),
    ]
}

/// Median, least, greatest.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.as_slice() {
        [] => (f64::NAN, f64::NAN, f64::NAN),
        all => ((all[(all.len() - 1) / 2] + all[all.len() / 2]) / 2.0, all[0], all[all.len() - 1]),
    }
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches([' ', '\t', ':']);
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let load = read("/proc/loadavg");
    let load: Vec<_> = load.split(' ').take(3).collect();
    format!("Machine: {cores} × {model}, shared; load average at the end {}.", load.join(" "))
}
