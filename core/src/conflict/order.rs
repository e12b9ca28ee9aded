//! The order of a keyed list, which is one leaf: who changed it.
//!
//! managedFields do not show an order, and the base has of it one hash, over the items that both sides agreed on. So what a side has now is
//! compared without the items that the base does not know: what was added since has no part in the order that was agreed on.

use std::collections::BTreeSet;

use super::{
    Agreed,
    leaf::{Content, LeafHash, LeafId, LeafKind},
    settling::Settling,
    trail::Trail,
};

/// Which sides changed the order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reordered {
    pub(super) upstream: bool,
    pub(super) downstream: bool,
}

// === impl Settling ===

impl Settling<'_, '_> {
    /// Who changed the order of the list at `trail`, which reads `hash` upstream, since both sides agreed on `agreed`. Where the upstream took items
    /// out, what it left counts as changed: the order that was agreed on cannot be told any more.
    pub(super) fn reordered(
        &self,
        trail: &Trail,
        (desired, live): (&[String], &[String]),
        (hash, agreed): (LeafHash, Option<LeafHash>),
    ) -> Reordered {
        let known = |steps: &[String]| -> Vec<String> {
            let steps = steps.iter();
            steps.filter(|step| self.base_knows(trail, step)).cloned().collect()
        };
        let is_agreed = |steps: &[String]| agreed == Some(self.sides.hasher.value(&Content::Order(known(steps))));
        let upstream = agreed != Some(hash) && !is_agreed(desired);
        let differs = agreed.is_some() && !is_same_order(desired, live) && !is_agreed(live);
        // Beside a change upstream it is told only where nothing of what both had is missing: the rest may be in its order still.
        let is_whole = || {
            let there: BTreeSet<_> = live.iter().collect();
            known(desired).iter().all(|step| there.contains(step))
        };
        Reordered {
            upstream,
            downstream: differs && (!upstream || is_whole()),
        }
    }

    /// Whether the item at `step` of the list at `trail` was there when both sides last agreed.
    fn base_knows(&self, trail: &Trail, step: &str) -> bool {
        let id = self.sides.hasher.id(&format!("{}{step}", trail.text), LeafKind::Item);
        self.sides.base.is_some_and(|base| base.get(id).is_some())
    }

    /// The order is the target's, and the upstream did not change its own, which reads `hash` with what was added since: what the base says of it
    /// goes along, or the next look would take the additions for a change.
    pub(super) fn keep_order(&mut self, id: LeafId, hash: LeafHash) {
        if let Some(agreed) = self.sides.base.and_then(|base| base.get(id)) {
            self.next.agree(id, Agreed { hash, ..agreed });
        }
    }
}

/// Whether what both lists have stands in one order in both.
pub(super) fn is_same_order(desired: &[String], live: &[String]) -> bool {
    if desired == live {
        return true;
    }
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) = (desired.iter().collect(), live.iter().collect());
    let desired = desired.iter().filter(|step| theirs.contains(step));
    desired.eq(live.iter().filter(|step| ours.contains(step)))
}
