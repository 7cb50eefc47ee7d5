//! The newest changes, shared by all subscribers and bounded: whoever needs older ones reads the log.

use std::{collections::VecDeque, sync::Arc};

use serde_json::{Map, Value as Json};
use transom_ports::Change;
use transom_types::ChangePosition;

/// How much is kept, or returned at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) changes_max: usize,
    pub(crate) bytes_max: usize,
}

/// Every change after a position, up to the newest that was pushed.
#[derive(Debug)]
pub(crate) struct Window {
    after: ChangePosition,
    changes: VecDeque<(usize, Arc<Change>)>,
    bytes: usize,
    bounds: Bounds,
}

impl Window {
    /// An empty window after `position`.
    pub(crate) fn new(position: ChangePosition, bounds: Bounds) -> Self {
        Self { after: position, changes: VecDeque::new(), bytes: 0, bounds }
    }

    /// Adds the next change and forgets the oldest above the bounds.
    pub(crate) fn push(&mut self, change: Change) {
        let bytes = change_bytes(&change);
        self.bytes += bytes;
        self.changes.push_back((bytes, Arc::new(change)));
        while self.changes.len() > self.bounds.changes_max || self.bytes > self.bounds.bytes_max {
            let Some((bytes, oldest)) = self.changes.pop_front() else { break };
            self.bytes -= bytes;
            self.after = oldest.position;
        }
    }

    /// The first changes after `position` within the bounds (at least one, if there is one); `None` when the window begins later.
    pub(crate) fn page(&self, position: ChangePosition, bounds: Bounds) -> Option<Vec<Arc<Change>>> {
        if position < self.after {
            return None;
        }
        let first = self.changes.partition_point(|(_, change)| change.position <= position);
        let mut total = 0;
        let within = |(bytes, _): &&(usize, Arc<Change>)| {
            let begun = total > 0;
            total += bytes;
            !begun || total <= bounds.bytes_max
        };
        let page = self.changes.range(first..).take(bounds.changes_max).take_while(within);
        Some(page.map(|(_, change)| change.clone()).collect())
    }

    /// After which position the window begins.
    pub(crate) fn begins_after(&self) -> ChangePosition {
        self.after
    }

    /// How many changes are kept and how much memory they take.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.changes.len(), self.bytes)
    }
}

/// About how much memory a change takes.
fn change_bytes(change: &Change) -> usize {
    let images = [Some(&change.key), change.before.as_ref(), change.after.as_ref()];
    256 + images.into_iter().flatten().map(map_bytes).sum::<usize>()
}

fn map_bytes(map: &Map<String, Json>) -> usize {
    map.iter().map(|(name, value)| 64 + name.len() + json_bytes(value)).sum()
}

/// Images are flat: what is nested counts a little only.
fn json_bytes(value: &Json) -> usize {
    match value {
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(|item| 32 + json_bytes(item)).sum(),
        Json::Object(map) => map_bytes(map),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use transom_ports::ChangeKind;

    use super::*;

    fn change(position: u64, size: usize) -> Change {
        let mut after = Map::new();
        after.insert("text".to_owned(), "x".repeat(size).into());
        Change {
            position: ChangePosition(position),
            table: "t".into(),
            kind: ChangeKind::Insert,
            key: Map::new(),
            before: None,
            after: Some(after),
            cause: "".into(),
            at_ms: 0,
        }
    }

    proptest! {
        #[test]
        fn bounded_and_without_gaps(
            sizes in proptest::collection::vec(0usize..3_000, 0..60),
            changes_max in 1usize..20,
            bytes_max in 1usize..20_000,
            from in 0u64..70,
        ) {
            let bounds = Bounds { changes_max, bytes_max };
            let mut window = Window::new(ChangePosition(0), bounds);
            for (at, size) in sizes.iter().enumerate() {
                window.push(change(at as u64 + 1, *size));
                let (count, bytes) = window.size();
                prop_assert!(count <= changes_max && bytes <= bytes_max);
            }
            let newest = sizes.len() as u64;
            let mut position = ChangePosition(from);
            let mut seen = Vec::new();
            match window.page(position, bounds) {
                None => prop_assert!(position < window.begins_after()),
                Some(_) => {
                    while let Some(page) = window.page(position, Bounds { changes_max: 3, bytes_max: 1_000 }) {
                        let Some(last) = page.last() else { break };
                        prop_assert!(page.len() <= 3);
                        position = last.position;
                        seen.extend(page.iter().map(|change| change.position.0));
                    }
                    prop_assert_eq!(seen, (from + 1..=newest).collect::<Vec<_>>());
                }
            }
        }
    }
}
