//! Statuses that the upstream does not take: said once, not per object, and no reason to hold up those that it takes (S9).

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use syncer_core::{Gvr, LogicalCluster, ObjectKey};
use tokio::time::Instant;

/// How long a resource without a status subresource is left alone: it may be defined anew.
pub(super) const UNSERVED: Duration = Duration::from_mins(10);
/// How long is left alone what may not be written: the permission may come.
pub(super) const FORBIDDEN: Duration = Duration::from_secs(30);
/// After so many refusals with nothing taken between or for a while before, no place that refused is tried for now: where the permission is
/// missing altogether, it is not asked for in every namespace again and again.
const REFUSALS: usize = 256;
const LATELY: Duration = Duration::from_mins(5);
/// How many places are remembered; beyond that the one that is due first is forgotten, and tried again.
const MOST: usize = 4_096;

/// What is left alone.
#[derive(Default)]
pub(super) struct Unwritable {
    resources: HashMap<Gvr, Resource>,
    /// Until when, by where it may not be written.
    places: BTreeMap<Place, Instant>,
}

/// What is known of one resource.
#[derive(Default)]
struct Resource {
    /// Until when it counts as unserved.
    unserved_until: Option<Instant>,
    unserved: Unserved,
    /// Until when its places that refused are left alone together.
    refused_until: Option<Instant>,
    /// When a status of it was taken last.
    taken: Option<Instant>,
    /// How many refusals came since.
    refused: usize,
}

/// What was said of a missing status subresource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unserved {
    /// Nothing: it took a status before, and one more try tells.
    #[default]
    InDoubt,
    /// It is said now.
    News,
    /// It is known.
    Known,
}

/// Where a permission may end: a tenant's binding is that of a logical cluster, and a policy of admission may be for a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    gvr: Gvr,
    cluster: LogicalCluster,
    namespace: Arc<str>,
}

// === impl Unwritable ===

impl Unwritable {
    /// A status of `key` was taken.
    pub(super) fn taken(&mut self, key: &ObjectKey, now: Instant) {
        self.places.remove(&Place::of(key));
        let taken = Resource {
            taken: Some(now),
            ..Resource::default()
        };
        self.resources.insert(key.gvr.clone(), taken);
    }

    /// There seems to be no status subresource of `gvr`. Where it took a status since that was asked last, that is not believed.
    pub(super) fn unserved(&mut self, gvr: &Gvr, now: Instant) -> Unserved {
        let known = self.resources.entry(gvr.clone()).or_default();
        if known.taken.take().is_some() {
            return Unserved::InDoubt;
        }
        known.unserved_until = Some(now + UNSERVED);
        let said = match known.unserved {
            Unserved::InDoubt => Unserved::News,
            Unserved::News | Unserved::Known => Unserved::Known,
        };
        known.unserved = said;
        said
    }

    /// The status of `key` may not be written; returns in how many places statuses of the resource may not be, if that is news.
    pub(super) fn forbidden(&mut self, key: &ObjectKey, now: Instant) -> Option<usize> {
        let place = Place::of(key);
        if self.places.len() >= MOST && !self.places.contains_key(&place) {
            self.make_room();
        }
        let known = self.places.insert(place, now + FORBIDDEN);
        let resource = self.resources.entry(key.gvr.clone()).or_default();
        resource.refused = resource.refused.saturating_add(1);
        let is_taken = resource
            .taken
            .is_some_and(|taken| now.saturating_duration_since(taken) < LATELY);
        if resource.refused >= REFUSALS && !is_taken {
            resource.refused_until = Some(now + FORBIDDEN);
            resource.refused = 0;
        }
        let count = || self.places.keys().filter(|place| place.gvr == key.gvr).count();
        known.is_none().then(count)
    }

    /// Until when `key` is left alone.
    pub(super) fn until(&self, key: &ObjectKey, now: Instant) -> Option<Instant> {
        let resource = self.resources.get(&key.gvr)?;
        let refused_until = self.places.get(&Place::of(key)).copied();
        // A place that never refused waits for none of those that did (S9).
        let together = refused_until.and(resource.refused_until);
        let until = resource.unserved_until.max(refused_until).max(together);
        until.filter(|until| *until > now)
    }

    fn make_room(&mut self) {
        let first = self.places.iter().min_by_key(|(_, until)| **until);
        if let Some(first) = first.map(|(place, _)| place.clone()) {
            self.places.remove(&first);
        }
    }
}

// === impl Place ===

impl Place {
    fn of(key: &ObjectKey) -> Self {
        Self {
            gvr: key.gvr.clone(),
            cluster: key.cluster.clone(),
            namespace: key.namespace.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(cluster: &str, namespace: &str) -> ObjectKey {
        let (cluster, gvr) = (LogicalCluster::new(cluster), Gvr::new("apps", "v1", "deployments"));
        ObjectKey::new(cluster, gvr, namespace, "web")
    }

    #[test]
    fn what_one_tenant_forbids_holds_for_that_tenant() {
        let mut unwritable = Unwritable::default();
        let now = Instant::now();
        assert_eq!(unwritable.forbidden(&key("a", "x"), now), Some(1));
        assert_eq!(unwritable.forbidden(&key("a", "x"), now), None, "said once");
        assert_eq!(unwritable.forbidden(&key("a", "y"), now), Some(2));
        assert_eq!(unwritable.until(&key("a", "x"), now), Some(now + FORBIDDEN));
        for other in [key("a", "z"), key("b", "x"), key("", "x")] {
            assert_eq!(unwritable.until(&other, now), None, "{other}");
        }
        assert_eq!(unwritable.until(&key("a", "x"), now + FORBIDDEN), None);
        unwritable.taken(&key("a", "y"), now);
        assert_eq!(unwritable.until(&key("a", "y"), now), None, "the permission came");
    }

    #[test]
    fn what_nobody_allows_is_not_tried_again_in_every_namespace() {
        let mut unwritable = Unwritable::default();
        let now = Instant::now();
        let soon = now + FORBIDDEN;
        let refuse = |unwritable: &mut Unwritable, times: usize, at: Instant| {
            for number in 0..times {
                unwritable.forbidden(&key("a", &number.to_string()), at);
            }
        };
        refuse(&mut unwritable, REFUSALS, now);
        unwritable.forbidden(&key("b", ""), now);
        refuse(&mut unwritable, REFUSALS - 2, soon);
        assert_eq!(unwritable.until(&key("b", ""), soon), None);
        refuse(&mut unwritable, 1, soon);
        assert_eq!(unwritable.until(&key("b", ""), soon), Some(soon + FORBIDDEN));
        assert_eq!(unwritable.until(&key("c", ""), soon), None, "it never refused");
        // One that was taken says that others may be; for a while even if it was the last.
        unwritable.taken(&key("c", ""), soon);
        refuse(&mut unwritable, REFUSALS, soon);
        assert_eq!(unwritable.until(&key("b", ""), soon), None);
        refuse(&mut unwritable, 1, now + LATELY + FORBIDDEN);
        assert!(unwritable.until(&key("b", ""), now + LATELY + FORBIDDEN).is_some());
    }

    #[test]
    fn no_more_places_than_that_are_remembered() {
        let mut unwritable = Unwritable::default();
        let now = Instant::now();
        unwritable.taken(&key("a", ""), now);
        for number in 0..MOST + 10 {
            unwritable.forbidden(&key("a", &number.to_string()), now + Duration::from_millis(1));
        }
        assert_eq!(unwritable.places.len(), MOST);
    }

    #[test]
    fn a_resource_that_took_a_status_is_not_unserved_at_the_first_word() {
        let mut unwritable = Unwritable::default();
        let (now, key) = (Instant::now(), key("a", "x"));
        unwritable.taken(&key, now);
        assert_eq!(unwritable.unserved(&key.gvr, now), Unserved::InDoubt);
        assert_eq!(unwritable.until(&key, now), None);
        assert_eq!(unwritable.unserved(&key.gvr, now), Unserved::News);
        assert_eq!(unwritable.unserved(&key.gvr, now), Unserved::Known);
        assert_eq!(unwritable.until(&key, now), Some(now + UNSERVED));
        // A write that was under way goes through: it is served.
        unwritable.taken(&key, now);
        assert_eq!(unwritable.until(&key, now), None);
    }
}
