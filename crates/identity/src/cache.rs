//! Verified tokens, so that the same token again costs a lookup and two comparisons. Only tokens whose signature held are
//! kept: what a stranger sends takes no room.

use std::sync::Arc;

use quick_cache::{Weighter, sync::Cache};
use transom_types::Principal;

use crate::claims::Window;

/// A token that was verified.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) principal: Principal,
    pub(crate) window: Window,
    pub(crate) verified_at_seconds: i64,
    /// Which state of the keys it was verified with.
    pub(crate) generation: u64,
}

/// Verified tokens by their text, bounded by the memory they take.
pub(crate) struct VerifiedTokens {
    cache: Option<Cache<Box<str>, Arc<Verified>, ByMemory, ahash::RandomState>>,
    age_seconds_max: i64,
}

#[derive(Clone)]
struct ByMemory;

impl Weighter<Box<str>, Arc<Verified>> for ByMemory {
    /// The text, about three times as much for its claims as a tree, and the bookkeeping.
    fn weight(&self, token: &Box<str>, _: &Arc<Verified>) -> u64 {
        token.len() as u64 * 4 + 512
    }
}

impl VerifiedTokens {
    pub(crate) fn new(bytes_max: u64, age_seconds_max: u32) -> Self {
        const TOKEN_BYTES_TYPICAL: u64 = 2_048;
        let build = || {
            let items = usize::try_from(bytes_max / TOKEN_BYTES_TYPICAL).unwrap_or(usize::MAX).max(1);
            Cache::with(items, bytes_max, ByMemory, ahash::RandomState::new(), Default::default())
        };
        Self { cache: (bytes_max > 0).then(build), age_seconds_max: i64::from(age_seconds_max) }
    }

    /// The token, when it was verified lately and with the keys as they are now.
    pub(crate) fn get(&self, token: &str, generation: u64, now_seconds: i64) -> Option<Arc<Verified>> {
        let verified = self.cache.as_ref()?.get(token)?;
        let fresh = verified.generation == generation
            && now_seconds.saturating_sub(verified.verified_at_seconds) < self.age_seconds_max;
        fresh.then_some(verified)
    }

    pub(crate) fn insert(&self, token: &str, verified: Verified) {
        if let Some(cache) = &self.cache {
            cache.insert(token.into(), Arc::new(verified));
        }
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.cache.as_ref().map_or(0, Cache::len)
    }
}
