//! The orders that the Targets get.

use std::{collections::BTreeMap, sync::Arc};

use syncer_core::ObjectKey;

use super::{Stage, Upstream, index::Tiding};
use crate::{
    target::{Order, OrderKey},
    watcher::{hand_over, hand_over_all, hand_over_last},
};

// === impl Upstream ===

impl Upstream {
    /// The order that ends what was told of one kind.
    pub(super) fn complete(&self) -> Order {
        Order::Complete {
            incarnation: self.incarnation,
        }
    }

    /// Gives every Target the same order, after all that it was given before: what completes a kind, or takes that back, must not come before
    /// what it is about (S3).
    pub(super) fn tell_all(&self, key: &OrderKey, order: &Order) {
        for (_, orders) in &self.targets {
            hand_over_last(orders, key.clone(), order.clone());
        }
    }

    /// Gives everyone the orders that are for it, to each Target all at once: what one list lacks is judged as one set (S3).
    pub(super) fn spread(&self, tidings: impl IntoIterator<Item = Tiding>) {
        let mut for_each: BTreeMap<Arc<str>, Vec<(OrderKey, Order)>> = BTreeMap::new();
        let mut claimed = None;
        for (target, key, order) in tidings {
            // The tidings of one object come one after the other.
            if claimed.as_ref() != Some(&key) {
                self.claim(&key);
                claimed = Some(key.clone());
            }
            for_each.entry(target).or_default().push((OrderKey::Object(key), order));
        }
        for (name, orders) in &self.targets {
            if let Some(given) = for_each.remove(name) {
                hand_over_all(orders, given);
            }
        }
    }

    /// Says what the rules make of the finalizers of `key`.
    pub(super) fn claim(&self, key: &ObjectKey) {
        if let Some(uid) = self.base.finalizers.uid(key) {
            self.base.finalizers.claim(key, &uid, self.index.claims(key));
        }
    }

    /// Takes the Targets from the roster, by name: the same seed gives the same run.
    pub(super) fn read_roster(&mut self) {
        let roster = self.base.roster.iter();
        self.targets = roster
            .map(|entry| (entry.key().clone(), entry.value().clone()))
            .collect();
        self.targets.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    }

    /// Tells a Target that is new, or was built anew, everything that is known.
    pub(super) fn tell_everything(&self, target: &str) {
        let Some(orders) = self.base.roster.get(target).map(|entry| entry.value().clone()) else {
            return;
        };
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        let incarnation = self.incarnation;
        for resource in identity.resources.iter() {
            for (key, order) in self.index.orders_of(&resource.gvr, target) {
                hand_over(&orders, OrderKey::Object(key), order);
            }
            if self.endpoints.is_listed(&resource.gvr) {
                let complete = OrderKey::Complete(resource.gvr.clone());
                hand_over_last(&orders, complete, Order::Complete { incarnation });
            }
        }
    }
}
