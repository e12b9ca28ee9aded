//! What is ordered of an object on a target.

use std::collections::BTreeMap;

use syncer_core::{Gvr, ObjectKey, placement::Withholding, proof::Absence};

use super::{Activity, Entry, Index, Names, Want};
use crate::{prescription::names_namespace, target::Order};

// === impl Index ===

impl Index {
    /// What the target of `want` has to hear of `key`, of which the index knew `old`; `None` if nothing is new to it.
    pub(super) fn news(&self, key: &ObjectKey, uid: &str, want: &Want, old: Option<&Entry>) -> Option<Order> {
        let known = old.is_some_and(|old| old.says(uid, want));
        let was_told = old.is_some_and(|old| old.told.contains(want.target()));
        let may_be_there = was_told || old.is_some_and(|old| old.rested_on(want.target()));
        match want.activity {
            Activity::Rests => Some(self.kept()),
            Activity::Leaves => (!known).then(|| self.gone(Absence::DeletionSeen)),
            Activity::AwaitsFinalizer if self.needs(want, key) => Some(self.kept()),
            Activity::Synced if self.needs(want, key) => (!(known && was_told)).then(|| self.wanted(uid, want)),
            Activity::Synced | Activity::AwaitsFinalizer if self.names == Names::Unsettled => Some(self.kept()),
            Activity::Synced | Activity::AwaitsFinalizer => may_be_there.then(|| self.unwanted(key)),
        }
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

    pub(super) fn wanted(&self, uid: &str, want: &Want) -> Order {
        Order::Wanted {
            uid: uid.into(),
            hash: want.hash,
            prescription: want.prescription.clone(),
            newcomer: want.newcomer,
            seen: None,
            incarnation: self.incarnation,
        }
    }

    pub(super) fn kept(&self) -> Order {
        Order::Kept {
            incarnation: self.incarnation,
        }
    }

    /// What is told of `key` to a target that has it no longer, and `why` where its SyncTarget says so.
    pub(super) fn leaves(&self, key: &ObjectKey, why: Option<Withholding>) -> Order {
        match why {
            // The one case in which a namespace goes while there is one upstream.
            Some(Withholding::Drained) => self.gone(Absence::Drained),
            Some(Withholding::Refused) if !names_namespace(key) => self.gone(Absence::Refused),
            Some(Withholding::Refused) | None => self.unwanted(key),
        }
    }

    /// A namespace stays where nothing needs it any more: it goes when its upstream namespace goes.
    pub(super) fn unwanted(&self, key: &ObjectKey) -> Order {
        if names_namespace(key) {
            return self.kept();
        }
        Order::Gone {
            absence: Absence::Unselected,
            incarnation: self.incarnation,
        }
    }

    pub(super) fn gone(&self, absence: Absence) -> Order {
        Order::Gone {
            absence,
            incarnation: self.incarnation,
        }
    }
}
