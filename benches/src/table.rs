//! The page: medians of ratios, beside what they must be.

use crate::{
    Run,
    pairs::{Pairs, median},
    tails::{Tail, Tails},
};

/// The works, as places in a [`Sample`].
pub const CEILING: usize = 0;
pub const A: usize = 1;
pub const PEER_A: usize = 2;
pub const B: usize = 3;
pub const PEER_B: usize = 4;
pub const C: usize = 5;
pub const PEER_C: usize = 6;
pub const FSYNC_C: usize = 7;

/// One round.
pub struct Sample {
    pub per_second: [f64; 8],
    pub tails: Tails,
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

enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

struct Line {
    work: String,
    value: f64,
    spread: String,
    bar: Bar,
    behind: String,
}

const HEAD: &str =
    "| work | measured | spread | asked | | behind it |\n| --- | --- | --- | --- | --- | --- |\n";

/// The whole page, in Markdown.
pub fn render(run: &Run, found: &Found) -> String {
    let mut lines = ratios(&found.samples);
    lines.push(cost("cost of a policy on an indexed column", 1.10, &found.policy));
    lines.push(cost("cost of a verified token", 1.05, &found.token));
    let once = |work: &str, value, most| Line {
        work: work.to_owned(),
        value,
        spread: "once".to_owned(),
        bar: Bar::AtMost(most),
        behind: String::new(),
    };
    lines.push(once("resident memory at start, MiB", found.resident_start_mib, 50.0));
    lines.push(once("resident memory after all of this, MiB", found.resident_load_mib, 120.0));
    lines.push(once("start to first answer, ms", found.started_ms, 200.0));
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
    fn markdown(&self) -> String {
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
    let rate = |work: &str, least, over: usize, under: usize| {
        let sides = samples.iter().map(|sample| [sample.per_second[over], sample.per_second[under]]);
        ratio(work, Bar::AtLeast(least), "a second", &sides.collect::<Vec<_>>())
    };
    let p99 = |work: &str, over: fn(&Tails) -> &Tail| {
        let sides = samples.iter().map(|sample| [over(&sample.tails).p99_us, sample.tails.alone.p99_us]);
        ratio(work, Bar::AtMost(2.0), "µs", &sides.collect::<Vec<_>>())
    };
    vec![
        rate("A. one row by primary key / ceiling", 0.55, A, CEILING),
        rate("A. / Express + better-sqlite3", 1.6, A, PEER_A),
        rate("B. 20 rows, filtered, ordered, one embedded / Express", 1.3, B, PEER_B),
        rate("C. insert, row returned / Express without durability", 1.0, C, PEER_C),
        rate("C. / one fsync per insert", 20.0, C, FSYNC_C),
        p99("D. 90 % A + 10 % C: p99 of reads / without writes", |tails| &tails.writes),
        p99("A. beside two clients of a dear read: p99 / alone", |tails| &tails.dear),
    ]
}

/// The ratio of the first to the second of each round.
fn ratio(work: &str, bar: Bar, unit: &str, sides: &[[f64; 2]]) -> Line {
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
    let of = |figure: fn(&Tails) -> f64| middle(samples, |sample| figure(&sample.tails));
    format!(
        "Ratios are medians over the rounds, with the least and greatest beside them. In a round everything runs in turn, in one order and \
         the next time in the other. Server, peer and load generator share the machine.\n\n\
         - **Ceiling**: the same HTTP library and runtime answering with the same bytes from memory.\n\
         - **Express**: the peer, with better-sqlite3, `NODE_ENV=production`, hand-written SQL, every statement prepared once, no ETag. Two processes that share the \
         port for A and B; one for C, where several would wait for each other's lock. Requests and responses are made with Express's prototypes \
         from the start, because Express otherwise exchanges them on every request, which halves what Node.js can do. For C it runs with \
         `synchronous=NORMAL`, that is without durability, and once more with `FULL` for one fsync per insert.\n\
         - **D** reaches {:.0} requests a second, {:.2} of A.\n\
         - **A dear read** looks at every row and finds none: {:.0} ms when nothing else runs. Beside A, the two clients were answered {:.1} times \
         a second, and A reached {:.2} of what it does alone. These two and A alone take turns of half a second.\n\
         - **Costs of a policy and a token** are measured in slices of 0.15 s on the same connections to the same process: without, with, with, \
         without. Four slices give one ratio; the median and its 95 % confidence interval are shown. Processor time is the server's own, from the kernel's account of its threads: \
         what other programs run meanwhile touches it only through the caches that they share. The policy compares an indexed column with a claim; both sides send the same token and read the same keys.\n",
        of(|tails| tails.writes.per_second),
        of(|tails| tails.writes.per_second / tails.alone.per_second),
        of(|tails| tails.dear_alone_ms),
        of(|tails| tails.dear_per_second),
        of(|tails| tails.dear.per_second / tails.alone.per_second),
    )
}
