//! Resources that a plain upstream does not serve yet: somebody may install their definition at any time. What the endpoints of a kcp do
//! not serve is asked for where a binding changes.

use std::time::Duration;

use syncer_core::Gvr;
use tracing::{debug, info};

use super::{IdentifyError, Identity, Stage, Upstream, UpstreamMessage, identify};
use crate::{
    prescription::is_namespace,
    runtime::{Context, Failure},
    settings::UpstreamSource,
};

/// How often is asked for resources that are missing, at most. Nothing is asked where none is.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

impl Upstream {
    /// Asks again later, if anything is missing.
    pub(super) fn look_for_missing_kinds_later(&mut self, ctx: &mut Context<Self>) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        let missing = self.base.source == UpstreamSource::Plain && !identity.unserved.is_empty();
        self.look = missing.then(|| {
            let delay = ctx.chance().jitter(LOOK_AGAIN);
            ctx.after(delay, UpstreamMessage::LookForMissingKinds)
        });
    }

    pub(super) fn look_for_missing_kinds(&self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let (cluster, source) = (self.base.cluster.clone(), self.base.source.clone());
        let rulebook = self.rulebook.clone();
        ctx.request(async move {
            let found = identify::ask(&cluster, &source, None, rulebook.rules.resources()).await;
            UpstreamMessage::LookedForMissingKinds(rulebook.revision, found)
        })?;
        Ok(())
    }

    /// Follows what the upstream serves by now beside what is followed already. Other rules ask by themselves.
    pub(super) fn looked_for_missing_kinds(
        &mut self,
        revision: u64,
        found: &Result<Identity, IdentifyError>,
        ctx: &mut Context<Self>,
    ) {
        match found {
            Err(cause) => debug!("cannot ask the upstream what it serves by now: {cause}"),
            Ok(found) if revision == self.rulebook.revision && self.base.continuity.heard(&found.id).is_ok() => {
                self.follow_more(found, ctx);
            }
            Ok(_) => {}
        }
        self.look_for_missing_kinds_later(ctx);
    }

    fn follow_more(&mut self, found: &Identity, ctx: &mut Context<Self>) {
        let Stage::Following(known) = &self.stage else {
            return;
        };
        let is_there = |found: &Identity, gvr: &Gvr| found.resources.iter().any(|resource| resource.gvr == *gvr);
        // A definition that is gone for the moment is the business of its watch.
        let all_stay = known.resources.iter().all(|resource| is_there(found, &resource.gvr));
        let new = found
            .resources
            .iter()
            .filter(|resource| !is_there(known, &resource.gvr));
        let new: Vec<_> = new.cloned().collect();
        if !all_stay || new.is_empty() {
            return;
        }
        for resource in &new {
            info!(kind = %resource.gvr, "the upstream serves this resource now");
        }
        self.stage = Stage::Following(found.clone());
        let targets = self.rulebook.targets.keys();
        let targets = targets.map(|name| (name, self.rulebook.key_of(name, &found.id)));
        self.base.finalizers.rules(targets, found.resources.iter());
        for endpoint in self.endpoints.ids() {
            // Where the namespaces are not through yet, what comes after them begins with the rest.
            let namespaces = found.resources.iter().find(|resource| is_namespace(resource));
            let passed = |gvr| {
                self.endpoints
                    .get(endpoint)
                    .is_some_and(|endpoint| endpoint.has_passed(gvr))
            };
            if namespaces.is_some_and(|namespaces| !passed(&namespaces.gvr)) {
                continue;
            }
            for resource in &new {
                self.watch(resource.clone(), endpoint, ctx);
            }
        }
        self.propagate_status(ctx);
        self.announce(ctx);
    }
}
