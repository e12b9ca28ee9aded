//! Everything that a server holds, behind one lock.

use std::sync::Arc;

use indexmap::IndexMap;
use jiff::Timestamp;
use syncer_core::Gvr;

use crate::{
    admit::service::Allocations,
    error::Refusal,
    kcp::Kcp,
    registry::{Registry, Resource},
    store::{Store, key::Key, stored::Stored},
};

/// Everything that a server holds.
#[derive(Debug)]
pub(crate) struct State {
    /// The objects.
    pub(crate) store: Store,
    /// What each logical cluster serves; a plain server has one, without a name.
    pub(crate) registries: IndexMap<Arc<str>, Registry>,
    /// Where UIDs and generated names come from.
    pub(crate) chance: fastrand::Rng,
    /// Addresses and ports of Services.
    pub(crate) allocations: Allocations,
    /// What only a kcp has.
    pub(crate) kcp: Option<Kcp>,
    /// Who empties a namespace that is deleted.
    pub(crate) namespaces: NamespaceLifecycle,
}

/// Who empties a namespace that is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamespaceLifecycle {
    /// The server, at once, as a namespace controller does: what has no finalizer is gone when the delete is answered.
    #[default]
    Emptied,
    /// Nobody: it terminates until someone calls `finalize`, as on a kube-apiserver that runs alone.
    ByHand,
}

/// An object that a request is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Its resource.
    pub(crate) resource: Arc<Resource>,
    /// Its logical cluster.
    pub(crate) cluster: Arc<str>,
    /// Its namespace; empty for a cluster-scoped object.
    pub(crate) namespace: String,
    /// Its name; empty for one that is yet to be generated.
    pub(crate) name: String,
}

// === impl Subject ===

impl Subject {
    /// Where it is stored.
    pub(crate) fn key(&self) -> Key {
        Key::new(&self.cluster, &self.namespace, &self.name)
    }

    /// The subject of a stored object.
    pub(crate) fn of(resource: &Arc<Resource>, object: &Stored) -> Self {
        Self {
            resource: Arc::clone(resource),
            cluster: Arc::clone(&object.cluster),
            namespace: object.namespace.to_string(),
            name: object.name.to_string(),
        }
    }
}

// === impl State ===

impl State {
    /// The resource `gvr` in `cluster`.
    pub(crate) fn resource(&self, cluster: &str, gvr: &Gvr) -> Option<Arc<Resource>> {
        self.registries.get(cluster)?.get(gvr)
    }

    /// The resource `gvr` in `cluster`, for a client.
    ///
    /// # Errors
    /// It is not served, or not even its group.
    pub(crate) fn lookup(&self, cluster: &str, gvr: &Gvr) -> Result<Arc<Resource>, Refusal> {
        if let Some(resource) = self.resource(cluster, gvr) {
            return Ok(resource);
        }
        let registry = self.registries.get(cluster);
        let known = registry.is_some_and(|registry| registry.iter().any(|other| other.group() == gvr.group()));
        Err(if known {
            Refusal::no_such_path()
        } else {
            Refusal::bare()
        })
    }

    /// The object of `subject`.
    pub(crate) fn get(&self, subject: &Subject) -> Option<Arc<Stored>> {
        self.store.get(&subject.resource.collection, &subject.key())
    }

    /// A new UID.
    pub(crate) fn uid(&mut self) -> String {
        let bits = (self.chance.u128(..) & !(0xf000 << 64) & !(0xc000 << 48)) | (0x4000 << 64) | (0x8000 << 48);
        let hex = format!("{bits:032x}");
        let mut uid = String::with_capacity(36);
        for (at, c) in hex.chars().enumerate() {
            if matches!(at, 8 | 12 | 16 | 20) {
                uid.push('-');
            }
            uid.push(c);
        }
        uid
    }

    /// Five characters that make a generated name unlikely to be taken.
    pub(crate) fn suffix(&mut self) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..5)
            .filter_map(|_| self.chance.choice(ALPHABET))
            .map(|&c| char::from(c))
            .collect()
    }
}

/// The time of a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now(pub(crate) Timestamp);

// === impl Now ===

impl Now {
    /// In seconds.
    pub(crate) fn seconds(self) -> String {
        crate::schema::time::seconds(self.0)
    }
}
