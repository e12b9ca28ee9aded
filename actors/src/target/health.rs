//! Whether a target can be reached: its circuit breaker, and who hears of it.

use futures::FutureExt;
use jiff::Timestamp;
use syncer_clusters::{Cluster, Health};
use tracing::{info, warn};

use super::{BATCH, Target};
use crate::{
    finalizers::by_clock_of,
    runtime::{Context, Outbox, Spec, Taken},
    target_report::Reach,
    watcher::{Watcher, hand_over},
};

// === impl Target ===

impl Target {
    /// Watches the circuit breaker of `cluster`.
    pub(super) fn follow_health(&mut self, cluster: &Cluster, ctx: &mut Context<Self>) {
        let (cluster, healths) = (cluster.clone(), self.intake.healths());
        ctx.spawn(Spec::new("health"), move || {
            let (cluster, healths) = (cluster.clone(), healths.clone());
            Watcher::new(Box::new(move || follow(cluster.health(), healths.clone()).boxed()))
        });
    }

    pub(super) fn take_health(&mut self, ctx: &mut Context<Self>) {
        for Taken { value: health, .. } in self.intake.healths().take(BATCH) {
            self.health_changed(&health, ctx);
        }
    }

    fn health_changed(&mut self, health: &Health, ctx: &mut Context<Self>) {
        match health {
            Health::Open { cause, .. } => {
                let cause = format!("the target cannot be reached: {cause}").into();
                let reach = Reach::Unreachable { cause };
                self.upstream.reports.reach(&self.settings.name, reach);
                self.upstream.metrics.lost(&self.settings.name);
                self.upstream.status.target_lost(&self.settings.name);
                self.hold_nothing_up_for_ever(ctx);
            }
            Health::Closed => {
                self.upstream.reports.reach(&self.settings.name, Reach::Reached);
                self.upstream.metrics.reached(&self.settings.name);
                self.upstream.status.target_reached(&self.settings.name);
                self.upstream.finalizers.reached(&self.settings.name);
            }
        }
        match health {
            Health::Open { cause, .. } if self.turns.pause() => {
                warn!(target = %self.settings.name, "the target cannot be reached: {cause}");
                self.tell_unreachable(cause);
                self.upstream.readiness.unreachable(&self.settings.name);
            }
            Health::Closed if self.turns.resume() => {
                info!(target = %self.settings.name, "the target can be reached again");
                self.end_waits(ctx);
            }
            Health::Open { .. } | Health::Closed => {}
        }
    }

    /// Deletions that wait for this target, which cannot be reached, wait for a limited time from when it was last well.
    fn hold_nothing_up_for_ever(&self, ctx: &Context<Self>) {
        let now = Timestamp::try_from(ctx.clock().time()).unwrap_or_default();
        let well = match self.upstream.reports.get(&self.settings.name) {
            // It does answer, though nothing can be done with the answer so far.
            Some(report) if report.reach == Reach::Reached => Some(now),
            // By a process before this one.
            report => report.and_then(|report| report.last_well()),
        };
        let by_upstream = |at| by_clock_of(&self.upstream.cluster, at);
        let finalizers = &self.upstream.finalizers;
        finalizers.lost(&self.settings.name, by_upstream(now), well.map(by_upstream));
    }

    pub(super) fn out_of_reach(&self, reach: Reach, ctx: &Context<Self>) {
        self.upstream.reports.reach(&self.settings.name, reach);
        self.upstream.readiness.unreachable(&self.settings.name);
        self.upstream.metrics.lost(&self.settings.name);
        self.upstream.status.target_lost(&self.settings.name);
        self.hold_nothing_up_for_ever(ctx);
    }
}

/// Hands on every change of `health`, and its state at the start.
async fn follow(mut health: tokio::sync::watch::Receiver<Health>, healths: Outbox<(), Health>) {
    loop {
        let now = health.borrow_and_update().clone();
        hand_over(&healths, (), now);
        if health.changed().await.is_err() {
            // The cluster is dropped, and its Target with it.
            return std::future::pending().await;
        }
    }
}
