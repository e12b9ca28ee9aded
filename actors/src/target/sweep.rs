//! The sweep: once per start a target is asked for everything of ours, of whatever kind. What no policy names any more is followed by
//! no watch, and would stay for ever.

use std::time::Duration;

use futures::{FutureExt, StreamExt, pin_mut};
use syncer_clusters::{Cluster, Content, Next, Object, Served, WatchEvent, WatchOptions};
use syncer_core::{Gvr, ResourceType, config::ResourceRef, plan::Desired, proof::Absence};
use tracing::{debug, info};

use super::{
    NamespaceNames, Stage, Target,
    held::Judging,
    sighting::{Seen, Sighting, SightingKey, Sightings},
};
use crate::{
    prescription::names_namespace,
    runtime::{Context, Spec},
    watcher::{Watcher, hand_over},
};

/// How long one list may take before the next kind has its turn.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long kinds that could not be listed are left alone.
const ROUNDS_APART: Duration = Duration::from_mins(1);

/// How far the sweep is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Some kinds were not asked for yet.
    UnderWay,
    /// Each was, though some may not have answered.
    Over,
}

/// Who sweeps what.
#[derive(Clone)]
struct Sweep {
    cluster: Cluster,
    kinds: Vec<ResourceType>,
    selector: String,
    names: NamespaceNames,
    sightings: Sightings,
}

/// What came of one kind.
enum Swept {
    /// Everything of ours was named.
    Whole,
    /// It may not be listed, or is not served: nothing is known of it, and nothing is done.
    Withheld,
    /// It could not be listed for now.
    NotNow,
}

// === impl Target ===

impl Target {
    /// Asks once for what carries our label of kinds that are not watched; metadata only.
    pub(super) fn sweep(&self, cluster: &Cluster, served: &Served, names: &NamespaceNames, ctx: &mut Context<Self>) {
        let Stage::Syncing(downstream) = &self.stage else {
            return;
        };
        let rulebook = self.upstream.rulebooks.borrow().clone();
        // What a policy names and the upstream does not serve is no sweep's business: nothing is known of it.
        let is_followed = |gvr: &Gvr| {
            let resource = ResourceRef {
                group: gvr.group().to_owned(),
                resource: gvr.resource().to_owned(),
            };
            rulebook.rules.resources().contains(&resource) || downstream.resources.contains_key(gvr)
        };
        let mut kinds: Vec<_> = served
            .iter()
            .filter(|kind| kind.has_verb("list") && kind.has_verb("delete"))
            .filter_map(|kind| served.resource_type(kind.resource.gvr.group(), kind.resource.gvr.resource()))
            .filter(|kind| !is_followed(&kind.gvr))
            .collect();
        kinds.sort_by(|one, other| one.gvr.cmp(&other.gvr));
        kinds.dedup_by(|one, other| one.gvr == other.gvr);
        let sweep = Sweep {
            cluster: cluster.clone(),
            kinds,
            selector: self.selector(),
            names: names.clone(),
            sightings: self.intake.sightings(),
        };
        ctx.spawn(Spec::new("sweep"), move || {
            let sweep = sweep.clone();
            Watcher::new(Box::new(move || sweep.clone().run().boxed()))
        });
    }

    /// Everything of ours of `gvr` was named, and no policy names it: it is to go, by the guard and each by a look of its own (S3).
    pub(super) fn swept(&mut self, gvr: &Gvr) {
        self.intake.swept(gvr);
        let absence = self.absence_here(Absence::Unselected, gvr);
        for key in self.ledger.keys(gvr) {
            if self.ledger.is_unnamed(&key) {
                self.ledger.unwant(&key, Desired::Gone(absence), FIRST_WORD);
                info!(
                    target = %self.settings.name, workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
                    "found of a kind that no policy names any more"
                );
                // What the guard has to judge waits for that; what leaves a drained target does not.
                self.changed_upstream(&key);
            }
        }
        self.intake.judging = Judging::Due;
    }
}

/// Nobody but the sweep speaks of these objects.
const FIRST_WORD: u64 = 1;

// === impl Sweep ===

impl Sweep {
    async fn run(mut self) {
        loop {
            let mut left = Vec::new();
            for kind in std::mem::take(&mut self.kinds) {
                match self.look(&kind).await {
                    Swept::Whole | Swept::Withheld => {}
                    Swept::NotNow => left.push(kind),
                }
            }
            self.kinds = left;
            hand_over(&self.sightings, SightingKey::SweepOver, Sighting::Listed);
            if self.kinds.is_empty() {
                // A reader never ends by itself.
                return std::future::pending().await;
            }
            tokio::time::sleep(ROUNDS_APART).await;
        }
    }

    async fn look(&self, kind: &ResourceType) -> Swept {
        match tokio::time::timeout(PATIENCE, self.list(kind)).await {
            Ok(swept) => swept,
            Err(_) => Swept::NotNow,
        }
    }

    async fn list(&self, kind: &ResourceType) -> Swept {
        let options = WatchOptions {
            label_selector: self.selector.clone(),
            content: Content::Metadata,
            ..WatchOptions::default()
        };
        let events = self.cluster.watch(kind.clone(), options);
        pin_mut!(events);
        let mut found = Vec::new();
        while let Some(event) = events.next().await {
            match event {
                WatchEvent::ListStarted => found.clear(),
                WatchEvent::Applied(object) => found.extend(self.ours(&object)),
                WatchEvent::Listed(_) => {
                    for (key, seen) in found {
                        let present = Sighting::Present { seen, list: 0 };
                        hand_over(&self.sightings, SightingKey::Object(key), present);
                    }
                    hand_over(&self.sightings, SightingKey::Swept(kind.gvr.clone()), Sighting::Listed);
                    return Swept::Whole;
                }
                WatchEvent::Interrupted(error)
                    if matches!(error.next(), Next::Forbidden | Next::Unserved | Next::NotFound) =>
                {
                    debug!(kind = %kind.gvr, "not swept: {error}");
                    return Swept::Withheld;
                }
                WatchEvent::Deleted(_) | WatchEvent::Interrupted(_) | WatchEvent::Recovered => {}
            }
        }
        Swept::NotNow
    }

    /// What `object` is, if its markers count. Controllers copy them, and namespaces are always watched.
    fn ours(&self, object: &Object) -> Option<(syncer_core::ObjectKey, Seen)> {
        let (key, seen) = Seen::of(object, &self.names, "")?;
        (!names_namespace(&key)).then_some((key, seen))
    }
}
