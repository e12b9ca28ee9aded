//! What is listed, and under which rules: what a list says holds only under the rules that it was read under.

use std::sync::atomic::Ordering;

use syncer_core::Gvr;
use tracing::info;

use super::{Stage, Upstream, endpoints::EndpointId, index::ListAt};
use crate::{
    runtime::{Context, Failure, Taken},
    target::OrderKey,
};

// === impl Upstream ===

impl Upstream {
    /// There are other rules: what is served is asked anew, and every object is looked at again.
    pub(super) fn take_rules(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let Some(Taken { value: rulebook, .. }) = self.changes.take(1).pop() else {
            return Ok(());
        };
        if rulebook.revision <= self.rulebook.revision {
            return Ok(());
        }
        info!(
            revision = rulebook.revision,
            "other rules: every object is looked at again"
        );
        self.rulebook = rulebook;
        self.unlist();
        self.identify(ctx)
    }

    /// What was listed under other rules says nothing about the present ones.
    pub(super) fn unlist(&mut self) {
        self.endpoints.unlist();
        for gvr in self.index.unlist() {
            self.tell_all(&OrderKey::Incomplete(gvr), &self.complete());
        }
        self.base.rules_told.store(self.rulebook.revision, Ordering::Release);
    }

    pub(super) fn listed(
        &mut self,
        gvr: &Gvr,
        list: u64,
        (objects, endpoint): (usize, EndpointId),
        ctx: &mut Context<Self>,
    ) {
        if self.endpoints.get(endpoint).is_none() {
            return;
        }
        let tidings = self.index.listed(gvr, ListAt { endpoint, list });
        self.absent_upstream(&tidings);
        self.spread(tidings);
        if self.endpoints.listed(endpoint, gvr) {
            info!(kind = %gvr, objects, "listed the upstream");
        }
        self.passed(gvr, endpoint, ctx);
    }

    /// One endpoint is through with `gvr`: if all are, everything of it was told.
    pub(super) fn passed(&mut self, gvr: &Gvr, endpoint: EndpointId, ctx: &mut Context<Self>) {
        if !self.endpoints.is_listed(gvr) {
            self.namespaces_passed(gvr, endpoint, ctx);
            return;
        }
        self.tell_all(&OrderKey::Complete(gvr.clone()), &self.complete());
        self.see_whether_all_is_listed();
        self.namespaces_passed(gvr, endpoint, ctx);
    }

    pub(super) fn see_whether_all_is_listed(&mut self) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        if self.knows_endpoints() && self.endpoints.are_through(&identity.resources) {
            let unnamed = self.index.settle();
            self.spread(unnamed);
            self.base.readiness.upstream_listed();
        }
    }
}
