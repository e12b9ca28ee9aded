//! What failed in a row, and when it is tried again.

use std::time::Duration;

use syncer_core::ObjectKey;
use tokio::time::Instant;

use super::{FinalizerKeeper, SOON};
use crate::runtime::{Context, Exponential};

/// Conflicts in a row that are answered by looking again at once; after them each waits a little longer.
const PROMPT_CONFLICTS: u32 = 3;

/// Failures in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failures {
    pub(super) times: u32,
    /// Until then nothing is tried.
    pub(super) until: Instant,
}

// === impl FinalizerKeeper ===

impl FinalizerKeeper {
    /// Somebody else wrote the object, and what it looks like now is known.
    pub(super) fn again(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        let times = self.one_more(key);
        if times > PROMPT_CONFLICTS {
            self.put_off(key, SOON, ctx);
        } else {
            let until = ctx.now();
            self.failures.insert(key.clone(), Failures { times, until });
            self.line_up(key.clone(), ctx);
        }
    }

    /// The next try is later; returns how many in a row failed.
    pub(super) fn put_off(
        &mut self,
        key: &ObjectKey,
        (first, last): (Duration, Duration),
        ctx: &mut Context<Self>,
    ) -> u32 {
        let times = self.one_more(key);
        let delay = Exponential::nth(first, last, times, ctx.chance());
        self.wait_until(key, times, ctx.now() + delay);
        times
    }

    pub(super) fn wait_until(&mut self, key: &ObjectKey, times: u32, until: Instant) {
        self.failures.insert(key.clone(), Failures { times, until });
        self.waits.until(key.clone(), until);
    }

    /// How many in a row failed, with one that just did.
    fn one_more(&self, key: &ObjectKey) -> u32 {
        let failures = self.failures.get(key);
        failures.map_or(0, |failures| failures.times).saturating_add(1)
    }
}
