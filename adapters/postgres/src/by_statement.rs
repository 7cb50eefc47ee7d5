//! What is remembered of statements, by their address: to hold a statement keeps its address its own.

use std::sync::Arc;

use quick_cache::sync::Cache;
use transom_sql::Prepared;

/// A bounded memory of statements.
pub(crate) struct ByStatement<V>(Cache<usize, (Arc<Prepared>, V)>);

impl<V: Clone> ByStatement<V> {
    /// Remembers no more than `count_max` statements; those that were not used for long are forgotten.
    pub(crate) fn new(count_max: usize) -> Self {
        Self(Cache::new(count_max))
    }

    pub(crate) fn get(&self, prepared: &Arc<Prepared>) -> Option<V> {
        self.0.get(&address(prepared)).map(|(_, value)| value)
    }

    pub(crate) fn insert(&self, prepared: &Arc<Prepared>, value: V) {
        self.0.insert(address(prepared), (prepared.clone(), value));
    }

    pub(crate) fn remove(&self, prepared: &Arc<Prepared>) {
        self.0.remove(&address(prepared));
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

fn address(prepared: &Arc<Prepared>) -> usize {
    Arc::as_ptr(prepared) as usize
}
