//! Two works on one server whose costs differ by a few per cent: taken in turns so short that nothing else can change in
//! between, first one, second, second, first; the costs of such four slices give one ratio.
//!
//! The chief figure is the server's processor time per request: on shared cores it is the one that others do not touch.

use crate::{
    load::{Requests, Session, Target},
    servers::Server,
};

/// Seconds of one slice.
const SLICE: f64 = 0.15;

/// One side of the comparison.
pub type Side<'t> = (&'t Target, Requests);

/// Ratios of second to first, one for each four slices, and what stands behind them.
#[derive(Default)]
pub struct Pairs {
    /// Processor time per request.
    pub processor: Vec<f64>,
    /// Time per request as the clients see it.
    pub wall: Vec<f64>,
    /// Processor time per request of the first, in microseconds.
    pub first_us: Vec<f64>,
    /// Likewise of the second.
    pub second_us: Vec<f64>,
}

/// What some slices took.
#[derive(Default)]
struct Cost {
    answered: f64,
    processor_us: f64,
    wall_us: f64,
}

impl Pairs {
    /// Takes in what another has.
    pub fn append(&mut self, other: Self) {
        self.processor.extend(other.processor);
        self.wall.extend(other.wall);
        self.first_us.extend(other.first_us);
        self.second_us.extend(other.second_us);
    }

    /// Adds so many fours of slices.
    pub fn add(
        &mut self,
        server: &Server,
        session: &mut Session,
        sides: [Side; 2],
        fours: u32,
    ) -> anyhow::Result<()> {
        for _ in 0..fours {
            let mut costs = [Cost::default(), Cost::default()];
            for side in [0, 1, 1, 0] {
                let (target, requests) = sides[side];
                let before = server.processor_ns()?;
                let figures = session.run(target, requests, (requests, 0), SLICE)?;
                let after = server.processor_ns()?;
                let used = after
                    .iter()
                    .map(|(thread, ran)| ran - before.get(thread).copied().unwrap_or(0).min(*ran));
                let cost = &mut costs[side];
                cost.answered += figures.answered;
                cost.processor_us += used.sum::<u64>() as f64 / 1000.0;
                cost.wall_us += figures.answered / figures.per_second * 1e6;
            }
            let [first, second] =
                costs.map(|cost| [cost.processor_us / cost.answered, cost.wall_us / cost.answered]);
            self.processor.push(second[0] / first[0]);
            self.wall.push(second[1] / first[1]);
            self.first_us.push(first[0]);
            self.second_us.push(second[0]);
        }
        Ok(())
    }
}

/// The median, and the bounds between which it lies with 95 % confidence whatever the distribution (order statistics).
pub fn median(values: &[f64]) -> [f64; 3] {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let count = values.len();
    if count == 0 {
        return [f64::NAN; 3];
    }
    let half = 0.98 * (count as f64).sqrt();
    let low = (count as f64 / 2.0 - half).floor().max(0.0) as usize;
    let high = (count as f64 / 2.0 + half).ceil().min(count as f64 - 1.0) as usize;
    [(values[(count - 1) / 2] + values[count / 2]) / 2.0, values[low], values[high]]
}
