//! What the status of a policy counted on targets that this process has not counted yet: a target that stays dead over a restart
//! still counts as it did.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use syncer_core::policy_status::Counts;

/// The share of the targets that were not counted yet.
#[derive(Debug, Default)]
pub(super) struct Carried {
    uncounted: BTreeSet<Arc<str>>,
    counts: Counts,
}

// === impl Carried ===

impl Carried {
    /// All objects together: `counted`, and those that `known` counts on the targets that are `uncounted`. Where one of these is
    /// counted for the first time the sum stays as it stands: nothing is written for that alone (S5).
    pub(super) fn sum(&mut self, counted: Counts, uncounted: BTreeSet<Arc<str>>, known: &Value) -> Counts {
        if uncounted != self.uncounted {
            self.counts = Counts::read(known).without(counted);
            self.uncounted = uncounted;
        }
        if self.uncounted.is_empty() {
            return counted;
        }
        counted.with(self.counts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn counts(selected: u64, synced: u64) -> Counts {
        Counts::read(&known(selected, synced))
    }

    fn known(selected: u64, synced: u64) -> Value {
        json!({"objects": {"selected": selected, "synced": synced, "failed": 0, "conflicted": 0}})
    }

    #[test]
    fn a_target_that_stays_dead_over_a_restart_counts_as_it_did() {
        let mut carried = Carried::default();
        let known = known(4, 4);
        let without = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<BTreeSet<_>>();
        let none = Counts::default();
        assert_eq!(carried.sum(none, without(&["east", "west"]), &known), counts(4, 4));
        assert_eq!(carried.sum(counts(2, 2), without(&["west"]), &known), counts(4, 4));
        assert_eq!(
            carried.sum(counts(3, 2), without(&["west"]), &known),
            counts(5, 4),
            "what changes elsewhere shows"
        );
        assert_eq!(carried.sum(counts(5, 4), without(&[]), &known), counts(5, 4));
    }

    #[test]
    fn what_is_on_its_way_at_the_first_count_makes_no_more_of_them_than_there_are() {
        let mut carried = Carried::default();
        let west = || BTreeSet::from([Arc::from("west")]);
        assert_eq!(carried.sum(counts(2, 0), west(), &known(4, 4)), counts(4, 4));
        assert_eq!(carried.sum(counts(2, 2), west(), &known(4, 4)), counts(4, 4));
        assert_eq!(
            Carried::default().sum(counts(2, 1), west(), &Value::Null),
            counts(2, 1),
            "a new policy"
        );
    }
}
