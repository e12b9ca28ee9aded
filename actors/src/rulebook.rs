//! What decides about every object at one moment: the rules, and the targets that they name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use futures::FutureExt;
use syncer_clusters::{Cluster, ConfigError, Object};
use syncer_core::{
    Gvr, ResourceType,
    config::Strategy,
    naming::target_key,
    placement::{Controller, Facts, Rules, Verdict},
};
use tokio::sync::watch;

use crate::{
    runtime::{Actor, Context, Outbox, Spec},
    upstream::NamespaceLabels,
    watcher::{Watcher, hand_over},
};

/// A complete, valid set of rules, and the way to each target. A new one replaces it whole.
#[derive(Debug)]
pub struct Rulebook {
    /// Counts up with each new one; 0 while it is not known which rules there are: then nothing is done.
    pub revision: u64,
    /// What goes where, and how.
    pub rules: Rules,
    /// The targets by name.
    pub targets: BTreeMap<Arc<str>, TargetSettings>,
    /// What is there and says nothing that can be used.
    pub unreadable: Unreadable,
}

/// Documents that are there and say nothing that can be used, now or when they were good last: they are not taken for deleted
/// ones (S3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// The names of policies: nothing that they brought somewhere goes.
    pub policies: BTreeSet<Arc<str>>,
    /// Whether there may be further policies, because objects may not be read.
    pub others: bool,
    /// The names of targets: what they hold stays, and what stands upstream for their sake.
    pub targets: BTreeSet<Arc<str>>,
}

/// One physical cluster.
#[derive(Clone)]
pub struct TargetSettings {
    /// Its name.
    pub name: Arc<str>,
    /// The UID of its object; empty where it is none.
    pub uid: Arc<str>,
    /// Makes its client. Asked again while it fails: a file may come later, or be mended.
    pub connect: Connect,
    /// Stands for everything that a new connection needs: where it changes, the target is connected anew.
    pub fingerprint: u64,
}

/// Makes the client of a target.
pub type Connect = Arc<dyn Fn() -> Result<Cluster, ConfigError> + Send + Sync>;

/// The newest rulebook, now and whenever it changes.
pub type Rulebooks = watch::Receiver<Arc<Rulebook>>;

// === impl Rulebook ===

impl Rulebook {
    /// Whether nobody knows yet which rules there are.
    pub(crate) fn is_unknown(&self) -> bool {
        self.revision == 0
    }

    /// Whether a policy lets the later write win for objects of `gvr`.
    pub(crate) fn writes_back(&self, gvr: &Gvr) -> bool {
        let mut policies = self.rules.policies().iter();
        policies.any(|policy| policy.spec().conflict.strategy == Strategy::LastWriteWins && policy.names(gvr))
    }

    /// Whether what `policy` brought somewhere stays because nobody can read what it says now.
    pub(crate) fn is_unreadable(&self, policy: &str) -> bool {
        let is_known = || self.rules.policies().iter().any(|known| *known.name == *policy);
        self.unreadable.policies.contains(policy) || (self.unreadable.others && !is_known())
    }

    /// Where the upstream object `object` of `resource` has to be. Asked before an object goes down, and again before it is deleted
    /// (S3): both have to go by the same facts.
    pub(crate) fn place(&self, object: &Object, resource: &ResourceType, namespaces: &NamespaceLabels) -> Verdict {
        let label = |name: &str| object.labels().get(name);
        let secret_type: Option<String> = object
            .member("type")
            .and_then(|raw| serde_json::from_str(raw.get()).ok());
        let namespace = namespaces.of(object.key());
        let path = namespaces.workspace_path(object.key());
        let namespace_label = |name: &str| namespace.as_ref()?.get(name).map(|value| &**value);
        let controller = object.controller();
        self.rules.place(&Facts {
            resource,
            key: object.key(),
            labels: &label,
            secret_type: secret_type.as_deref(),
            namespace_labels: namespace.as_ref().map(|_| &namespace_label as _),
            workspace_path: path.as_deref(),
            controller: controller.map(|owner| Controller::new(&owner.api_version, &owner.kind)),
        })
    }

    /// The key of the target `name`, where the upstream id is `upstream`.
    pub(crate) fn key_of(&self, name: &str, upstream: &str) -> String {
        let rules = self.rules.target(name);
        rules.map_or_else(|| target_key(upstream, name), |rules| rules.target.key(upstream))
    }

    /// Whether what is wanted of an object depends on the path of its workspace.
    pub(crate) fn reads_workspace_paths(&self) -> bool {
        let mut policies = self.rules.policies().iter();
        policies.any(|policy| !policy.policy.spec.workspaces.paths.is_empty())
    }

    /// Whether what is wanted of an object depends on the labels of its namespace.
    pub(crate) fn reads_namespace_labels(&self) -> bool {
        let policies = self.rules.policies().iter();
        policies
            .map(|policy| &policy.policy.spec.namespaces.selector)
            .any(|selector| !selector.is_empty())
    }
}

impl fmt::Debug for TargetSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetSettings")
            .field("name", &self.name)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// Lets the actor of `ctx` hear through `changes` of every rulebook that comes after the present one.
pub(crate) fn follow<A: Actor>(rulebooks: &Rulebooks, changes: &Outbox<(), Arc<Rulebook>>, ctx: &mut Context<A>) {
    let (rulebooks, changes) = (rulebooks.clone(), changes.clone());
    ctx.spawn(Spec::new("rules"), move || {
        let (rulebooks, changes) = (rulebooks.clone(), changes.clone());
        Watcher::new(Box::new(move || hand_on(rulebooks.clone(), changes.clone()).boxed()))
    });
}

async fn hand_on(mut rulebooks: Rulebooks, changes: Outbox<(), Arc<Rulebook>>) {
    let mut known = rulebooks.borrow_and_update().revision;
    hand_over(&changes, (), rulebooks.borrow().clone());
    while rulebooks.changed().await.is_ok() {
        let newest = rulebooks.borrow_and_update().clone();
        if newest.revision != known {
            known = newest.revision;
            hand_over(&changes, (), newest);
        }
    }
    // Nobody will ever change the rules: they stay.
    std::future::pending::<()>().await;
}
