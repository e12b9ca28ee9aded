//! What is to be done about one object, by the newest that is known of it.

use jiff::{SignedDuration, Timestamp};
use syncer_clusters::Cluster;
use syncer_core::ObjectKey;
use tracing::warn;

use super::FinalizerKeeper;
use crate::{
    runtime::Context,
    target::{Order, OrderKey},
    watcher::hand_over,
};

/// The time `at`, which is by our clock, by the clock of `upstream`.
pub(crate) fn by_clock_of(upstream: &Cluster, at: Timestamp) -> Timestamp {
    let offset = upstream.clock_offset();
    let offset = offset.map_or(SignedDuration::ZERO, |offset| offset.offset);
    at.saturating_add(offset).unwrap_or(at)
}

// === impl FinalizerKeeper ===

impl FinalizerKeeper {
    /// Does what is to be done about `key` by the newest that is known.
    pub(super) fn examine(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        // Its answer rings again.
        if self.in_flight.contains(key) {
            return;
        }
        let now = self.upstream_time(ctx);
        let decision = self.work.board.decide(key, now);
        for target in &decision.ask {
            if let Some(orders) = self.work.roster.get(target) {
                hand_over(&orders, OrderKey::Release(key.clone()), Order::Release);
            }
        }
        for target in &decision.abandon {
            // Before the finalizer comes off: nothing else will remember it.
            self.work.reports.abandon(target, key);
            warn!(
                %target, workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
                "the target is dead and holds up no deletion any longer: what it holds is left behind, and goes when it returns"
            );
        }
        if let Some(due) = decision.due {
            let wait = due.duration_since(now).unsigned_abs();
            self.waits.until(key.clone(), ctx.now() + wait);
        }
        self.tell_strangers(key);
        let Some(writing) = decision.write else {
            self.failures.remove(key);
            return;
        };
        if let Some(failures) = self.failures.get(key)
            && failures.until > ctx.now()
        {
            self.waits.until(key.clone(), failures.until);
            return;
        }
        self.write(key, writing, ctx);
    }

    /// The time of day by the upstream's clock, by which deletions are dated.
    fn upstream_time(&self, ctx: &Context<Self>) -> Timestamp {
        let now = Timestamp::try_from(ctx.clock().time()).unwrap_or_default();
        by_clock_of(&self.work.cluster, now)
    }
}
