//! The page: medians of ratios, beside what they must be.

use crate::{
    Run,
    pairs::{Pairs, median},
    turns::Turns,
};

/// One round.
pub struct Sample {
    pub ceiling: Turns,
    pub a: Turns,
    pub peer_a: Turns,
    pub b: Turns,
    pub peer_b: Turns,
    pub c: Turns,
    pub peer_c: Turns,
    pub fsync_c: Turns,
    /// A once more, in turn with the next two.
    pub alone: Turns,
    /// D.
    pub writes: Turns,
    /// A beside clients of the dear read.
    pub dear: Turns,
    pub dear_alone_ms: f64,
}

/// All that was measured.
#[derive(Default)]
pub struct Found {
    pub samples: Vec<Sample>,
    pub policy: Pairs,
    pub token: Pairs,
    pub resident_start_mib: f64,
    pub resident_load_mib: f64,
    pub started_ms: f64,
    pub machine: String,
    pub others: String,
    pub peer: String,
}

pub enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

pub struct Line {
    work: String,
    value: f64,
    spread: String,
    bar: Bar,
    behind: String,
}

pub const HEAD: &str =
    "| work | measured | spread | asked | | behind it |\n| --- | --- | --- | --- | --- | --- |\n";

/// The whole page, in Markdown.
pub fn render(run: &Run, found: &Found) -> String {
    let mut lines = ratios(&found.samples);
    lines.push(cost("cost of a policy on an indexed column", 1.10, &found.policy));
    lines.push(cost("cost of a verified token", 1.05, &found.token));
    lines.push(Line::once("resident memory at start, MiB", found.resident_start_mib, 50.0));
    lines.push(Line::once("resident memory after all of this, MiB", found.resident_load_mib, 120.0));
    lines.push(Line::once("start to first answer, ms", found.started_ms, 200.0));
    let mut page = format!(
        "# Performance\n\nPrinted by `cargo xtask bench`: {} rounds of {} s a work, {} keep-alive connections, {} rows, `synchronous=FULL`.\n\
         Machine: {}.\n{}.\nPeer: {}.\n\n",
        run.rounds, run.seconds, run.connections, run.rows, found.machine, found.others, found.peer,
    );
    page += HEAD;
    lines.iter().for_each(|line| page += &line.markdown());
    page + "\n" + &notes(&found.samples)
}

impl Line {
    /// A figure that was measured once, and what it may be at most.
    pub fn once(work: &str, value: f64, most: f64) -> Self {
        Self {
            work: work.to_owned(),
            value,
            spread: "once".to_owned(),
            bar: Bar::AtMost(most),
            behind: String::new(),
        }
    }

    pub fn markdown(&self) -> String {
        let (met, asked) = match self.bar {
            Bar::AtLeast(bar) => (self.value >= bar, format!("≥ {bar}")),
            Bar::AtMost(bar) => (self.value <= bar, format!("≤ {bar}")),
        };
        let met = if met { "met" } else { "**missed**" };
        let Self { work, value, spread, behind, .. } = self;
        format!("| {work} | {value:.2} | {spread} | {asked} | {met} | {behind} |\n")
    }
}

fn ratios(samples: &[Sample]) -> Vec<Line> {
    let rate = |work: &str, least, sides: fn(&Sample) -> [&Turns; 2]| {
        let sides = samples.iter().map(|sample| sides(sample).map(|turns| turns.per_second));
        ratio(work, Bar::AtLeast(least), "a second", &sides.collect::<Vec<_>>())
    };
    let p99 = |work: &str, sides: fn(&Sample) -> [&Turns; 2]| {
        let sides = samples.iter().map(|sample| sides(sample).map(|turns| turns.p99_us));
        ratio(work, Bar::AtMost(2.0), "µs", &sides.collect::<Vec<_>>())
    };
    vec![
        rate("A. one row by primary key / ceiling", 0.55, |s| [&s.a, &s.ceiling]),
        rate("A. / Express + better-sqlite3", 1.6, |s| [&s.a, &s.peer_a]),
        rate("B. 20 rows, filtered, ordered, one embedded / Express", 1.3, |s| [&s.b, &s.peer_b]),
        rate("C. insert, row returned / Express without durability", 1.0, |s| [&s.c, &s.peer_c]),
        rate("C. / one fsync per insert", 20.0, |s| [&s.c, &s.fsync_c]),
        p99("D. 90 % A + 10 % C: p99 of reads / without writes", |s| [&s.writes, &s.alone]),
        p99("A. beside two clients of a dear read: p99 / alone", |s| [&s.dear, &s.alone]),
    ]
}

/// The ratio of the first to the second of each round.
pub fn ratio(work: &str, bar: Bar, unit: &str, sides: &[[f64; 2]]) -> Line {
    let ratios: Vec<f64> = sides.iter().map(|[over, under]| over / under).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let side = |at: usize| median(&sides.iter().map(|side| side[at]).collect::<Vec<_>>())[0];
    Line {
        work: work.to_owned(),
        value: median(&ratios)[0],
        spread: format!("{least:.2}–{most:.2}"),
        bar,
        behind: format!("{:.0} / {:.0} {unit}", side(0), side(1)),
    }
}

fn middle(samples: &[Sample], figure: impl Fn(&Sample) -> f64) -> f64 {
    median(&samples.iter().map(figure).collect::<Vec<_>>())[0]
}

fn cost(work: &str, most: f64, pairs: &Pairs) -> Line {
    let [value, low, high] = median(&pairs.processor);
    let [wall, wall_low, wall_high] = median(&pairs.wall);
    Line {
        work: format!("{work}, processor time"),
        value,
        spread: format!("{low:.3}–{high:.3} (95 %)"),
        bar: Bar::AtMost(most),
        behind: format!(
            "{:.1} / {:.1} µs a request; by the clock {wall:.2}, {wall_low:.2}–{wall_high:.2} (95 %); {} pairs",
            median(&pairs.second_us)[0],
            median(&pairs.first_us)[0],
            pairs.processor.len(),
        ),
    }
}

fn notes(samples: &[Sample]) -> String {
    let of = |figure: fn(&Sample) -> f64| middle(samples, figure);
    format!(
        "Ratios are medians over the rounds, with the least and greatest beside them. In a round, works that are compared take turns of half a second, \
         now in one order and then in the other. Server, peer and load generator share the machine.\n\n\
         - **Ceiling**: the same HTTP library and runtime answering with the same bytes from memory.\n\
         - **Express**: the peer, with better-sqlite3, `NODE_ENV=production`, hand-written SQL, every statement prepared once, no ETag. Two processes that share the \
         port for A and B; one for C, where several would wait for each other's lock. Requests and responses are made with Express's prototypes \
         from the start, because Express otherwise exchanges them on every request, which halves what Node.js can do. For C it runs with \
         `synchronous=NORMAL`, that is without durability, and once more with `FULL` for one fsync per insert.\n\
         - **D** reaches {:.0} requests a second, {:.2} of A.\n\
         - **A dear read** looks at every row and finds none: {:.0} ms when nothing else runs. Beside A, the two clients were answered {:.1} times \
         a second, and A reached {:.2} of what it does alone.\n\
         - **Costs of a policy and a token** are measured in slices of 0.15 s on the same connections to the same process: without, with, with, \
         without. Four slices give one ratio; the median and its 95 % confidence interval are shown. Processor time is the server's own, from the kernel's account of its threads: \
         what other programs run meanwhile touches it only through the caches that they share. The policy compares an indexed column with a claim; both sides send the same token and read the same keys.\n",
        of(|s| s.writes.per_second),
        of(|s| s.writes.per_second / s.alone.per_second),
        of(|s| s.dear_alone_ms),
        of(|s| s.dear.dear_per_second),
        of(|s| s.dear.per_second / s.alone.per_second),
    )
}
