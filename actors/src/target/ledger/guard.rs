//! The mass-deletion guard over a ledger: many objects of one policy never go at once on absence alone (S3).

use std::{collections::BTreeMap, sync::Arc};

use syncer_core::{
    guard::{Verdict, judge},
    plan::{Desired, Live},
    proof::Absence,
};

use super::{Admission, Ledger, Record};

/// What a target holds of one policy.
#[derive(Default)]
struct Share {
    held: usize,
    missing: usize,
}

// === impl Ledger ===

impl Ledger {
    /// Judges all objects of ours that a complete list did not have, or that no policy wants any more, policy by policy; returns
    /// how many of which policy are held.
    pub(crate) fn guard(&mut self) -> BTreeMap<Arc<str>, usize> {
        let mut shares: BTreeMap<Arc<str>, Share> = BTreeMap::new();
        for record in self.records.values().filter(|record| record.is_ours()) {
            let share = shares.entry(record.policy.clone()).or_default();
            share.held += 1;
            share.missing += usize::from(record.is_missing());
        }
        shares.retain(|_, share| judge(share.missing, share.held) == Verdict::Held);
        for record in self.records.values_mut().filter(|record| record.is_missing()) {
            record.admission = if shares.contains_key(&record.policy) {
                Admission::Unjudged
            } else {
                Admission::Admitted
            };
        }
        shares
            .into_iter()
            .map(|(policy, share)| (policy, share.missing))
            .collect()
    }
}

// === impl Record ===

impl Record {
    fn is_ours(&self) -> bool {
        matches!(self.live, Live::Ours(_))
    }

    /// Whether it would go on absence alone.
    pub(super) fn is_missing(&self) -> bool {
        let on_absence = matches!(
            self.desired,
            Desired::Gone(Absence::NotInCompleteList | Absence::Unselected)
        );
        self.is_ours() && on_absence
    }
}
