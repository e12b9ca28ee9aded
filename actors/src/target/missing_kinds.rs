//! Resources that the target does not serve yet: somebody may install their definition at any time.

use std::{sync::Arc, time::Duration};

use syncer_clusters::{Error, Served};
use tracing::{debug, info};

use super::{Stage, Target, TargetMessage};
use crate::{
    runtime::{Context, Failure},
    status_propagator::StatusReporter,
};

/// How often is asked for resources that are missing, at most. Nothing is asked where none is.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

impl Target {
    /// Asks again later, if anything is missing.
    pub(super) fn look_for_missing_kinds_later(&mut self, ctx: &mut Context<Self>) {
        let Stage::Syncing(downstream) = &self.stage else {
            return;
        };
        let mut wanted = self.upstream.resources.iter();
        self.turns.look = wanted
            .any(|wanted| !downstream.resources.contains_key(&wanted.gvr))
            .then(|| {
                let delay = ctx.chance().jitter(LOOK_AGAIN);
                ctx.after(delay, TargetMessage::LookForMissingKinds)
            });
    }

    pub(super) fn look_for_missing_kinds(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        // One that cannot be reached is asked when it is back.
        if self.turns.is_paused() {
            self.look_for_missing_kinds_later(ctx);
            return Ok(());
        }
        let Stage::Syncing(downstream) = &self.stage else {
            return Ok(());
        };
        let cluster = downstream.cluster.clone();
        ctx.request(async move { TargetMessage::LookedForMissingKinds(cluster.discover().await) })?;
        Ok(())
    }

    /// Follows what the target serves by now. What is wanted of it gets its turn once it is listed.
    pub(super) fn looked_for_missing_kinds(&mut self, served: &Result<Served, Error>, ctx: &mut Context<Self>) {
        let Stage::Syncing(before) = &self.stage else {
            return;
        };
        let before = before.clone();
        match served {
            Err(cause) => debug!(target = %self.settings.name, "cannot ask the target what it serves by now: {cause}"),
            Ok(served) => {
                let mut resources = self.common(served);
                resources.retain(|gvr, _| !before.resources.contains_key(gvr));
                let mut new: Vec<_> = resources.values().cloned().collect();
                new.sort_unstable_by(|one, other| one.gvr.cmp(&other.gvr));
                resources.extend(before.resources.clone());
                if !new.is_empty() {
                    self.tell_resources(&resources);
                    for gvr in self.intake.listed() {
                        self.upstream.reports.resource_listed(&self.settings.name, gvr);
                    }
                    let to = (&before.cluster, &before.names);
                    let downstream = self.downstream(to, served, resources, ctx);
                    self.stage = Stage::Syncing(Arc::new(downstream));
                    let reporter = StatusReporter::new(self.upstream.status.clone(), self.settings.name.clone());
                    for resource in new {
                        info!(target = %self.settings.name, kind = %resource.gvr, "the target serves this resource now");
                        self.watch_objects(to, resource, &reporter, ctx);
                    }
                }
            }
        }
        self.look_for_missing_kinds_later(ctx);
    }
}
