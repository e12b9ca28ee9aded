//! The heartbeat of a target: asked for its version now and then, it shows that it answers, also when nothing else is asked of it.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use jiff::Timestamp;
use syncer_clusters::{Cluster, Error, Health, Next};
use tokio::sync::watch;

use super::Target;
use crate::{
    metrics::Metrics,
    runtime::{Clock, Context, Spec},
    target_report::{Reach, TargetReports},
    watcher::Watcher,
};

/// The time between two heartbeats.
pub(crate) const EVERY: Duration = Duration::from_secs(20);
/// How long a target may take to answer one.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a target that does not know us refuses.
const CREDENTIALS: &str = "credentials";

/// Asks one target.
struct Heartbeat {
    target: Arc<str>,
    cluster: Cluster,
    upstream: Cluster,
    reports: TargetReports,
    metrics: Metrics,
    clock: Clock,
}

impl Target {
    /// Begins to ask `cluster` for signs of life.
    pub(super) fn follow_heartbeat(&self, cluster: &Cluster, ctx: &mut Context<Self>) {
        let (target, reports) = (self.settings.name.clone(), self.upstream.reports.clone());
        let (cluster, clock) = (cluster.clone(), ctx.clock().clone());
        let (upstream, metrics) = (self.upstream.cluster.clone(), self.upstream.metrics.clone());
        ctx.spawn(Spec::new("heartbeat"), move || {
            let heartbeat = Arc::new(Heartbeat {
                target: target.clone(),
                cluster: cluster.clone(),
                upstream: upstream.clone(),
                reports: reports.clone(),
                metrics: metrics.clone(),
                clock: clock.clone(),
            });
            Watcher::new(Box::new(move || heartbeat.clone().run().boxed()))
        });
    }
}

// === impl Heartbeat ===

impl Heartbeat {
    async fn run(self: Arc<Self>) {
        let mut health = self.cluster.health();
        loop {
            self.beat().await;
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = closes(&mut health) => {}
            }
        }
    }

    async fn beat(&self) {
        let Ok(answer) = tokio::time::timeout(PATIENCE, self.cluster.version()).await else {
            let cause = format!("no answer to a heartbeat within {PATIENCE:?}").into();
            self.reports.reach(&self.target, Reach::Unreachable { cause });
            return;
        };
        match answer {
            Ok(version) => {
                self.reports.allowed(&self.target, CREDENTIALS);
                self.answered(&version);
            }
            Err(error) if error.is_unreachable() => {
                let cause = error.to_string().into();
                self.reports.reach(&self.target, Reach::Unreachable { cause });
            }
            Err(error) => self.said_no(&error),
        }
    }

    /// It answered, though not with a version: which it may keep to itself.
    fn said_no(&self, error: &Error) {
        if error.next() == Next::Reauthenticate {
            self.reports.refused(&self.target, CREDENTIALS, &error.to_string());
        }
        let known = self.reports.get(&self.target);
        self.answered(&known.map(|report| report.kubernetes_version).unwrap_or_default());
    }

    fn answered(&self, version: &str) {
        let now = Timestamp::try_from(self.clock.time()).unwrap_or_default();
        self.reports.heartbeat(&self.target, now, version);
        if let Some(clock) = self.cluster.clock_offset() {
            self.metrics.target_clock(&self.target, clock.offset.as_secs_f64());
        }
        if let Some(clock) = self.upstream.clock_offset() {
            self.metrics.upstream_clock(clock.offset.as_secs_f64());
        }
    }
}

/// Returns when the circuit breaker has closed.
async fn closes(health: &mut watch::Receiver<Health>) {
    while health.changed().await.is_ok() {
        if *health.borrow_and_update() == Health::Closed {
            return;
        }
    }
    std::future::pending::<()>().await;
}
