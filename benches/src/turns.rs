//! Works that are compared take turns of half a second, now in one order and then in the other, so that a noisy moment
//! touches them alike.

use hdrhistogram::Histogram;

use crate::{
    data,
    load::{Requests, Session, Target},
};

/// Seconds of one turn: shorter than a peer keeps an idle connection.
const TURN: f64 = 0.5;

/// A work on a server, beside so many clients of the dear read.
pub struct Work {
    pub target: Target,
    pub requests: Requests,
    pub dear_clients: u32,
}

/// What a work's turns of one round found.
pub struct Turns {
    pub per_second: f64,
    /// The 99th percentile of reads.
    pub p99_us: f64,
    /// How often the dear read was answered.
    pub dear_per_second: f64,
}

/// What turns add up to.
struct Sum {
    session: Session,
    reads: Histogram<u64>,
    dear: f64,
    answered: f64,
    seconds: f64,
}

/// Lets each work have turns for about so many seconds; answers in the order of `works`.
pub fn take<const COUNT: usize>(
    works: [Work; COUNT],
    connections: u32,
    seconds: f64,
) -> anyhow::Result<[Turns; COUNT]> {
    let mut sums = Vec::with_capacity(COUNT);
    for work in &works {
        let session = Session::open(work.target.port, connections + work.dear_clients)?;
        sums.push(Sum { session, reads: Histogram::new(3)?, dear: 0.0, answered: 0.0, seconds: 0.0 });
    }
    for turn in 0..(seconds / TURN).ceil() as usize {
        for at in 0..COUNT {
            let at = if turn % 2 == 0 { at } else { COUNT - 1 - at };
            let (work, sum) = (&works[at], &mut sums[at]);
            let dear: (Requests, u32) = (data::transom_dear, work.dear_clients);
            let figures = sum.session.run(&work.target, work.requests, dear, TURN)?;
            sum.reads.add(&figures.reads)?;
            sum.dear += figures.dear.len() as f64;
            sum.answered += figures.answered;
            // A dear read that is still running when the turn ends is waited for, but is not the others' time.
            sum.seconds += if work.dear_clients > 0 { TURN } else { figures.answered / figures.per_second };
        }
    }
    Ok(std::array::from_fn(|at| Turns {
        per_second: sums[at].answered / sums[at].seconds,
        p99_us: sums[at].reads.value_at_quantile(0.99) as f64,
        dear_per_second: sums[at].dear / sums[at].seconds,
    }))
}

/// How long the dear read takes when nothing else runs, in milliseconds.
pub fn dear_alone_ms(target: &Target) -> anyhow::Result<f64> {
    let found = Session::open(target.port, 1)?.run(target, data::transom_a, (data::transom_dear, 1), 0.2)?;
    Ok(found.dear.value_at_quantile(0.5) as f64 / 1000.0)
}
