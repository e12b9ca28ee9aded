//! Reading the objects of one namespace again, after its labels changed what is wanted of them. One namespace at a time.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::{StreamExt, pin_mut};
use syncer_clusters::{WatchEvent, WatchOptions};
use syncer_core::{Gvr, LogicalCluster, ObjectKey, ResourceType, Scope};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    Continuity, Stage, Upstream, UpstreamMessage,
    reading::{Completeness, UpstreamReading},
    sight::{Sight, SightKey, Word},
};
use crate::{
    bodies::fields_read,
    runtime::{Context, Failure},
    target::OrderKey,
    watcher::{Reading, hand_over},
};

/// How long the lists of one namespace may take before the next one has its turn; the next change of labels, or the next full
/// list, repairs what was not read.
const PATIENCE: Duration = Duration::from_mins(1);

/// The namespaces that wait to be read again.
#[derive(Default)]
pub(super) struct Rereads {
    waiting: BTreeSet<(LogicalCluster, Arc<str>)>,
    under_way: Option<(LogicalCluster, Arc<str>)>,
}

// === impl Rereads ===

impl Rereads {
    /// The objects of the namespace `key` have to be read again.
    pub(super) fn want(&mut self, key: &ObjectKey) {
        self.waiting.insert((key.cluster.clone(), key.name.clone()));
    }

    /// All objects of the workspace `cluster` have to be read again.
    pub(super) fn want_workspace(&mut self, cluster: &LogicalCluster) {
        self.waiting.insert((cluster.clone(), "".into()));
    }

    /// What was under way is over.
    pub(super) fn ended(&mut self) {
        self.under_way = None;
    }

    fn next(&mut self) -> Option<(LogicalCluster, Arc<str>)> {
        if self.under_way.is_some() {
            return None;
        }
        self.under_way = self.waiting.pop_first();
        self.under_way.clone()
    }
}

// === impl Upstream ===

impl Upstream {
    /// Begins to read the next namespace that waits, unless one is being read.
    pub(super) fn reread_next(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let Stage::Following(identity) = &self.stage else {
            return Ok(());
        };
        let Some((cluster, namespace)) = self.rereads.next() else {
            return Ok(());
        };
        let whole = namespace.is_empty();
        if !whole {
            info!(workspace = %cluster, %namespace, "the labels of the namespace changed: its objects are looked at again");
        }
        let endpoint = self.endpoint_of(&cluster);
        let resources = identity.resources.clone();
        let (base, rulebook, sights) = (self.base.clone(), self.rulebook.clone(), self.sights.clone());
        ctx.request(async move {
            let cluster = base.cluster.logical(&cluster);
            let concerned = |resource: &&ResourceType| whole || resource.scope == Scope::Namespaced;
            for resource in resources.iter().filter(concerned) {
                let reading = UpstreamReading::new(
                    (resource.clone(), endpoint),
                    base.clone(),
                    rulebook.clone(),
                    sights.clone(),
                    Completeness::Part,
                );
                let list = list(&cluster, resource, &namespace, &base.continuity, reading);
                if tokio::time::timeout(PATIENCE, list).await.is_err() {
                    warn!(workspace = %cluster.logical_cluster(), %namespace, kind = %resource.gvr, "the objects of the namespace could not be read again in time");
                }
            }
            let sight = Sight {
                revision: rulebook.revision,
                endpoint,
                at: Instant::now(),
                took: Duration::ZERO,
                word: Word::Reread,
            };
            hand_over(&sights, SightKey::Reread, sight);
            UpstreamMessage::Reread
        })?;
        self.hold_judgement();
        Ok(())
    }

    /// Until a namespace is read through nobody can tell how many objects leave a policy with it (S3).
    fn hold_judgement(&self) {
        for gvr in self.namespaced() {
            self.tell_all(&OrderKey::Incomplete(gvr.clone()), &self.complete());
        }
    }

    /// A namespace was read through.
    pub(super) fn reread_through(&self) {
        for gvr in self.namespaced().filter(|gvr| self.endpoints.is_listed(gvr)) {
            self.tell_all(&OrderKey::Complete(gvr.clone()), &self.complete());
        }
    }

    fn namespaced(&self) -> impl Iterator<Item = &Gvr> {
        let resources = match &self.stage {
            Stage::Following(identity) => &identity.resources[..],
            Stage::Identifying => &[],
        };
        let namespaced = resources.iter().filter(|resource| resource.scope == Scope::Namespaced);
        namespaced.map(|resource| &resource.gvr)
    }
}

async fn list(
    cluster: &syncer_clusters::Cluster,
    resource: &ResourceType,
    namespace: &str,
    continuity: &Continuity,
    mut reading: UpstreamReading,
) {
    let options = WatchOptions {
        namespace: namespace.to_owned(),
        managed_fields: fields_read(resource),
        witness: Some(Arc::new(continuity.clone())),
        ..WatchOptions::default()
    };
    let events = cluster.watch(resource.clone(), options);
    pin_mut!(events);
    while let Some(event) = events.next().await {
        if matches!(event, WatchEvent::Listed(_)) {
            return;
        }
        if !matches!(event, WatchEvent::Interrupted(_) | WatchEvent::Recovered) {
            reading.read(event);
        }
    }
}
