//! What the Upstream knows of the selected objects: identity and hash, no bodies.

use std::collections::HashMap;

use syncer_core::{Gvr, ObjectKey, marker::PayloadHash};

/// The selected objects of one upstream.
#[derive(Default)]
pub(crate) struct Index {
    resources: HashMap<Gvr, Resource>,
}

#[derive(Default)]
struct Resource {
    objects: HashMap<ObjectKey, Entry>,
    /// Whether a complete list went through.
    listed: bool,
}

/// One object as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its UID.
    pub(crate) uid: Box<str>,
    /// The hash of its payload.
    pub(crate) hash: PayloadHash,
    list: u64,
}

/// Whether a sight told anything new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// It differs from what was known.
    New,
    /// It was known.
    Known,
}

// === impl Index ===

impl Index {
    /// The object `key` is there; `list` is the number of the last list begun before.
    pub(crate) fn present(&mut self, key: &ObjectKey, uid: &str, hash: PayloadHash, list: u64) -> Novelty {
        let resource = self.resources.entry(key.gvr.clone()).or_default();
        if let Some(entry) = resource.objects.get_mut(key)
            && *entry.uid == *uid
            && entry.hash == hash
        {
            entry.list = list;
            return Novelty::Known;
        }
        resource.objects.insert(
            key.clone(),
            Entry {
                uid: uid.into(),
                hash,
                list,
            },
        );
        Novelty::New
    }

    /// The object `key` was deleted; says whether it was known.
    pub(crate) fn deleted(&mut self, key: &ObjectKey) -> Novelty {
        let removed = self
            .resources
            .get_mut(&key.gvr)
            .and_then(|resource| resource.objects.remove(key));
        if removed.is_some() {
            Novelty::New
        } else {
            Novelty::Known
        }
    }

    /// The list `list` of `gvr` is complete: what was last seen before it is absent, is forgotten and returned.
    pub(crate) fn listed(&mut self, gvr: &Gvr, list: u64) -> Vec<ObjectKey> {
        let resource = self.resources.entry(gvr.clone()).or_default();
        resource.listed = true;
        let mut absent: Vec<_> = resource
            .objects
            .extract_if(|_, entry| entry.list < list)
            .map(|(key, _)| key)
            .collect();
        absent.sort_unstable();
        absent
    }

    /// Whether a complete list of `gvr` went through.
    pub(crate) fn is_listed(&self, gvr: &Gvr) -> bool {
        self.resources.get(gvr).is_some_and(|resource| resource.listed)
    }

    /// The objects of `gvr`, sorted, so that the same seed gives the same run.
    pub(crate) fn objects(&self, gvr: &Gvr) -> Vec<(&ObjectKey, &Entry)> {
        let mut objects: Vec<_> = self
            .resources
            .get(gvr)
            .into_iter()
            .flat_map(|resource| &resource.objects)
            .collect();
        objects.sort_unstable_by_key(|(key, _)| *key);
        objects
    }

    /// How many objects are known.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.resources.values().map(|resource| resource.objects.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use syncer_core::LogicalCluster;

    use super::*;

    fn gvr() -> Gvr {
        Gvr::new("", "v1", "configmaps")
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new(LogicalCluster::plain(), gvr(), "default", name)
    }

    #[test]
    fn only_a_change_of_uid_or_payload_is_new() {
        let mut index = Index::default();
        assert_eq!(index.present(&key("a"), "u1", PayloadHash(1), 1), Novelty::New);
        assert_eq!(index.present(&key("a"), "u1", PayloadHash(1), 1), Novelty::Known);
        assert_eq!(index.present(&key("a"), "u1", PayloadHash(2), 1), Novelty::New);
        assert_eq!(index.present(&key("a"), "u2", PayloadHash(2), 1), Novelty::New);
        assert_eq!(index.deleted(&key("a")), Novelty::New);
        assert_eq!(index.deleted(&key("a")), Novelty::Known);
    }

    #[test]
    fn absent_is_what_a_complete_list_did_not_have() {
        let mut index = Index::default();
        for name in ["a", "b", "c"] {
            index.present(&key(name), "u", PayloadHash(1), 1);
        }
        assert!(!index.is_listed(&gvr()));
        assert_eq!(index.listed(&gvr(), 1), []);
        assert!(index.is_listed(&gvr()));
        index.present(&key("b"), "u", PayloadHash(1), 2);
        assert_eq!(index.listed(&gvr(), 2), [key("a"), key("c")]);
        assert_eq!(index.len(), 1);
        assert_eq!(
            index.objects(&gvr()).first().map(|(key, _)| (*key).clone()),
            Some(key("b"))
        );
    }

    #[test]
    fn a_list_of_one_resource_says_nothing_about_another() {
        let mut index = Index::default();
        index.present(&key("a"), "u", PayloadHash(1), 1);
        assert_eq!(index.listed(&Gvr::new("", "v1", "secrets"), 9), []);
        assert_eq!(index.len(), 1);
    }
}
