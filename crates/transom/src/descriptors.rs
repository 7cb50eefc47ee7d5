//! How many files and sockets the process may have open. Systems start programs with few (often 1,024) and let them ask for more; a
//! server whose clients hold the last one can no longer open its own files, so connections never get all of them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the database's files, the log, the listeners and what the runtime needs.
const OWN: u64 = 96;

/// Asks for as many descriptors as `wanted` connections need.
/// Returns how many connections there may be: fewer, where the system allows fewer.
pub fn connections_max(wanted: u32) -> usize {
    let need = u64::from(wanted) + OWN;
    let limit = getrlimit(Resource::Nofile);
    let raised = limit.maximum.map_or(need, |maximum| maximum.min(need));
    let mut have = limit.current.unwrap_or(u64::MAX);
    if have < raised && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }).is_ok() {
        have = raised;
    }
    let connections = within(wanted, have);
    if connections < wanted as usize {
        tracing::warn!(
            connections,
            "the system allows {have} open files, too few for `server.limits.connections_max = {wanted}`: raise it with `ulimit -n`"
        );
    }
    connections
}

/// How many connections `have` descriptors are enough for; half of them where there are very few.
fn within(wanted: u32, have: u64) -> usize {
    let room = have.saturating_sub(OWN).max(have / 2).max(1);
    usize::try_from(room.min(u64::from(wanted))).unwrap_or(wanted as usize)
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn connections_leave_the_server_its_own() {
        for (wanted, have, expected) in [
            (10_000, 20_000, 10_000),
            (10_000, 1_024, 928),
            (10_000, 128, 64),
            (5, 1_024, 5),
            (5, 0, 1),
            (5, u64::MAX, 5),
        ] {
            assert_eq!(within(wanted, have), expected, "{wanted} of {have}");
        }
    }
}
