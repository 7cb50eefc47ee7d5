//! The slowest reads: A alone, A among writes, and A beside clients of a dear read, in turns of half a second, so that a noisy
//! moment touches all three.

use hdrhistogram::Histogram;

use crate::{
    data,
    load::{Requests, Session, Target},
};

/// How many clients ask for the dear read.
const DEAR_CLIENTS: u32 = 2;
/// Seconds of one turn.
const TURN: f64 = 0.5;

/// What one round found of one of the three.
pub struct Tail {
    pub per_second: f64,
    pub p99_us: f64,
}

/// One round.
pub struct Tails {
    pub alone: Tail,
    pub writes: Tail,
    pub dear: Tail,
    /// How often the dear read was answered.
    pub dear_per_second: f64,
    /// How long the dear read takes when nothing else runs.
    pub dear_alone_ms: f64,
}

/// Turns of one kind, together.
struct Turns {
    reads: Histogram<u64>,
    dear: u64,
    answered: f64,
    seconds: f64,
}

/// Takes turns for about so many seconds each.
pub fn measure(target: &Target, connections: u32, seconds: f64) -> anyhow::Result<Tails> {
    let mut sessions =
        [Session::open(target.port, connections)?, Session::open(target.port, connections + DEAR_CLIENTS)?];
    let kinds: [(Requests, u32); 3] =
        [(data::transom_a, 0), (data::transom_d, 0), (data::transom_a, DEAR_CLIENTS)];
    let empty = || anyhow::Ok(Turns { reads: Histogram::new(3)?, dear: 0, answered: 0.0, seconds: 0.0 });
    let mut all = [empty()?, empty()?, empty()?];
    for turn in 0..(seconds / TURN).ceil() as u32 {
        let order = if turn % 2 == 0 { [0, 1, 2] } else { [2, 1, 0] };
        for kind in order {
            let (requests, dear_clients) = kinds[kind];
            let session = &mut sessions[usize::from(dear_clients > 0)];
            let figures = session.run(target, requests, (data::transom_dear, dear_clients), TURN)?;
            let turns = &mut all[kind];
            turns.reads.add(&figures.reads)?;
            turns.dear += figures.dear.len();
            turns.answered += figures.answered;
            turns.seconds += TURN;
        }
    }
    let dear_per_second = all[2].dear as f64 / all[2].seconds;
    let [alone, writes, dear] = all.map(|turns| Tail {
        per_second: turns.answered / turns.seconds,
        p99_us: turns.reads.value_at_quantile(0.99) as f64,
    });
    let only_dear =
        Session::open(target.port, 1)?.run(target, data::transom_a, (data::transom_dear, 1), 0.2)?;
    let dear_alone_ms = only_dear.dear.value_at_quantile(0.5) as f64 / 1000.0;
    Ok(Tails { alone, writes, dear, dear_per_second, dear_alone_ms })
}
