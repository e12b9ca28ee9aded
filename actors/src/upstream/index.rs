//! What the Upstream knows of the selected objects: identity, and what is wanted of them where. No bodies.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use syncer_core::{
    Gvr, ObjectKey,
    finalizer::{Claim, Waiting},
    marker::PayloadHash,
    placement::{Needs, Withholding},
    plan::Newcomer,
    proof::Absence,
};

use tokio::time::Instant;

use super::endpoints::EndpointId;
use crate::{
    finalizers::TargetClaim,
    prescription::{Prescription, names_namespace},
    references::{Difference, References},
    target::Order,
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

/// Whether it is known who names what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Names {
    /// Not everything is listed yet: what nothing names so far stays where it is (S3).
    #[default]
    Unsettled,
    /// It is: what nothing names is not needed.
    Settled,
}

#[derive(Default)]
struct Resource {
    objects: HashMap<ObjectKey, Entry>,
}

/// One object as it was last seen.
#[derive(Debug)]
struct Entry {
    uid: Box<str>,
    wants: Box<[Want]>,
    /// The targets that were told to have it.
    told: Vec<Arc<str>>,
    /// The targets that were told that nothing wants it there any more, and that may still hold it.
    left: Vec<Arc<str>>,
    /// What it names in its namespace.
    names: Box<[ObjectKey]>,
    list: u64,
    /// Where it was seen last; no part of what it is.
    endpoint: EndpointId,
}

/// What is wanted of an object on one target.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    /// How it has to be there.
    pub(crate) prescription: Arc<Prescription>,
    /// The hash of its payload.
    pub(crate) hash: PayloadHash,
    /// When it has to be there.
    pub(crate) needs: Needs,
    /// Whether it may be made there.
    pub(crate) newcomer: Newcomer,
    /// Whether anything is written about it for now.
    pub(crate) activity: Activity,
    /// Whether its deletion upstream waits for the target.
    pub(crate) waits: Waiting,
}

/// Whether anything is written about an object for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It is kept in step.
    Synced,
    /// Its policy is suspended, or a person paused it: whatever is downstream stays.
    Rests,
    /// It has to wait for the target, and does not carry its finalizer yet: whatever is downstream stays until it does.
    AwaitsFinalizer,
    /// It has a deletionTimestamp, and waits until it has left the target.
    Leaves,
}

/// An object as a watch showed it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// Its UID.
    pub(crate) uid: Box<str>,
    /// What is wanted of it, per target.
    pub(crate) wants: Box<[Want]>,
    /// What it names in its namespace.
    pub(crate) names: Box<[ObjectKey]>,
    /// The targets that policies send it to and that do not get it, and why.
    pub(crate) withheld: Box<[(Arc<str>, Withholding)]>,
}

/// A list of an endpoint, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListAt {
    pub(crate) endpoint: EndpointId,
    pub(crate) list: u64,
}

/// What has to be told to whom.
pub(crate) type Tidings = Vec<Tiding>;

/// A target, an object, and what is ordered of it there.
pub(crate) type Tiding = (Arc<str>, ObjectKey, Order);

/// The same, with the time at which the news was read.
pub(crate) fn dated((target, key, mut order): Tiding, at: Instant) -> Tiding {
    if let Order::Wanted { seen, .. } = &mut order {
        *seen = Some(at);
    }
    (target, key, order)
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
            return Vec::new();
        }
        let mut tidings = Vec::new();
        let mut touched = Vec::new();
        let withheld = shown.withheld;
        let mut entry = Entry {
            uid: shown.uid,
            wants: shown.wants,
            told: Vec::new(),
            left: Vec::new(),
            names: shown.names,
            list,
            endpoint,
        };
        for want in &entry.wants {
            let known = old.as_ref().is_some_and(|old| old.says(&entry.uid, want));
            self.tell(
                key,
                &entry.uid,
                want,
                old.as_ref(),
                known,
                &mut entry.told,
                &mut tidings,
            );
        }
        if let Some(old) = &old {
            let wanted = |target: &Arc<str>| entry.wants.iter().any(|want| want.target() == target);
            // What rested under a suspended policy, or waited, was told to nobody, and may be there all the same.
            let rested = old.wants.iter().filter(|want| want.is_untold()).map(Want::target);
            // So may a namespace be that nothing needed any more.
            let unneeded = old.wants.iter().filter(|_| names_namespace(key)).map(Want::target);
            let mut leaving: Vec<_> = (old.told.iter().chain(rested).chain(unneeded))
                .filter(|target| !wanted(target))
                .collect();
            leaving.sort_unstable();
            leaving.dedup();
            for target in &leaving {
                let why = withheld.iter().find(|(withholding, _)| withholding == *target);
                let order = self.leaves(key, why.map(|(_, why)| *why));
                tidings.push(((*target).clone(), key.clone(), order));
            }
            let left = old.left.iter().filter(|target| !wanted(target));
            entry.left = left.chain(leaving).cloned().collect();
            entry.left.sort_unstable();
            entry.left.dedup();
        }
        self.count(key, old.as_ref(), Some(&entry), &mut touched);
        if !(entry.wants.is_empty() && entry.left.is_empty()) {
            let resource = self.resources.entry(key.gvr.clone()).or_default();
            resource.objects.insert(key.clone(), entry);
        }
        self.reconsider(touched, &mut tidings);
        tidings
    }

    #[expect(clippy::too_many_arguments, reason = "the two sides of one comparison")]
    fn tell(
        &self,
        key: &ObjectKey,
        uid: &str,
        want: &Want,
        old: Option<&Entry>,
        known: bool,
        told: &mut Vec<Arc<str>>,
        tidings: &mut Tidings,
    ) {
        let target = want.target();
        let was_told = old.is_some_and(|old| old.told.contains(target));
        match want.activity {
            Activity::Rests => {
                tidings.push((target.clone(), key.clone(), self.kept()));
                return;
            }
            Activity::Leaves => {
                if !known {
                    tidings.push((target.clone(), key.clone(), self.gone(Absence::DeletionSeen)));
                }
                return;
            }
            Activity::Synced | Activity::AwaitsFinalizer => {}
        }
        let needed = self.needs(want, key);
        if needed && want.activity == Activity::AwaitsFinalizer {
            tidings.push((target.clone(), key.clone(), self.kept()));
        } else if needed {
            told.push(target.clone());
            if !(known && was_told) {
                tidings.push((target.clone(), key.clone(), self.wanted(uid, want)));
            }
        } else if self.names == Names::Unsettled {
            tidings.push((target.clone(), key.clone(), self.kept()));
        } else if was_told {
            tidings.push((target.clone(), key.clone(), self.unwanted(key)));
        }
    }

    /// Whether `key` has to be on the target of `want` now.
    fn needs(&self, want: &Want, key: &ObjectKey) -> bool {
        want.needs == Needs::Selected || self.references.names(want.target(), key)
    }

    fn wanted(&self, uid: &str, want: &Want) -> Order {
        Order::Wanted {
            uid: uid.into(),
            hash: want.hash,
            prescription: want.prescription.clone(),
            newcomer: want.newcomer,
            seen: None,
            incarnation: self.incarnation,
        }
    }

    fn kept(&self) -> Order {
        Order::Kept {
            incarnation: self.incarnation,
        }
    }

    /// What is told of `key` to a target that has it no longer, and `why` where its SyncTarget says so.
    fn leaves(&self, key: &ObjectKey, why: Option<Withholding>) -> Order {
        match why {
            // The one case in which a namespace goes while there is one upstream.
            Some(Withholding::Drained) => self.gone(Absence::Drained),
            Some(Withholding::Refused) if !names_namespace(key) => self.gone(Absence::Refused),
            Some(Withholding::Refused) | None => self.unwanted(key),
        }
    }

    /// A namespace stays where nothing needs it any more: it goes when its upstream namespace goes.
    fn unwanted(&self, key: &ObjectKey) -> Order {
        if names_namespace(key) {
            return self.kept();
        }
        Order::Gone {
            absence: Absence::Unselected,
            incarnation: self.incarnation,
        }
    }

    fn gone(&self, absence: Absence) -> Order {
        Order::Gone {
            absence,
            incarnation: self.incarnation,
        }
    }

    fn remove(&mut self, key: &ObjectKey) -> Option<Entry> {
        self.resources.get_mut(&key.gvr)?.objects.remove(key)
    }

    /// Moves the references of an object from `old` to `new`; what made a difference is added to `touched`.
    fn count(
        &self,
        key: &ObjectKey,
        old: Option<&Entry>,
        new: Option<&Entry>,
        touched: &mut Vec<(Arc<str>, ObjectKey)>,
    ) {
        for (target, named) in new.into_iter().flat_map(|entry| entry.references(key)) {
            if self.references.add(&target, &named) == Difference::Made {
                touched.push((target, named));
            }
        }
        for (target, named) in old.into_iter().flat_map(|entry| entry.references(key)) {
            if self.references.remove(&target, &named) == Difference::Made {
                touched.push((target, named));
            }
        }
    }

    /// Tells of what is needed now, or not needed any more, because of others.
    fn reconsider(&mut self, touched: Vec<(Arc<str>, ObjectKey)>, tidings: &mut Tidings) {
        for (target, named) in touched {
            let Some(mut entry) = self.remove(&named) else { continue };
            let needed = self.references.names(&target, &named);
            let told = entry.told.iter().position(|told| *told == target);
            let want = entry
                .wants
                .iter()
                .find(|want| *want.target() == target && want.needs == Needs::IfReferenced);
            if let Some(want) = want.filter(|want| want.activity == Activity::AwaitsFinalizer) {
                let order = if needed { self.kept() } else { self.unwanted(&named) };
                tidings.push((want.target().clone(), named.clone(), order));
            } else if let Some(want) = want.filter(|want| want.activity == Activity::Synced) {
                match (needed, told) {
                    (true, None) => {
                        tidings.push((target.clone(), named.clone(), self.wanted(&entry.uid, want)));
                        entry.told.push(target);
                    }
                    (false, Some(position)) => {
                        tidings.push((target.clone(), named.clone(), self.unwanted(&named)));
                        entry.told.swap_remove(position);
                    }
                    (true, Some(_)) | (false, None) => {}
                }
            }
            if let Some(resource) = self.resources.get_mut(&named.gvr) {
                resource.objects.insert(named, entry);
            }
        }
    }

    /// The object `key` was in the list `list`, but nothing new can be said of it.
    pub(crate) fn still_there(&mut self, key: &ObjectKey, list: u64) {
        let resource = self.resources.get_mut(&key.gvr);
        if let Some(entry) = resource.and_then(|resource| resource.objects.get_mut(key)) {
            entry.list = list;
        }
    }

    /// The object `key` was deleted.
    pub(crate) fn deleted(&mut self, key: &ObjectKey) -> Tidings {
        self.absent(key, Absence::DeletionSeen)
    }

    /// Whether `key` was last seen at another endpoint than `endpoint`.
    pub(crate) fn is_elsewhere(&self, key: &ObjectKey, endpoint: EndpointId) -> bool {
        let entry = self
            .resources
            .get(&key.gvr)
            .and_then(|resource| resource.objects.get(key));
        entry.is_some_and(|entry| entry.endpoint != endpoint)
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
                Activity::Synced | Activity::AwaitsFinalizer => self.gone(absence),
                Activity::Leaves => self.gone(Absence::DeletionSeen),
                // Where the policy is suspended, it goes when the policy is taken up again.
                Activity::Rests if want.is_suspended() => self.gone(Absence::NotInCompleteList),
                Activity::Rests => continue,
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

    /// The rules changed: what was listed under the old ones says nothing about the new ones.
    pub(crate) fn unlist(&mut self) -> Vec<Gvr> {
        self.names = Names::Unsettled;
        let mut unlisted: Vec<_> = self.resources.keys().cloned().collect();
        unlisted.sort_unstable();
        unlisted
    }

    /// Everything is listed: what nothing names is not needed from here on.
    pub(crate) fn settle(&mut self) -> Tidings {
        if self.names == Names::Settled {
            return Tidings::new();
        }
        self.names = Names::Settled;
        let mut tidings = Tidings::new();
        for (key, entry) in self.resources.values().flat_map(|resource| &resource.objects) {
            let unnamed = entry.wants.iter().filter(|want| {
                let kept = match want.activity {
                    Activity::Synced => entry.told.contains(want.target()),
                    Activity::AwaitsFinalizer => self.needs(want, key),
                    Activity::Rests | Activity::Leaves => true,
                };
                want.needs == Needs::IfReferenced && !kept
            });
            tidings.extend(unnamed.map(|want| (want.target().clone(), key.clone(), self.unwanted(key))));
        }
        tidings.sort_unstable_by(|(one, first, _), (other, second, _)| (one, first).cmp(&(other, second)));
        tidings
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

    /// Everything that `target` has to have of `gvr`, sorted, so that the same seed gives the same run.
    pub(crate) fn orders_of(&self, gvr: &Gvr, target: &str) -> Vec<(ObjectKey, Order)> {
        let objects = self
            .resources
            .get(gvr)
            .into_iter()
            .flat_map(|resource| &resource.objects);
        let mut orders: BTreeMap<ObjectKey, Order> = BTreeMap::new();
        for (key, entry) in objects {
            let Some(want) = entry.wants.iter().find(|want| **want.target() == *target) else {
                continue;
            };
            if entry.told.iter().any(|told| **told == *target) {
                orders.insert(key.clone(), self.wanted(&entry.uid, want));
            } else if want.activity == Activity::Leaves {
                orders.insert(key.clone(), self.gone(Absence::DeletionSeen));
            } else if self.keeps(want, key) {
                orders.insert(key.clone(), self.kept());
            } else {
                orders.insert(key.clone(), self.unwanted(key));
            }
        }
        orders.into_iter().collect()
    }

    /// Whether what is on the target of `want`, which was not told to have `key`, stays for now.
    fn keeps(&self, want: &Want, key: &ObjectKey) -> bool {
        match want.activity {
            Activity::Rests => true,
            Activity::AwaitsFinalizer if self.needs(want, key) => true,
            _ => self.names == Names::Unsettled,
        }
    }

    /// What the rules make of the finalizers of `key`, target by target, as it was last seen.
    pub(crate) fn claims(&self, key: &ObjectKey) -> Box<[TargetClaim]> {
        let resource = self.resources.get(&key.gvr);
        let entry = resource.and_then(|resource| resource.objects.get(key));
        let wants = entry.into_iter().flat_map(|entry| &entry.wants);
        wants
            .map(|want| TargetClaim {
                target: want.target().clone(),
                claim: self.claim(want, key),
                abandon_after: want.prescription.spec().deletion.abandon_after.0,
            })
            .collect()
    }

    fn claim(&self, want: &Want, key: &ObjectKey) -> Claim {
        match want.activity {
            Activity::Rests => Claim::Undecided,
            _ if want.waits == Waiting::Free => Claim::None,
            Activity::Leaves => Claim::Leaving,
            Activity::Synced | Activity::AwaitsFinalizer if self.needs(want, key) => Claim::Needs,
            Activity::Synced | Activity::AwaitsFinalizer => match self.names {
                Names::Unsettled => Claim::Undecided,
                Names::Settled => Claim::Leaving,
            },
        }
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

// === impl Entry ===

impl Entry {
    /// Whether it already wanted the same on the target of `want`.
    fn says(&self, uid: &str, want: &Want) -> bool {
        *self.uid == *uid && self.wants.iter().any(|known| known.is(want))
    }

    /// What it needs on which target: its namespace, and what it names where the policy takes that along.
    fn references<'a>(&'a self, key: &'a ObjectKey) -> impl Iterator<Item = (Arc<str>, ObjectKey)> + 'a {
        let namespace = key.home();
        let certain = self
            .wants
            .iter()
            .filter(|want| want.needs == Needs::Selected && want.activity == Activity::Synced);
        certain.flat_map(move |want| {
            let along = want.prescription.spec().dependencies;
            let named = self.names.iter().filter(move |_| along).cloned();
            let target = want.target().clone();
            namespace
                .clone()
                .into_iter()
                .chain(named)
                .map(move |named| (target.clone(), named))
        })
    }
}

// === impl Want ===

impl Want {
    pub(crate) fn target(&self) -> &Arc<str> {
        &self.prescription.target.name
    }

    /// Whether it rests because its policy does.
    fn is_suspended(&self) -> bool {
        self.activity == Activity::Rests && self.prescription.spec().suspend
    }

    /// Whether nobody was told of it although it may be there.
    fn is_untold(&self) -> bool {
        self.is_suspended() || self.activity == Activity::AwaitsFinalizer
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.prescription, &other.prescription)
            && self.hash == other.hash
            && self.newcomer == other.newcomer
            && self.activity == other.activity
            && self.needs == other.needs
            && self.waits == other.waits
    }
}

#[cfg(test)]
mod tests;
