//! How the namespaces of upstream objects are called on one target, and which objects there are ours.

use std::sync::Arc;

use dashmap::DashMap;
use syncer_clusters::Object;
use syncer_core::{
    Gvr, LogicalCluster, ObjectKey,
    config::NamespaceMapping,
    marker::{NAMESPACE_LOCATOR_ANNOTATION, ORIGIN_ANNOTATION, Origin},
    naming::{Inherited, NamespaceLocator, SyncTargetLocator},
};

use crate::prescription::names_namespace;

/// The names of one target. Cheap to clone.
#[derive(Clone)]
pub struct NamespaceNames(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    upstream: Arc<str>,
    sync_target: SyncTargetLocator,
    /// The upstream whose place this one took.
    previous: Option<Previous>,
    mapping: NamespaceMapping,
    /// What was made here for earlier objects of the SyncTarget.
    inherited: Inherited,
    hashed: DashMap<(LogicalCluster, Arc<str>), Arc<str>>,
}

/// An upstream that was here before.
#[derive(Clone, Debug)]
pub(crate) struct Previous {
    /// Its id.
    pub(crate) id: Arc<str>,
    /// What the key of the target and the names of its namespaces were made with.
    pub(crate) home: Arc<str>,
}

// === impl NamespaceNames ===

impl NamespaceNames {
    /// The names on `sync_target` for objects of the upstream with the id `upstream`.
    pub fn new(upstream: Arc<str>, sync_target: SyncTargetLocator, mapping: NamespaceMapping) -> Self {
        Self(Arc::new(Inner {
            upstream,
            sync_target,
            previous: None,
            mapping,
            inherited: Inherited::default(),
            hashed: DashMap::new(),
        }))
    }

    /// The same, where what the upstream `previous` put here is ours too. Namespaces that are called by a hash keep the
    /// names that they had under it: what runs in them could not be taken over otherwise.
    #[must_use]
    pub(crate) fn succeeding(mut self, previous: Option<Previous>) -> Self {
        Arc::make_mut(&mut self.0).previous = previous;
        self
    }

    /// The same, where what was made for earlier objects of the SyncTarget keeps its names.
    pub(super) fn inheriting(mut self, inherited: Inherited) -> Self {
        Arc::make_mut(&mut self.0).inherited = inherited;
        self
    }

    /// The SyncTarget whose namespaces may have been made for an earlier object of it: one that is an object, where names are hashed.
    pub(super) fn heir(&self) -> Option<&SyncTargetLocator> {
        let is_object = !self.0.sync_target.uid.is_empty();
        (is_object && self.0.mapping == NamespaceMapping::Hashed).then_some(&self.0.sync_target)
    }

    /// How upstream namespaces are named there.
    pub(crate) fn mapping(&self) -> NamespaceMapping {
        self.0.mapping
    }

    /// Whether `origin` is of the upstream itself, not of one before it.
    pub(crate) fn is_present(&self, origin: &Origin) -> bool {
        origin.upstream == *self.0.upstream
    }

    /// The locator of what is made here for the upstream namespace `namespace` of `cluster`.
    pub(crate) fn locator(&self, cluster: &LogicalCluster, namespace: &str) -> NamespaceLocator {
        if let Some(inherited) = self.0.inherited.get(cluster.as_str(), namespace) {
            return inherited.locator.clone();
        }
        let kept = self
            .0
            .previous
            .as_ref()
            .filter(|_| self.0.mapping == NamespaceMapping::Hashed);
        let home = kept.map_or(&*self.0.sync_target.cluster, |previous| &*previous.home);
        self.locator_of(home, cluster, namespace)
    }

    fn locator_of(&self, home: &str, cluster: &LogicalCluster, namespace: &str) -> NamespaceLocator {
        NamespaceLocator {
            sync_target: SyncTargetLocator {
                cluster: home.to_owned(),
                ..self.0.sync_target.clone()
            },
            cluster: cluster.as_str().to_owned(),
            namespace: namespace.to_owned(),
        }
    }

    /// The downstream namespace of `namespace` in `cluster`; empty for none.
    pub(crate) fn namespace(&self, cluster: &LogicalCluster, namespace: &Arc<str>) -> Arc<str> {
        if namespace.is_empty() || self.0.mapping == NamespaceMapping::Identity {
            return namespace.clone();
        }
        let upstream = (cluster.clone(), namespace.clone());
        if let Some(name) = self.0.hashed.get(&upstream) {
            return name.clone();
        }
        // Nothing in a locator can fail to be written; were it so, no namespace would have this name. An inherited one has this name too.
        let name: Arc<str> = self
            .locator(cluster, namespace)
            .hashed_namespace()
            .unwrap_or_default()
            .into();
        self.0.hashed.insert(upstream, name.clone());
        name
    }

    /// Where the object `key` is on the target: namespace and name.
    pub(crate) fn place(&self, key: &ObjectKey) -> (Arc<str>, Arc<str>) {
        if names_namespace(key) {
            return (key.namespace.clone(), self.namespace(&key.cluster, &key.name));
        }
        (self.namespace(&key.cluster, &key.namespace), key.name.clone())
    }

    /// The upstream object that `object` was made from, if its markers count here (S1).
    pub fn claimed(&self, object: &Object) -> Option<(ObjectKey, Origin)> {
        let origin = Origin::parse(object.annotations().get(ORIGIN_ANNOTATION)?)?;
        let found = object.key();
        let key = if names_namespace(found) {
            self.claimed_namespace(object, &origin)?
        } else {
            let claimed = |upstream: &Arc<str>| origin.claims(upstream, found);
            claimed(&self.0.upstream).or_else(|| self.0.previous.as_ref().and_then(|previous| claimed(&previous.id)))?
        };
        // A copy at another place is somebody else's, whatever its annotation says.
        let (namespace, name) = self.place(&key);
        (namespace == found.namespace && name == found.name).then_some((key, origin))
    }

    fn claimed_namespace(&self, object: &Object, origin: &Origin) -> Option<ObjectKey> {
        let locator = NamespaceLocator::parse(object.annotations().get(NAMESPACE_LOCATOR_ANNOTATION)?).ok()?;
        let cluster = LogicalCluster::new(&locator.cluster);
        let previous = self.0.previous.as_ref();
        let ours = [
            Some(&*self.0.sync_target.cluster),
            previous.map(|previous| &*previous.home),
        ]
        .into_iter()
        .flatten()
        .map(|home| self.locator_of(home, &cluster, &locator.namespace))
        .chain([self.locator(&cluster, &locator.namespace)])
        .any(|expected| locator == expected)
            && (self.is_present(origin) || previous.is_some_and(|previous| *previous.id == *origin.upstream));
        ours.then(|| ObjectKey::new(cluster, Gvr::new("", "v1", "namespaces"), "", &locator.namespace))
    }
}
