//! What is no longer there, and for which reason: the proofs differ (S3).

use syncer_core::{Gvr, ObjectKey, proof::Absence};

use super::{Activity, Entry, Index, ListAt, Tidings, Want};
use crate::{target::Order, upstream::endpoints::EndpointId};

// === impl Index ===

impl Index {
    /// The object `key` was deleted.
    pub(crate) fn deleted(&mut self, key: &ObjectKey) -> Tidings {
        self.absent(key, Absence::DeletionSeen)
    }

    /// The objects for which `leaving` holds leave with the binding of their workspace.
    pub(crate) fn leave(&mut self, leaving: impl Fn(&ObjectKey) -> bool) -> Tidings {
        let leaving = self.keys(|key, _| leaving(key));
        leaving
            .iter()
            .flat_map(|key| self.absent(key, Absence::WorkspaceDeleted))
            .collect()
    }

    /// Of the objects for which `adrift` holds nothing is known any more: whatever is downstream stays (S3), until they are seen again.
    pub(crate) fn cast_off(&mut self, adrift: impl Fn(&ObjectKey, EndpointId) -> bool) -> Tidings {
        let adrift = self.keys(|key, entry| adrift(key, entry.endpoint));
        // First all of them, so that what one of them named is not taken for unneeded.
        let gone: Vec<_> = adrift
            .into_iter()
            .filter_map(|key| self.remove(&key).map(|entry| (key, entry)))
            .collect();
        let (mut tidings, mut touched) = (Tidings::new(), Vec::new());
        for (key, entry) in &gone {
            self.count(key, Some(entry), None, &mut touched);
            let targets = entry.wants.iter().map(Want::target).chain(&entry.left);
            let incarnation = self.incarnation;
            tidings.extend(targets.map(|target| (target.clone(), key.clone(), Order::Adrift { incarnation })));
        }
        tidings
    }

    fn keys(&self, chosen: impl Fn(&ObjectKey, &Entry) -> bool) -> Vec<ObjectKey> {
        let objects = self.resources.values().flat_map(|resource| &resource.objects);
        let mut keys: Vec<_> = objects
            .filter(|(key, entry)| chosen(key, entry))
            .map(|(key, _)| key.clone())
            .collect();
        keys.sort_unstable();
        keys
    }

    fn absent(&mut self, key: &ObjectKey, absence: Absence) -> Tidings {
        let Some(old) = self.remove(key) else { return Vec::new() };
        let mut tidings = Tidings::new();
        for want in &old.wants {
            let order = match want.activity {
                Activity::Leaves => self.gone(Absence::DeletionSeen),
                // Where the policy is suspended, it goes when the policy is taken up again.
                Activity::Rests if want.is_suspended() => self.gone(Absence::NotInCompleteList),
                // A pause went with the object that carried it. One that is still there is read before anything goes, and its pause with it.
                Activity::Synced | Activity::AwaitsFinalizer | Activity::Rests => self.gone(absence),
            };
            tidings.push((want.target().clone(), key.clone(), order));
        }
        // A deletion that was seen ends what the guard may hold.
        let left = old.left.iter();
        tidings.extend(left.map(|target| (target.clone(), key.clone(), self.gone(absence))));
        let mut touched = Vec::new();
        self.count(key, Some(&old), None, &mut touched);
        self.reconsider(touched, &mut tidings);
        tidings
    }

    /// The list `list` of `gvr` is complete: what was last seen at its endpoint before it is absent and forgotten.
    pub(crate) fn listed(&mut self, gvr: &Gvr, list: impl Into<ListAt>) -> Tidings {
        let ListAt { endpoint, list } = list.into();
        let resource = self.resources.entry(gvr.clone()).or_default();
        let objects = resource.objects.iter();
        let mut absent: Vec<_> = objects
            .filter(|(_, entry)| entry.endpoint == endpoint && entry.list < list)
            .map(|(key, _)| key.clone())
            .collect();
        absent.sort_unstable();
        absent
            .iter()
            .flat_map(|key| self.absent(key, Absence::NotInCompleteList))
            .collect()
    }

    /// The resources of which objects are known but which are not in `followed`, and their objects' farewell: no policy names
    /// the resource any more.
    pub(crate) fn dismiss_others(&mut self, followed: impl Fn(&Gvr) -> bool) -> Tidings {
        let mut dismissed: Vec<_> = self
            .resources
            .iter()
            .filter(|(gvr, _)| !followed(gvr))
            .flat_map(|(_, resource)| resource.objects.keys().cloned())
            .collect();
        dismissed.sort_unstable();
        self.resources
            .retain(|gvr, resource| followed(gvr) || !resource.objects.is_empty());
        dismissed
            .iter()
            .flat_map(|key| self.absent(key, Absence::Unselected))
            .collect()
    }
}
