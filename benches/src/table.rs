//! The page: medians of ratios, beside what they must be.

use crate::{
    Run,
    pairs::{Pairs, median},
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
pub const D: usize = 8;
/// A once more, beside D and beside the dear reads.
pub const QUIET: usize = 9;
/// A while other clients ask for dear reads.
pub const DEAR: usize = 10;

/// One round.
#[derive(Default)]
pub struct Sample {
    pub per_second: [f64; 11],
    pub p99_us: [f64; 11],
    pub dear_per_second: f64,
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
    let line = |work: &str, bar, unit: &str, over: usize, under: usize, figure: fn(&Sample, usize) -> f64| {
        let values: Vec<f64> =
            samples.iter().map(|sample| figure(sample, over) / figure(sample, under)).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let side = |work| middle(samples, |sample| figure(sample, work));
        Line {
            work: work.to_owned(),
            value: median(&values)[0],
            spread: format!("{least:.2}–{most:.2}"),
            bar,
            behind: format!("{:.0} / {:.0} {unit}", side(over), side(under)),
        }
    };
    let rate = |sample: &Sample, work: usize| sample.per_second[work];
    let p99 = |sample: &Sample, work: usize| sample.p99_us[work];
    let (per_second, us) = ("a second", "µs");
    vec![
        line("A. one row by primary key / ceiling", Bar::AtLeast(0.55), per_second, A, CEILING, rate),
        line("A. / Express + better-sqlite3", Bar::AtLeast(1.6), per_second, A, PEER_A, rate),
        line(
            "B. 20 rows, filtered, ordered, one embedded / Express",
            Bar::AtLeast(1.3),
            per_second,
            B,
            PEER_B,
            rate,
        ),
        line(
            "C. insert, row returned / Express without durability",
            Bar::AtLeast(1.0),
            per_second,
            C,
            PEER_C,
            rate,
        ),
        line("C. / one fsync per insert", Bar::AtLeast(20.0), per_second, C, FSYNC_C, rate),
        line("D. 90 % A + 10 % C: p99 of reads / without writes", Bar::AtMost(2.0), us, D, QUIET, p99),
        line("A. beside two clients of a dear read: p99 / alone", Bar::AtMost(2.0), us, DEAR, QUIET, p99),
    ]
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
    let rate = |work: usize| middle(samples, |sample| sample.per_second[work]);
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
         a second, and A reached {:.0} requests a second.\n\
         - **Costs of a policy and a token** are measured in slices of 0.15 s on the same connections to the same process: without, with, with, \
         without. Four slices give one ratio; the median and its 95 % confidence interval are shown. Processor time is the server's own, from the kernel's account of its threads: \
         other programs on the machine hardly touch it. The policy compares an indexed column with a claim; both sides send the same token and read the same keys.\n",
        rate(D),
        rate(D) / rate(A),
        middle(samples, |sample| sample.dear_alone_ms),
        middle(samples, |sample| sample.dear_per_second),
        rate(DEAR),
    )
}
