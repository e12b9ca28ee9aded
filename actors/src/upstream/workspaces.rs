//! What is known of the workspaces behind the endpoints of an export: their bindings, their paths, and the endpoint of each.
//!
//! Written by the watchers of bindings, read by whoever confirms an absence. Each method is short and waits for nothing (S6).

mod workspace;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use dashmap::DashMap;
use parking_lot::{Mutex, RwLock};
use syncer_clusters::{Cluster, Object, Routes};
use syncer_core::{
    Gvr, LogicalCluster, ObjectKey,
    kcp::{Binding, Provision, Standing, types::PATH_ANNOTATION},
};
use tokio::time::Instant;

use self::workspace::{Life, Lifecycle, Seen, Workspace};
use super::endpoints::EndpointId;

/// How many workspaces are remembered that left. What is forgotten counts as gone unseen: kept, and not removed.
const MOST_DEPARTED: usize = 4_096;

/// The workspaces of one upstream. Cheap to clone; of a plain upstream there are none.
#[derive(Clone, Default)]
pub(crate) struct Workspaces(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// None while the upstream is a plain API server, or has not said who it is.
    export: RwLock<Option<OwnExport>>,
    known: DashMap<LogicalCluster, Workspace>,
    /// Those that left, oldest first.
    departed: Mutex<VecDeque<LogicalCluster>>,
    routes: Routes,
}

/// The export whose consumers these workspaces are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnExport {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// The logical cluster that it is in.
    pub(crate) cluster: LogicalCluster,
    /// How it comes by each resource.
    pub(crate) provisions: Arc<HashMap<Gvr, Provision>>,
}

/// What came of a word on a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing is concluded otherwise than before.
    None,
    /// The workspace is bound, or its claims are others.
    Changed,
    /// Its path became known, or is another one.
    Found,
    /// Its binding goes: it was read with a deletionTimestamp.
    Leaves,
    /// Its binding is gone, after that was read.
    Left,
    /// Its binding is gone, and nobody knows why.
    Lost,
}

// === impl Workspaces ===

impl Workspaces {
    /// The way to each workspace.
    pub(crate) fn routes(&self) -> &Routes {
        &self.0.routes
    }

    /// Forgets everything: it is known again from the endpoints.
    pub(crate) fn clear(&self) {
        for cluster in self.clusters(|_| true) {
            self.0.known.remove(&cluster);
            self.0.routes.forget(&cluster);
        }
    }

    /// These are the consumers of `export` from now on.
    pub(crate) fn consume(&self, export: OwnExport) {
        *self.0.export.write() = Some(export);
    }

    /// How the upstream comes by the objects of `gvr`.
    pub(crate) fn provision(&self, gvr: &Gvr) -> Provision {
        match &*self.0.export.read() {
            None => Provision::Plain,
            // What the export does not have any more was had by a claim at most: nothing is concluded from its absence.
            Some(export) => export.provisions.get(gvr).copied().unwrap_or(Provision::Claimed),
        }
    }

    /// What the binding of its workspace says of `key` at `now`.
    pub(crate) fn standing(&self, key: &ObjectKey, now: Instant) -> Standing {
        let provision = self.provision(&key.gvr);
        if provision == Provision::Plain {
            return Standing::Plain;
        }
        let workspace = self.0.known.get(&key.cluster);
        workspace.map_or(Standing::Unbound, |workspace| {
            workspace.standing(provision, &key.gvr, now)
        })
    }

    /// Whether `key` is taken when an endpoint shows it: kcp goes on showing claimed objects of a binding that is gone.
    pub(crate) fn takes(&self, key: &ObjectKey) -> bool {
        let provision = self.provision(&key.gvr);
        if provision == Provision::Plain {
            return true;
        }
        let workspace = self.0.known.get(&key.cluster);
        workspace.is_some_and(|workspace| match workspace.lifecycle() {
            Lifecycle::Bound => true,
            // Its finalizers have to come off.
            Lifecycle::Leaving => provision == Provision::Own,
            Lifecycle::Left => false,
        })
    }

    /// Whether `cluster` has a binding that is there to stay.
    pub(crate) fn is_bound(&self, cluster: &LogicalCluster) -> bool {
        let workspace = self.0.known.get(cluster);
        workspace.is_some_and(|workspace| workspace.lifecycle() == Lifecycle::Bound)
    }

    /// Those that have a binding that is there to stay, sorted.
    pub(crate) fn all_bound(&self) -> Vec<LogicalCluster> {
        self.clusters(|workspace| workspace.lifecycle() == Lifecycle::Bound)
    }

    /// The endpoint at which `cluster` is to be found.
    pub(crate) fn endpoint(&self, cluster: &LogicalCluster) -> EndpointId {
        let workspace = self.0.known.get(cluster);
        workspace.map_or(EndpointId::default(), |workspace| workspace.endpoint)
    }

    /// Whether the objects of `key`'s resource have to leave with the binding, which goes or is gone. While it goes, kcp deletes what is the
    /// export's own by itself, and waits for our finalizers.
    pub(crate) fn has_left(&self, key: &ObjectKey) -> bool {
        let own = self.provision(&key.gvr) == Provision::Own;
        let workspace = self.0.known.get(&key.cluster);
        workspace.is_some_and(|workspace| match workspace.lifecycle() {
            Lifecycle::Bound => false,
            Lifecycle::Leaving => !own,
            Lifecycle::Left => true,
        })
    }

    /// The path of the workspace `cluster`, where it is known.
    pub(crate) fn path(&self, cluster: &LogicalCluster) -> Option<Arc<str>> {
        self.0.known.get(cluster)?.path.clone()
    }

    /// Why nothing of `group`/`resource` is to be had in `cluster`; `None` where it is, or nothing is known.
    pub(crate) fn refusal(&self, cluster: &LogicalCluster, gvr: &Gvr) -> Option<&'static str> {
        if self.provision(gvr) != Provision::Claimed {
            return None;
        }
        self.0.known.get(cluster)?.refusal(gvr)
    }

    /// Whether `cluster` is to be found at an endpoint other than `endpoint`: what that one says of it is of yesterday.
    pub(crate) fn is_elsewhere(&self, cluster: &LogicalCluster, endpoint: EndpointId) -> bool {
        let workspace = self.0.known.get(cluster);
        workspace.is_some_and(|workspace| workspace.endpoint != endpoint && workspace.lifecycle() != Lifecycle::Left)
    }

    /// The endpoint `id`, which is `at`, shows the binding `object`, in its list `list` or after it.
    pub(crate) fn bound(&self, (id, at): (EndpointId, &Cluster), list: u64, object: &Object, now: Instant) -> Turn {
        let Some(binding) = self.binding_of(object) else {
            return Turn::None;
        };
        let seen = Seen {
            binding,
            life: life_of(object),
            path: object.annotations().get(PATH_ANNOTATION).map(Arc::from),
            list,
        };
        self.note((id, at), (object.cluster(), &object.key().name), seen, now)
    }

    /// Whether the binding `object` is bound to other schemas than when it was seen last.
    pub(crate) fn is_rebound(&self, object: &Object) -> bool {
        let binding = self.binding_of(object);
        binding.is_some_and(|binding| self.has_other_schemas(object.cluster(), &object.key().name, &binding))
    }

    fn has_other_schemas(&self, cluster: &LogicalCluster, name: &str, binding: &Binding) -> bool {
        let workspace = self.0.known.get(cluster);
        workspace.is_some_and(|workspace| workspace.had_other_schemas(name, binding))
    }

    fn note(
        &self,
        (id, at): (EndpointId, &Cluster),
        (cluster, name): (&LogicalCluster, &str),
        seen: Seen,
        now: Instant,
    ) -> Turn {
        let turn = {
            let mut workspace = self
                .0
                .known
                .entry(cluster.clone())
                .or_insert_with(|| Workspace::new(id));
            workspace.endpoint = id;
            workspace.see(name, seen, now)
        };
        if turn != Turn::None {
            self.0.routes.lead(cluster, at);
        }
        turn
    }

    /// The endpoint `id` says that the binding `object` is gone.
    pub(crate) fn unbound(&self, id: EndpointId, object: &Object) -> Turn {
        if self.binding_of(object).is_none() {
            return Turn::None;
        }
        self.lose(id, (object.cluster(), &object.key().name), life_of(object))
    }

    fn lose(&self, id: EndpointId, (cluster, name): (&LogicalCluster, &str), life: Life) -> Turn {
        if self.is_elsewhere(cluster, id) {
            return Turn::None;
        }
        self.take_away(cluster, |workspace| workspace.lose(name, life))
    }

    /// The list `list` of bindings of the endpoint `id` is complete: what it did not have is gone.
    pub(crate) fn listed(&self, id: EndpointId, list: u64) -> Vec<(LogicalCluster, Turn)> {
        let concerned = self.clusters(|workspace| workspace.endpoint == id);
        let gone = concerned.into_iter().map(|cluster| {
            let turn = self.take_away(&cluster, |workspace| workspace.lose_before(list));
            (cluster, turn)
        });
        gone.filter(|(_, turn)| *turn != Turn::None).collect()
    }

    /// The endpoint `id` was withdrawn: of the workspaces that were to be found there nothing is known any more, but that they left.
    pub(crate) fn withdrawn(&self, id: EndpointId) -> Vec<LogicalCluster> {
        let mut lost = self.clusters(|workspace| workspace.endpoint == id && workspace.lifecycle() == Lifecycle::Bound);
        lost.retain(|cluster| {
            self.0.routes.forget(cluster);
            self.0.known.remove(cluster).is_some()
        });
        for cluster in self.clusters(|workspace| workspace.endpoint == id) {
            self.take_away(&cluster, |workspace| workspace.lose_before(u64::MAX));
        }
        lost
    }

    /// Whether `object` is a binding to this export, and what it says.
    fn binding_of(&self, object: &Object) -> Option<Binding> {
        let spec = object.member("spec")?.get();
        let status = object.member("status").map(serde_json::value::RawValue::get);
        let binding = Binding::parse(spec, status).ok()?;
        let export = self.0.export.read();
        let export = export.as_ref()?;
        let ours = *binding.export.name == *export.name && *binding.export_cluster == *export.cluster.as_str();
        ours.then_some(binding)
    }

    fn take_away(&self, cluster: &LogicalCluster, take: impl FnOnce(&mut Workspace) -> Turn) -> Turn {
        let Some(turn) = self.0.known.get_mut(cluster).map(|mut workspace| take(&mut workspace)) else {
            return Turn::None;
        };
        match turn {
            Turn::Lost => {
                self.0.known.remove(cluster);
                self.0.routes.forget(cluster);
            }
            Turn::Left => {
                self.0.routes.forget(cluster);
                self.departed(cluster);
            }
            Turn::None | Turn::Changed | Turn::Found | Turn::Leaves => {}
        }
        turn
    }

    /// Remembers that `cluster` left; of too many the first is forgotten (S10).
    fn departed(&self, cluster: &LogicalCluster) {
        let mut departed = self.0.departed.lock();
        departed.push_back(cluster.clone());
        if departed.len() > MOST_DEPARTED
            && let Some(first) = departed.pop_front()
        {
            self.0
                .known
                .remove_if(&first, |_, workspace| workspace.lifecycle() == Lifecycle::Left);
        }
    }

    /// The workspaces for which `concerned` holds, sorted, so that the same seed gives the same run.
    fn clusters(&self, concerned: impl Fn(&Workspace) -> bool) -> Vec<LogicalCluster> {
        let known = self.0.known.iter().filter(|entry| concerned(entry.value()));
        let mut clusters: Vec<_> = known.map(|entry| entry.key().clone()).collect();
        clusters.sort_unstable();
        clusters
    }
}

fn life_of(binding: &Object) -> Life {
    match binding.deletion_timestamp() {
        Some(_) => Life::Goes,
        None => Life::Stays,
    }
}

#[cfg(test)]
mod tests;
