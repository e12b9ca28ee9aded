//! What the Upstream knows of the selected objects: identity, and what is wanted of them where. No bodies.

mod absent;
mod claims;
mod entry;
mod named;
mod orders;
mod tidings;
mod want;

use std::{collections::HashMap, sync::Arc};

use syncer_core::{Gvr, ObjectKey, placement::Withholding};

use self::{entry::Entry, named::Names};
pub(crate) use self::{
    tidings::{Tiding, Tidings, dated},
    want::{Activity, Shown, Want},
};
use super::endpoints::EndpointId;
use crate::{
    prescription::{Prescription, names_namespace},
    references::References,
};

/// The selected objects of one upstream.
#[derive(Default)]
pub(crate) struct Index {
    resources: HashMap<Gvr, Resource>,
    references: References,
    /// Distinguishes what this Upstream says from what one before it said.
    incarnation: u64,
    names: Names,
}

#[derive(Default)]
struct Resource {
    objects: HashMap<ObjectKey, Entry>,
}

/// A list of an endpoint, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListAt {
    pub(crate) endpoint: EndpointId,
    pub(crate) list: u64,
}

// === impl Index ===

impl Index {
    pub(crate) fn new(references: References, incarnation: u64) -> Self {
        references.clear();
        Self {
            resources: HashMap::new(),
            references,
            incarnation,
            names: Names::Unsettled,
        }
    }

    /// The object `key` is there; `list` is the last list that its endpoint began before.
    pub(crate) fn present(&mut self, key: &ObjectKey, shown: Shown, list: impl Into<ListAt>) -> Tidings {
        let ListAt { endpoint, list } = list.into();
        let old = self.remove(key);
        if old.is_none() && shown.wants.is_empty() {
            return Tidings::new();
        }
        let mut entry = Entry {
            uid: shown.uid,
            told: (shown.wants.iter())
                .filter(|want| want.activity == Activity::Synced && self.needs(want, key))
                .map(|want| want.target().clone())
                .collect(),
            wants: shown.wants,
            left: Box::default(),
            names: shown.names,
            list,
            endpoint,
        };
        let mut tidings: Tidings = (entry.wants.iter())
            .filter_map(|want| {
                let order = self.news(key, &entry.uid, want, old.as_ref())?;
                Some((want.target().clone(), key.clone(), order))
            })
            .collect();
        if let Some(old) = &old {
            entry.left = self.part(key, old, &entry, &shown.withheld, &mut tidings);
        }
        let mut touched = Vec::new();
        self.count(key, old.as_ref(), Some(&entry), &mut touched);
        if !(entry.wants.is_empty() && entry.left.is_empty()) {
            let resource = self.resources.entry(key.gvr.clone()).or_default();
            resource.objects.insert(key.clone(), entry);
        }
        self.reconsider(touched, &mut tidings);
        tidings
    }

    /// Tells the targets on which `key` was wanted as `old` and is not as `new`; returns all that may still hold it. Those that were told so
    /// before are told once more: what kept it there, a pause perhaps, may have ended with this very edit.
    fn part(
        &self,
        key: &ObjectKey,
        old: &Entry,
        new: &Entry,
        withheld: &[(Arc<str>, Withholding)],
        tidings: &mut Tidings,
    ) -> Box<[Arc<str>]> {
        let wanted = |target: &Arc<str>| new.wants.iter().any(|want| want.target() == target);
        // What rested, or waited, was told to nobody, and may be there all the same.
        let rested = old.wants.iter().filter(|want| want.is_untold()).map(Want::target);
        // So may a namespace be that nothing needed any more.
        let unneeded = old.wants.iter().filter(|_| names_namespace(key)).map(Want::target);
        let mut leaving: Vec<_> = (old.told.iter().chain(rested).chain(unneeded).chain(&old.left))
            .filter(|target| !wanted(target))
            .collect();
        leaving.sort_unstable();
        leaving.dedup();
        for target in &leaving {
            let why = withheld.iter().find(|(withholding, _)| withholding == *target);
            let order = self.leaves(key, why.map(|(_, why)| *why));
            tidings.push(((*target).clone(), key.clone(), order));
        }
        leaving.into_iter().cloned().collect()
    }

    /// The object `key` was in the list `list`, but nothing new can be said of it.
    pub(crate) fn still_there(&mut self, key: &ObjectKey, list: u64) {
        let resource = self.resources.get_mut(&key.gvr);
        if let Some(entry) = resource.and_then(|resource| resource.objects.get_mut(key)) {
            entry.list = list;
        }
    }

    /// The object `key` is there and cannot be made for its targets, on which it rests as `shown` (S11). What is known of it stays as it is;
    /// where nothing is, as after a restart, the targets hear that it is there: it is not missing.
    pub(crate) fn stays_as_it_is(&mut self, key: &ObjectKey, shown: Shown, list: impl Into<ListAt>) -> Tidings {
        let list = list.into();
        let resource = self.resources.get(&key.gvr);
        if resource.is_some_and(|resource| resource.objects.contains_key(key)) {
            self.still_there(key, list.list);
            return Tidings::new();
        }
        self.present(key, shown, list)
    }

    /// Whether `key` was last seen at another endpoint than `endpoint`.
    pub(crate) fn is_elsewhere(&self, key: &ObjectKey, endpoint: EndpointId) -> bool {
        let entry = self
            .resources
            .get(&key.gvr)
            .and_then(|resource| resource.objects.get(key));
        entry.is_some_and(|entry| entry.endpoint != endpoint)
    }

    fn remove(&mut self, key: &ObjectKey) -> Option<Entry> {
        self.resources.get_mut(&key.gvr)?.objects.remove(key)
    }

    /// The rules changed: what was listed under the old ones says nothing about the new ones.
    pub(crate) fn unlist(&mut self) -> Vec<Gvr> {
        self.names = Names::Unsettled;
        let mut unlisted: Vec<_> = self.resources.keys().cloned().collect();
        unlisted.sort_unstable();
        unlisted
    }

    /// What is wanted of `key`, for whoever forgets its bodies.
    pub(crate) fn prescriptions(&self, key: &ObjectKey) -> Vec<Arc<Prescription>> {
        let entry = self
            .resources
            .get(&key.gvr)
            .and_then(|resource| resource.objects.get(key));
        let wants = entry.into_iter().flat_map(|entry| &entry.wants);
        wants.map(|want| want.prescription.clone()).collect()
    }
}

// === impl ListAt ===

#[cfg(test)]
impl From<u64> for ListAt {
    fn from(list: u64) -> Self {
        let endpoint = EndpointId::default();
        Self { endpoint, list }
    }
}

#[cfg(test)]
mod tests;
