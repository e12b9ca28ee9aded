//! Writes that are only tried: what a cluster would hold, without a trace of it there.
//!
//! A [`Cluster`](crate::Cluster) that rehearses asks its API server for dry runs, and remembers what came of them: whoever reads what it
//! "wrote" gets that. What follows a write that was only tried cannot be asked for, and is computed (`syncer_core::difference`).

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use parking_lot::Mutex;
use serde_json::Value;
use syncer_core::identity::ResourceType;

/// What was tried on the clusters that rehearse together. Cheap to clone.
#[derive(Clone, Default)]
pub struct Rehearsal(Arc<Mutex<Stage>>);

#[derive(Default)]
struct Stage {
    objects: HashMap<Place, Rehearsed>,
    /// The namespaces that were made on it, by where they are and by name: in the cluster nothing can be tried in them.
    namespaces: HashSet<(String, String)>,
}

/// An object, where it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The cluster, by name and URL.
    pub(crate) cluster: String,
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// What was tried on one object; its `Debug` shows no content (S8).
#[derive(Clone)]
pub struct Rehearsed {
    /// The object before; `None` where nothing was.
    pub before: Option<Value>,
    /// The object after; `None` where nothing would be.
    pub after: Option<Value>,
    /// What was tried, in order.
    pub acts: Vec<Act>,
    /// Whose word that is.
    pub source: Source,
}

/// A write that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A server-side apply.
    Apply,
    /// A patch.
    Patch,
    /// A delete.
    Delete,
}

/// Whose word on an object it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The API server's, defaults and admission included.
    Server,
    /// Ours: it follows a write that was only tried.
    Computed,
}

// === impl Rehearsal ===

impl Rehearsal {
    pub(crate) fn staged(&self, place: &Place) -> Option<Rehearsed> {
        self.0.lock().objects.get(place).cloned()
    }

    pub(crate) fn keep(&self, place: Place, rehearsed: Rehearsed) {
        let mut stage = self.0.lock();
        if place.resource == "namespaces" && place.namespace.is_empty() && rehearsed.before.is_none() {
            stage.namespaces.insert((place.cluster.clone(), place.name.clone()));
        }
        stage.objects.insert(place, rehearsed);
    }

    /// A write that changes nothing is none: the API server keeps the version.
    pub(crate) fn take(&self, place: &Place) -> Option<Rehearsed> {
        let rehearsed = self.0.lock().objects.remove(place)?;
        (rehearsed.before != rehearsed.after).then_some(rehearsed)
    }

    pub(crate) fn made_namespace(&self, cluster: &str, namespace: &str) -> bool {
        let made = (cluster.to_owned(), namespace.to_owned());
        self.0.lock().namespaces.contains(&made)
    }
}

/// How much there is on it; no content (S8).
impl fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rehearsal").field(&self.0.lock().objects.len()).finish()
    }
}

// === impl Place ===

impl Place {
    pub(crate) fn new(cluster: String, resource: &ResourceType, namespace: &str, name: &str) -> Self {
        Self {
            cluster,
            resource: resource.gvr.to_string(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

// === impl Rehearsed ===

impl fmt::Debug for Rehearsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rehearsed")
            .field("was", &self.before.is_some())
            .field("is", &self.after.is_some())
            .field("acts", &self.acts)
            .field("source", &self.source)
            .finish()
    }
}
