//! What the Upstream does about workspaces whose bindings turn.

use syncer_core::{LogicalCluster, ResourceType};
use tracing::{info, warn};

use super::{Stage, Upstream, index::Tidings, workspaces::Turn};
use crate::{
    runtime::Context,
    settings::UpstreamSource,
    target::{Order, OrderKey},
};

/// How many workspaces may wait to be bound again.
const MOST_PASSED_OVER: usize = 16_384;
// === impl Upstream ===

impl Upstream {
    pub(super) fn turned(&mut self, cluster: &LogicalCluster, turn: Turn, ctx: &mut Context<Self>) {
        let path = self.base.workspaces.path(cluster).unwrap_or_default();
        match turn {
            Turn::None => return,
            Turn::Changed | Turn::Found => {
                let what = match turn {
                    Turn::Found => "a workspace has bound the export",
                    _ => "the binding of the workspace says something else now",
                };
                info!(workspace = %cluster, %path, "{what}");
                self.tell_refusals(cluster, &path);
                if turn == Turn::Found && self.rulebook.reads_workspace_paths() {
                    self.rereads.want_workspace(cluster);
                }
                self.ask_again(self.endpoint_of(cluster), ctx);
            }
            Turn::Leaves | Turn::Left => {
                info!(workspace = %cluster, %path, "the workspace's binding is deleted: what it has on targets goes");
                let leaving = self
                    .index
                    .leave(|key| key.cluster == *cluster && self.base.workspaces.has_left(key));
                self.absent_upstream(&leaving);
                self.spread(leaving);
                self.pass_over(cluster);
            }
            Turn::Lost => {
                warn!(
                    workspace = %cluster,
                    "the workspace's binding is gone, and nobody saw it deleted: what it has on targets stays as it is"
                );
                let adrift = self.index.cast_off(|key, _| key.cluster == *cluster);
                self.spread(adrift);
                self.pass_over(cluster);
            }
        }
        // It may be bound by now, whatever the weightiest word on it was.
        if self.base.workspaces.is_bound(cluster) && self.passed_over.remove(cluster) {
            self.rereads.want_workspace(cluster);
        }
        self.tell_standing(cluster);
    }

    /// Says which of the resources that are to be synced the workspace does not let be seen.
    fn tell_refusals(&self, cluster: &LogicalCluster, path: &str) {
        self.tell_refusals_beyond(&[], cluster, path);
    }

    /// More is to be synced than `before`: no binding has to turn for that, so what all of them say of it is said now.
    pub(super) fn tell_new_refusals(&self, before: &[ResourceType]) {
        for cluster in self.base.workspaces.all_bound() {
            let path = self.base.workspaces.path(&cluster).unwrap_or_default();
            self.tell_refusals_beyond(before, &cluster, &path);
        }
    }

    fn tell_refusals_beyond(&self, before: &[ResourceType], cluster: &LogicalCluster, path: &str) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        for resource in identity.resources.iter().filter(|resource| !before.contains(resource)) {
            if let Some(refusal) = self.base.workspaces.refusal(cluster, &resource.gvr) {
                warn!(
                    workspace = %cluster, path, kind = %resource.gvr,
                    "the workspace's binding has the claim {refusal}: nothing of it is synced; accept it in the APIBinding there"
                );
            }
        }
    }

    /// The workspace `cluster` is read again when it is bound: kcp need not show its objects anew. Of too many the first is forgotten (S10);
    /// the next full list repairs that.
    pub(super) fn pass_over(&mut self, cluster: &LogicalCluster) {
        self.passed_over.insert(cluster.clone());
        if self.passed_over.len() > MOST_PASSED_OVER {
            self.passed_over.pop_first();
        }
    }

    /// Tells all targets that what they concluded of the workspace `cluster` has to be weighed again.
    pub(super) fn tell_standing(&self, cluster: &LogicalCluster) {
        self.tell_all(&OrderKey::Standing(cluster.clone()), &Order::Weigh);
    }

    /// Of several endpoints no list says by itself what is gone: the index does.
    pub(super) fn absent_upstream(&self, tidings: &Tidings) {
        if self.base.source == UpstreamSource::Plain {
            return;
        }
        for (_, key, order) in tidings {
            if matches!(order, Order::Gone { .. }) {
                self.base.status.upstream_gone(key);
            }
        }
    }
}
